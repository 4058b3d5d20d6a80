import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder import latent_sources, load_paper_subject, load_study, open_export
from neurotranscoder.cli.methods_readouts import of_paper_subjects
from neurotranscoder.core.tiles import Box
from neurotranscoder.report.methods.facts import MethodsFacts
from neurotranscoder.train.trained import load_trained
from small_study import bytes_below, command

RUN = "sub-01_task-oddball_run-01"
PAPER = ("--stage", "subject", "--architecture", "paper", "--participant-label", "01")
QUICK = (
    "rate=25.0",
    "tile=[6, 6, 6, 75]",
    "spatial_features=[2, 2, 2, 2]",
    "temporal_features=[2, 2, 2, 2]",
    "temporal_kernel=5",
    "steps=2",
    "check_every=1",
)
WORDS = (*PAPER, *(word for one in QUICK for word in ("--set", f"paper_subject.{one}")))


@pytest.fixture(scope="module")
def fitted(tiny_study, tiny_results, tmp_path_factory):
    """Results with the coders of one subject and the latent source of its runs from EEG."""
    out = tmp_path_factory.mktemp("paper") / "out"
    group = tiny_results / "models" / "closed_form"
    assert command("train", tiny_study, out, *WORDS, "--model", group) == 0
    assert command("reconstruct", tiny_study, out, *WORDS, "--model", group) == 0
    return out


def test_coders_are_trained_on_runs_that_are_not_for_testing(fitted):
    model = load_paper_subject(fitted / "models" / "paper_subjects" / "sub-01")
    assert model.runs == tuple(f"sub-01_task-oddball_run-0{number}" for number in (1, 2, 3))
    assert model.steps == 2
    assert not (fitted / "models" / "paper_subjects" / "sub-01.checkpoint").exists()


def test_methods_say_what_the_coders_were_trained_on(fitted):
    found = of_paper_subjects(MethodsFacts(), fitted).paper_subjects
    model = load_paper_subject(fitted / "models" / "paper_subjects" / "sub-01")
    assert (found.n_runs, found.steps) == ((3,), (2,))
    assert found.averages == tuple(name for name, _ in model.n_trials)
    assert found.settings["tile"] == [6, 6, 6, 75]


def test_coders_and_stores_that_are_there_stay_as_they_are(
    tiny_study, tiny_results, fitted, capsys
):
    before = bytes_below(fitted)
    group = tiny_results / "models" / "closed_form"
    assert command("train", tiny_study, fitted, *WORDS, "--model", group) == 0
    assert "sub-01 is complete" in capsys.readouterr().err
    assert command("reconstruct", tiny_study, fitted, *WORDS, "--model", group) == 0
    assert "with their inputs" in capsys.readouterr().err
    assert bytes_below(fitted) == before


def test_stores_hold_the_latent_sources(tiny_study, tiny_results, fitted):
    path = fitted / "sub-01" / "func" / f"{RUN}_res-voxel_desc-paperfromeeg_source.zarr"
    study = load_study(tiny_study)
    model = load_paper_subject(fitted / "models" / "paper_subjects" / "sub-01")
    group = load_trained(tiny_results / "models" / "closed_form")
    latent = latent_sources(model, group, study.load(study.runs[0])).from_eeg
    box = Box((3, 4, 2, 100), (11, 12, 8, 130))
    stored = np.nan_to_num(open_export(path)[box.slices])  # NaN outside the brain
    expected = latent.values(box)
    assert_allclose(stored, expected, atol=1e-5 * np.abs(expected).max())
    assert len(list(fitted.glob("sub-01/func/*.zarr"))) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--window", "1", "2"), "read a window with `nt.open_export`"),
        ((), "its estimates are what the coders read; name it with --model"),
        (("--participant-label", "02"), "no model of any of these subjects"),
    ],
)
def test_what_cannot_be_made_is_refused(tiny_study, fitted, words, message, capsys):
    given = words if "--participant-label" in words else (*PAPER[4:], *words)
    assert command("reconstruct", tiny_study, fitted, *PAPER[:4], *given) == 2
    assert message in capsys.readouterr().err
