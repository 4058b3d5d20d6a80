"""Evaluate transcoders on the held-out runs of a study, beside rivals, limit and nulls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.transcoders import as_prediction
from neurotranscoder.evaluate.nulls import wrong_run_pairs, wrong_run_truths
from neurotranscoder.evaluate.readout_scores import (
    readout_measures,
    readout_rows,
    surviving_measure,
)
from neurotranscoder.evaluate.region_readouts import region_response_rows
from neurotranscoder.evaluate.rivals import Rival, predict_rivals
from neurotranscoder.evaluate.scoring import HeldOut, Prediction, Scorer
from neurotranscoder.evaluate.table import MeasureRow, MetricRow
from neurotranscoder.evaluate.truths import with_details, with_truth
from neurotranscoder.reconstruct.fuse import Fusion
from neurotranscoder.reconstruct.group import GroupEstimates, estimate_group
from neurotranscoder.simulate.truth import Truth
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.trained import TrainedTranscoder

Progress = Callable[[str], None]


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
        self.test = with_details(with_truth(runs.test, truth), truth)

    def tables(self, candidates: Sequence[Candidate], *, rivals: bool = True) -> Tables:
        """Return all rows.

        Parameters
        ----------
        candidates : sequence of Candidate
            The first is the one that the null is made from.
        rivals : bool
            Whether ridge regression, source imaging and the oracle are scored as well.
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
        others: list[Rival] = []
        if rivals:
            others += predict_rivals(
                runs.training, runs.validation, self.test, self.truth, progress=self.progress
            )
            others.append(self._shuffled_pairs(candidates[0].trained))
        for name, predictions, seconds in others:
            metrics += self.scorer.score(name, predictions, self.test, seconds)
            measures += self.scorer.measures(name, predictions, self.test)
        kept = tuple((name, tuple(predictions)) for name, predictions, _ in others)
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

    def _shuffled_pairs(self, trained: TrainedTranscoder) -> Rival:
        """Fit the closed form to wrong pairs of runs: what is left is no coupling."""
        self.progress("fitting the null of shuffled pairs")
        settings = trained.settings.model_copy(update={"architecture": "closed_form"})
        null = fit_transcoder(*shuffled_training(self.runs), trained.split, settings)
        estimates = [estimate_group(null, run, fusion=self.fusion) for run in self.runs.test]
        return "null_shuffled_pairs", [as_prediction(one) for one in estimates], null.seconds


def shuffled_training(runs: StudyRuns) -> tuple[list[AlignedRun], list[AlignedRun]]:
    """Return training and validation runs whose EEG stands beside another run's BOLD."""
    return wrong_run_pairs(runs.training), wrong_run_pairs(runs.validation)


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
