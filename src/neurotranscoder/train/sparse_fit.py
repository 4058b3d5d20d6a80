"""The linear transcoder with sparse sources and band power beside the EEG that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.train.alternating import Pair
from neurotranscoder.train.bold_trust import trust_in_bold
from neurotranscoder.train.closed_form import (
    ClosedFormSettings,
    LinearFit,
    Signals,
    SparsePart,
    choose_decoder,
    choose_leadfield,
    fit_closed_form,
)
from neurotranscoder.train.component_filters import own_filters
from neurotranscoder.train.components import regional
from neurotranscoder.train.grouped_map import GroupedMap, RowGroup, choose_map, with_rows
from neurotranscoder.train.sparse import SparseSettings, fit_sparse_sources


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What the spatial map reads in the runs of both roles, and the best map of it.

    Parameters
    ----------
    known, unseen : sequence of Pair
        Training and validation runs.
    groups : tuple of RowGroup
        EEG, then sparse sources and band power where they are read; gains as chosen.
    map : GroupedMap
        The best map.
    """

    known: Sequence[Pair]
    unseen: Sequence[Pair]
    groups: tuple[RowGroup, ...]
    map: GroupedMap

    @classmethod
    def choose(
        cls,
        known: Sequence[Pair],
        unseen: Sequence[Pair],
        groups: tuple[RowGroup, ...],
        hrf: Float[ndarray, " lags"],
        *,
        whitenings: Sequence[float],
        ridges: Sequence[float],
    ) -> _Rows:
        """Fit the map, and keep the gains that it chose."""
        found = choose_map(known, unseen, hrf, groups, whitenings=whitenings, ridges=ridges)
        kept = tuple(
            RowGroup(group.size, (gain,)) for group, gain in zip(groups, found.gains, strict=True)
        )
        return cls(known, unseen, kept, found)

    def sources(self) -> tuple[list[Pair], list[Pair]]:
        """Return the runs of both roles with the component sources in place of the EEG."""
        known, unseen = (
            [Pair(self.map.weights @ run.eeg, run.components) for run in runs]
            for runs in (self.known, self.unseen)
        )
        return known, unseen


Powers = tuple[Sequence[Float[ndarray, "rows _"]], Sequence[Float[ndarray, "rows _"]]]
"""Band power of training and of validation runs."""


def fit_with_sparse_sources(
    training: Sequence[Signals],
    validation: Sequence[Signals],
    rate: float,
    settings: ClosedFormSettings,
    sparse_settings: SparseSettings,
    *,
    powers: Powers | None = None,
) -> LinearFit:
    """Fit the linear transcoder, then let its map read sparse sources and band power as well.

    Components are turned into regions, sparse sources are learnt for them, and the spatial map
    reads the EEG, these sources, and band power. What it reads, and how, is chosen on BOLD of
    validation runs; where nothing predicts it better than the EEG alone, the linear fit is
    returned as it is.

    Parameters
    ----------
    training, validation : sequence of (eeg, bold)
        Scaled, demeaned runs, as for `train.closed_form.fit_closed_form`.
    rate : float
        Group rate, in Hz.
    settings : ClosedFormSettings
        Choices of the linear fit.
    sparse_settings : SparseSettings
        Choices of all else.
    powers : pair of sequences of array, shape (rows, frames), optional
        Scaled band power of the training and of the validation runs.

    Returns
    -------
    fit : LinearFit
        With ``sparse`` and ``power_weights`` where they predict BOLD better.

    Raises
    ------
    GridError
        When a run is shorter than the filters.
    """
    fit = fit_closed_form(training, validation, rate, settings)
    maps = regional(fit.maps)
    known, unseen = (
        [Pair(eeg, maps.T @ bold) for eeg, bold in runs] for runs in (training, validation)
    )
    bolds = [bold for _, bold in training]
    n_channels = len(known[0].eeg)
    candidates = {"whitenings": settings.final_whitening, "ridges": settings.ridges}
    alone = _Rows.choose(known, unseen, (RowGroup(n_channels),), fit.hrf, **candidates)
    sparse = fit_sparse_sources(known, bolds, fit.hrf, sparse_settings)
    both = _Rows.choose(
        [with_sparse_sources(pair, sparse) for pair in known],
        [with_sparse_sources(pair, sparse) for pair in unseen],
        (*alone.groups, RowGroup(maps.shape[1], sparse_settings.gains)),
        fit.hrf,
        **candidates,
    )
    is_sparse = both.map.error < alone.map.error
    rows = both if is_sparse else alone
    rows = _with_power(rows, powers, fit.hrf, settings, sparse_settings)
    if rows is alone:
        return fit
    weights = np.split(rows.map.weights, np.cumsum([group.size for group in rows.groups])[:-1], 1)
    reads_power = len(weights) > 1 + is_sparse
    decoder, first, decoder_ridge = choose_decoder(
        rows.known, rows.unseen, rows.map.weights, rate, settings
    )
    fit = replace(
        fit,
        maps=maps,
        eeg_weights=weights[0],
        decoder=decoder,
        decoder_lag=first,
        ridge=rows.map.ridge,
        decoder_ridge=decoder_ridge,
        power_weights=weights[-1] if reads_power else None,
    )
    filters = _own_filters(*rows.sources(), fit, sparse_settings)
    strongest = _strongest(maps, known)
    leadfield, leadfield_ridge = choose_leadfield(known, unseen, filters.decoders, first, settings)
    fit = replace(
        fit,
        leadfield=leadfield,
        leadfield_ridge=leadfield_ridge,
        own_responses=_of_blocks(filters.responses, fit.hrf, strongest),
        own_decoders=_of_blocks(filters.decoders, decoder, strongest),
    )
    if not is_sparse:
        return fit
    trust = trust_in_bold(
        known,
        bolds,
        [run.eeg[n_channels:][: maps.shape[1]] for run in rows.known],
        sparse.prior_variance.numpy(),
        responses=filters.responses,
        decoders=filters.decoders,
        first_lag=first,
    )
    return replace(fit, sparse=SparsePart(sparse, weights[1], trust))


def _with_power(
    rows: _Rows,
    powers: Powers | None,
    hrf: Float[ndarray, " lags"],
    settings: ClosedFormSettings,
    sparse_settings: SparseSettings,
) -> _Rows:
    """Return rows with band power below them, where it pays in validation BOLD."""
    if powers is None or not sparse_settings.power_gains:
        return rows
    found = _Rows.choose(
        with_rows(rows.known, powers[0]),
        with_rows(rows.unseen, powers[1]),
        (*rows.groups, RowGroup(len(powers[0][0]), sparse_settings.power_gains)),
        hrf,
        whitenings=(rows.map.whitening,),
        ridges=settings.ridges,
    )
    most = (1 - sparse_settings.power_pays) * rows.map.error
    return found if found.map.error < most else rows


@dataclass(frozen=True, slots=True, eq=False)
class _Filters:
    """Filters of each component: from sources to BOLD, and back."""

    responses: Float[ndarray, "components lags"]
    decoders: Float[ndarray, "components taps"]


def _own_filters(
    known: Sequence[Pair],
    unseen: Sequence[Pair],
    fit: LinearFit,
    settings: SparseSettings,
) -> _Filters:
    """Return filters between sources and BOLD of components, where ``Pair.eeg`` is the sources."""
    there = [[(run.eeg, run.components) for run in runs] for runs in (known, unseen)]
    back = [[(run.components, run.eeg) for run in runs] for runs in (known, unseen)]
    ridges = settings.filter_ridges
    return _Filters(
        responses=own_filters(there[0], there[1], fit.hrf, ridges=ridges),
        decoders=own_filters(
            back[0],
            back[1],
            fit.decoder,
            ridges=ridges,
            first_lag=fit.decoder_lag,
            keep_power=True,
        ),
    )


def _of_blocks(
    filters: Float[ndarray, "components lags"],
    shared: Float[ndarray, " lags"],
    strongest: Int[ndarray, " blocks"],
) -> Float[ndarray, "blocks lags"] | None:
    """Return how the filter of each block differs from the shared one; None where none does.

    A block has the filter of the component that is strongest there: coders of time never mix
    blocks.
    """
    own = filters - shared
    return own[strongest] if own.any() else None


def _strongest(
    maps: Float[ndarray, "blocks components"], runs: Sequence[Pair]
) -> Int[ndarray, " blocks"]:
    """Return which component has most of the power of BOLD in each block."""
    powers = np.sum([np.var(run.components, axis=1) for run in runs], axis=0)
    return np.asarray(np.argmax(maps**2 * powers, axis=1))


@torch.no_grad()
def with_sparse_sources(pair: Pair, sparse: SparseSources) -> Pair:
    """Return a run whose EEG has the sparse sources as further rows."""
    sources = sparse.around_mean(torch.from_numpy(pair.eeg)[None])[0]
    return with_rows([pair], [sources.numpy()])[0]
