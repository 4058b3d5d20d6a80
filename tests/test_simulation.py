import mne
import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import neurotranscoder as nt
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.simulate.catalogue import scenario_names
from neurotranscoder.simulate.presets import PRESETS


@pytest.fixture(scope="module")
def run():
    return nt.simulate_run("interleave5-snr10", preset="tiny", seed=3)


def test_scenario_and_seed_are_arrays_with_axes(run):
    eeg, bold = run.recording.eeg, run.recording.bold
    assert eeg.data.shape == (64, len(run.eeg_times))
    assert_allclose(np.diff(run.eeg_times), 1 / 105, rtol=1e-4)
    assert bold.data.shape == (16, 16, 10, 60)
    assert run.bold_times.shape == (10, 60)
    p, axis = run.truth.p(bold.mask, 10.0, 12.0, rate=100)
    assert p.shape == (bold.mask.sum(), axis.n_times) == (bold.mask.sum(), 200)


def test_eeg_is_an_mne_recording_with_events(run):
    raw = run.raw
    assert isinstance(raw, mne.io.BaseRaw)
    assert_array_equal(raw.get_data(), run.recording.eeg.data)
    events = run.recording.events
    volumes = raw.annotations.description == "R128"
    assert raw.annotations.description[~volumes].tolist() == list(events.trial_type)
    on_scanner = run.recording.clock.eeg_start + raw.annotations.onset * (1 + 5e-6)
    assert_allclose(on_scanner[~volumes], events.onset, atol=1e-6)
    assert_allclose(on_scanner[volumes], 2.0 * np.arange(60), atol=0.5 / 105)
    assert_allclose(run.triggers / 105, raw.annotations.onset[volumes], atol=1e-6)


def test_mne_knows_where_the_electrodes_are(run):
    raw = run.raw.copy()
    raw.info["bads"] = ["Cz"]
    before = raw.get_data("Cz")[0]
    raw.interpolate_bads(verbose="error")
    assert np.corrcoef(raw.get_data("Cz")[0], before)[0, 1] > 0.8
    places = raw.get_montage().get_positions()
    assert places["coord_frame"] == "head"
    assert places["ch_pos"]["Fp1"][1] > 0.06 > -0.06 > places["ch_pos"]["Oz"][1]  # m, nose is +y


def test_events_may_come_from_a_file(tmp_path):
    table = tmp_path / "sub-01_events.tsv"
    table.write_text("onset\tduration\ttrial_type\n5.123456789\t0.2\toddball\n2\t0.2\tstandard\n")
    short = PRESETS["tiny"].model_copy(update={"duration": 20.0})
    found = nt.simulate_run(short, events=str(table))
    assert sorted(found.recording.events.onset) == [2.0, 5.123456789]


def test_bold_is_an_image_in_its_place(run):
    image = run.image
    assert isinstance(image, nib.Nifti1Image)
    assert image.header.get_zooms()[3] == 2.0
    assert_array_equal(image.affine, run.recording.bold.grid.voxel_to_world)
    assert_array_equal(np.asarray(image.dataobj), run.recording.bold.data)


def test_same_arguments_give_the_same_bits_and_another_seed_others(run):
    again = nt.simulate_run("interleave5-snr10", preset="tiny", seed=3)
    other = nt.simulate_run("interleave5-snr10", preset="tiny", seed=4)
    assert_array_equal(again.recording.bold.data, run.recording.bold.data)
    assert_array_equal(again.recording.eeg.data, run.recording.eeg.data)
    assert other.recording.eeg.data.shape != run.recording.eeg.data.shape or not np.array_equal(
        other.recording.eeg.data, run.recording.eeg.data
    )


def test_scenario_that_was_made_before_is_taken_as_it_is():
    short = PRESETS["tiny"].model_copy(update={"duration": 20.0})
    assert nt.simulate_run(short).recording.bold.volumes.n_volumes == 10


def test_unknown_scenario_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match=scenario_names()[0]):
        nt.simulate_run("nothing")
