"""Ridge regression with lags as a method."""

from __future__ import annotations

from collections.abc import Sequence

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.evaluate.regression import LagWeights, fit_ridge_lags, predict_lags
from neurotranscoder.evaluate.scoring import Prediction


class RidgeLags:
    """BOLD by ridge regression on 16 s of EEG (see `evaluate.regression`)."""

    weights: LagWeights

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Solve the normal equations; validation runs choose the ridge weight."""
        self.weights = fit_ridge_lags(training, validation)

    def predict(self, run: AlignedRun) -> Prediction:
        """Return BOLD from EEG."""
        return predict_lags(run, self.weights)


def _ridge_lags(knowledge: Knowledge | None, seed: int) -> RidgeLags:  # noqa: ARG001
    """Make the rival; it draws nothing."""
    return RidgeLags()


RIDGE_SPECS = (MethodSpec("ridge_lags", "rival", "linear", _ridge_lags),)
