"""The linear transcoder with sparse sources beside the EEG that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.train.alternating import Pair, ridge_solve, spatial_statistics
from neurotranscoder.train.bold_trust import trust_in_bold
from neurotranscoder.train.closed_form import (
    ClosedFormSettings,
    LinearFit,
    Signals,
    SparsePart,
    choose_decoder,
    choose_leadfield,
    component_errors,
    fit_closed_form,
)
from neurotranscoder.train.component_filters import own_filters
from neurotranscoder.train.components import regional
from neurotranscoder.train.sparse import SparseSettings, fit_sparse_sources


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A spatial map from EEG and sparse sources, and its squared error in validation BOLD."""

    weights: Float[ndarray, "components rows"]
    ridge: float
    error: float


def fit_with_sparse_sources(
    training: Sequence[Signals],
    validation: Sequence[Signals],
    rate: float,
    settings: ClosedFormSettings,
    sparse_settings: SparseSettings,
) -> LinearFit:
    """Fit the linear transcoder, then learn sparse sources and fit it to them as well.

    Components are turned into regions, sparse sources are learnt for them, and the spatial map
    reads both the EEG and these sources. All of it is chosen on BOLD of validation runs; where
    sparse sources do not predict it better the linear fit is returned as it is.

    Parameters
    ----------
    training, validation : sequence of (eeg, bold)
        Scaled, demeaned runs, as for `train.closed_form.fit_closed_form`.
    rate : float
        Group rate, in Hz.
    settings : ClosedFormSettings
        Choices of the linear fit.
    sparse_settings : SparseSettings
        Choices of the sparse sources.

    Returns
    -------
    fit : LinearFit
        With ``sparse`` where sparse sources predict BOLD better.

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
    sparse = fit_sparse_sources(known, bolds, fit.hrf, sparse_settings)
    known_rows, unseen_rows = (
        [with_sparse_sources(pair, sparse) for pair in pairs] for pairs in (known, unseen)
    )
    best = _choose_map(known_rows, unseen_rows, fit.hrf, settings, sparse_settings)
    linear = component_errors(unseen, fit.hrf, maps.T @ fit.maps @ fit.eeg_weights).sum()
    if not best.error < linear:
        return fit
    decoder, first, decoder_ridge = choose_decoder(
        known_rows, unseen_rows, best.weights, rate, settings
    )
    n_channels = len(known[0].eeg)
    fit = replace(
        fit,
        maps=maps,
        eeg_weights=best.weights[:, :n_channels],
        decoder=decoder,
        decoder_lag=first,
        ridge=best.ridge,
        decoder_ridge=decoder_ridge,
    )
    sources = [
        [Pair(best.weights @ rows.eeg, rows.components) for rows in runs]
        for runs in (known_rows, unseen_rows)
    ]
    filters = _own_filters(sources[0], sources[1], fit, sparse_settings)
    leadfield, leadfield_ridge = choose_leadfield(known, unseen, filters.decoders, first, settings)
    trust = trust_in_bold(
        known,
        bolds,
        [rows.eeg[n_channels:] for rows in known_rows],
        sparse.prior_variance.numpy(),
        responses=filters.responses,
        decoders=filters.decoders,
        first_lag=first,
    )
    return replace(
        fit,
        sparse=SparsePart(sparse, best.weights[:, n_channels:], trust),
        leadfield=leadfield,
        leadfield_ridge=leadfield_ridge,
        own_responses=_deviation(filters.responses, fit.hrf),
        own_decoders=_deviation(filters.decoders, decoder),
    )


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


def _deviation(
    filters: Float[ndarray, "components lags"], shared: Float[ndarray, " lags"]
) -> Float[ndarray, "components lags"] | None:
    """Return how filters differ from the shared one; None where they do not."""
    own = filters - shared
    return own if own.any() else None


@torch.no_grad()
def with_sparse_sources(pair: Pair, sparse: SparseSources) -> Pair:
    """Return a run whose EEG has the sparse sources as further rows."""
    sources = sparse.around_mean(torch.from_numpy(pair.eeg)[None])[0]
    return Pair(np.concatenate([pair.eeg, sources.numpy()]), pair.components)


def _choose_map(
    pairs: Sequence[Pair],
    validation: Sequence[Pair],
    hrf: Float[ndarray, " lags"],
    settings: ClosedFormSettings,
    sparse_settings: SparseSettings,
) -> _Candidate:
    """Return the map with the whitening, ridge and gain that predict validation BOLD best."""
    n_sources = len(pairs[0].components)
    n_channels = len(pairs[0].eeg) - n_sources
    found = []
    for eps in settings.final_whitening:
        cross, gram = spatial_statistics(pairs, hrf, eps)
        for gain in sparse_settings.gains:
            factors = np.repeat([1.0, gain], [n_channels, n_sources])
            scaled = cross * factors, gram * np.outer(factors, factors)
            for ridge in settings.ridges:
                weights = ridge_solve(*scaled, ridge) * factors
                error = float(component_errors(validation, hrf, weights).sum())
                found.append(_Candidate(weights, ridge, error))
    return min(found, key=lambda candidate: candidate.error)
