"""The linear transcoder with sparse sources and band power beside the EEG that it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.spread import Lazily, each, kept, summed
from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.train.alternating import Pair, spatial_products
from neurotranscoder.train.bold_decoder import Decoder, choose_decoder
from neurotranscoder.train.bold_trust import trust_in_bold
from neurotranscoder.train.closed_form import (
    ClosedFormSettings,
    choose_leadfield,
    fit_closed_form,
)
from neurotranscoder.train.component_filters import Filters, Run, own_filters
from neurotranscoder.train.components import regional
from neurotranscoder.train.grouped_map import GroupedMap, RowGroup, choose_map
from neurotranscoder.train.linear_fit import LinearFit, SparsePart, with_own_share
from neurotranscoder.train.own_share import own_share
from neurotranscoder.train.power_response import n_power_rows, with_response_of_power
from neurotranscoder.train.signals import Signals, projected
from neurotranscoder.train.sparse import SparseSettings, fit_sparse_sources, spread_frames


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
    def of_eeg(
        cls,
        known: Sequence[Pair],
        unseen: Sequence[Pair],
        fit: LinearFit,
        maps: Float[ndarray, "blocks components"],
    ) -> _Rows:
        """Return the rows and the map of a linear fit, its components turned."""
        weights = maps.T @ fit.maps @ fit.eeg_weights
        plain = summed(partial(spatial_products, hrf=fit.hrf), unseen)
        error = float(plain.errors(weights).sum())
        found = GroupedMap(weights, fit.whitening, (1.0,), fit.ridge, error)
        return cls(known, unseen, (RowGroup(weights.shape[1]),), found)

    def with_rows(
        self,
        further: Callable[[Pair], Pair],
        group: RowGroup,
        hrf: Float[ndarray, " lags"],
        *,
        whitenings: Sequence[float],
        ridges: Sequence[float],
    ) -> _Rows:
        """Put a further group of rows below, and choose the map anew."""
        known, unseen = (kept(further, runs) for runs in (self.known, self.unseen))
        groups = (*self.groups, group)
        found = choose_map(known, unseen, hrf, groups, whitenings=whitenings, ridges=ridges)
        chosen = tuple(
            RowGroup(group.size, (gain,)) for group, gain in zip(groups, found.gains, strict=True)
        )
        return _Rows(known, unseen, chosen, found)

    def sources(self) -> tuple[Sequence[Pair], Sequence[Pair]]:
        """Return the runs of both roles with the component sources in place of the rows."""
        of_run = partial(_with_sources, weights=self.map.weights)
        return Lazily(of_run, self.known), Lazily(of_run, self.unseen)


def fit_with_sparse_sources(
    training: Sequence[Signals],
    validation: Sequence[Signals],
    rate: float,
    settings: ClosedFormSettings,
    sparse_settings: SparseSettings,
) -> LinearFit:
    """Fit the linear transcoder, then let its map read sparse sources and band power as well.

    Components are turned into regions, sparse sources are learnt for them, and the spatial map
    reads the EEG, these sources, and band power where all runs have it. What it reads, and how,
    is chosen on BOLD of validation runs, and between linear and sparse sources, where BOLD hardly
    tells, on their EEG; where nothing is gained the linear fit is returned as it is.

    Parameters
    ----------
    training, validation : sequence of Signals
        Scaled, demeaned runs, as for `train.closed_form.fit_closed_form`.
    rate : float
        Group rate, in Hz.
    settings : ClosedFormSettings
        Choices of the linear fit.
    sparse_settings : SparseSettings
        Choices of all else.

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
    if sparse_settings.power_gains:
        pays = sparse_settings.power_pays
        fit = with_response_of_power(fit, training, validation, settings, pays=pays)
    maps = regional(fit.maps)
    known, unseen = (kept(partial(projected, maps=maps), runs) for runs in (training, validation))
    alone = _Rows.of_eeg(known, unseen, fit, maps)
    sparse = fit_sparse_sources(training, maps, fit.hrf, sparse_settings)
    both = alone.with_rows(
        partial(with_sparse_sources, sparse=sparse),
        RowGroup(maps.shape[1], sparse_settings.gains),
        fit.hrf,
        whitenings=settings.final_whitening,
        ridges=settings.ridges,
    )
    is_sparse = _pays(both, alone, sparse, validation, sparse_settings)
    rows = _with_power(both if is_sparse else alone, fit.hrf, settings, sparse_settings)
    if rows is alone:
        return with_own_share(fit, training)
    weights = np.split(rows.map.weights, np.cumsum([group.size for group in rows.groups])[:-1], 1)
    reads_power = len(weights) > 1 + is_sparse
    back = choose_decoder(
        rows.known,
        rows.unseen,
        rows.map.weights,
        fit.hrf,
        settings.decoder_lags(rate),
        settings.decoder_ridges,
        settings.noise_strengths,
    )
    fit = replace(
        fit,
        maps=maps,
        eeg_weights=weights[0],
        decoder=back.taps,
        decoder_lag=back.first_lag,
        whitening=rows.map.whitening,
        ridge=rows.map.ridge,
        decoder_ridge=back.ridge,
        power_weights=weights[-1] if reads_power else None,
        bold_mixing=back.mixing,
    )
    filters = _own_filters(rows.sources(), back, fit.hrf, sparse_settings)
    strongest = _strongest(maps, known)
    leadfield, leadfield_ridge = choose_leadfield(
        back.read(known), back.read(unseen), filters.decoders, back.first_lag, settings
    )
    fit = replace(
        fit,
        leadfield=leadfield,
        leadfield_ridge=leadfield_ridge,
        own_responses=_of_blocks(filters.responses, fit.hrf, strongest),
        own_decoders=_of_blocks(filters.decoders, back.taps, strongest),
        own=own_share(back.read(rows.sources()[0]), filters),
    )
    if not is_sparse:
        return fit
    own_rows = partial(_with_rows_between, first=len(fit.leadfield), n=maps.shape[1])
    trust = trust_in_bold(
        back.read_in_blocks(training, maps),
        maps,
        back.read(Lazily(own_rows, rows.known)),
        sparse.prior_variance.numpy(),
        filters,
    )
    return replace(fit, sparse=SparsePart(sparse, weights[1], trust))


def _pays(
    both: _Rows,
    alone: _Rows,
    sparse: SparseSources,
    validation: Sequence[Signals],
    settings: SparseSettings,
) -> bool:
    """Return whether sparse sources are read.

    They are if they predict validation BOLD better, or hardly worse while its EEG has them.
    """
    if both.map.error < alone.map.error:
        return True
    if both.map.error > (1 + settings.bold_undecided) * alone.map.error:
        return False
    frames = spread_frames(validation, settings.frames) + sparse.mean_eeg
    return float(sparse.evidence(frames).mean()) > settings.eeg_decides


def _with_power(
    rows: _Rows,
    hrf: Float[ndarray, " lags"],
    settings: ClosedFormSettings,
    sparse_settings: SparseSettings,
) -> _Rows:
    """Return rows with band power below them, where it pays in validation BOLD."""
    sizes = {*each(n_power_rows, rows.known), *each(n_power_rows, rows.unseen)}
    if sizes == {0} or len(sizes) > 1 or not sparse_settings.power_gains:
        return rows
    found = rows.with_rows(
        _with_power_rows,
        RowGroup(sizes.pop(), sparse_settings.power_gains),
        hrf,
        whitenings=(rows.map.whitening,),
        ridges=settings.ridges,
    )
    most = (1 - sparse_settings.power_pays) * rows.map.error
    return found if found.map.error < most else rows


def _with_power_rows(pair: Pair) -> Pair:
    """Return a run with band power below its rows."""
    if pair.power is None:
        return pair
    return replace(pair, eeg=np.concatenate([pair.eeg, pair.power]), power=None)


def _with_sources(pair: Pair, weights: Float[ndarray, "components rows"]) -> Pair:
    """Return a run with component sources in place of the rows that they come from."""
    return replace(pair, eeg=weights @ pair.eeg, power=None)


def _with_rows_between(pair: Pair, first: int, n: int) -> Pair:
    """Return a run with some of its rows alone."""
    return replace(pair, eeg=pair.eeg[first : first + n], power=None)


def _own_filters(
    sources: tuple[Sequence[Pair], Sequence[Pair]],
    decoder: Decoder,
    hrf: Float[ndarray, " lags"],
    settings: SparseSettings,
) -> Filters:
    """Return filters between sources and BOLD of components, where ``Pair.eeg`` is the sources."""
    there = [Lazily(_source_and_bold, runs) for runs in sources]
    back = [Lazily(_bold_and_source, decoder.read(runs)) for runs in sources]
    ridges = settings.filter_ridges
    return Filters(
        responses=own_filters(there[0], there[1], hrf, ridges=ridges),
        decoders=own_filters(
            back[0],
            back[1],
            decoder.taps,
            ridges=ridges,
            first_lag=decoder.first_lag,
            keep_power=True,
        ),
        first_lag=decoder.first_lag,
    )


def _source_and_bold(pair: Pair) -> Run:
    return pair.eeg, pair.components


def _bold_and_source(pair: Pair) -> Run:
    return pair.components, pair.eeg


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
    powers = summed(_variances, runs)
    return np.asarray(np.argmax(maps**2 * powers, axis=1))


def _variances(pair: Pair) -> Float[ndarray, " components"]:
    return np.asarray(np.var(pair.components, axis=1))


@torch.no_grad()
def with_sparse_sources(pair: Pair, sparse: SparseSources) -> Pair:
    """Return a run whose EEG has the sparse sources as further rows."""
    sources = sparse.around_mean(torch.from_numpy(pair.eeg)[None])[0]
    return replace(pair, eeg=np.concatenate([pair.eeg, sources.numpy()]))
