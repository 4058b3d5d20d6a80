"""Limits as methods: they are given the truth of the training runs."""

from __future__ import annotations

from collections.abc import Sequence

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.evaluate.rivals import spatial_wiener
from neurotranscoder.evaluate.scoring import HeldOut, Prediction


class SpatialWiener:
    """The best linear estimate from single EEG frames (see `evaluate.oracle`).

    Parameters
    ----------
    knowledge : Knowledge
        Leadfield, regions, and the sources of the training runs.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.training: Sequence[AlignedRun] = ()

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:  # noqa: ARG002
        """Keep the training runs; nothing is chosen."""
        self.training = training

    def predict(self, run: AlignedRun) -> Prediction:
        """Return sources and BOLD from EEG."""
        return spatial_wiener(self.knowledge.truth, self.training, [HeldOut(run)])[0]


def _spatial_wiener(knowledge: Knowledge | None, seed: int) -> SpatialWiener:  # noqa: ARG001
    """Make the oracle; it draws nothing."""
    if knowledge is None:
        raise SettingsError(
            "oracle_spatial_wiener got no truth; it needs a simulated study; leave it out"
        )
    return SpatialWiener(knowledge)


ORACLE_SPECS = (
    MethodSpec("oracle_spatial_wiener", "oracle", "spatial", _spatial_wiener, informed=True),
)
