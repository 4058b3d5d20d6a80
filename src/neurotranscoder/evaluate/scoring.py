"""Score what a method predicted for held-out runs: one row of the table per fact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.correlation import (
    Interval,
    correlate_rows,
    correlation_interval,
    fisher_mean,
)
from neurotranscoder.evaluate.table import MeasureRow, MetricRow, Quantity, SourceKind
from neurotranscoder.evaluate.time_courses import (
    RunMeasures,
    best_lag,
    epoch_correlation,
    lag_correlations,
    lag_reach,
    mean_over_rows,
    peak_lag,
)
from neurotranscoder.reconstruct.cells import at_acquisition

__all__ = [
    "HeldOut",
    "Prediction",
    "RunMeasures",
    "RunScore",
    "Scorer",
    "best_lag",
    "epoch_correlation",
]


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What a method says about one held-out run; None where it says nothing.

    Parameters
    ----------
    bold_from_eeg, bold_from_bold : array, shape (blocks, frames), or None
        BOLD at the group rate; it is scored at acquired volumes and slice times.
    eeg_from_bold, eeg_from_eeg : array, shape (channels, frames), or None
        EEG at the group rate.
    source_from_eeg, source_from_bold, source_fused : array, shape (blocks, frames), or None
        Sources at the group rate.
    """

    bold_from_eeg: Float[ndarray, "blocks frames"] | None = None
    eeg_from_bold: Float[ndarray, "channels frames"] | None = None
    bold_from_bold: Float[ndarray, "blocks frames"] | None = None
    eeg_from_eeg: Float[ndarray, "channels frames"] | None = None
    source_from_eeg: Float[ndarray, "blocks frames"] | None = None
    source_from_bold: Float[ndarray, "blocks frames"] | None = None
    source_fused: Float[ndarray, "blocks frames"] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """A held-out run and, where the data were simulated, its true sources.

    Parameters
    ----------
    aligned : AlignedRun
        The run as it was measured.
    sources : array, shape (blocks, frames), or None
        The truth P = X * d, averaged over frames and blocks.
    kinds : array of str, shape (blocks,), or None
        'evoked', 'oscillatory', 'mixed' or 'silent'.
    """

    aligned: AlignedRun
    sources: Float[ndarray, "blocks frames"] | None = None
    kinds: ndarray | None = None


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
            for quantity, kind in _wanted(prediction, run)
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
            part = _inside(aligned.cells.volumes.tr, aligned.cells.data.shape[1], self.edge)
            wanted = at_acquisition(estimate, aligned.axis, aligned.cells)
            heard = _cells_with_sources(run)
            return _mean_r(wanted[heard, part], aligned.cells.data[heard, part])
        part = _inside(1 / aligned.axis.sfreq, aligned.axis.n_times, self.edge)
        if quantity.startswith("eeg"):
            return _mean_r(estimate[:, part], aligned.eeg[:, part])
        chosen, truth = _rows_of(kind, run)
        return _mean_r(estimate[chosen][:, part], truth[chosen][:, part])

    def source_measures(
        self, method: str, predictions: Sequence[Prediction], runs: Sequence[HeldOut]
    ) -> list[MeasureRow]:
        """Return r over 30 s epochs, spatial r per frame and best lag of source estimates."""
        measures = [self.run_measures(*pair) for pair in zip(predictions, runs, strict=True)]
        return self.measure_rows(method, measures, _subjects(runs))

    def run_measures(self, prediction: Prediction, run: HeldOut) -> tuple[RunMeasures, ...]:
        """Return what `source_measures` needs of one run; its estimates may then be dropped."""
        rate = run.aligned.axis.sfreq
        part = _inside(1 / rate, run.aligned.axis.n_times, self.edge)
        found, by_lag = [], {}
        for quantity, kind in _wanted(prediction, run):
            if not quantity.startswith("source"):
                continue
            chosen, truth = _rows_of(kind, run)
            if quantity not in by_lag:
                estimate = getattr(prediction, quantity)[:, part]
                by_lag[quantity] = lag_correlations(estimate, truth[:, part], lag_reach(rate))
            one, two = getattr(prediction, quantity)[chosen][:, part], truth[chosen][:, part]
            found.append(
                RunMeasures(
                    quantity,
                    kind,
                    epoch_correlation(one, two, rate),
                    fisher_mean(correlate_rows(one.T, two.T)),
                    mean_over_rows(by_lag[quantity][:, chosen]),
                    rate,
                )
            )
        return tuple(found)

    def measure_rows(
        self, method: str, measures: Sequence[Sequence[RunMeasures]], subjects: Sequence[str]
    ) -> list[MeasureRow]:
        """Return the means over runs of what `run_measures` found, in `MeasureRow` order."""
        rows = []
        for of_runs in zip(*measures, strict=True):
            first = of_runs[0]
            fact = (self.scenario, method, first.quantity, first.source_kind)
            for name in ("r_30s", "spatial_r"):
                values = [getattr(one, name) for one in of_runs]
                rows.append(_measure(fact, name, correlation_interval(values, subjects)))
            lag, r = peak_lag([one.by_lag for one in of_runs], first.rate)
            for name, value, unit in (("best_lag", lag, "s"), ("r_best_lag", r, "")):
                found = Interval(value, float("nan"), float("nan"), len(of_runs))
                rows.append(_measure(fact, name, found, unit=unit))
        return rows


def _subjects(runs: Sequence[HeldOut]) -> list[str]:
    """Return the subject of each run."""
    return [run.aligned.run.subject for run in runs]


def _mean_r(estimate: Float[ndarray, "rows times"], truth: Float[ndarray, "rows times"]) -> float:
    """Return the mean correlation of rows; constant estimates of what varies count as 0."""
    r = correlate_rows(estimate, truth)
    r[np.isnan(r) & (np.ptp(truth, axis=1) > 0)] = 0.0
    return fisher_mean(r)


def _cells_with_sources(run: HeldOut) -> ndarray:
    """Return the cells of blocks that hold a source, as far as the truth is known."""
    blocks = run.aligned.cells.block
    if run.kinds is None:
        return np.arange(len(blocks))
    return np.flatnonzero(run.kinds[blocks] != "silent")


def _wanted(prediction: Prediction, run: HeldOut) -> Iterator[tuple[Quantity, SourceKind]]:
    """Yield what can be scored: sources only where there is a truth."""
    for field in fields(Prediction):
        if getattr(prediction, field.name) is None:
            continue
        quantity: Quantity = field.name  # type: ignore[assignment]
        if not field.name.startswith("source"):
            yield quantity, "all"
        elif run.sources is not None:
            kinds: tuple[SourceKind, ...] = ("all", "evoked", "oscillatory")
            present = (
                kinds
                if run.kinds is None
                else kinds[:1] + tuple(kind for kind in kinds[1:] if kind in run.kinds)
            )
            yield from ((quantity, kind) for kind in present)


def _rows_of(kind: SourceKind, run: HeldOut) -> tuple[ndarray, Float[ndarray, "blocks frames"]]:
    """Return the blocks of a kind, and the truth of all blocks."""
    assert run.sources is not None
    if kind == "all" or run.kinds is None:
        return np.arange(len(run.sources)), run.sources
    return np.flatnonzero(run.kinds == kind), run.sources


def _inside(step: float, n_times: int, edge: tuple[float, float]) -> slice:
    """Return the samples that are scored."""
    return slice(int(np.ceil(edge[0] / step)), n_times - int(np.ceil(edge[1] / step)))


def _measure(
    fact: tuple[str, str, Quantity, SourceKind], name: str, found: Interval, *, unit: str = ""
) -> MeasureRow:
    return MeasureRow(*fact, name, found.mean, unit, found.low, found.high, found.n)
