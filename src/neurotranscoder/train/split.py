"""Which runs train, validate and test: decided before training, saved, and checked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from pydantic import Field

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.settings import Settings


class SplitSettings(Settings):
    """How runs are shared out."""

    by: Literal["run", "subject"] = "run"
    """'run': the last runs of each subject are held out, or those that the study states to be for
    testing (column 'split' of its scans.tsv); 'subject': the last subjects are."""
    test: int = Field(default=2, ge=1)
    """Test runs per subject, where the study states none, or number of test subjects."""
    validation: int = Field(default=1, ge=1)
    """Validation runs per subject, or number of validation subjects."""


@dataclass(frozen=True, slots=True)
class Split:
    """The runs of a study, shared out; no run is in two parts.

    Parameters
    ----------
    training, validation, test : tuple of str
        Labels of runs, as ``sub-01_task-oddball_run-01``.
    """

    training: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        parts = [*self.training, *self.validation, *self.test]
        double = sorted({label for label in parts if parts.count(label) > 1})
        if double:
            raise SettingsError(f"runs {double} are in two parts of the split; use each once")
        if not (self.training and self.validation and self.test):
            raise SettingsError(
                f"the split has {len(self.training)} training, {len(self.validation)} validation "
                f"and {len(self.test)} test runs; each part needs at least one; lower "
                "train.split.test or train.split.validation, or add runs"
            )

    def check(self, runs: Sequence[RunId]) -> None:
        """Refuse a study that lacks runs of this split.

        Raises
        ------
        SettingsError
            When a run of the split is not in the study.
        """
        there = {run.label for run in runs}
        wanted = [*self.training, *self.validation, *self.test]
        missing = [label for label in wanted if label not in there]
        if missing:
            raise SettingsError(
                f"the study has no run {', '.join(missing)}, which the split of this model "
                "names; evaluate the study that the model was trained on"
            )


def split_runs(
    runs: Sequence[RunId], settings: SplitSettings, *, stated: Collection[str] = ()
) -> Split:
    """Share out runs, the last ones of each subject (or the last subjects) held out.

    Parameters
    ----------
    runs : sequence of RunId
        All runs of a study.
    settings : SplitSettings
        How many are held out.
    stated : collection of str
        Labels of the runs that the study states to be for testing; they are the test runs when
        runs, not subjects, are held out.

    Returns
    -------
    split : Split
        A function of the names of the runs and of what the study states alone.

    Raises
    ------
    SettingsError
        When a part would be empty.
    """
    by_subject = [list(group) for _, group in groupby(sorted(runs), key=lambda run: run.subject)]
    if settings.by == "subject":
        pools = [by_subject]
    else:
        pools = [[[run] for run in group] for group in by_subject]
    parts: tuple[list[str], list[str], list[str]] = ([], [], [])
    for units in pools:
        n_test = settings.test
        if settings.by == "run" and stated:
            units.sort(key=lambda unit: unit[0].label in stated)  # stable: test runs come last
            n_test = sum(unit[0].label in stated for unit in units)
        first_test = max(0, len(units) - n_test)
        first_validation = max(0, first_test - settings.validation)
        bounds = (0, first_validation, first_test, len(units))
        for part, start, stop in zip(parts, bounds[:-1], bounds[1:], strict=True):
            part.extend(run.label for unit in units[start:stop] for run in unit)
    return Split(*(tuple(part) for part in parts))
