import shutil
from pathlib import Path

import pytest

from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.session import simulate_study
from small_study import bytes_below, command

UNTIMED = {"without": ("timing.json", "manifest.json", "README", "dataset_description.json")}


def outcome(study, out):
    """Train both architectures and reconstruct; return every byte of weights and outputs."""
    for architecture in ("closed_form", "transcoder"):
        assert command("train", study, out, "--architecture", architecture) == 0
    assert command("reconstruct", study, out, "--from", "eeg") == 0
    return bytes_below(out, **UNTIMED)


@pytest.fixture(scope="module")
def expected(tiny_study, tiny_results, tmp_path_factory):
    out = Path(shutil.copytree(tiny_results, tmp_path_factory.mktemp("with") / "out"))
    assert command("reconstruct", tiny_study, out, "--from", "eeg") == 0
    return bytes_below(out, **UNTIMED)


@pytest.fixture
def study(tiny_study, tmp_path):
    return Path(shutil.copytree(tiny_study, tmp_path / "study"))


def test_nothing_changes_when_the_truth_is_deleted(expected, study, tmp_path):
    shutil.rmtree(study / "derivatives")
    found = outcome(study, tmp_path / "out")
    assert sum(name.endswith("_source.nii.gz") for name in found) == 10
    assert found == expected


def test_nothing_changes_when_the_truth_is_that_of_another_study(expected, study, tmp_path):
    other = PRESETS["tiny"].model_copy(update={"seed": 7, "duration": 60.0})
    simulate_study(other, tmp_path / "other")
    shutil.rmtree(study / "derivatives" / "truth")
    shutil.copytree(tmp_path / "other/derivatives/truth", study / "derivatives/truth")
    assert outcome(study, tmp_path / "out") == expected
