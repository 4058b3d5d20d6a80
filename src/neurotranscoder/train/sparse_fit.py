"""The linear transcoder with sparse sources beside the EEG that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.signal.fir import apply_fir, valid_slice
from neurotranscoder.train.alternating import Pair, centred, ridge_solve, spatial_statistics
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
from neurotranscoder.train.components import regional
from neurotranscoder.train.sparse import SparseSettings, fit_sparse_sources

_LEAST_GAIN = 1e-3  # relative to the largest: negative ones are noise
_LEAST_ERROR = 0.05  # share of the variance of what BOLD says


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
    leadfield, leadfield_ridge = choose_leadfield(known, unseen, decoder, first, settings)
    n_channels = len(known[0].eeg)
    from_bold = [apply_fir(pair.components, decoder, first_lag=first) for pair in known]
    from_eeg = [rows.eeg[n_channels:] for rows in known_rows]
    valid = [valid_slice(x.shape[1], len(decoder), first_lag=first) for x in from_bold]
    gain, precision = bold_agreement(
        [centred(x, part) for x, part in zip(from_bold, valid, strict=True)],
        [centred(x, part) for x, part in zip(from_eeg, valid, strict=True)],
        sparse.prior_variance.numpy(),
    )
    return replace(
        fit,
        maps=maps,
        eeg_weights=best.weights[:, :n_channels],
        sparse=SparsePart(sparse, best.weights[:, n_channels:], gain, precision),
        decoder=decoder,
        decoder_lag=first,
        leadfield=leadfield,
        ridge=best.ridge,
        decoder_ridge=decoder_ridge,
        leadfield_ridge=leadfield_ridge,
    )


def bold_agreement(
    from_bold: Sequence[Float[ndarray, "components _"]],
    from_eeg: Sequence[Float[ndarray, "components _"]],
    variances: Float[ndarray, " components"],
) -> tuple[Float[ndarray, " components"], Float[ndarray, " components"]]:
    """Return how the sources that BOLD gives follow the true ones, from where both agree.

    A posterior mean e of a source s has ``<s e> = <e e>``, so ``b = gain s + error`` has
    ``gain = <b e> / <e e>``, as long as the error has nothing to do with the EEG; what is left
    of the variance of b is that of the error.

    Parameters
    ----------
    from_bold, from_eeg : sequence of array, shape (components, frames)
        Both estimates in the training runs, means removed.
    variances : array, shape (components,)
        Of the sources, by the prior.

    Returns
    -------
    gain, precision : array, shape (components,)
        Gain, and one over the variance of the error in units of the source.
    """
    agree = sum(np.sum(b * e, axis=1) for b, e in zip(from_bold, from_eeg, strict=True))
    power = sum(np.sum(e**2, axis=1) for e in from_eeg)
    gain = np.asarray(agree / np.maximum(power, np.finfo(float).tiny))
    gain = np.maximum(gain, _LEAST_GAIN * max(float(gain.max()), np.finfo(float).tiny))
    n_frames = sum(b.shape[1] for b in from_bold)
    total = sum(np.sum(b**2, axis=1) for b in from_bold) / n_frames
    error = np.maximum(total - gain**2 * variances, _LEAST_ERROR * total)
    return gain, np.asarray(gain**2 / np.maximum(error, np.finfo(float).tiny))


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
