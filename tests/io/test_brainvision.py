import dataclasses
import tracemalloc

import mne
import numpy as np
import pybv
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import StoreError, StudyError
from neurotranscoder.core.recording import Eeg, OtherChannel
from neurotranscoder.io import brainvision
from neurotranscoder.io.brainvision import Marker, read_markers, read_sfreq, write_brainvision
from neurotranscoder.io.eeg import read_eeg
from neurotranscoder.io.electrodes import EegSidecars

LONG = 2 * 16_384 + 5


def make_eeg(rng, peak_uv, *, dtype=np.float64, n_times=LONG):
    data = rng.uniform(-1, 1, (3, n_times))
    data *= peak_uv * 1e-6 / np.abs(data).max()
    return Eeg(data.astype(dtype), 5000.0, Montage(("Fp1", "Cz", "O2")))


def written(folder, eeg, **options):
    write_brainvision(folder / "x_eeg.vhdr", eeg, **options)
    read, markers = read_eeg(folder / "x_eeg.vhdr", EegSidecars({}))
    return read, markers, (folder / "x_eeg.vhdr").read_text(encoding="utf-8")


@pytest.fixture
def packed(monkeypatch):
    monkeypatch.setattr(brainvision, "_MAX_FLOAT_BYTES", 0)


def test_pybv_writes_the_same_recording(tmp_path, rng):
    eeg = make_eeg(rng, 100.0, n_times=500)
    marks = (Marker(7, "Response", "128"), Marker(9, "Stimulus", "2"), Marker(3, "Comment", "a"))
    events = [
        {"onset": 7, "type": "Response", "description": 128},
        {"onset": 9, "type": "Stimulus", "description": 2},
        {"onset": 3, "type": "Comment", "description": "a"},
    ]
    write_brainvision(tmp_path / "own.vhdr", eeg, markers=marks)
    pybv.write_brainvision(
        data=eeg.data, sfreq=5000.0, ch_names=list(eeg.montage.names), fname_base="other",
        folder_out=tmp_path, events=events, unit="µV", fmt="binary_float32",
    )  # fmt: skip
    own, other = (
        mne.io.read_raw(tmp_path / f"{name}.vhdr", preload=True) for name in ("own", "other")
    )
    assert_allclose(own.get_data(), other.get_data(), rtol=1e-6)
    assert own.ch_names == other.ch_names
    assert own.info["sfreq"] == other.info["sfreq"]
    assert_array_equal(own.annotations.onset, other.annotations.onset)
    assert_array_equal(own.annotations.description, other.annotations.description)
    assert own.info["meas_date"] is other.info["meas_date"] is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("peak_uv", "step_uv"),
    [(0.0, 0.01), (300.0, 0.01), (700.0, 0.05), (5000.0, 0.2), (16_383.0, 0.5)],
)
def test_long_eeg_comes_back_to_half_a_step(tmp_path, rng, packed, dtype, peak_uv, step_uv):
    eeg = make_eeg(rng, peak_uv, dtype=dtype)
    read, _, header = written(tmp_path, eeg)
    assert "INT_16" in header
    assert f"Cz,,{step_uv},µV" in header
    assert (tmp_path / "x_eeg.eeg").stat().st_size == 2 * eeg.data.size
    # half a step, and the rounding of single precision
    assert_allclose(read.data, eeg.data, atol=(0.5 * step_uv + 2e-7 * peak_uv) * 1e-6)


def test_what_exceeds_16_millivolts_is_kept_as_float(tmp_path, rng, packed):
    eeg = make_eeg(rng, 16_400.0)
    read, _, header = written(tmp_path, eeg)
    assert "IEEE_FLOAT_32" in header
    assert_allclose(read.data, eeg.data, rtol=1e-6)


def test_short_eeg_is_kept_as_float(tmp_path, rng):
    eeg = make_eeg(rng, 300.0)
    read, _, header = written(tmp_path, eeg)
    assert "IEEE_FLOAT_32" in header
    assert_allclose(read.data, eeg.data, rtol=1e-6)


def test_steps_lose_less_than_a_twentieth_of_the_amplifiers_noise(tmp_path, rng, packed):
    noise = 0.5e-6 * rng.standard_normal((1, 100_000))
    gradient = 5e-3 * np.sin(np.arange(100_000) / 7.3)
    eeg = Eeg(noise + gradient, 5000.0, Montage(("Cz",)))
    read = written(tmp_path, eeg)[0]
    # 4 standard errors of a variance beside the loss, which is 0.2^2 / 12 / 0.5^2 = 1.3 %
    assert np.var(read.data - gradient) < (1 + 1 / 20) * np.var(noise)


def test_long_eeg_is_written_without_a_copy(tmp_path, packed):
    eeg = Eeg(np.ones((8, 400_000), np.float32) * 1e-4, 5000.0, Montage(tuple("abcdefgh")))
    tracemalloc.start()
    write_brainvision(tmp_path / "x_eeg.vhdr", eeg)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.25 * eeg.data.nbytes  # 16 k samples of 8 channels, a few times


@pytest.mark.parametrize("sfreq", [105.0, 1000.0, 5000.0])
def test_sampling_frequencies_come_back(tmp_path, sfreq):
    eeg = Eeg(np.zeros((1, 9)), sfreq, Montage(("Cz",)))
    read, _, _ = written(tmp_path, eeg)
    assert_allclose([read.sfreq, read_sfreq(tmp_path / "x_eeg.vhdr")], sfreq, rtol=1e-12)


def test_commas_in_names_survive(tmp_path):
    eeg = Eeg(np.zeros((2, 9)), 250.0, Montage(("A,B", "Cz")))
    mark = Marker(4, "Comment", "left, right")
    read, _, _ = written(tmp_path, eeg, markers=(mark,))
    assert read.montage.names == ("A,B", "Cz")
    assert read_markers(tmp_path / "x_eeg.vmrk") == (mark,)


def test_equal_content_gives_equal_bytes(tmp_path, rng, packed):
    eeg = make_eeg(rng, 300.0)
    for name in ("a", "b"):
        written(tmp_path / name, eeg, markers=(Marker(1, "Response", "128"),))
    for suffix in ("vhdr", "vmrk", "eeg"):
        one, other = (tmp_path / name / f"x_eeg.{suffix}" for name in ("a", "b"))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, LONG - 1])
def test_a_bad_value_anywhere_is_refused(tmp_path, rng, bad, place):
    eeg = make_eeg(rng, 1.0)
    eeg.data[2, place] = bad
    with pytest.raises(StoreError, match="needs finite numbers"):
        write_brainvision(tmp_path / "x_eeg.vhdr", eeg)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sample", [-1, 9])
def test_a_marker_outside_the_eeg_is_refused(tmp_path, sample):
    eeg = Eeg(np.zeros((1, 9)), 250.0, Montage(("Cz",)))
    with pytest.raises(StoreError, match=rf"samples \[{sample}\] are outside the EEG.*0-8"):
        write_brainvision(tmp_path / "x_eeg.vhdr", eeg, markers=(Marker(sample, "Comment", "a"),))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [0, 10**9], ids=["packed", "float"])
def test_other_channels_come_after_the_eeg(tmp_path, rng, monkeypatch, limit):
    monkeypatch.setattr(brainvision, "_MAX_FLOAT_BYTES", limit)
    eeg, heart = make_eeg(rng, 300.0), make_eeg(rng, 4000.0).data[0]
    with_heart = dataclasses.replace(eeg, others=(OtherChannel("ECG", "ECG", heart),))
    write_brainvision(tmp_path / "x_eeg.vhdr", with_heart)
    read, _ = read_eeg(tmp_path / "x_eeg.vhdr", EegSidecars({}), others=True)
    assert read.all_names == ("Fp1", "Cz", "O2", "ECG")
    # half of a step of 0.2 uV, which the largest channel needs
    rows = np.vstack([read.data, read.others[0].data])
    assert_allclose(rows, np.vstack([eeg.data, heart]), atol=0.11e-6)


def test_a_bad_value_in_another_channel_is_refused(tmp_path, rng):
    eeg = make_eeg(rng, 1.0)
    heart = OtherChannel("ECG", "ECG", np.full(eeg.data.shape[1], np.nan))
    with pytest.raises(StoreError, match="needs finite numbers"):
        write_brainvision(tmp_path / "x.vhdr", dataclasses.replace(eeg, others=(heart,)))


@pytest.mark.parametrize("n_bytes", [100, 101, 0])
def test_a_file_that_was_cut_is_said_to_be_shorter_than_its_markers(tmp_path, rng, n_bytes):
    eeg = make_eeg(rng, 100.0, n_times=500)
    write_brainvision(tmp_path / "x_eeg.vhdr", eeg, markers=(Marker(450, "Comment", "end"),))
    samples = tmp_path / "x_eeg.eeg"
    samples.write_bytes(samples.read_bytes()[:n_bytes])
    with pytest.raises(StudyError, match=r"length: got .* samples of .*451 at least.*was cut"):
        read_eeg(tmp_path / "x_eeg.vhdr", EegSidecars({}))


def test_a_header_that_states_more_samples_than_there_are_is_refused(tmp_path, rng):
    write_brainvision(tmp_path / "x_eeg.vhdr", make_eeg(rng, 100.0, n_times=500))
    header = tmp_path / "x_eeg.vhdr"
    text = header.read_text(encoding="utf-8")
    header.write_text(text.replace("DataFormat=", "DataPoints=600\nDataFormat="), encoding="utf-8")
    with pytest.raises(StudyError, match=r"got 500 samples .* 600 at least"):
        read_eeg(header, EegSidecars({}))
