"""Scenarios that cannot be are refused before anything is computed or written, with the cure."""

import pytest

from neurotranscoder.core.errors import GridError, InputError, SettingsError
from neurotranscoder.physics.head import HeadSettings
from neurotranscoder.simulate.bold_noise import BoldNoiseSettings
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.coupling import Envelope, RhythmBand
from neurotranscoder.simulate.network import NetworkSettings
from neurotranscoder.simulate.regions import RegionSettings
from neurotranscoder.simulate.run import simulate_run
from neurotranscoder.simulate.session import simulate_study
from neurotranscoder.simulate.slices import SliceOrder

FAST = RhythmBand(name="gamma", band=(30.0, 51.5), place="occipital")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bold_snr": 0}, "bold_snr is 0; a ratio of variances needs to be above 0"),
        ({"eeg_snr": -3.0}, r"eeg_snr is -3\.0; .*for no noise set eeg_snr_db to none"),
        ({"eeg_snr_db": float("-inf")}, "finite number"),
        ({"slices": SliceOrder(order="custom", times=(0.0,) * 9 + (2.1,))}, "2.1 s; need all"),
        ({"slices": SliceOrder(multiband=3)}, "multiband is 3 for 10 slices"),
        ({"duration": 33.0}, "need a whole number"),
        ({"bold_noise": BoldNoiseSettings(), "duration": 60.0}, "needs runs of 64 s or more"),
        ({"rhythm_bands": (FAST,), "envelope": Envelope()}, "need them 2 Hz below half of eeg"),
        ({"coupling": {"mode": "power"}}, "neither wax nor wane; need 'envelope'"),
        ({"tr": 0.0}, "greater than or equal to 0.1"),
        ({"eeg_snr": True}, "eeg_snr is True"),
        ({"eeg_noise": {"white_uv": 0.0}}, "all parts of eeg_noise are 0; give one a level"),
        ({"eeg_snr_over": "trial", "regions": {"timing": "spontaneous"}}, "there are no trials"),
        ({"bold_snr_db": -1e6}, "greater than or equal to -60"),
        ({"drift_ppm": -2e6}, "greater than or equal to -10000"),
        ({"source_rate": 1e9}, "less than or equal to 10000"),
        ({"eeg_lead": (8.0, 3.0)}, "8 to 3 is no range; need the least value first"),
        ({"regions": {"latency": (0.6, 0.1)}}, "0.6 to 0.1 is no range"),
        ({"network": {"delay": (0.2, 0.1)}}, "0.2 to 0.1 is no range"),
        ({"faces": {"interval": (4.0, 2.0)}}, "4 to 2 is no range"),
        ({"rhythm_band": (0.05, 0.0501)}, "need the least frequency first and at least 0.0045 Hz"),
        ({"head": {"channels": ("Cz",)}}, "need at least two electrodes"),
        ({"head": {"channels": ("Cz", "Cz-Pz")}}, "channels mix bipolar pairs"),
        ({"regions": {"n_voxels": 3}}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_when_they_are_made(changes, message):
    with pytest.raises(SettingsError, match=message):
        named_scenario(preset="tiny", **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"regions": RegionSettings(n_evoked=5000)},
        {"network": NetworkSettings(n_links=5000, n_rhythm_links=0)},
        {"oddball": {"first_onset": (500.0, 600.0)}},
        {"motion": {"shares": (0.0,) * 6}},
        {"head": HeadSettings(shape=(4, 4, 10), voxel_sizes=(12.0, 12.0, 15.0), ico=2,
                              centre=(500.0, 0.0, 0.0))},
    ],
    ids=["more regions than voxels", "more links than pairs", "no event within the run",
         "no motion to share", "voxels outside the head"],
)  # fmt: skip
def test_what_the_head_cannot_hold_is_refused_before_anything_is_written(changes, tmp_path):
    with pytest.raises(InputError, match=r"need|lower|voxel|give"):
        simulate_study(named_scenario(preset="tiny", **changes), tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_head_on_another_grid_is_refused(tiny_head):
    with pytest.raises(GridError, match="bring the head to that grid"):
        make_cohort(named_scenario(preset="small"), tiny_head)


def test_ratio_is_as_good_as_decibels():
    assert named_scenario(preset="tiny", bold_snr=10.0).bold_snr_db == pytest.approx(10.0)
    assert named_scenario(preset="tiny", eeg_snr=1.0).eeg_snr_db == 0.0


def test_envelopes_without_rhythms_are_no_rhythms(tiny_head):
    none = {"envelope": Envelope(), "regions": RegionSettings(n_oscillatory=0, n_evoked=5)}
    run = simulate_run(named_scenario(preset="tiny", duration=20.0, **none), tiny_head, 0, 0)
    assert len(run.sources.rhythm_region) == 0
    assert run.recording.eeg.data.std() > 0
