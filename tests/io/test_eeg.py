import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import GridError, StoreError, StudyError
from neurotranscoder.core.recording import Eeg, OtherChannel
from neurotranscoder.io.brainvision import Marker, read_markers, read_sfreq, write_brainvision
from neurotranscoder.io.eeg import (
    eeg_from_raw,
    raw_from_eeg,
    read_eeg,
)
from neurotranscoder.io.electrodes import WORLD_COORDINATES, EegSidecars
from neurotranscoder.io.store import write_json, write_table


@pytest.fixture
def eeg(rng):
    montage = Montage(("Fz", "Cz", "Pz"), 50 * rng.standard_normal((3, 3)))
    return Eeg(2e-5 * rng.standard_normal((3, 500)), 250.0, montage)


def test_volts_and_markers_come_back(tmp_path, eeg):
    marks = (Marker(0, "Response", "128"), Marker(499, "Stimulus", "1"), Marker(9, "Comment", "a"))
    write_brainvision(tmp_path / "x_eeg.vhdr", eeg, markers=marks)
    read, markers = read_eeg(tmp_path / "x_eeg.vhdr", EegSidecars({}))
    assert_allclose(read.data, eeg.data, atol=1e-11)  # float32 of 1e-4 V
    assert read.sfreq == read_sfreq(tmp_path / "x_eeg.vhdr") == 250
    pairs = dict(zip(markers.names, markers.onsets, strict=True))
    assert pairs == {"Response/R128": 0, "Stimulus/S  1": 499 / 250, "Comment/a": 9 / 250}
    own = read_markers(tmp_path / "x_eeg.vmrk")
    assert {m.name: m.sample / 250 for m in own} == pairs


def test_channels_tsv_decides_what_is_eeg(tmp_path, eeg):
    write_brainvision(tmp_path / "x_eeg.vhdr", eeg)
    columns = {"name": ["Fz", "Cz", "Pz"], "type": ["EEG", "EEG", "ECG"], "units": ["µV"] * 3}
    write_table(tmp_path / "x_channels.tsv", columns)
    sidecars = EegSidecars({}, channels=tmp_path / "x_channels.tsv")
    assert read_eeg(tmp_path / "x_eeg.vhdr", sidecars)[0].montage.names == ("Fz", "Cz")
    with pytest.raises(StudyError, match="need at least 1 EEG channel"):
        read_eeg(tmp_path / "x_eeg.vhdr", sidecars, exclude=("Fz", "Cz"))


def test_what_is_named_after_heart_or_eyes_is_no_eeg(tmp_path, rng):
    montage = Montage(("Fz", "EKG", "VEOG"))
    eeg = Eeg(2e-5 * rng.standard_normal((3, 500)), 250.0, montage)
    write_brainvision(tmp_path / "x_eeg.vhdr", eeg)
    assert read_eeg(tmp_path / "x_eeg.vhdr", EegSidecars({}))[0].others == ()
    read, _ = read_eeg(tmp_path / "x_eeg.vhdr", EegSidecars({}), others=True)
    assert read.montage.names == ("Fz",)
    assert [(other.name, other.kind) for other in read.others] == [("EKG", "ECG"), ("VEOG", "EOG")]
    assert_allclose(read.others[0].data, eeg.data[1], atol=1e-11)


@pytest.mark.parametrize(
    ("space", "unit", "scale"),
    [("Other", "mm", 1.0), ("MNI152NLin2009aSym", "m", 1e3), ("CapTrak", "m", None)],
)
def test_positions_become_ras_mm_or_stay_unknown(space, unit, scale, tmp_path, eeg):
    write_brainvision(tmp_path / "x_eeg.vhdr", eeg)
    x, y, z = eeg.montage.positions.T.tolist()
    write_table(tmp_path / "e.tsv", {"name": eeg.montage.names, "x": x, "y": y, "z": z})
    fields = {"EEGCoordinateSystem": space, "EEGCoordinateUnits": unit}
    write_json(
        tmp_path / "c.json", {**fields, "EEGCoordinateSystemDescription": WORLD_COORDINATES}
    )
    sidecars = EegSidecars({}, electrodes=tmp_path / "e.tsv", coordsystem=tmp_path / "c.json")
    read, _ = read_eeg(tmp_path / "x_eeg.vhdr", sidecars)
    if scale is None:
        assert read.montage.positions is None
    else:
        assert_allclose(read.montage.positions, scale * eeg.montage.positions)


def test_mne_gets_metres_and_gives_millimetres_back(eeg):
    raw = raw_from_eeg(eeg)
    assert_allclose(raw.info["chs"][1]["loc"][:3], 1e-3 * eeg.montage.positions[1])
    back = eeg_from_raw(raw)
    assert_array_equal(back.data, eeg.data)
    assert_allclose(back.montage.positions, eeg.montage.positions, rtol=1e-12)
    assert back.montage.names == eeg.montage.names
    bare = Eeg(eeg.data, eeg.sfreq, Montage(eeg.montage.names))
    assert eeg_from_raw(raw_from_eeg(bare)).montage.positions is None


def test_mne_gets_the_heart_as_ecg(eeg):
    heart = OtherChannel("R", "ECG", np.arange(500) * 1e-6)
    raw = raw_from_eeg(Eeg(eeg.data, eeg.sfreq, eeg.montage, others=(heart,)))
    assert raw.get_channel_types() == ["eeg", "eeg", "eeg", "ecg"]
    assert_array_equal(raw.get_data("ecg")[0], heart.data)
    assert_array_equal(eeg_from_raw(raw).data, eeg.data)


@pytest.mark.parametrize(("name", "n_times"), [("Cz", 500), ("R", 499)])
def test_another_channel_needs_a_name_of_its_own_and_all_samples(eeg, name, n_times):
    heart = OtherChannel(name, "ECG", np.zeros(n_times))
    with pytest.raises(GridError, match=f"'{name}'.*{n_times} samples beside EEG of 500"):
        Eeg(eeg.data, eeg.sfreq, eeg.montage, others=(heart,))


def test_filters_of_the_sidecar_are_told(tmp_path, eeg):
    write_brainvision(tmp_path / "x_eeg.vhdr", eeg)
    metadata = {"SoftwareFilters": {"high-pass": {"cutoff": 0.1}}, "HardwareFilters": "n/a"}
    read, _ = read_eeg(tmp_path / "x_eeg.vhdr", EegSidecars(metadata))
    assert read.filtering == "SoftwareFilters: {'high-pass': {'cutoff': 0.1}}"


def test_a_header_without_its_data_is_a_problem(tmp_path, eeg):
    write_brainvision(tmp_path / "x_eeg.vhdr", eeg)
    (tmp_path / "x_eeg.eeg").unlink()
    with pytest.raises(
        StudyError, match=r"x_eeg\.vhdr: line 6, DataFile: got no file 'x_eeg\.eeg'"
    ):
        read_eeg(tmp_path / "x_eeg.vhdr", EegSidecars({}))


def test_nan_is_not_written(tmp_path, eeg):
    eeg.data[0, 0] = np.nan
    with pytest.raises(StoreError, match="needs finite numbers"):
        write_brainvision(tmp_path / "x_eeg.vhdr", eeg)
    assert list(tmp_path.iterdir()) == []
