import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import ClockError, StudyError
from neurotranscoder.io.brainvision import read_filters, read_markers, read_sfreq
from neurotranscoder.io.triggers import volume_triggers

TR = 2.16
SUBJECTS = ("32", "35", "36")


def marked(base):
    markers = read_markers(base.with_suffix(".vmrk"))
    times = np.array([m.sample for m in markers]) / read_sfreq(base.with_suffix(".vhdr"))
    return times, [m.name for m in markers]


@pytest.fixture(params=SUBJECTS)
def base(request, real_data):
    subject = f"sub-{request.param}"
    return f"{subject}/eeg/{subject}_task-rest_eeg", real_data / "scanner_markers/eeg_rest_fmri"


def test_sync_status_is_refused_as_volume_trigger_of_the_raw_recordings(base):
    name, root = base
    times, names = marked(root / name)
    with pytest.raises(
        ClockError, match=r"'SyncStatus/Sync On' x \d+ every 2\.000 s.*every 2\.16 s"
    ):
        volume_triggers(times, names, tr=TR, n_volumes=300)
    with pytest.raises(ClockError, match="are no volume triggers"):
        volume_triggers(times, names, tr=TR, n_volumes=300, name="Sync On")


def test_scan_starts_are_found_as_volume_triggers_of_the_derivatives(base):
    name, root = base
    times, names = marked(root / "derivatives" / name)
    triggers = volume_triggers(times, names, tr=TR, n_volumes=300)
    assert len(triggers) == 300
    assert_allclose(np.diff(triggers), 540 / 250, atol=1e-9)
    named = volume_triggers(times, names, tr=TR, n_volumes=300, name="Scan Start")
    assert_allclose(named, triggers)


def test_amplifier_marks_are_refused_even_at_the_tr():
    times = 2.0 * np.arange(50)
    with pytest.raises(ClockError, match="amplifier's own check"):
        volume_triggers(times, ["SyncStatus/Sync On"] * 50, tr=2.0, n_volumes=50)


@pytest.mark.parametrize("vendor", ["Response/R128", "Stimulus/T  1", "Scanner/Scan Start"])
def test_any_vendor_name_is_found_by_its_spacing(vendor, rng):
    onsets = np.concatenate([1.5 + 2.0 * np.arange(20), rng.uniform(0, 40, 30)])
    names = [vendor] * 20 + ["Stimulus/S  1"] * 30
    assert_allclose(volume_triggers(onsets, names, tr=2.0, n_volumes=20), onsets[:20])


def test_two_regular_markers_are_ambiguous_until_one_is_named():
    onsets = np.concatenate([2.0 * np.arange(20), 0.7 + 2.0 * np.arange(20)])
    names = ["A/a"] * 20 + ["B/b"] * 20
    with pytest.raises(ClockError, match="ambiguous"):
        volume_triggers(onsets, names, tr=2.0, n_volumes=20)
    assert_allclose(volume_triggers(onsets, names, tr=2.0, n_volumes=20, name="b"), onsets[20:])
    with pytest.raises(ClockError, match="no marker is named 'c'"):
        volume_triggers(onsets, names, tr=2.0, n_volumes=20, name="c")


def test_filters_are_read_from_the_amplifier_setup(real_data):
    root = real_data / "scanner_markers/eeg_rest_fmri"
    text = read_filters(root / "sub-32/eeg/sub-32_task-rest_eeg.vhdr")
    assert text == "Low Cutoff [s] High Cutoff [Hz] Notch [Hz]: 10 250 Off"


def test_malformed_markers_are_listed_with_their_lines(tmp_path):
    path = tmp_path / "x.vmrk"
    path.write_text(
        "Brain Vision Data Exchange Marker File\n[Marker Infos]\nMk1=A,b\nMk2=A,b,x,1,0\n"
    )
    with pytest.raises(StudyError, match=r"line 3: got 'Mk1=A,b'(.|\n)*line 4"):
        read_markers(path)
    path.write_text("something else")
    with pytest.raises(StudyError, match="line 1: got 'something else'"):
        read_markers(path)
