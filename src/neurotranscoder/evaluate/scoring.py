"""Score what a method predicted for held-out runs: one row of the table per fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from neurotranscoder.evaluate.held_out import HeldOut, Prediction, inside, rows_of, scored_parts
from neurotranscoder.evaluate.measures import RunMeasures, measure_rows, run_measures
from neurotranscoder.evaluate.table import MeasureRow, MetricRow, Quantity, SourceKind
from neurotranscoder.reconstruct.cells import at_acquisition
from neurotranscoder.signal.correlation import correlation_interval, mean_correlation

__all__ = ["HeldOut", "Prediction", "RunMeasures", "RunScore", "Scorer"]


@dataclass(frozen=True, slots=True)
class RunScore:
    """r of one quantity and kind of source in one held-out run."""

    quantity: Quantity
    source_kind: SourceKind
    r: float


@dataclass(frozen=True, slots=True)
class Scorer:
    """Turns predictions into rows.

    Parameters
    ----------
    scenario : str
        Name of the study.
    edge : tuple of float
        Seconds at the start and end of a run that are not scored, for any method: there the
        filters lack their context.
    """

    scenario: str
    edge: tuple[float, float] = (32.0, 30.0)

    def score(
        self,
        method: str,
        predictions: Sequence[Prediction],
        runs: Sequence[HeldOut],
        seconds: float,
    ) -> list[MetricRow]:
        """Return one row per quantity and kind of source that the method predicts."""
        scores = [self.run_scores(*pair) for pair in zip(predictions, runs, strict=True)]
        return self.metric_rows(method, scores, _subjects(runs), seconds)

    def run_scores(self, prediction: Prediction, run: HeldOut) -> tuple[RunScore, ...]:
        """Return r of one run for each quantity and kind of source that is predicted."""
        return tuple(
            RunScore(quantity, kind, self.score_run(quantity, kind, prediction, run))
            for quantity, kind in scored_parts(prediction, run)
        )

    def metric_rows(
        self,
        method: str,
        scores: Sequence[Sequence[RunScore]],
        subjects: Sequence[str],
        seconds: float,
    ) -> list[MetricRow]:
        """Return the mean over runs of each score, with its interval.

        Parameters
        ----------
        method : str
            Name of what is scored.
        scores : sequence of sequence of RunScore
            From `run_scores`, one entry for each run.
        subjects : sequence of str
            Subject of each run.
        seconds : float
            Time to fit the method.
        """
        rows = []
        for of_runs in zip(*scores, strict=True):
            found = correlation_interval([score.r for score in of_runs], subjects)
            first = of_runs[0]
            fact = (self.scenario, method, first.quantity, first.source_kind)
            rows.append(MetricRow(*fact, found.mean, found.low, found.high, found.n, seconds))
        return rows

    def score_run(
        self, quantity: Quantity, kind: SourceKind, prediction: Prediction, run: HeldOut
    ) -> float:
        """Return the mean r (Fisher z) over voxels or channels for one run.

        Sources and BOLD are scored where there is a source, for every method alike: a true source
        that is constant has no r, and cells of silent blocks are left out. A prediction that is
        constant where the truth is not has r = 0.
        """
        estimate = getattr(prediction, quantity)
        aligned = run.aligned
        if quantity.startswith("bold"):
            part = inside(aligned.cells.volumes.tr, aligned.cells.data.shape[1], self.edge)
            wanted = at_acquisition(estimate, aligned.axis, aligned.cells)
            heard = _cells_with_sources(run)
            return mean_correlation(wanted[heard, part], aligned.cells.data[heard, part])
        part = inside(1 / aligned.axis.sfreq, aligned.axis.n_times, self.edge)
        if quantity.startswith("eeg"):
            return mean_correlation(estimate[:, part], aligned.eeg[:, part])
        chosen, truth = rows_of(kind, run)
        return mean_correlation(estimate[chosen][:, part], truth[chosen][:, part])

    def measures(
        self, method: str, predictions: Sequence[Prediction], runs: Sequence[HeldOut]
    ) -> list[MeasureRow]:
        """Return what r over whole runs does not tell: lags, maps and errors, images of BOLD."""
        found = [self.run_measures(*pair) for pair in zip(predictions, runs, strict=True)]
        return self.measure_rows(method, found, _subjects(runs))

    def run_measures(self, prediction: Prediction, run: HeldOut) -> tuple[RunMeasures, ...]:
        """Return what `measures` needs of one run; its estimates may then be dropped."""
        return run_measures(prediction, run, self.edge)

    def measure_rows(
        self, method: str, measures: Sequence[Sequence[RunMeasures]], subjects: Sequence[str]
    ) -> list[MeasureRow]:
        """Return the means over runs of what `run_measures` found, in `MeasureRow` order."""
        return measure_rows(self.scenario, method, measures, subjects)


def _subjects(runs: Sequence[HeldOut]) -> list[str]:
    """Return the subject of each run."""
    return [run.aligned.run.subject for run in runs]


def _cells_with_sources(run: HeldOut) -> ndarray:
    """Return the cells of blocks that hold a source, as far as the truth is known."""
    blocks = run.aligned.cells.block
    if run.kinds is None:
        return np.arange(len(blocks))
    return np.flatnonzero(run.kinds[blocks] != "silent")
