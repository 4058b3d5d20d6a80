"""Rivals that explain BOLD as laboratories do: EEG-informed fMRI, and the mean volume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.settings import Settings
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.filters import canonical_response
from neurotranscoder.evaluate.methods.inputs import InputScaling
from neurotranscoder.evaluate.methods.normal import NormalEquations, Samples
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.train.components import bold_components
from neurotranscoder.train.regression import centred


class GlmSettings(Settings):
    """Choices of the general linear model; of several values validation runs choose one."""

    n_regressors: tuple[int, ...] = (1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200)
    """Candidate numbers of EEG regressors, at least 1 each."""
    exponent: float = Field(default=1.0, gt=0)
    """Band power is raised to this: 1 is power, .5 amplitude."""


class EegInformedFmri:
    """EEG-informed fMRI: EEG features through the canonical response explain each block.

    The features are the leading principal components, over channels and bands, of the EEG and of
    its power in bands. Convolved with the canonical response they are the regressors of a general
    linear model, fitted to each block by ordinary least squares (Debener 2006, Laufs 2003).
    """

    def __init__(self, settings: GlmSettings | None = None) -> None:
        self.settings = settings or GlmSettings()
        self.bank_of = canonical_response()

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Find components and fit the model on training runs; count regressors on validation."""
        self.scaling = InputScaling.fit(training, with_power=True, exponent=self.settings.exponent)
        rows = [self.scaling.rows(run) for run in training]
        self.maps = bold_components(rows, max(self.settings.n_regressors))
        known = NormalEquations.of(self._samples(run) for run in training)
        unseen = NormalEquations.of(self._samples(run) for run in validation)
        fits = [_least_squares(known.leading(n)) for n in self.settings.n_regressors]
        errors = [unseen.leading(len(weights)).error(weights) for weights in fits]
        self.weights = fits[int(np.argmin(errors))]

    def predict(self, run: AlignedRun) -> Prediction:
        """Predict BOLD around its mean from EEG."""
        bold = self.weights.T @ self._features(run)[: len(self.weights)]
        return Prediction(bold_from_eeg=bold)

    def _features(self, run: AlignedRun) -> Float[ndarray, "regressors frames"]:
        """Return components of the EEG through the canonical response."""
        return self.bank_of(run).features(self.maps.T @ self.scaling.rows(run))

    def _samples(self, run: AlignedRun) -> Samples:
        """Return regressors and BOLD of the valid frames of a run."""
        valid = self.bank_of(run).valid(run.axis.n_times)
        return self._features(run)[:, valid], centred(run.bold, valid)


def _least_squares(equations: NormalEquations) -> Float[ndarray, "features targets"]:
    """Return ordinary least squares; of equal solutions, the smallest."""
    return np.asarray(np.linalg.lstsq(equations.gram, equations.cross, rcond=None)[0])


class MeanVolume:
    """Every volume is the mean of the training volumes: what knowing nothing of a run gives.

    Constant in time, it has r = 0 by the rule of the `Scorer`. It is no null for measures of
    images, where most of an image is the same in every volume.
    """

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:  # noqa: ARG002
        """Average BOLD over training runs, each as long as it is."""
        total = np.sum([run.bold.sum(axis=1) for run in training], axis=0)
        self.mean = total / sum(run.axis.n_times for run in training)

    def predict(self, run: AlignedRun) -> Prediction:
        """Return the mean at every frame, in the unit of the images."""
        bold = np.repeat(self.mean[:, np.newaxis], run.axis.n_times, axis=1)
        return Prediction(bold_from_eeg=bold)
