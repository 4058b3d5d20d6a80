"""One EEG file that runs through several scans."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import StudyError
from neurotranscoder.core.recording import Eeg, RunId
from neurotranscoder.io.brainvision import Marker, write_brainvision
from neurotranscoder.io.store import write_table
from neurotranscoder.preprocess.study import open_study
from neurotranscoder.preprocess.study_settings import ClockSettings, StudySettings
from small_study import command

from .conftest import N_VOLUMES, SFREQ, TR, make_recording, write_study

STARTS = (5.3, 90.7, 170.1)  # s on the clock of the EEG
RUNS = [RunId("01", "oddball", run=label) for label in ("01", "02", "03")]
SPACING = TR / (1 + 100e-6)
LASTS = [round(start + SPACING * (N_VOLUMES - 1), 3) for start in STARTS]  # of samples of 1 ms
ENDS = [(one + TR + other) / 2 for one, other in zip(LASTS, STARTS[1:], strict=False)]


@pytest.fixture
def shared(tmp_path, rng):
    """Three BOLD runs and one EEG file, 100 ppm slow, without a run label; its samples."""
    write_study(tmp_path, [make_recording(run, seed=i) for i, run in enumerate(RUNS)])
    folder = tmp_path / "sub-01/eeg"
    for path in sorted(folder.glob("*")):
        if "run-01" in path.name and not path.name.endswith((".eeg", ".vmrk", ".vhdr")):
            path.rename(folder / path.name.replace("_run-01", ""))
        elif "run-" in path.name:
            path.unlink()
    for path in sorted((tmp_path / "sub-01/func").glob("*_events.*")):
        path.unlink()
    data = 2e-5 * rng.standard_normal((4, round(230 * SFREQ)))
    eeg = Eeg(data, SFREQ, Montage(("Fp1", "Cz", "Pz", "Oz")))
    volumes = [start + SPACING * np.arange(N_VOLUMES) for start in STARTS]
    samples = np.rint(np.concatenate(volumes) * SFREQ).astype(int).tolist()
    marks = tuple(Marker(sample, "Comment", "R128") for sample in samples)
    write_brainvision(folder / "sub-01_task-oddball_eeg.vhdr", eeg, markers=marks)
    onsets = [STARTS[0] + 1.0, STARTS[1] + 2.0, STARTS[1] + 30.0]
    columns = {"onset": onsets, "duration": [0.2] * 3, "trial_type": ["a", "b", "c"]}
    write_table(folder / "sub-01_task-oddball_events.tsv", columns)
    return tmp_path, data


def test_each_run_has_its_own_part_and_clock(shared):
    root, data = shared
    study = open_study(root)
    assert list(study.runs) == RUNS
    bounds = [0, *(round(end * SFREQ) for end in ENDS), data.shape[1]]
    for run, start, first, last in zip(RUNS, STARTS, bounds[:-1], bounds[1:], strict=True):
        recording = study.load(run)
        assert recording.eeg.data.shape[1] == last - first
        assert_allclose(recording.eeg.data[:, 100], data[:, first + 100], atol=1e-11)
        # triggers are rounded to samples of 1 ms
        assert_allclose(
            recording.clock.eeg_start, (first / SFREQ - start) * (1 + 100e-6), atol=1e-3
        )
        assert_allclose(recording.clock.drift_ppm, 100, atol=20)  # rounding to 1 ms in 43 s
        assert recording.clock.n_triggers == N_VOLUMES
    assert "block 2 of 3: 20 volumes at 90.7-131.7 s" in study.notes[RUNS[1]]


def test_events_on_the_clock_of_the_file_go_to_their_runs(shared):
    study = open_study(shared[0])
    first, second, third = (study.load(run).events for run in RUNS)
    assert (first.trial_type, second.trial_type, third.trial_type) == (("a",), ("b", "c"), ())
    onsets = (1 + 100e-6) * np.array([2.0, 30.0])
    assert_allclose(second.onset, onsets, atol=2e-3)  # triggers are rounded to 1 ms


def test_a_clean_study_has_an_eeg_file_for_each_run(shared, tmp_path_factory):
    root, out = shared[0], tmp_path_factory.mktemp("clean") / "out"
    assert command("preprocess", root, out, "--set", 'clean.steps=["filters"]', quick=False) == 0
    raw, clean = open_study(root), open_study(out, StudySettings(images=root))
    for run in RUNS:
        one, other = raw.load(run), clean.load(run)
        assert one.clock == other.clock
        assert one.eeg.data.shape == other.eeg.data.shape
        assert one.events.trial_type == other.events.trial_type
        assert_allclose(one.events.onset, other.events.onset, atol=1e-9)
    assert "block 3 of 3" in (out / "preprocessing.html").read_text(encoding="utf-8")


def test_runs_and_blocks_that_do_not_match_are_refused_with_both(shared):
    root, _ = shared
    for path in (root / "sub-01/func").glob("*run-02*"):
        path.unlink()
    with pytest.raises(
        StudyError, match="3 choices of blocks fit: the EEG has 3 blocks"
    ) as caught:
        open_study(root)
    assert "run-01 of 20, run-03 of 20 volumes" in str(caught.value)
    study = open_study(root, StudySettings(blocks=("01", "", "03")))
    assert_allclose(study.load(RUNS[2]).clock.drift_ppm, 100, atol=20)  # rounding to 1 ms in 43 s


def test_a_file_with_a_run_label_is_that_runs_alone_until_blocks_are_stated(shared):
    root, _ = shared
    for path in sorted((root / "sub-01/eeg").glob("sub-01_task-oddball_*")):
        text = path.read_bytes().replace(b"oddball_eeg", b"oddball_run-01_eeg")
        path.with_name(path.name.replace("oddball_", "oddball_run-01_")).write_bytes(text)
        path.unlink()
    with pytest.raises(StudyError, match="take the run label out of the name of the EEG file"):
        open_study(root)
    study = open_study(root, StudySettings(blocks=("01", "02", "03")))
    assert list(study.runs) == RUNS


def test_one_declared_clock_does_not_do_for_several_runs(shared):
    settings = StudySettings(clock=ClockSettings(eeg_start=0.0))
    with pytest.raises(StudyError, match="shared by 3 runs and has one stated clock"):
        open_study(shared[0], settings)


def test_bold_that_has_no_run_label_either_shares_nothing(shared):
    root, _ = shared
    for path in sorted((root / "sub-01/func").glob("*run-01*")):
        path.rename(path.with_name(path.name.replace("_run-01", "")))
    with pytest.raises(StudyError, match="one run of 20 volumes holds 3 scans"):
        open_study(root)
