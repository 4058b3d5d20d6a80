"""What holds for every scenario that is shipped, on short runs of the tiny preset."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.io.scans import stated_test_runs
from neurotranscoder.preprocess.study import open_study
from neurotranscoder.simulate.catalogue import named_scenario, scenario_names
from neurotranscoder.simulate.cohort import cohort_of_run
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.session import simulate_study
from neurotranscoder.simulate.truth import load_truth, truth_of
from small_study import VALIDATOR, validation_errors


@pytest.fixture(scope="module", params=scenario_names())
def study(request, tmp_path_factory):
    """A short study of one subject with three runs; never write to it."""
    few = {"n_subjects": 1, "runs_per_subject": 3}
    tr = named_scenario(request.param, preset="tiny").tr
    scenario = named_scenario(request.param, preset="tiny", duration=32 * tr, **few)
    root = tmp_path_factory.mktemp(request.param) / "study"
    simulate_study(scenario, root)
    return scenario, root


@pytest.mark.skipif(not VALIDATOR.exists(), reason="bids-validator-deno is not installed")
def test_study_and_its_truth_are_valid_bids(study):
    # the validator's --recursive leaves the .bidsignore of derivatives unread: one by one
    _, root = study
    assert validation_errors(root) == []
    assert validation_errors(root / "derivatives" / "truth") == []


def test_study_is_read_with_its_clock_and_its_test_run(study):
    scenario, root = study
    found = open_study(root)
    assert [run.label for run in found.runs] == [run.label for run in scenario.run_ids]
    assert stated_test_runs(root) == {scenario.run_ids[2].label}
    recording = found.load(found.runs[0])
    assert recording.bold.volumes.n_volumes == 32
    assert recording.eeg.montage.names == scenario.head.channels


def test_truth_on_disk_tells_every_term_of_the_recording(study, tiny_head):
    scenario, root = study
    truth = load_truth(root)
    of_disk = truth.of(truth.runs[1])
    cohort = cohort_of_run(scenario, tiny_head, 0, 1)
    run = simulate_run_of(cohort, 0, 1)
    of_memory = truth_of(cohort, [run]).of(run.recording.run)
    voxels = np.argwhere(tiny_head.brain)[::101]
    for term in ("x", "p"):
        stored, axis = getattr(of_disk, term)(voxels, 5.0, 30.0, rate=20.0)
        made, same = getattr(of_memory, term)(voxels, 5.0, 30.0, rate=20.0)
        assert axis == same
        assert_allclose(stored, made, atol=1e-9 * max(np.abs(made).max(), 1e-9))
    # the leadfield is kept in single precision
    assert_allclose(of_disk.eeg(), of_memory.eeg(), atol=1e-6 * np.abs(of_memory.eeg()).max())
    assert_allclose(of_disk.bold(), of_memory.bold(), atol=1e-6 * np.abs(of_memory.bold()).max())
    assert of_disk.eeg_parts == of_memory.eeg_parts
    assert of_disk.bold_parts == of_memory.bold_parts
