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
from neurotranscoder.reconstruct.cells import at_acquisition

EPOCH_SECONDS = 30.0
BEST_LAG_SECONDS = 8.0


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
        rows = []
        for quantity, kind in _wanted(predictions[0], runs[0]):
            values = [
                self.score_run(quantity, kind, prediction, run)
                for prediction, run in zip(predictions, runs, strict=True)
            ]
            found = correlation_interval(values, [run.aligned.run.subject for run in runs])
            rows.append(_row(self.scenario, method, quantity, kind, found, seconds))
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
        subjects = [run.aligned.run.subject for run in runs]
        rows = []
        for quantity, kind in _wanted(predictions[0], runs[0]):
            if not quantity.startswith("source"):
                continue
            pairs = [
                self._source_pair(quantity, kind, prediction, run)
                for prediction, run in zip(predictions, runs, strict=True)
            ]
            rate = runs[0].aligned.axis.sfreq
            facts = (
                ("r_30s", [epoch_correlation(a, b, rate) for a, b in pairs]),
                ("spatial_r", [fisher_mean(correlate_rows(a.T, b.T)) for a, b in pairs]),
            )
            for name, values in facts:
                found = correlation_interval(values, subjects)
                rows.append(_measure(self.scenario, method, quantity, kind, name, found))
            lag, r = best_lag([a for a, _ in pairs], [b for _, b in pairs], rate)
            for name, value, unit in (("best_lag", lag, "s"), ("r_best_lag", r, "")):
                found = Interval(value, float("nan"), float("nan"), len(runs))
                rows.append(
                    _measure(self.scenario, method, quantity, kind, name, found, unit=unit)
                )
        return rows

    def _source_pair(
        self, quantity: Quantity, kind: SourceKind, prediction: Prediction, run: HeldOut
    ) -> tuple[Float[ndarray, "rows inside"], Float[ndarray, "rows inside"]]:
        """Return estimate and truth of one kind, without the edges."""
        part = _inside(1 / run.aligned.axis.sfreq, run.aligned.axis.n_times, self.edge)
        chosen, truth = _rows_of(kind, run)
        return getattr(prediction, quantity)[chosen][:, part], truth[chosen][:, part]


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


def epoch_correlation(
    estimate: Float[ndarray, "rows times"], truth: Float[ndarray, "rows times"], rate: float
) -> float:
    """Return the mean r over epochs of 30 s (the paper's way of scoring sources)."""
    length = round(EPOCH_SECONDS * rate)
    starts = range(0, estimate.shape[1] - length + 1, length)
    r = [correlate_rows(estimate[:, s : s + length], truth[:, s : s + length]) for s in starts]
    return fisher_mean(np.concatenate(r)) if r else float("nan")


def best_lag(
    estimates: Sequence[Float[ndarray, "rows times"]],
    truths: Sequence[Float[ndarray, "rows times"]],
    rate: float,
) -> tuple[float, float]:
    """Return the lag (s; positive: the estimate is late) at which r is largest, and that r."""
    reach = round(BEST_LAG_SECONDS * rate)
    scores = {}
    for lag in range(-reach, reach + 1):
        values = []
        for estimate, truth in zip(estimates, truths, strict=True):
            n = estimate.shape[1]
            late = estimate[:, max(0, lag) : n + min(0, lag)]
            values.append(
                fisher_mean(correlate_rows(late, truth[:, max(0, -lag) : n - max(0, lag)]))
            )
        scores[lag] = fisher_mean(np.asarray(values))
    lag = max(scores, key=lambda key: (scores[key], -abs(key)))
    return lag / rate, scores[lag]


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


def _row(
    scenario: str,
    method: str,
    quantity: Quantity,
    kind: SourceKind,
    found: Interval,
    seconds: float,
) -> MetricRow:
    return MetricRow(
        scenario, method, quantity, kind, found.mean, found.low, found.high, found.n, seconds
    )


def _measure(
    scenario: str,
    method: str,
    quantity: Quantity,
    kind: SourceKind,
    name: str,
    found: Interval,
    *,
    unit: str = "",
) -> MeasureRow:
    return MeasureRow(
        scenario, method, quantity, kind, name, found.mean, unit, found.low, found.high, found.n
    )
