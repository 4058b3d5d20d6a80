"""What a fit in closed form finds, and what its two sources are worth beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.spread import Lazily
from neurotranscoder.model.joint import OwnShare
from neurotranscoder.model.sparse import BoldTrust, SparseSources
from neurotranscoder.train.alternating import Pair
from neurotranscoder.train.component_filters import Filters
from neurotranscoder.train.components import regional
from neurotranscoder.train.own_share import own_share
from neurotranscoder.train.signals import Signals


@dataclass(frozen=True, slots=True, eq=False)
class SparsePart:
    """Sparse sources and their place in a transcoder (see `model.sparse.SparseEegToSource`).

    Parameters
    ----------
    sources : SparseSources
        One for each component.
    weights : array, shape (components, components)
        What the spatial map makes of them.
    trust : BoldTrust
        How the sources that BOLD gives relate to them.
    """

    sources: SparseSources
    weights: Float[ndarray, "components components"]
    trust: BoldTrust


@dataclass(frozen=True, slots=True, eq=False)
class LinearFit:
    """A linear transcoder between scaled EEG and scaled BOLD.

    Parameters
    ----------
    maps : array, shape (blocks, components)
        Orthonormal spatial components U of BOLD.
    eeg_weights : array, shape (components, channels)
        W: component sources from one frame of EEG.
    hrf : array, shape (lags,)
        h at group rate, lag 0 first; ``hrf.sum() / rate == 1`` by convention.
    decoder : array, shape (taps,)
        Filter from BOLD components to component sources; tap i has lag ``decoder_lag + i``.
    decoder_lag : int
        First lag of the filter, in frames.
    leadfield : array, shape (channels, components)
        EEG from one frame of component sources.
    rate : float
        Group rate, in Hz.
    whitening, ridge, decoder_ridge, leadfield_ridge : float
        Whitening and ridge of W, and the other ridges, as validation runs chose them.
    sparse : SparsePart or None
        Sources that the map reads beside the EEG.
    own_responses : array, shape (blocks, lags), or None
        How the response of each block differs from h.
    own_decoders : array, shape (blocks, taps), or None
        How the filter of each block differs from the shared one.
    power_weights : array, shape (components, rows), or None
        Component sources from one frame of band power, beside those from EEG.
    bold_mixing : array, shape (components, components), or None
        BOLD components without the noise that they share, which the decoder reads.
    own : OwnShare or None
        What sources from EEG are worth beside those from BOLD.
    reads_blocks : bool
        Whether sources from BOLD are read block by block, not through the components.
    """

    maps: Float[ndarray, "blocks components"]
    eeg_weights: Float[ndarray, "components channels"]
    hrf: Float[ndarray, " lags"]
    decoder: Float[ndarray, " taps"]
    decoder_lag: int
    leadfield: Float[ndarray, "channels components"]
    rate: float
    whitening: float
    ridge: float
    decoder_ridge: float
    leadfield_ridge: float
    sparse: SparsePart | None = None
    own_responses: Float[ndarray, "blocks lags"] | None = None
    own_decoders: Float[ndarray, "blocks taps"] | None = None
    power_weights: Float[ndarray, "components rows"] | None = None
    bold_mixing: Float[ndarray, "components components"] | None = None
    own: OwnShare | None = None
    reads_blocks: bool = False


def with_own_share(fit: LinearFit, training: Sequence[Signals]) -> LinearFit:
    """Return a linear fit that knows what its sources from EEG are worth beside those from BOLD.

    Its components are turned into regions, as that differs between regions; they span the same,
    and its coders stay the same.

    Parameters
    ----------
    fit : LinearFit
        Without sparse sources, band power and filters of blocks.
    training : sequence of Signals
        The runs that it was fitted to.
    """
    maps = regional(fit.maps)
    turn = maps.T @ fit.maps
    mixing = fit.bold_mixing
    fit = replace(
        fit,
        maps=maps,
        eeg_weights=turn @ fit.eeg_weights,
        leadfield=fit.leadfield @ turn.T,
        bold_mixing=None if mixing is None else turn @ mixing @ turn.T,
    )
    sources = Lazily(partial(_component_sources, fit=fit), training)
    own = own_share(sources, Filters(fit.hrf, fit.decoder, fit.decoder_lag))
    return replace(fit, own=own)


def _component_sources(run: Signals, fit: LinearFit) -> Pair:
    """Return the component sources that the EEG of a run gives, and what the decoder reads."""
    components = fit.maps.T @ run.bold
    if fit.bold_mixing is not None:
        components = fit.bold_mixing @ components
    return Pair(fit.eeg_weights @ run.eeg, components)
