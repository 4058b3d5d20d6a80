"""Evaluate transcoders on the held-out runs of a study, beside rivals, limit and nulls."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.analyse.readouts import region_leadfield
from neurotranscoder.core.response import Response
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.correlation import correlate_rows, fisher_mean
from neurotranscoder.evaluate.imaging import (
    block_kernel,
    minimum_norm_kernel,
    predict_minimum_norm,
)
from neurotranscoder.evaluate.nulls import wrong_run_pairs, wrong_run_truths
from neurotranscoder.evaluate.oracle import predict_spatial_wiener
from neurotranscoder.evaluate.regression import predict_ridge_lags
from neurotranscoder.evaluate.scoring import HeldOut, Prediction, Scorer
from neurotranscoder.evaluate.table import MeasureRow, MetricRow
from neurotranscoder.physics.head import mne_forward
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


def as_prediction(estimates: GroupEstimates) -> Prediction:
    """Return what is scored of the estimates of one run."""
    return Prediction(
        bold_from_eeg=estimates.bold_from_eeg,
        eeg_from_bold=estimates.eeg_from_bold,
        bold_from_bold=estimates.bold_from_bold,
        eeg_from_eeg=estimates.eeg_from_eeg,
        source_from_eeg=estimates.source_from_eeg.data,
        source_from_bold=estimates.source_from_bold.data,
        source_fused=estimates.source_fused.data,
    )


def true_response(truth: Truth, times: Float[ndarray, " lags"]) -> Float[ndarray, " lags"]:
    """Return h as a transcoder can know it: advanced by the centre of mass of d.

    A transcoder sees P = X * d and never X; its response leads from P to BOLD.
    """
    return np.asarray(truth.hrf(times + truth.evoked.centre_of_mass))


class StudyEvaluation:
    """Scores candidates and rivals on the test runs of one study.

    Parameters
    ----------
    runs : StudyRuns
        Aligned runs; only ``test`` is scored.
    truth : Truth or None
        The sources, where the study was simulated.
    fusion : {'sum', 'zscored'}
        How the two source estimates of a candidate become one.
    progress : callable
        Called with what is being done.
    """

    def __init__(
        self,
        runs: StudyRuns,
        truth: Truth | None,
        *,
        fusion: Fusion = "sum",
        progress: Progress = lambda _: None,
    ) -> None:
        self.runs = runs
        self.truth = truth
        self.fusion = fusion
        self.progress = progress
        self.scorer = Scorer(runs.scenario)
        self.test = self._with_truth(runs.test)

    def tables(self, candidates: Sequence[Candidate], *, rivals: bool = True) -> Tables:
        """Return all rows.

        Parameters
        ----------
        candidates : sequence of Candidate
            The first is the one that the null is made from.
        rivals : bool
            Whether ridge regression, source imaging and the oracle are scored as well.
        """
        metrics: list[MetricRow] = []
        measures: list[MeasureRow] = []
        estimates = []
        for candidate in candidates:
            self.progress(f"scoring {candidate.name}")
            found = tuple(
                estimate_group(candidate.trained, run, fusion=self.fusion)
                for run in self.runs.test
            )
            estimates.append(found)
            predictions = [as_prediction(one) for one in found]
            seconds = candidate.trained.seconds
            metrics += self.scorer.score(candidate.name, predictions, self.test, seconds)
            measures += self.scorer.source_measures(candidate.name, predictions, self.test)
            metrics += self._readout_rows(candidate)
            measures += self._readout_measures(candidate)
        first = [as_prediction(one) for one in estimates[0]]
        metrics += self._null_rows(first)
        others = self._rivals() if rivals else []
        if rivals:
            others.append(self._shuffled_pairs(candidates[0].trained))
        for name, predictions, seconds in others:
            metrics += self.scorer.score(name, predictions, self.test, seconds)
            measures += self.scorer.source_measures(name, predictions, self.test)
        kept = tuple((name, tuple(predictions)) for name, predictions, _ in others)
        return Tables(tuple(metrics), tuple(measures), tuple(estimates), kept)

    def _with_truth(self, runs: Sequence[AlignedRun]) -> list[HeldOut]:
        """Put the true sources beside runs, where they are known."""
        if self.truth is None:
            return [HeldOut(run) for run in runs]
        kinds = self.truth.block_kinds(runs[0].blocks)
        return [
            HeldOut(run, self.truth.block_sources(run.run, run.blocks, run.axis), kinds)
            for run in runs
        ]

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

    def _shuffled_pairs(self, trained: TrainedTranscoder) -> tuple[str, list[Prediction], float]:
        """Fit the closed form to wrong pairs of runs: what is left is no coupling."""
        self.progress("fitting the null of shuffled pairs")
        settings = trained.settings.model_copy(update={"architecture": "closed_form"})
        null = fit_transcoder(*shuffled_training(self.runs), trained.split, settings)
        estimates = [estimate_group(null, run, fusion=self.fusion) for run in self.runs.test]
        return "null_shuffled_pairs", [as_prediction(one) for one in estimates], null.seconds

    def _rivals(self) -> list[tuple[str, list[Prediction], float]]:
        """Fit and apply every rival and limit."""
        self.progress("fitting ridge regression with lags")
        start = time.perf_counter()
        ridge = predict_ridge_lags(self.runs.training, self.runs.validation, self.runs.test)
        found = [("ridge_lags", ridge, time.perf_counter() - start)]
        if self.truth is not None:
            self.progress("source imaging with the true leadfield")
            start = time.perf_counter()
            imaging = self._minimum_norm(self.truth)
            found.append(("minimum_norm_true_leadfield", imaging, time.perf_counter() - start))
            start = time.perf_counter()
            oracle = self._wiener(self.truth)
            found.append(("oracle_spatial_wiener", oracle, time.perf_counter() - start))
        return found

    def _minimum_norm(self, truth: Truth) -> list[Prediction]:
        """Apply minimum norm, given the true leadfield."""
        forward = mne_forward(truth.head)
        blocks, names = self.runs.test[0].blocks, self.runs.test[0].montage.names

        def kernel_of(snr: float) -> Float[ndarray, "blocks channels"]:
            kernel = minimum_norm_kernel(forward, names, snr=snr)
            return block_kernel(kernel, truth.head.indices, blocks)

        validation = self._with_truth(self.runs.validation)
        return predict_minimum_norm(kernel_of, validation, self.test)[0]

    def _wiener(self, truth: Truth) -> list[Prediction]:
        """Apply the spatial Wiener filter that knows leadfield, regions and covariances."""
        training, first = self.runs.training, self.runs.training[0]
        rate = first.axis.sfreq
        lags = np.arange(round(32.0 * rate)) / rate
        return predict_spatial_wiener(
            self._with_truth(training),
            self.test,
            leadfield=truth.cohort.levels.moment * truth.region_leadfield(),
            regions=[truth.region_sources(run.run, run.axis) for run in training],
            shares=truth.block_shares(first.blocks),
            hrf=true_response(truth, lags) / rate,
        )

    def _readout_rows(self, candidate: Candidate) -> list[MetricRow]:
        """Compare the read-outs of a candidate with the truth."""
        if self.truth is None:
            return []
        response = candidate.trained.response
        truth = true_response(self.truth, response.times)
        r = float(correlate_rows(response.values[np.newaxis], truth[np.newaxis])[0])
        shares = self.truth.block_shares(self.test[0].aligned.blocks)
        learnt = region_leadfield(candidate.trained.leadfield, shares)
        learnt = learnt - learnt.mean(axis=0)
        regions = fisher_mean(correlate_rows(learnt.T, self.truth.region_leadfield().T))
        nan = float("nan")
        base = MetricRow(
            self.runs.scenario,
            candidate.name,
            "hrf",
            "all",
            r,
            nan,
            nan,
            1,
            candidate.trained.seconds,
        )
        n_regions = shares.shape[1]
        return [base, replace(base, quantity="leadfield", r=regions, n=n_regions)]

    def _readout_measures(self, candidate: Candidate) -> list[MeasureRow]:
        """Return peak and width of the learnt response, and of the true one."""
        response = candidate.trained.response
        found = [(candidate.name, response)]
        if self.truth is not None:
            truth = Response(response.times, true_response(self.truth, response.times))
            found.append((f"truth_beside_{candidate.name}", truth))
        nan = float("nan")
        return [
            MeasureRow(self.runs.scenario, name, "hrf", "all", fact, value, "s", nan, nan, 1)
            for name, one in found
            for fact, value in (("peak", one.peak), ("fwhm", one.fwhm))
        ]


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
        bold=aligned.bold[:, :n_times],
        axis=axis,
        cells=cells,
    )
    return HeldOut(cut, None if run.sources is None else run.sources[:, :n_times], run.kinds)
