"""What a method is: fitted on training runs, then asked about runs it has not seen.

A held-out run is shown three times, without its BOLD, without its EEG, and whole; from each time
only those answers count that may use what was shown. No method can look at what it predicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol, runtime_checkable

import numpy as np

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.scoring import HeldOut, Prediction
from neurotranscoder.simulate.truth import Truth

OF_EEG = ("bold_from_eeg", "eeg_from_eeg", "source_from_eeg")
OF_BOLD = ("eeg_from_bold", "bold_from_bold", "source_from_bold")
OF_BOTH = ("source_fused",)


@runtime_checkable
class Method(Protocol):
    """Something that learns from training runs and predicts others."""

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Learn from training runs; make every choice on validation runs.

        Parameters
        ----------
        training, validation : sequence of AlignedRun
            Runs at the group resolution, no run in both.
        """

    def predict(self, run: AlignedRun) -> Prediction:
        """Say something about one run; parts of the prediction that are None are not scored.

        Parameters
        ----------
        run : AlignedRun
            A run whose EEG (with its power) or BOLD may be all zeros: then only the answers that
            need neither count.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """What methods that are given the truth are given; never that of the test runs.

    Parameters
    ----------
    truth : Truth
        Leadfield, responses, regions; it knows the sources of training and validation runs alone.
    training, validation : tuple of HeldOut
        These runs with their true sources.
    """

    truth: Truth
    training: tuple[HeldOut, ...]
    validation: tuple[HeldOut, ...]


def without_eeg(run: AlignedRun) -> AlignedRun:
    """Return a run whose EEG, and its power, are zeros."""
    power = None if run.power is None else np.zeros_like(run.power)
    return replace(run, eeg=np.zeros_like(run.eeg), power=power)


def without_bold(run: AlignedRun) -> AlignedRun:
    """Return a run whose BOLD is zeros, as acquired and at the frames."""
    cells = replace(run.cells, data=np.zeros_like(run.cells.data))
    return replace(run, bold=np.zeros_like(run.bold), cells=cells)


def predict_blindly(method: Method, run: AlignedRun) -> Prediction:
    """Return what a fitted method says about a run, each part from what it may see."""
    shown = (
        (OF_EEG, method.predict(without_bold(run))),
        (OF_BOLD, method.predict(without_eeg(run))),
        (OF_BOTH, method.predict(run)),
    )
    parts = {name: getattr(found, name) for names, found in shown for name in names}
    assert set(parts) == {field.name for field in fields(Prediction)}
    return Prediction(**parts)
