import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.passband import Passband
from neurotranscoder.core.recording import Eeg
from neurotranscoder.io.brainvision import write_brainvision
from neurotranscoder.io.eeg import eeg_from_raw, raw_from_eeg, read_eeg
from neurotranscoder.io.electrodes import EegSidecars
from neurotranscoder.io.filters import described_filters, passband_of

PLACES = np.array([0.005, 0.1, 10.0, 100.0])


@pytest.fixture
def raw(rng):
    info = mne.create_info(["Fp1", "Cz"], 250.0, "eeg")
    return mne.io.RawArray(1e-5 * rng.standard_normal((2, 2500)), info, verbose="error")


def test_without_any_word_of_filters_nothing_is_known(raw):
    assert passband_of(raw, {"SoftwareFilters": "n/a"}) is None


@pytest.mark.parametrize(
    "metadata",
    [
        {"SoftwareFilters": {"high-pass": {"cutoff": 0.1}}},
        {"HardwareFilters": {"Highpass RC filter": {"Half amplitude cutoff (Hz)": 0.1}}},
        {"SoftwareFilters": {"LowCutoff": "0.1 Hz"}},
        {"SoftwareFilters": {"described": {"filters": "0.1-125 Hz"}}},
    ],
    ids=["BIDS", "RC filter", "text", "ours"],
)
def test_a_high_pass_of_the_sidecar_is_read_in_its_usual_spellings(raw, metadata):
    found = passband_of(raw, metadata)
    assert found.source == "stated"
    assert_allclose(found.at(PLACES), Passband.of_cutoffs(0.1, np.inf).at(PLACES), rtol=1e-3)


def test_the_narrowest_of_header_and_sidecar_counts(raw):
    with raw.info._unlock():
        raw.info["highpass"], raw.info["lowpass"] = 0.5, 70.0
    metadata = {
        "SoftwareFilters": {"High pass": {"cutoff": 0.1}},
        "HardwareFilters": {"Anti-aliasing filter": {"half-amplitude cutoff (Hz)": 40}},
    }
    found = passband_of(raw, metadata)
    assert_allclose(found.at(PLACES), Passband.of_cutoffs(0.5, 40.0).at(PLACES), rtol=1e-3)


def test_a_measured_gain_survives_a_sidecar_and_a_recording_in_memory(tmp_path, rng):
    measured = Passband(np.array([0.0, 0.02, 0.03, 125.0]), np.array([0.0, 0.1, 1.0, 1.0]))
    data = 1e-5 * rng.standard_normal((1, 500))
    eeg = Eeg(data, 250.0, Montage(("Cz",)), "two steps", passband=measured)
    write_brainvision(tmp_path / "x_eeg.vhdr", eeg)
    sidecar = EegSidecars({"SoftwareFilters": described_filters(eeg)})
    read, _ = read_eeg(tmp_path / "x_eeg.vhdr", sidecar)
    for found in (read, eeg_from_raw(raw_from_eeg(eeg))):
        assert found.passband.source == "measured"
        assert_allclose(found.passband.at(PLACES), measured.at(PLACES), rtol=1e-5)


@pytest.mark.parametrize("filtering", ["0.1-125 Hz", "header: high-pass .01 Hz; notch at 50 Hz"])
def test_words_about_filters_are_the_same_after_two_writings(tmp_path, rng, filtering):
    eeg = Eeg(1e-5 * rng.standard_normal((1, 500)), 250.0, Montage(("Cz",)), filtering)
    for number in range(2):
        path = tmp_path / f"{number}_eeg.vhdr"
        write_brainvision(path, eeg)
        eeg, _ = read_eeg(path, EegSidecars({"SoftwareFilters": described_filters(eeg)}))
    assert eeg.filtering == filtering
