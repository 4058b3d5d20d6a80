import pytest
import torch

from neurotranscoder.api.transcoder import Transcoder, aligned_runs
from neurotranscoder.cli.evaluate import truth_of_study
from neurotranscoder.config import Config
from neurotranscoder.evaluate.study import Candidate, StudyEvaluation, StudyRuns
from neurotranscoder.preprocess.align import AlignSettings
from neurotranscoder.train.trained import load_trained

CONFIG = Config(align=AlignSettings(block_size=24.0))


@pytest.fixture(scope="module")
def rows(tiny_study):
    """Rows of the table for the closed form, by (method, quantity)."""
    runs = aligned_runs(tiny_study, CONFIG)
    trained = Transcoder("closed_form", config=CONFIG).fit(tiny_study).trained
    parts = {
        part: tuple(run for run in runs if run.run.label in getattr(trained.split, part))
        for part in ("training", "validation", "test")
    }
    evaluation = StudyEvaluation(StudyRuns("tiny", **parts), truth_of_study(tiny_study))
    found = evaluation.tables([Candidate("closed_form", trained)]).metrics
    return {(row.method, row.quantity): row for row in found if row.source_kind == "all"}


@pytest.mark.parametrize("quantity", ["bold_from_eeg", "source_from_eeg"])
def test_closed_form_is_above_the_wrong_run_null(rows, quantity):
    assert rows["closed_form", quantity].ci_low > rows["null_wrong_run", quantity].ci_high


def test_sources_beat_minimum_norm_with_the_true_leadfield(rows):
    found = rows["closed_form", "source_from_eeg"].r
    assert found >= rows["minimum_norm_true_leadfield", "source_from_eeg"].r


def test_no_method_beats_the_oracle_by_more_than_its_interval(rows):
    for quantity in ("bold_from_eeg", "source_from_eeg"):
        assert (
            rows["closed_form", quantity].ci_low < rows["oracle_spatial_wiener", quantity].ci_high
        )


def test_the_response_is_recovered(rows):
    assert rows["closed_form", "hrf"].r >= 0.95


@pytest.fixture(scope="module", params=["closed_form", "transcoder"])
def coders(request, tiny_results):
    trained = load_trained(tiny_results / "models" / request.param)
    return trained.module, len(trained.montage.names), trained.blocks.n_blocks


def test_trained_spatial_coders_never_mix_times(coders):
    module, n_channels, n_blocks = coders
    for coder, rows_in in (
        (module.source_from_eeg, n_channels),
        (module.eeg_from_source, n_blocks),
    ):
        silent = torch.zeros(1, rows_in, 40)
        loud = silent.clone()
        loud[..., 7] = 3.0
        with torch.no_grad():
            moved = (coder(loud) - coder(silent)).abs().sum(dim=1)[0]
        assert moved.nonzero().flatten().tolist() == [7]


def test_trained_temporal_coders_never_mix_voxels(coders):
    module, _, n_blocks = coders
    for coder in (module.source_to_bold, module.bold_to_source):
        silent = torch.zeros(1, n_blocks, 120)
        loud = silent.clone()
        loud[0, 5] = torch.linspace(-2, 3, 120)
        with torch.no_grad():
            moved = (coder(loud) - coder(silent)).abs().sum(dim=2)[0]
        assert moved.nonzero().flatten().tolist() == [5]


def test_a_trained_response_never_wraps_around_the_window(coders):
    module, _, n_blocks = coders
    silent = torch.zeros(1, n_blocks, 300)  # 120 s, longer than any filter
    loud = silent.clone()
    loud[..., 0] = 3.0
    with torch.no_grad():
        for coder in (module.source_to_bold, module.bold_to_source):
            moved = (coder(loud) - coder(silent)).abs()
            assert moved[..., -1].max() < 1e-6 * moved.max()  # rounding of FFTs, float32
