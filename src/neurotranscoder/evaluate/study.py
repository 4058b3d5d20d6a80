"""Evaluate transcoders on the held-out runs of a study, beside rivals, limit and nulls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.catalogue import known_methods
from neurotranscoder.evaluate.methods.protocol import Knowledge, predict_blindly
from neurotranscoder.evaluate.methods.registry import MethodSpec, methods_named
from neurotranscoder.evaluate.methods.transcoders import as_prediction
from neurotranscoder.evaluate.nulls import wrong_run_truths
from neurotranscoder.evaluate.readout_scores import (
    readout_measures,
    readout_rows,
    surviving_measure,
)
from neurotranscoder.evaluate.region_readouts import region_response_rows
from neurotranscoder.evaluate.scoring import HeldOut, Prediction, Scorer
from neurotranscoder.evaluate.table import MeasureRow, MetricRow
from neurotranscoder.evaluate.truths import with_details, with_truth
from neurotranscoder.reconstruct.fuse import Fusion
from neurotranscoder.reconstruct.group import GroupEstimates, estimate_group
from neurotranscoder.signal.frames import check_inside
from neurotranscoder.simulate.truth import Truth
from neurotranscoder.train.trained import TrainedTranscoder

Progress = Callable[[str], None]
Compared = tuple[str, tuple[Prediction, ...], float]
"""Name of a method, what it says about each held-out run, and the seconds that fitting took."""

_LONGER = "set longer ones aside for testing (train.split)"

IMAGING, SHUFFLED = "minimum_norm_true_leadfield", "null_shuffled_pairs"
COMPARED = ("ridge_lags", IMAGING, "oracle_spatial_wiener", SHUFFLED)
"""Methods of the catalogue that every study is scored beside."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A trained transcoder under the name that the tables give it."""

    name: str
    trained: TrainedTranscoder


@dataclass(frozen=True, slots=True, eq=False)
class StudyRuns:
    """The aligned runs of a study, shared out as the models were trained on them."""

    scenario: str
    training: tuple[AlignedRun, ...]
    validation: tuple[AlignedRun, ...]
    test: tuple[AlignedRun, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """The rows of both tables, and what each candidate said about the held-out runs."""

    metrics: tuple[MetricRow, ...]
    measures: tuple[MeasureRow, ...]
    estimates: tuple[tuple[GroupEstimates, ...], ...]
    rivals: tuple[tuple[str, tuple[Prediction, ...]], ...]


class StudyEvaluation:
    """Scores candidates and rivals on the test runs of one study.

    Parameters
    ----------
    runs : StudyRuns
        Aligned runs; only ``test`` is scored.
    truth : Truth or None
        The sources, where the study was simulated.
    fusion : {'joint', 'sum', 'zscored'}
        How the two source estimates of a candidate become one.
    progress : callable
        Called with what is being done.
    """

    def __init__(
        self,
        runs: StudyRuns,
        truth: Truth | None,
        *,
        fusion: Fusion = "joint",
        progress: Progress = lambda _: None,
    ) -> None:
        self.runs = runs
        self.truth = truth
        self.fusion = fusion
        self.progress = progress
        self.scorer = Scorer(runs.scenario)
        check_inside(runs.test, self.scorer.edge, what="scores", cure=_LONGER)
        self.test = with_details(with_truth(runs.test, truth), truth)

    def tables(self, candidates: Sequence[Candidate], *, rivals: bool = True) -> Tables:
        """Return all rows.

        Parameters
        ----------
        candidates : sequence of Candidate
            The first is the one that the null is made from.
        rivals : bool
            Whether the methods in `COMPARED` are scored as well.
        """
        runs = self.runs
        metrics: list[MetricRow] = []
        measures: list[MeasureRow] = []
        estimates = []
        for candidate in candidates:
            self.progress(f"scoring {candidate.name}")
            found = tuple(
                estimate_group(candidate.trained, run, fusion=self.fusion) for run in runs.test
            )
            estimates.append(found)
            predictions = [as_prediction(one) for one in found]
            seconds = candidate.trained.seconds
            metrics += self.scorer.score(candidate.name, predictions, self.test, seconds)
            measures += self.scorer.measures(candidate.name, predictions, self.test)
            readouts = runs.scenario, candidate.name, candidate.trained
            if self.truth is not None:
                metrics += readout_rows(*readouts, self.truth, runs.test)
                measures += region_response_rows(
                    *readouts, self.truth, runs.training, runs.validation
                )
            measures += readout_measures(*readouts, self.truth, runs.test)
        if self.truth is not None:
            rate = runs.test[0].axis.sfreq
            measures.append(surviving_measure(runs.scenario, self.truth, rate))
        first = [as_prediction(one) for one in estimates[0]]
        metrics += self._null_rows(first)
        others = tuple(self._compared(candidates[0].trained)) if rivals else ()
        for name, others_say, seconds in others:
            metrics += self.scorer.score(name, others_say, self.test, seconds)
            measures += self.scorer.measures(name, others_say, self.test)
        kept = tuple((name, others_say) for name, others_say, _ in others)
        return Tables(tuple(metrics), tuple(measures), tuple(estimates), kept)

    def _null_rows(self, predictions: Sequence[Prediction]) -> list[MetricRow]:
        """Score the first candidate against the wrong runs."""
        self.progress("scoring the null")
        if len(self.test) < 2:
            return []
        others = wrong_run_truths(self.test)
        lengths = {run.aligned.axis.n_times for run in others}
        if len(lengths) > 1:
            shortest = min(lengths)
            predictions = [_cut(prediction, shortest) for prediction in predictions]
            others = [_cut_run(run, shortest) for run in others]
        return self.scorer.score("null_wrong_run", predictions, others, 0.0)

    def _compared(self, trained: TrainedTranscoder) -> Iterator[Compared]:
        """Fit and apply the methods of the catalogue that this study allows."""
        known = known_methods(trained.settings, fusion=self.fusion)
        knowledge = None if self.truth is None else self._knowledge(self.truth)
        for spec in methods_named(known, COMPARED):
            if spec.informed and knowledge is None:
                continue
            if reason := self._missing(spec):
                self.progress(f"no {spec.name}: {reason}")
                continue
            self.progress(f"fitting {spec.name}")
            method = spec.make(knowledge if spec.informed else None, 0)
            start = time.perf_counter()
            method.fit(self.runs.training, self.runs.validation)
            seconds = time.perf_counter() - start
            found = tuple(predict_blindly(method, run) for run in self.runs.test)
            yield spec.name, found, seconds

    def _missing(self, spec: MethodSpec) -> str | None:
        """Return what a method lacks in this study."""
        runs = self.runs
        if spec.name == IMAGING and runs.test[0].montage.positions is None:
            return "the places of the electrodes are not known (bipolar?)"
        if spec.name == SHUFFLED and min(len(runs.training), len(runs.validation)) < 2:
            return "a single run for training or validation would keep its own BOLD"
        return None

    def _knowledge(self, truth: Truth) -> Knowledge:
        """Return what informed methods are given: sources of training and validation alone."""
        parts = self.runs.training, self.runs.validation
        known = replace(truth, runs=tuple(run.run for part in parts for run in part))
        return Knowledge(known, *(tuple(with_truth(part, known)) for part in parts))


def _cut(prediction: Prediction, n_times: int) -> Prediction:
    """Keep the first frames of a prediction."""
    fields = {
        name: None if (values := getattr(prediction, name)) is None else values[:, :n_times]
        for name in prediction.__slots__
    }
    return Prediction(**fields)


def _cut_run(run: HeldOut, n_times: int) -> HeldOut:
    """Keep the first frames of a held-out run."""
    aligned = run.aligned
    axis = replace(aligned.axis, n_times=n_times)
    n_volumes = int(axis.duration / aligned.cells.volumes.tr)
    volumes = replace(aligned.cells.volumes, n_volumes=n_volumes)
    cells = replace(aligned.cells, data=aligned.cells.data[:, :n_volumes], volumes=volumes)
    cut = replace(
        aligned,
        eeg=aligned.eeg[:, :n_times],
        power=None if aligned.power is None else aligned.power[..., :n_times],
        bold=aligned.bold[:, :n_times],
        axis=axis,
        cells=cells,
    )
    return HeldOut(cut, None if run.sources is None else run.sources[:, :n_times], run.kinds)
