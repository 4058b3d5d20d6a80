"""Rivals: ridge regression of BOLD on filtered EEG, all lags free or one response for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.settings import Settings
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.filters import BankOf, every_lag, smooth_lags
from neurotranscoder.evaluate.methods.inputs import InputScaling
from neurotranscoder.evaluate.methods.normal import NormalEquations, Samples, choose_ridge
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.train.regression import centred

RIDGES = tuple(float(10.0**power) for power in np.arange(-5, 1.5, 0.5))
"""Candidate ridge weights, relative to the mean power of the regressors."""


class RidgeSettings(Settings):
    """Choices of the regressions of BOLD; of several values validation runs choose one."""

    ridges: tuple[float, ...] = RIDGES
    """Candidate ridge weights, relative to the mean power of the regressors."""
    lag_seconds: float = Field(default=16.0, gt=0)
    """Where lags are free: the longest one, in s. Longer ones predict worse (3 to 16 runs)."""
    n_splines: int = Field(default=8, ge=4)
    """Smooth functions of the lag that stand for all lags where band power is read as well: with
    single lags, 64 channels and 4 bands at 40 lags would be 12,800 regressors."""
    gains: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0)
    """Candidate factors of band power beside EEG: its own ridge weight."""
    exponents: tuple[float, ...] = (1.0, 0.5)
    """Candidate exponents of band power: power or amplitude."""


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """A regression: how runs are read, and the weight of every feature."""

    scaling: InputScaling
    weights: Float[ndarray, "features blocks"]
    ridge: float
    gain: float
    error: float


class RidgeBold:
    """Ridge regression of BOLD on the EEG of every channel after a bank of filters.

    Both sides are demeaned over the frames at which all filters lie within the run. Normal
    equations are summed over runs. Where the bank has one filter h, ``BOLD = h * (W E)``: then
    ``W E`` is the source that the regression implies.

    Parameters
    ----------
    bank_of : callable
        From a run to its filters.
    settings : RidgeSettings
        Candidates.
    with_power : bool
        Whether the power of the EEG in bands is read beside its mean.
    """

    def __init__(
        self, bank_of: BankOf, settings: RidgeSettings, *, with_power: bool = False
    ) -> None:
        self.bank_of = bank_of
        self.settings = settings
        self.with_power = with_power

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Fit weights on training runs; choose ridge, gain and exponent on validation runs."""
        exponents = self.settings.exponents if self.with_power else (1.0,)
        found = [fit for e in exponents for fit in self._candidates(training, validation, e)]
        self._fitted = min(found, key=lambda fit: fit.error)

    def predict(self, run: AlignedRun) -> Prediction:
        """Predict BOLD around its mean and, where there is one response, sources, from EEG."""
        fitted, bank = self._fitted, self.bank_of(run)
        rows = fitted.scaling.rows(run)
        bold = fitted.weights.T @ bank.features(rows)
        if bank.n_filters > 1:
            return Prediction(bold_from_eeg=bold)
        return Prediction(bold_from_eeg=bold, source_from_eeg=fitted.weights.T @ rows)

    def _candidates(
        self,
        training: Sequence[AlignedRun],
        validation: Sequence[AlignedRun],
        exponent: float,
    ) -> Iterator[_Fitted]:
        """Yield the best fit for each gain of band power."""
        scaling = InputScaling.fit(training, with_power=self.with_power, exponent=exponent)
        known = NormalEquations.of(self._samples(run, scaling) for run in training)
        unseen = NormalEquations.of(self._samples(run, scaling) for run in validation)
        n_eeg = len(training[0].eeg) * self.bank_of(training[0]).n_filters
        for gain in self.settings.gains if self.with_power else (1.0,):
            factors = np.where(np.arange(len(known.gram)) < n_eeg, 1.0, gain)
            ridges = self.settings.ridges
            best = choose_ridge(known.scaled(factors), unseen.scaled(factors), ridges)
            weights = factors[:, np.newaxis] * best.weights
            yield _Fitted(scaling, weights, best.ridge, gain, best.error)

    def _samples(self, run: AlignedRun, scaling: InputScaling) -> Samples:
        """Return features and BOLD of the valid frames of a run."""
        bank = self.bank_of(run)
        valid = bank.valid(run.axis.n_times)
        return bank.features(scaling.rows(run))[:, valid], centred(run.bold, valid)


def ridge_lags(settings: RidgeSettings | None = None) -> RidgeBold:
    """Return the regression of BOLD on the EEG at all lags. It needs no theory."""
    settings = settings or RidgeSettings()
    return RidgeBold(every_lag(settings.lag_seconds), settings)


def ridge_lags_power(settings: RidgeSettings | None = None) -> RidgeBold:
    """Return the regression of BOLD on EEG and band power at all lags, smooth over lags."""
    settings = settings or RidgeSettings()
    bank_of = smooth_lags((0.0, settings.lag_seconds), settings.n_splines)
    return RidgeBold(bank_of, settings, with_power=True)
