"""The closed-form fit as a transcoder with the same four coders as any other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from torch import nn

from neurotranscoder.model.joint import JointEegToSource, OwnShare
from neurotranscoder.model.linear import (
    ComponentProjection,
    LinearBoldToSource,
    LinearEegToSource,
    LinearSourceToBold,
    LinearSourceToEeg,
)
from neurotranscoder.model.power import PowerEegToSource
from neurotranscoder.model.sparse import BoldTrust, SparseEegToSource, SparseSources
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train.linear_fit import LinearFit, SparsePart


@dataclass(frozen=True, slots=True)
class LinearShape:
    """Sizes of a linear transcoder: what is needed to build one before its weights are read."""

    n_blocks: int
    n_channels: int
    n_components: int
    n_lags: int
    n_taps: int
    decoder_lag: int
    sparse_rounds: int = 0
    """Rounds of the sparse sources; 0 where there are none."""
    sparse_damping: float = 1.0
    """How far each round goes."""
    own_responses: bool = False
    """Whether the responses of blocks differ."""
    own_decoders: bool = False
    """Whether their decoders do."""
    n_power: int = 0
    """Rows of band power that are read; 0 where none are."""
    joint: bool = False
    """Whether it knows what EEG and BOLD say together."""
    bold_mixing: bool = False
    """Whether shared noise is taken out of the components of BOLD."""
    reads_blocks: bool = False
    """Whether BOLD is read block by block, not through the components."""

    @classmethod
    def of(cls, fit: LinearFit) -> LinearShape:
        """Return the sizes of a fit."""
        n_components, n_channels = fit.eeg_weights.shape
        return cls(
            len(fit.maps),
            n_channels,
            n_components,
            len(fit.hrf),
            len(fit.decoder),
            fit.decoder_lag,
            fit.sparse.sources.rounds if fit.sparse else 0,
            fit.sparse.sources.damping if fit.sparse else 1.0,
            fit.own_responses is not None,
            fit.own_decoders is not None,
            0 if fit.power_weights is None else fit.power_weights.shape[1],
            fit.own is not None,
            fit.bold_mixing is not None,
            fit.reads_blocks,
        )


def linear_transcoder(fit: LinearFit) -> CyclicTranscoder:
    """Return the closed-form fit as four linear coders and a component projection.

    Parameters
    ----------
    fit : LinearFit
        The fit, in scaled units.

    Returns
    -------
    transcoder : CyclicTranscoder
        In single precision, weights fixed.
    """
    maps = fit.maps.astype(np.float32)
    transcoder = CyclicTranscoder(
        _eeg_to_source(fit, maps),
        LinearSourceToEeg(maps, fit.leadfield.T.astype(np.float32)),
        LinearBoldToSource(
            fit.decoder.astype(np.float32), fit.decoder_lag, _single(fit.own_decoders)
        ),
        LinearSourceToBold(fit.hrf.astype(np.float32), _single(fit.own_responses)),
        bold_projection=None
        if fit.reads_blocks
        else ComponentProjection(maps, _single(fit.bold_mixing)),
    )
    return transcoder.requires_grad_(False)


def _single(
    values: Float[ndarray, "rows columns"] | None,
) -> Float[ndarray, "rows columns"] | None:
    """Return an array in single precision, where there is one."""
    return None if values is None else values.astype(np.float32)


def _eeg_to_source(fit: LinearFit, maps: Float[ndarray, "blocks components"]) -> nn.Module:
    """Return the coder from EEG to source, which may read sparse sources and band power."""
    weights, sparse = fit.eeg_weights.astype(np.float32), fit.sparse
    if fit.own is None:
        coder = LinearEegToSource(maps, weights)
    elif sparse is None:
        coder = JointEegToSource(maps, weights, fit.own)
    else:
        read = sparse.weights.astype(np.float32)
        coder = SparseEegToSource(maps, weights, fit.own, read, sparse.sources, sparse.trust)
    if fit.power_weights is None:
        return coder
    return PowerEegToSource(coder, maps, fit.power_weights.astype(np.float32))


def unfitted_transcoder(shape: LinearShape) -> CyclicTranscoder:
    """Return a linear transcoder of the right sizes, its weights yet to be read from disk."""
    n_blocks, n_components = shape.n_blocks, shape.n_components
    n_lags, n_taps = shape.n_lags, shape.n_taps
    fit = LinearFit(
        maps=np.eye(n_blocks, n_components),
        eeg_weights=np.zeros((n_components, shape.n_channels)),
        hrf=np.zeros(n_lags),
        decoder=np.zeros(n_taps),
        decoder_lag=shape.decoder_lag,
        leadfield=np.zeros((shape.n_channels, n_components)),
        rate=1.0,
        whitening=0.0,
        ridge=0.0,
        decoder_ridge=0.0,
        leadfield_ridge=0.0,
        sparse=_unfitted_sparse_part(shape) if shape.sparse_rounds else None,
        own_responses=np.zeros((n_blocks, n_lags)) if shape.own_responses else None,
        own_decoders=np.zeros((n_blocks, n_taps)) if shape.own_decoders else None,
        power_weights=np.zeros((n_components, shape.n_power)) if shape.n_power else None,
        own=OwnShare(np.ones(n_components), 1.0) if shape.joint else None,
        bold_mixing=np.eye(n_components) if shape.bold_mixing else None,
        reads_blocks=shape.reads_blocks,
    )
    return linear_transcoder(fit)


def _unfitted_sparse_part(shape: LinearShape) -> SparsePart:
    """Return sparse sources of the right sizes."""
    n_components, n_channels = shape.n_components, shape.n_channels
    states = np.ones((n_components, 2))
    sources = SparseSources(
        np.zeros((n_channels, n_components)),
        np.eye(n_channels),
        states / 2,
        0 * states,
        states,
        rounds=shape.sparse_rounds,
        damping=shape.sparse_damping,
    )
    ones = np.ones(n_components)
    trust = BoldTrust(ones, ones)
    return SparsePart(sources, np.zeros((n_components, n_components)), trust)
