import numpy as np
import pytest
import torch

from neurotranscoder.api.study import aligned_runs
from neurotranscoder.cli.evaluate import truth_of_study
from neurotranscoder.config import Config
from neurotranscoder.core.response import Response
from neurotranscoder.evaluate.claims.separation import crosstalk, crosstalks
from neurotranscoder.evaluate.methods.catalogue import known_methods
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.registry import methods_named
from neurotranscoder.evaluate.methods.transcoders import as_prediction
from neurotranscoder.evaluate.study import Candidate, StudyEvaluation, StudyRuns
from neurotranscoder.evaluate.truths import true_response, with_truth
from neurotranscoder.model.sparse import SparseEegToSource
from neurotranscoder.preprocess.align import AlignSettings
from neurotranscoder.reconstruct.group import estimate_group
from neurotranscoder.signal.correlation import mean_interval
from neurotranscoder.train.network import NetworkSettings
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.sparse import SparseSettings
from neurotranscoder.train.trained import load_trained

CONFIG = Config(align=AlignSettings(block_size=24.0))
ARCHITECTURES = ("closed_form", "sparse", "transcoder", "paper")
MINIMUM_NORM = "minimum_norm_true_leadfield"


@pytest.fixture(scope="module")
def study(tiny_study, tiny_results):
    """The runs of the tiny study, shared out as its models are trained."""
    runs = aligned_runs(tiny_study, CONFIG)
    split = load_trained(tiny_results / "models" / "closed_form").split
    parts = {
        part: tuple(run for run in runs if run.run.label in getattr(split, part))
        for part in ("training", "validation", "test")
    }
    return StudyEvaluation(StudyRuns("tiny", **parts), truth_of_study(tiny_study)), split


@pytest.fixture(scope="module")
def models(study, tiny_results):
    """A transcoder of each architecture; networks have a few steps."""
    evaluation, split = study
    runs = evaluation.runs
    quick = NetworkSettings(architecture="paper", steps=2, validate_every=2)
    found = {}
    for name in ("closed_form", "sparse", "paper"):
        settings = TrainSettings(
            architecture=name, sparse=SparseSettings(frames=500), paper=quick, probe_seconds=20
        )
        found[name] = fit_transcoder(runs.training, runs.validation, split, settings)
    return found | {"transcoder": load_trained(tiny_results / "models" / "transcoder")}


@pytest.fixture(scope="module")
def rows(study, models):
    """Rows of the table for the closed form, by (method, quantity)."""
    found = study[0].tables([Candidate("closed_form", models["closed_form"])]).metrics
    return {(row.method, row.quantity): row for row in found if row.source_kind == "all"}


@pytest.mark.parametrize("quantity", ["bold_from_eeg", "source_from_eeg"])
def test_closed_form_is_above_the_wrong_run_null(rows, quantity):
    assert rows["closed_form", quantity].ci_low > rows["null_wrong_run", quantity].ci_high


@pytest.fixture(scope="module")
def minimum_norm(study):
    """r of sources from EEG in each held-out run, by minimum norm with the true leadfield."""
    evaluation = study[0]
    runs, truth = evaluation.runs, evaluation.truth
    known = (tuple(with_truth(part, truth)) for part in (runs.training, runs.validation))
    [spec] = methods_named(known_methods(), (MINIMUM_NORM,))
    method = spec.make(Knowledge(truth, *known), 0)
    method.fit(runs.training, runs.validation)
    return source_scores(evaluation, method.predict)


def source_scores(evaluation, predict):
    scored = (evaluation.scorer.run_scores(predict(run.aligned), run) for run in evaluation.test)
    return [
        next(s.r for s in of_run if (s.quantity, s.source_kind) == ("source_from_eeg", "all"))
        for of_run in scored
    ]


@pytest.mark.parametrize("name", ["closed_form", "sparse", "transcoder"])
def test_sources_beat_minimum_norm_with_the_true_leadfield(study, models, minimum_norm, name):
    evaluation = study[0]
    ours = source_scores(evaluation, lambda run: as_prediction(estimate_group(models[name], run)))
    subjects = [run.aligned.run.subject for run in evaluation.test]
    gains = [one - other for one, other in zip(ours, minimum_norm, strict=True)]
    assert mean_interval(gains, subjects).low > 0  # paired, over held-out runs


def test_no_method_beats_the_oracle_by_more_than_its_interval(rows):
    for quantity in ("bold_from_eeg", "source_from_eeg"):
        assert (
            rows["closed_form", quantity].ci_low < rows["oracle_spatial_wiener", quantity].ci_high
        )


def test_the_response_is_recovered(rows):
    assert rows["closed_form", "hrf"].r >= 0.95


@pytest.mark.parametrize("name", ["closed_form", "sparse", "transcoder"])
def test_the_response_peaks_within_half_a_repetition_time(study, models, name):
    truth, response = study[0].truth, models[name].response
    subject = truth.subject(study[0].test[0].aligned.run)
    expected = Response(response.times, true_response(truth, subject, response.times))
    assert abs(response.peak - expected.peak) < truth.cohort.scenario.tr / 2


@pytest.fixture(scope="module", params=ARCHITECTURES)
def coders(request, models):
    trained = models[request.param]
    return trained.module, len(trained.montage.names), trained.blocks.n_blocks


def test_coders_of_space_never_mix_frames_and_coders_of_time_never_mix_blocks(coders, rng):
    assert set(crosstalks(*coders, rng).values()) == {0.0}


def test_frames_in_another_order_are_answered_in_that_order(coders, rng):
    module, n_channels, n_blocks = coders
    order = torch.from_numpy(rng.permutation(40))
    with torch.no_grad():
        for coder, n_rows in (
            (module.eeg_to_source, n_channels),
            (module.source_to_eeg, n_blocks),
        ):
            frames = torch.from_numpy(rng.standard_normal((1, n_rows, 40))).float()
            expected = coder(frames)[..., order]
            error = (coder(frames[..., order]) - expected).abs().max()
            assert error <= 1e-5 * expected.abs().max()  # products in single precision


def test_a_coder_that_mixes_is_caught(rng):
    signal = torch.from_numpy(rng.standard_normal((1, 6, 80))).float()
    mean_of_frames = torch.nn.AvgPool1d(3, stride=1, padding=1)
    assert crosstalk(mean_of_frames, signal, "frames") > 0.9
    assert crosstalk(mean_of_frames, signal, "blocks") == 0
    assert crosstalk(torch.nn.Softmax(dim=1), signal, "blocks") > 0.01
    assert crosstalk(torch.nn.Hardtanh(50.0, 60.0), signal, "frames") == np.inf


def test_the_eeg_is_read_by_sparse_sources_where_they_are_asked_for(models):
    assert isinstance(models["sparse"].module.joint_coder, SparseEegToSource)


def test_a_trained_response_never_wraps_around_the_window(coders):
    module, _, n_blocks = coders
    silent = torch.zeros(1, n_blocks, 300)  # 120 s, longer than any filter
    loud = silent.clone()
    loud[..., 0] = 3.0
    with torch.no_grad():
        for coder in (module.source_to_bold, module.bold_to_source):
            moved = (coder(loud) - coder(silent)).abs()
            assert moved[..., -1].max() < 1e-6 * moved.max()  # rounding of FFTs, float32
