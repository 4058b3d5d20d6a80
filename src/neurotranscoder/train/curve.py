"""What a training reports: losses over its steps, and where it ended."""

from __future__ import annotations

import math
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train.losses import CycleLosses


@dataclass(frozen=True, slots=True)
class LossValues:
    """The parts of a loss as numbers, unweighted, and their weighted total."""

    bold_from_eeg: float
    eeg_from_bold: float
    bold_from_bold: float
    eeg_from_eeg: float
    penalty: float
    disagreement: float
    total: float

    @classmethod
    def of(cls, losses: CycleLosses) -> LossValues:
        """Return the numbers of a loss."""
        return cls(
            bold_from_eeg=losses.bold_from_eeg.item(),
            eeg_from_bold=losses.eeg_from_bold.item(),
            bold_from_bold=losses.bold_from_bold.item(),
            eeg_from_eeg=losses.eeg_from_eeg.item(),
            penalty=losses.penalty.item(),
            disagreement=losses.disagreement.item(),
            total=losses.total.item(),
        )

    @classmethod
    def zero(cls) -> LossValues:
        """Return a sum of nothing."""
        return cls(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    def plus(self, other: LossValues, weight: float = 1.0) -> LossValues:
        """Return the sum with another, weighted loss."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return LossValues(*(mine + weight * theirs for mine, theirs in pairs))

    def times(self, factor: float) -> LossValues:
        """Return all parts times a factor."""
        return LossValues(*(factor * part for part in astuple(self)))

    @property
    def finite(self) -> bool:
        """Whether all parts are finite."""
        return all(math.isfinite(part) for part in astuple(self))


@dataclass(frozen=True, slots=True)
class CurveRow:
    """Losses at one validation.

    Parameters
    ----------
    step : int
        Steps done.
    training : LossValues or None
        Mean over the steps since the last validation; None at step 0.
    validation : LossValues
        Mean squared errors over whole held-out runs, edges excluded.
    """

    step: int
    training: LossValues | None
    validation: LossValues

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> CurveRow:
        """Return the row that `to_json` gave."""
        training = row["training"]
        return cls(
            row["step"],
            None if training is None else LossValues(**training),
            LossValues(**row["validation"]),
        )


@dataclass(frozen=True, slots=True)
class Gate:
    """How much a network corrects one linear coder."""

    coder: str
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class TrainingResult:
    """A trained transcoder and how it came about.

    Parameters
    ----------
    model : CyclicTranscoder
        In eval mode, with the weights that were best on the validation runs.
    curve : tuple of CurveRow
        Losses at each validation, step 0 first.
    best_step : int
        Step of the weights.
    steps_done : int
        Steps that were trained.
    gates : tuple of Gate
        Gates of the best weights; empty without gated coders.
    rollbacks : int
        How often training diverged and went back.
    skipped : tuple of str
        Windows that made it diverge, as ``run at frame``.
    """

    model: CyclicTranscoder
    curve: tuple[CurveRow, ...]
    best_step: int
    steps_done: int
    gates: tuple[Gate, ...]
    rollbacks: int
    skipped: tuple[str, ...]


@dataclass(slots=True)
class Progress:
    """What a training knows besides its tensors."""

    step: int = 0
    best_step: int = 0
    best_score: float | None = None
    rollbacks: int = 0
    skipped: list[int] = field(default_factory=list)
    curve: list[CurveRow] = field(default_factory=list)
    summed: LossValues = field(default_factory=LossValues.zero)
    n_summed: int = 0

    def to_json(self) -> dict[str, object]:
        """Return everything as JSON can hold it."""
        return {
            "step": self.step,
            "best_step": self.best_step,
            "best_score": self.best_score,
            "rollbacks": self.rollbacks,
            "skipped": list(self.skipped),
            "curve": [row.to_json() for row in self.curve],
            "summed": CurveRow(0, None, self.summed).to_json(),
            "n_summed": self.n_summed,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Progress:
        """Return what `to_json` gave."""
        return cls(
            step=values["step"],
            best_step=values["best_step"],
            best_score=values["best_score"],
            rollbacks=values["rollbacks"],
            skipped=list(values["skipped"]),
            curve=[CurveRow.from_json(row) for row in values["curve"]],
            summed=CurveRow.from_json(values["summed"]).validation,
            n_summed=values["n_summed"],
        )
