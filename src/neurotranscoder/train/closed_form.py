"""The linear transcoder, fitted blindly in closed form: seconds, not hours.

BOLD is reduced to components ``Z = U' F``; alternating least squares then finds the spatial
map ``W`` and the hemodynamic response ``h`` of ``Z = h * (W E)``. Everything else follows by
regression. Nothing here knows a leadfield or a hemodynamic response.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, NonNegativeFloat, PositiveFloat, field_validator, model_validator

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.settings import Settings
from neurotranscoder.core.spread import Lazily, each, kept, summed
from neurotranscoder.signal.fir import apply_fir, valid_slice
from neurotranscoder.train.alternating import (
    Pair,
    convention,
    fit_hrf,
    spatial_products,
)
from neurotranscoder.train.bold_decoder import choose_decoder
from neurotranscoder.train.components import bold_components
from neurotranscoder.train.grouped_map import RowGroup, choose_map
from neurotranscoder.train.linear_fit import LinearFit
from neurotranscoder.train.regression import Products, centred
from neurotranscoder.train.signals import Signals, bold_of, n_frames_of, projected


class ClosedFormSettings(Settings):
    """Choices of the closed-form fit; those with several values are made on validation runs."""

    n_components: int | None = Field(default=None, ge=1)
    """Components of BOLD; default: the number that predicts BOLD of validation runs best."""
    max_components: int = Field(default=150, ge=1)
    """Largest number that is tried."""
    rounds: int = Field(default=5, ge=1)
    """Rounds of alternating least squares."""
    hrf_duration: float = Field(default=32.0, gt=0)
    """Length of the hemodynamic response, in s."""
    hrf_smoothness: float = Field(default=1e-2, ge=0)
    """Weight of the squared second difference of h, relative to the power of the sources."""
    whitening: float = Field(default=1e-2, gt=0)
    """eps of 1 / sqrt(|H|^2 + eps) while alternating."""
    final_whitening: tuple[PositiveFloat, ...] = Field(
        default=(1e-1, 3e-2, 1e-2, 3e-3, 1e-3), min_length=1
    )
    """Candidates of eps for the final spatial map."""
    ridges: tuple[NonNegativeFloat, ...] = Field(
        default=(1e-5, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1), min_length=1
    )
    """Candidate ridge weights of W, relative to the mean power of the regressors."""
    decoder_span: tuple[float, float] = (-30.0, 10.0)
    """Lags of the filter from BOLD to sources, in s; negative ones look into the future."""
    decoder_ridges: tuple[NonNegativeFloat, ...] = Field(
        default=(1e-4, 1e-3, 1e-2, 1e-1), min_length=1
    )
    """Candidate ridge weights of that filter."""
    noise_strengths: tuple[PositiveFloat, ...] = (0.25, 0.5, 0.75, 1.0)
    """Candidate strengths of the filter that takes noise that BOLD components share out of them,
    relative to noise that is as strong at all frequencies; none leaves it in."""
    leadfield_ridges: tuple[NonNegativeFloat, ...] = Field(
        default=(1e-5, 1e-4, 1e-3, 1e-2, 1e-1), min_length=1
    )
    """Candidate ridge weights of the leadfield."""
    peak_window: tuple[float, float] = (2.0, 8.0)
    """Convention: the largest lobe of h in this window (s) is positive."""
    fix_conventions: bool = True
    """Fix sign and scale by convention; off where the source itself is observed."""

    @field_validator("decoder_span")
    @classmethod
    def _span_holds_zero(cls, span: tuple[float, float]) -> tuple[float, float]:
        if not span[0] <= 0 <= span[1]:
            raise ValueError(f"decoder_span is {span} s; it needs to hold lag 0")
        return span

    def decoder_lags(self, rate: float) -> range:
        """Return the lags of the filter from BOLD to sources, in frames."""
        first, last = (round(edge * rate) for edge in self.decoder_span)
        return range(first, last + 1)

    @model_validator(mode="after")
    def _window_lies_within_the_response(self) -> ClosedFormSettings:
        start, end = self.peak_window
        if not 0 <= start < end or start >= self.hrf_duration:
            raise ValueError(
                f"peak_window is {start:g}-{end:g} s, hrf_duration {self.hrf_duration:g} s; it "
                "needs 0 <= start < end and a start within the response"
            )
        return self


def fit_closed_form(
    training: Sequence[Signals],
    validation: Sequence[Signals],
    rate: float,
    settings: ClosedFormSettings,
    hrf: Float[ndarray, " lags"] | None = None,
) -> LinearFit:
    """Fit the linear transcoder (seconds; blind).

    Parameters
    ----------
    training, validation : sequence of Signals
        Scaled, demeaned runs. Weights are fitted on the first and chosen on the second; they must
        not share runs. What is learnt is made of sums over runs, each of which is looked at by
        itself (`core.spread`).
    rate : float
        Group rate, in Hz.
    settings : ClosedFormSettings
        Choices of the fit.
    hrf : array, shape (lags,), optional
        The response; default: found together with the spatial map.

    Returns
    -------
    fit : LinearFit
        Spatial map, response, decoder and leadfield.

    Raises
    ------
    GridError
        When a run is shorter than the filters.
    """
    for runs in (training, validation):
        _check_lengths(runs, rate, settings)
    wanted = settings.n_components or settings.max_components
    maps = bold_components(Lazily(bold_of, training), wanted)
    pairs, held_out = (
        kept(partial(projected, maps=maps), runs) for runs in (training, validation)
    )
    hrf = alternate(pairs, rate, settings) if hrf is None else hrf
    found = choose_map(
        pairs,
        held_out,
        hrf,
        (RowGroup(len(held_out[0].eeg)),),
        whitenings=settings.final_whitening,
        ridges=settings.ridges,
    )
    weights = found.weights
    if settings.n_components is None:
        n_kept = choose_components(summed(partial(spatial_products, hrf=hrf), held_out), weights)
        maps, weights = maps[:, :n_kept], weights[:n_kept]
        pairs, held_out = (
            Lazily(partial(_first_components, n_kept=n_kept), runs) for runs in (pairs, held_out)
        )
    lags = settings.decoder_lags(rate)
    back = choose_decoder(
        pairs, held_out, weights, hrf, lags, settings.decoder_ridges, settings.noise_strengths
    )
    pairs, held_out = back.read(pairs), back.read(held_out)
    leadfield, leadfield_ridge = choose_leadfield(
        pairs, held_out, back.taps, back.first_lag, settings
    )
    return LinearFit(
        maps,
        weights,
        hrf,
        back.taps,
        back.first_lag,
        leadfield,
        rate,
        found.whitening,
        found.ridge,
        back.ridge,
        leadfield_ridge,
        bold_mixing=back.mixing,
    )


def _check_lengths(runs: Sequence[Signals], rate: float, settings: ClosedFormSettings) -> None:
    """Refuse runs that are shorter than the filters."""
    span = max(settings.hrf_duration, settings.decoder_span[1] - settings.decoder_span[0])
    shortest = min(each(n_frames_of, runs)) / rate
    if shortest < 1.5 * span:
        raise GridError(
            f"the shortest run lasts {shortest:.1f} s; the filters span {span:.1f} s and need "
            f"runs of at least {1.5 * span:.1f} s; shorten train.closed_form.hrf_duration and "
            "decoder_span, or join runs"
        )


def _first_components(pair: Pair, n_kept: int) -> Pair:
    """Return a run with its first BOLD components alone."""
    return replace(pair, components=pair.components[:n_kept])


def alternate(
    pairs: Sequence[Pair], rate: float, settings: ClosedFormSettings
) -> Float[ndarray, " lags"]:
    """Return h after alternating least squares from a flat start."""
    n_lags = round(settings.hrf_duration * rate)
    hrf = np.full(n_lags, rate / n_lags)
    ridge = float(np.median(settings.ridges))
    for _ in range(settings.rounds):
        products = summed(partial(spatial_products, hrf=hrf, eps=settings.whitening), pairs)
        hrf = fit_hrf(
            pairs,
            products.weights(ridge),
            n_lags=n_lags,
            smoothness=settings.hrf_smoothness,
        )
        if settings.fix_conventions:
            hrf = hrf * convention(hrf, rate, settings.peak_window)
    return hrf


def choose_components(unseen: Products, weights: Float[ndarray, "components channels"]) -> int:
    """Return how many components predict BOLD of the validation runs best.

    W has one row per component, fitted on its own: leaving the last ones out is exact.
    """
    return int(np.argmin(np.cumsum(unseen.errors(weights) - unseen.powers))) + 1


def choose_leadfield(
    pairs: Sequence[Pair],
    validation: Sequence[Pair],
    decoder: Float[ndarray, "*rows taps"],
    first_lag: int,
    settings: ClosedFormSettings,
) -> tuple[Float[ndarray, "channels components"], float]:
    """Return EEG per component source, by ridge on the sources that BOLD gives."""
    of_run = partial(_leadfield_products, decoder=decoder, first_lag=first_lag)
    known, unseen = (summed(of_run, runs) for runs in (pairs, validation))
    return known.best(unseen, settings.leadfield_ridges)


def _leadfield_products(
    pair: Pair, decoder: Float[ndarray, "*rows taps"], first_lag: int
) -> Products:
    valid = valid_slice(pair.eeg.shape[1], decoder.shape[-1], first_lag=first_lag)
    sources = apply_fir(pair.components, decoder, first_lag=first_lag)
    return Products.of(centred(pair.eeg, valid), centred(sources, valid))
