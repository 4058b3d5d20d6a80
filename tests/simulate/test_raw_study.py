"""Raw scanner EEG on disk: valid BIDS, and a clock that comes back from its triggers."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import StudyError
from neurotranscoder.io.brainvision import read_markers
from neurotranscoder.io.eeg import read_eeg
from neurotranscoder.io.electrodes import EegSidecars
from neurotranscoder.physics.channels import CHANNELS_43_BIPOLAR, CHANNELS_64
from neurotranscoder.physics.head import HeadSettings
from neurotranscoder.preprocess.study import open_study
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.eeg_artefacts import EcgSettings, HeartSettings
from neurotranscoder.simulate.run import simulate_run
from neurotranscoder.simulate.session import simulate_study
from neurotranscoder.simulate.triggers import TriggerSettings

FAULTS = TriggerSettings(doubled=0.2, jitter=2e-4, extra=1)


def scenario_of(**changes):
    one = {"n_subjects": 1, "runs_per_subject": 1, "duration": 20.0, "drift_ppm": 40.0}
    return named_scenario("artefacts", preset="tiny", seed=1, **one | changes)


@pytest.fixture(scope="module")
def raw_study(tmp_path_factory):
    root = tmp_path_factory.mktemp("raw") / "study"
    simulate_study(scenario_of(), root)
    return root


def clock_error(root, truth):
    """Largest error of the measured clock within the EEG, in seconds."""
    [recording] = open_study(root)
    n_times, sfreq = recording.eeg.data.shape[1], recording.eeg.sfreq
    errors = (c.scanner_times(n_times, sfreq) for c in (recording.clock, truth))
    return np.abs(np.subtract(*errors)).max()


def test_reading_leaves_the_ecg_out_and_finds_the_eeg_of_memory(raw_study, tiny_head):
    [recording] = open_study(raw_study)
    memory = simulate_run(scenario_of(), tiny_head, 0, 0).recording.eeg
    assert recording.eeg.montage.names == CHANNELS_64
    assert recording.eeg.sfreq == 5000.0
    # a short run is kept as float32 of microvolts
    assert_allclose(recording.eeg.data, memory.data, rtol=1e-6, atol=1e-12)


def test_the_file_holds_the_ecg_behind_the_eeg(raw_study, tiny_head):
    [header] = raw_study.rglob("*.vhdr")
    everything, _ = read_eeg(header, EegSidecars({}), others=True)
    [ecg] = simulate_run(scenario_of(), tiny_head, 0, 0).recording.eeg.others
    assert everything.all_names == (*CHANNELS_64, "ECG")
    assert_allclose(everything.others[0].data, ecg.data, rtol=1e-6, atol=1e-12)


def test_a_study_with_a_dead_ecg_is_read_all_the_same(tmp_path):
    simulate_study(scenario_of(heart=HeartSettings(ecg=EcgSettings(dead=True))), tmp_path)
    [recording] = open_study(tmp_path)
    assert recording.eeg.montage.names == CHANNELS_64


def test_the_clock_of_ideal_triggers_is_the_true_one(raw_study, tiny_head):
    truth = simulate_run(scenario_of(), tiny_head, 0, 0).recording.clock
    # a line through 10 triggers that are rounded to 0.2 ms
    assert clock_error(raw_study, truth) < 1e-4


def test_the_clock_of_repairable_triggers_is_within_a_millisecond(tmp_path, tiny_head):
    scenario = scenario_of(triggers=FAULTS)
    simulate_study(scenario, tmp_path)
    run = simulate_run(scenario, tiny_head, 0, 0)
    [markers] = tmp_path.rglob("*.vmrk")
    assert_array_equal([marker.sample for marker in read_markers(markers)], run.triggers)
    assert clock_error(tmp_path, run.recording.clock) < 1e-3


@pytest.mark.parametrize(
    "faults", [{"missing": 1.0}, {"missing": 0.6}, {"jitter": 0.05}], ids=lambda f: str(f)
)
def test_triggers_beyond_repair_are_refused(tmp_path, faults):
    simulate_study(scenario_of(triggers=TriggerSettings(**faults)), tmp_path)
    with pytest.raises(StudyError, match="trigger"):
        open_study(tmp_path)


def test_a_bipolar_study_says_so_and_is_read(tmp_path):
    head = HeadSettings(
        shape=(16, 16, 32), voxel_sizes=(12.0, 12.0, 4.7), ico=1, channels=CHANNELS_43_BIPOLAR
    )
    simulate_study(scenario_of(head=head, eeg_rate=1000.0), tmp_path)
    [recording] = open_study(tmp_path)
    assert recording.eeg.montage.names == CHANNELS_43_BIPOLAR
    [sidecar] = tmp_path.rglob("*_eeg.json")
    assert json.loads(sidecar.read_text())["EEGReference"] == "bipolar"
