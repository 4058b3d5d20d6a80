"""Nulls: the closed form, trained on EEG and BOLD that do not belong together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.evaluate.methods.transcoders import TranscoderMethod
from neurotranscoder.evaluate.nulls import phase_randomised, shifted_pairs, wrong_run_pairs
from neurotranscoder.reconstruct.fuse import Fusion
from neurotranscoder.train.settings import TrainSettings

Break = Callable[[Sequence[AlignedRun], np.random.Generator], list[AlignedRun]]
"""From runs to runs whose EEG and BOLD do not belong together."""


class NullTranscoder(TranscoderMethod):
    """The closed form, trained and chosen on broken pairs, asked about whole runs.

    Parameters
    ----------
    settings : TrainSettings
        Choices of the closed form.
    broken : callable
        Breaks the pairing of training runs, and of validation runs.
    seed : int
        Of what that draws.
    fusion : str
        As for `TranscoderMethod`.
    """

    def __init__(
        self, settings: TrainSettings, broken: Break, seed: int, *, fusion: Fusion = "joint"
    ) -> None:
        super().__init__(
            settings.model_copy(update={"architecture": "closed_form"}), fusion=fusion
        )
        self.broken = broken
        self.seed = seed

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Break the pairing of all runs, then train."""
        rng = np.random.default_rng(self.seed)
        super().fit(self.broken(training, rng), self.broken(validation, rng))


def shuffled(runs: Sequence[AlignedRun], rng: np.random.Generator) -> list[AlignedRun]:  # noqa: ARG001
    """Return each EEG beside the BOLD of the next run; nothing is drawn.

    Raises
    ------
    SettingsError
        For a single run: it would keep its own BOLD.
    """
    if len(runs) < 2:
        raise SettingsError(
            "null_shuffled_pairs got a single run for training or validation, whose EEG would "
            "keep its own BOLD; it needs two of each; set --validation-runs to 2 or more"
        )
    return wrong_run_pairs(runs)


_BREAKS: tuple[tuple[str, Break], ...] = (
    ("null_shuffled_pairs", shuffled),
    ("null_shifted", shifted_pairs),
    ("null_phase_randomised", phase_randomised),
)


def null_specs(
    settings: TrainSettings | None = None, *, fusion: Fusion = "joint"
) -> tuple[MethodSpec, ...]:
    """Return the nulls as methods; they draw from the seed that `make` is given.

    Parameters
    ----------
    settings : TrainSettings, optional
        Choices of the closed form; the defaults without.
    fusion : str
        As for `TranscoderMethod`.
    """
    base = TrainSettings() if settings is None else settings
    return tuple(
        MethodSpec(name, "null", "linear", partial(_make, base, broken, fusion))
        for name, broken in _BREAKS
    )


def _make(
    settings: TrainSettings,
    broken: Break,
    fusion: Fusion,
    knowledge: Knowledge | None,  # noqa: ARG001, a null is given nothing
    seed: int,
) -> NullTranscoder:
    """Return an untrained null."""
    return NullTranscoder(settings, broken, seed, fusion=fusion)
