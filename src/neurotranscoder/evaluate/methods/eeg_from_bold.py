"""Rival: ridge regression of EEG on BOLD components, past and future."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.settings import Settings
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.filters import smooth_lags
from neurotranscoder.evaluate.methods.normal import (
    ChosenRidge,
    NormalEquations,
    Samples,
    choose_ridge,
)
from neurotranscoder.evaluate.methods.regression import RIDGES
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.train.components import bold_components
from neurotranscoder.train.regression import centred
from neurotranscoder.train.scaling import Scaling

Courses = Callable[[AlignedRun], Float[ndarray, "courses frames"]]
"""Time courses of a run's BOLD, the most important first."""


class EegRegressionSettings(Settings):
    """Choices of the regression of EEG; of several values validation runs choose one."""

    span: tuple[float, float] = (-30.0, 10.0)
    """Lags of BOLD, in s; negative ones look into the future, where BOLD answers."""
    n_splines: int = Field(default=20, ge=4)
    """Smooth functions of the lag: about one per TR, as BOLD holds no more."""
    n_courses: tuple[int, ...] = (10, 20, 40, 80, 120)
    """Candidate numbers of BOLD components, at least 1 each."""
    ridges: tuple[float, ...] = RIDGES
    """Candidate ridge weights, relative to the mean power of the regressors."""


@dataclass(frozen=True, slots=True, eq=False)
class EegRegression:
    """Ridge regression of the EEG on the leading courses of BOLD at smooth lags.

    Parameters
    ----------
    settings : EegRegressionSettings
        Candidates and choices.
    courses : callable
        From a run to the courses of its BOLD.
    scaling : Scaling
        Of EEG.
    fitted : ChosenRidge
        What validation runs chose; ``weights`` has rows for the courses in use.
    """

    settings: EegRegressionSettings
    courses: Courses
    scaling: Scaling
    fitted: ChosenRidge

    @classmethod
    def fit(
        cls,
        settings: EegRegressionSettings,
        courses: Courses,
        training: Sequence[AlignedRun],
        validation: Sequence[AlignedRun],
    ) -> EegRegression:
        """Fit on training runs; choose number of courses and ridge weight on validation runs."""
        scaling = Scaling.fit(training)
        known, unseen = (
            NormalEquations.of(_samples(settings, courses, scaling, run) for run in runs)
            for runs in (training, validation)
        )
        sizes = {min(n * settings.n_splines, len(known.gram)) for n in settings.n_courses}
        found = [
            choose_ridge(known.leading(n), unseen.leading(n), settings.ridges)
            for n in sorted(sizes)
        ]
        return cls(settings, courses, scaling, min(found, key=lambda fit: fit.error))

    def predict(self, run: AlignedRun) -> Float[ndarray, "channels frames"]:
        """Return EEG around its mean, in V."""
        weights = self.fitted.weights
        bank = smooth_lags(self.settings.span, self.settings.n_splines)(run)
        courses = self.courses(run)[: len(weights) // bank.n_filters]
        return np.asarray(self.scaling.eeg * (weights.T @ bank.features(courses)))


def _samples(
    settings: EegRegressionSettings, courses: Courses, scaling: Scaling, run: AlignedRun
) -> Samples:
    """Return features and EEG of the valid frames of a run."""
    bank = smooth_lags(settings.span, settings.n_splines)(run)
    valid = bank.valid(run.axis.n_times)
    features = bank.features(courses(run)[: max(settings.n_courses)])
    return features[:, valid], centred(scaling.scale_eeg(run.eeg), valid)


class RidgeEeg:
    """Ridge regression of EEG on principal components of BOLD."""

    def __init__(self, settings: EegRegressionSettings | None = None) -> None:
        self.settings = settings or EegRegressionSettings()

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Find components and fit on training runs; choose on validation runs."""
        scaling = Scaling.fit(training)
        scaled = [scaling.scale_bold(run.bold) for run in training]
        maps = bold_components(scaled, max(self.settings.n_courses))
        self.regression = EegRegression.fit(
            self.settings, lambda run: maps.T @ scaling.scale_bold(run.bold), training, validation
        )

    def predict(self, run: AlignedRun) -> Prediction:
        """Predict EEG around its mean from BOLD."""
        return Prediction(eeg_from_bold=self.regression.predict(run))
