import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.preprocess.channel_places import sphere_centre
from neurotranscoder.preprocess.channels import (
    BadChannels,
    average_reference,
    find_bad_channels,
    interpolate_channels,
    is_bipolar,
)

SFREQ = 100.0
NAMES = ["Fp1", "Fp2", "F3", "F4", "C3", "Cz", "C4", "P3", "Pz", "P4", "O1", "O2", "T7", "T8"]


@pytest.fixture
def raw(rng):
    """Smooth potentials of three dipole-like patterns, 10 uV, and a little noise."""
    info = mne.create_info(NAMES, SFREQ, "eeg")
    info.set_montage("colin27_1020")
    places = np.array([one["loc"][:3] for one in info["chs"]])
    places /= np.linalg.norm(places, axis=1, keepdims=True)
    data = 1e-5 * places @ rng.standard_normal((3, 3000)) + 3e-6
    data += 1e-7 * rng.standard_normal((len(NAMES), 3000))
    return mne.io.RawArray(data, info, verbose="error")


def test_channels_are_bad_for_what_is_wrong_with_them(raw, rng):
    raw._data[0] = 2e-6
    raw._data[3] = np.clip(raw._data[3], -5e-6, 5e-6)
    raw._data[7] += 4e-4 * rng.standard_normal(3000)
    found = find_bad_channels(raw)
    assert (found.flat, found.saturated, found.noisy) == (("Fp1",), ("F4",), ("P3",))
    assert str(found) == "flat: Fp1; saturated: F4; noisy: P3"


def test_a_channel_that_comes_off_halfway_is_flat(raw):
    raw._data[2, 1500:] = 0.0
    assert find_bad_channels(raw).flat == ("F3",)


def test_good_channels_are_not_called_bad(raw):
    assert find_bad_channels(raw).names == ()
    assert str(find_bad_channels(raw)) == "no bad channels"


def test_interpolation_is_that_of_mne_and_comes_close_to_the_truth(raw):
    true = raw.get_data(["Cz"])
    raw._data[5] = 0.0
    repaired, bad = interpolate_channels(raw)
    expected = raw.copy()
    expected.info["bads"] = ["Cz"]
    expected.interpolate_bads(verbose="error")
    assert_array_equal(repaired.get_data(), expected.get_data())
    assert bad.names == ("Cz",)
    assert repaired.info["bads"] == []
    # 13 electrodes see three smooth patterns
    assert np.corrcoef(repaired.get_data(["Cz"]), true)[0, 1] > 0.9


def test_places_without_a_digitised_head_do_to_interpolate(raw):
    true, bare = raw.get_data(["Cz"]), raw.copy()
    bare.info.set_montage(None)
    for one, other in zip(bare.info["chs"], raw.info["chs"], strict=True):
        one["loc"][:3] = other["loc"][:3]
    repaired, _ = interpolate_channels(bare, BadChannels(noisy=("Cz",)))
    assert np.corrcoef(repaired.get_data(["Cz"]), true)[0, 1] > 0.9


def test_the_centre_of_electrodes_on_a_sphere_is_found(rng):
    around = rng.standard_normal((20, 3))
    places = 90 * around / np.linalg.norm(around, axis=1, keepdims=True) + [1.0, -2.0, 40.0]
    assert_allclose(sphere_centre(places), [1.0, -2.0, 40.0], atol=1e-9)


def test_channels_that_the_recording_names_are_interpolated_too(raw):
    raw.info["bads"] = ["O1"]
    _, bad = interpolate_channels(raw)
    assert bad.names == ("O1",)


def test_without_bad_channels_interpolation_is_refused(raw):
    with pytest.raises(CleaningError, match="no channel is bad"):
        interpolate_channels(raw)


def test_without_positions_interpolation_is_refused(raw):
    raw.set_montage(None)
    with pytest.raises(CleaningError, match=r"Cz are bad and electrode positions are unknown"):
        interpolate_channels(raw, BadChannels(noisy=("Cz",)))


def test_more_bad_channels_than_good_ones_are_refused(raw):
    with pytest.raises(CleaningError, match="8 of 14 channels are bad"):
        interpolate_channels(raw, BadChannels(noisy=tuple(NAMES[:8])))


def test_channels_have_an_average_of_zero_after_referencing_and_once_is_enough(raw):
    referenced, report = average_reference(raw)
    common = raw.get_data().mean(axis=0)
    assert_allclose(referenced.get_data(), raw.get_data() - common, atol=1e-18)
    assert_allclose(report.common_uv, 1e6 * np.std(common))
    with pytest.raises(CleaningError, match="reference was done on this recording before"):
        average_reference(referenced)
    referenced.info["description"] = None
    with pytest.raises(CleaningError, match="referenced to it already"):
        average_reference(referenced)


def test_bad_channels_do_not_enter_the_average(raw):
    raw.info["bads"] = ["Fp1"]
    raw._data[0] = 1.0
    referenced, report = average_reference(raw)
    assert report.n_channels == len(NAMES) - 1
    assert np.abs(referenced.get_data()[1:].mean(axis=0)).max() < 1e-15


@pytest.mark.parametrize("change", [average_reference, interpolate_channels])
def test_bipolar_pairs_are_never_re_referenced_or_interpolated(raw, change):
    raw._data[0] = 0.0
    pairs = raw.copy().rename_channels({name: f"{name}-A{i}" for i, name in enumerate(NAMES)})
    assert is_bipolar(pairs)
    assert not is_bipolar(raw)
    with pytest.raises(CleaningError, match="bipolar pairs, such as Fp1-A0: they are never"):
        change(pairs)
