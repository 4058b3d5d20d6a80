import shutil

import pytest

from neurotranscoder.io.store import read_json
from small_study import bytes_below, command

RUN = "task-oddball_run-01"


@pytest.fixture(scope="module")
def study(tiny_study, tmp_path_factory):
    """A study without a scanner's artefacts, whose second subject has EEG alone."""
    root = tmp_path_factory.mktemp("alone") / "study"
    keep = shutil.ignore_patterns("derivatives", "*run-02*", "*run-03*", "*run-04*", "*run-05*")
    shutil.copytree(tiny_study, root, ignore=keep)
    shutil.rmtree(root / "sub-02" / "func")
    return root


def participants(study, results, out, *labels):
    """Clean and fit subjects, from a group model of another study."""
    model = ("--model", results / "models" / "closed_form")
    quick = ("subject.frames=200", "subject.rounds=1", "subject.smoothings=[0.1]",
             "subject.loyalties=[1.0]", "images.space=stored")  # fmt: skip
    words = [word for one in quick for word in ("--set", one)]
    asked = ("--participant-label", *labels) if labels else ()
    return command("run", study, out, "participant", *model, *words, *asked)


@pytest.fixture(scope="module")
def done(study, tiny_results, tmp_path_factory):
    """What `run` makes of its participants."""
    out = tmp_path_factory.mktemp("alone") / "out"
    return participants(study, tiny_results, out), out


def test_eeg_alone_is_cleaned_but_for_gradients_and_pulse(done):
    assert done[0] == 0
    record = read_json(done[1] / "preprocessed" / "records" / f"sub-02_{RUN}.json")
    said = {step["step"]: step["said"] for step in record["steps"]}
    assert said["gradient"] == said["pulse"] == "there are no images of this run"
    assert said["filters"].startswith("filters: half power from")
    assert record["recorded"]["clock"] == "none"


def test_eeg_alone_has_no_scanner_clock(done):
    for subject, stated in (("01", True), ("02", False)):
        sidecar = next((done[1] / "preprocessed").glob(f"sub-{subject}/eeg/*_eeg.json"))
        assert ("ScannerClock" in read_json(sidecar)) == stated


def test_a_subject_with_eeg_alone_gets_sources_by_the_group_model(done):
    results = done[1] / "results"
    assert [path.name for path in results.glob("sub-02/func/*.nii.gz")] == [
        f"sub-02_{RUN}_desc-fromeeg_source.nii.gz"
    ]
    assert list(results.glob("sub-01/func/*_res-voxel_desc-fromeeg_source.movie"))


def test_subjects_that_come_one_by_one_end_as_those_of_one_command(
    done, study, tiny_results, tmp_path_factory
):
    out = tmp_path_factory.mktemp("alone") / "out"  # sources are named as seen from there
    for label in ("02", "01"):
        assert participants(study, tiny_results, out, label) == 0
    timed = ("timing.json", "manifest.json")
    assert bytes_below(out, without=timed) == bytes_below(done[1], without=timed)
