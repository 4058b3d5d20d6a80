import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.events import read_events
from neurotranscoder.physics.head import Head
from neurotranscoder.simulate import session
from neurotranscoder.simulate.design import is_stimulus, is_target
from neurotranscoder.simulate.run import simulate_run
from neurotranscoder.simulate.session import simulate_study
from neurotranscoder.simulate.truth import load_truth
from small_study import VALIDATOR, validation_errors


def bytes_of(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def study(tmp_path_factory, tiny):
    root = tmp_path_factory.mktemp("simulated") / "study"
    simulate_study(tiny, root)
    return root


@pytest.fixture
def short(tiny):
    return tiny.model_copy(update={"duration": 20.0})


class Killed(Exception):
    """Stands for a kill signal."""


def kill_after(n_runs):
    def progress(done, total):
        if done == n_runs:
            raise Killed

    return progress


def test_same_seed_gives_the_same_bytes(study, tiny, tmp_path):
    simulate_study(tiny, tmp_path)
    assert bytes_of(tmp_path) == bytes_of(study)


def test_another_seed_gives_another_study(short, tmp_path):
    for seed in (0, 1):
        simulate_study(short.model_copy(update={"seed": seed}), tmp_path / str(seed))
    images = [next((tmp_path / s).rglob("*run-01_bold.nii.gz")).read_bytes() for s in "01"]
    assert images[0] != images[1]


def test_killed_simulation_is_unfinished_and_resumes_to_the_same_bytes(short, tmp_path):
    simulate_study(short, tmp_path / "whole")
    with pytest.raises(Killed):
        simulate_study(short, tmp_path / "killed", progress=kill_after(2))
    assert not (tmp_path / "killed" / "manifest.json").exists()
    with pytest.raises(StoreError, match="did not finish, run it again"):
        load_truth(tmp_path / "killed")
    simulate_study(short, tmp_path / "killed")
    assert bytes_of(tmp_path / "killed") == bytes_of(tmp_path / "whole")


def test_resuming_does_not_simulate_finished_runs_again(short, tmp_path, monkeypatch):
    with pytest.raises(Killed):
        simulate_study(short, tmp_path, progress=kill_after(3))
    seen = []
    original = session.simulate_run_of
    monkeypatch.setattr(
        session, "simulate_run_of", lambda *a, **k: seen.append(a[1:]) or original(*a, **k)
    )
    simulate_study(short, tmp_path)
    assert seen == [(1, 1)]


def test_finished_study_that_lost_a_file_is_made_again(short, tmp_path):
    simulate_study(short, tmp_path)
    before = bytes_of(tmp_path)
    next(tmp_path.rglob("*_bold.nii.gz")).unlink()
    simulate_study(short, tmp_path)
    assert bytes_of(tmp_path) == before


def test_resuming_makes_runs_again_that_were_lost_or_damaged(short, tmp_path):
    simulate_study(short, tmp_path)
    before = bytes_of(tmp_path)
    for manifest in tmp_path.rglob("manifest.json"):
        manifest.unlink()
    next(tmp_path.rglob("*run-01_bold.nii.gz")).unlink()
    next(tmp_path.rglob("*run-02_eeg.eeg")).write_bytes(b"x")
    simulate_study(short, tmp_path)
    assert bytes_of(tmp_path) == before


def test_folder_with_something_else_is_refused(short, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(StoreError, match=r"thesis\.tex"):
        simulate_study(short, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_folder_with_another_study_is_refused(short, tmp_path):
    simulate_study(short, tmp_path)
    with pytest.raises(StoreError, match=r"seed was \d+ and is 9\)"):
        simulate_study(short.model_copy(update={"seed": 9}), tmp_path)


def test_progress_counts_runs(short, tmp_path):
    calls = []
    simulate_study(short, tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.skipif(not VALIDATOR.exists(), reason="bids-validator-deno is not installed")
def test_study_and_its_truth_are_valid_bids(study):
    # the validator's --recursive leaves the .bidsignore of derivatives unread: one by one
    assert validation_errors(study) == []
    assert validation_errors(study / "derivatives" / "truth") == []


@pytest.mark.parametrize("subject", ["sub-01", "sub-05", "sub-12"])
def test_real_events_drive_a_study(real_data, short, tmp_path, subject):
    files = sorted((real_data / "oddball_events" / subject).rglob("*auditory*events.tsv"))[:2]
    tables = [read_events(path) for path in files]
    scenario = short.model_copy(update={"n_subjects": 1, "runs_per_subject": 3})
    simulate_study(scenario, tmp_path, events=tables)
    truth = load_truth(tmp_path)
    for run, table in zip(truth.runs, [*tables, tables[0]], strict=True):
        written = read_events(tmp_path / run.folder / "func" / f"{run.label}_events.tsv")
        inside = (table.onset >= 0) & (table.onset < scenario.duration)
        assert_allclose(written.onset, table.onset[inside])
        stimuli = table.onset[inside & is_stimulus(table)]
        after = truth.sources(run).time[:, np.newaxis] - stimuli
        assert np.all(np.any((after > -0.15) & (after < 1.2), axis=1))


def test_real_targets_are_found_by_their_label(real_data):
    path = sorted((real_data / "oddball_events" / "sub-03").rglob("*auditory*events.tsv"))[0]
    events = read_events(path)
    target = is_target(events) & is_stimulus(events)
    assert 0.15 < target.sum() / is_stimulus(events).sum() < 0.25
    assert np.all(np.isfinite(events.response_time[target]))


def test_truth_on_disk_equals_the_run_in_memory(study, tiny, tiny_head):
    truth = load_truth(study)
    run = simulate_run(tiny, tiny_head, 1, 0)
    stored = truth.sources(run.recording.run)
    for name in ("region", "time", "amplitude", "rhythm_region", "frequencies", "waves"):
        assert_array_equal(getattr(stored, name), getattr(run.sources, name))
    assert isinstance(truth.head, Head)
    # the leadfield is kept in single precision
    assert_allclose(truth.head.leadfield, tiny_head.leadfield, rtol=1e-5, atol=1e-3)


def test_missing_or_damaged_truth_says_what_to_do(study, tmp_path, short):
    with pytest.raises(StoreError, match="neurotranscoder simulate"):
        load_truth(tmp_path)
    simulate_study(short, tmp_path / "study")
    table = tmp_path / "study" / "derivatives" / "truth" / "hrf.tsv"
    table.write_text(table.read_text().replace("0.1", "0.2"))
    with pytest.raises(StoreError, match=r"hrf\.tsv: damaged"):
        load_truth(tmp_path / "study")
