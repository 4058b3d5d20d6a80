import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import CleaningError, GridError
from neurotranscoder.preprocess.history import steps_done
from neurotranscoder.preprocess.ocular import remove_ocular
from neurotranscoder.preprocess.ocular_found import OcularSettings
from ocular_eeg import NAMES, SFREQ, band_uv, eyes_example, recording, with_eog


@pytest.fixture(scope="module")
def example():
    return eyes_example()


@pytest.fixture(scope="module")
def cleaned(example):
    return remove_ocular(example.raw)


@pytest.fixture(scope="module")
def turning():
    return eyes_example(sideways_uv=50.0)


def left(cleaned, example):
    """What is left of the eyes or lost of the brain, in V."""
    found = cleaned.get_data(list(NAMES)) - example.brain
    return found - found.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("band", [(1.0, 40.0), (0.05, 1.0)])
def test_blinks_go_from_fast_and_slow_eeg(example, cleaned, band):
    # the Wiener filter leaves the brain that it takes for blinks: measured 1/9 here
    assert band_uv(left(cleaned[0], example), *band) < 0.2 * band_uv(example.eyes, *band)


def test_movements_to_the_sides_go_with_the_gaze_that_is_held(turning):
    cleaned, report = remove_ocular(turning.raw)
    assert [part.kind for part in report.parts] == ["blinks", "eye movements"]
    for band in ((1.0, 40.0), (0.05, 1.0)):
        assert band_uv(left(cleaned, turning), *band) < 0.25 * band_uv(turning.eyes, *band)


def test_movements_go_where_nobody_blinks():
    still = eyes_example(blink_uv=0.0, sideways_uv=50.0)
    cleaned, report = remove_ocular(still.raw)
    assert report.part("blinks") is None
    assert band_uv(left(cleaned, still)) < 0.25 * band_uv(still.eyes)


@pytest.mark.parametrize(("n_times", "sfreq"), [(1, 100.0), (15, 100.0), (9000, 2.0)])
def test_recordings_that_cannot_be_filtered_to_the_band_of_eyes_are_refused(
    example, n_times, sfreq
):
    raw = recording(example.raw.get_data()[:, :n_times])
    with raw.info._unlock():
        raw.info["sfreq"] = sfreq
    words = rf"has {n_times} samples at {sfreq:g} Hz; eyes are seen .* needs 16 samples at more"
    with pytest.raises(CleaningError, match=words):
        remove_ocular(raw)


def test_sixteen_samples_are_looked_at(example):
    with pytest.raises(CleaningError, match="no blinks were found"):
        remove_ocular(recording(example.raw.get_data()[:, :16]))


def test_slow_activity_of_the_brain_is_kept(example, cleaned):
    """The same weights remove a slow wave from wherever it is not like the eyes."""
    wave = 2e-5 * np.sin(2 * np.pi * 0.03 * np.arange(len(example.brain[0])) / SFREQ)
    more = example.raw.copy()
    more._data[12:15] += wave  # P3, P4, Pz
    kept = remove_ocular(more)[0].get_data() - cleaned[0].get_data()
    share = (kept[12:15] @ wave) / (wave @ wave)
    assert_allclose(share, 1.0, atol=0.02)  # blinks are fitted anew


def test_blinks_are_found_when_they_are(example, cleaned):
    blinks = cleaned[1].part("blinks")
    assert_allclose(blinks.times, example.times, atol=0.05)  # the band has other peaks
    assert blinks.per_minute == pytest.approx(60 * len(example.times) / 90)


def test_what_blinks_add_has_one_pattern_in_space(example, cleaned):
    gone = example.raw.get_data() - cleaned[0].get_data()
    assert np.linalg.matrix_rank(gone, tol=1e-9) == 1


def test_a_recording_in_other_units_is_cleaned_alike(example, cleaned):
    larger = recording(1e3 * example.raw.get_data())
    assert_allclose(remove_ocular(larger)[0].get_data(), 1e3 * cleaned[0].get_data(), atol=1e-10)


def test_the_report_holds_the_variance_that_is_gone(example, cleaned):
    before, after = (np.var(raw.get_data(), axis=1) for raw in (example.raw, cleaned[0]))
    assert_allclose(cleaned[1].removed, 1 - after / before, rtol=1e-9)
    assert NAMES[np.argmax(cleaned[1].removed)] in ("Fp1", "Fp2")


def test_the_report_says_what_was_removed(cleaned):
    said = str(cleaned[1])
    assert "blinks (19 a minute, seen in Fp1, Fp2; correlation with the EEG" in said
    assert "% of the variance of a typical channel" in said


def test_the_eeg_follows_the_eyes_less_than_before(cleaned):
    blinks = cleaned[1].part("blinks")
    assert blinks.correlation_before > 0.5
    assert blinks.correlation_after < 0.5 * blinks.correlation_before


def test_the_average_blink_is_gone_from_every_channel(cleaned):
    blinks, lags = cleaned[1].part("blinks"), cleaned[1].lags
    assert blinks.average_before.shape == blinks.average_after.shape == (len(NAMES), len(lags))
    assert lags[np.argmax(np.abs(blinks.average_before[0]))] == pytest.approx(0, abs=0.03)
    assert 8e-5 < np.max(np.abs(blinks.average_before[0])) < 1.3e-4
    # 27 blinks: the brain is averaged down from 10 uV to 2, and swings to a few times that
    assert np.max(np.abs(blinks.average_after)) < 1e-5


def test_the_recording_its_bad_and_its_other_channels_stay_as_they_are(turning):
    raw = with_eog(turning)
    raw.info["bads"] = ["Cz"]
    before = raw.get_data()
    cleaned, report = remove_ocular(raw)
    assert_array_equal(raw.get_data(), before)
    kept = ["Cz", "VEOG", "HEOG"]
    assert_array_equal(cleaned.get_data(kept), raw.get_data(kept))
    assert "Cz" not in report.channels


def test_blinks_are_found_in_eog_channels_where_no_channel_is_frontal(turning):
    raw = with_eog(turning).drop_channels(["Fp1", "Fp2", "F7", "F8"])
    _, report = remove_ocular(raw)
    assert [part.seen_in for part in report.parts] == [("VEOG",), ("HEOG",)]


def test_noise_that_is_stronger_than_blinks_is_not_taken_for_them(example, rng):
    """A cable that is pulled now and then has its pattern elsewhere."""
    raw = example.raw.copy()
    for start in np.arange(500, len(raw.times) - 100, 700):
        raw._data[[0, 1, 9, 12, 15], start : start + 60] += 2e-4 * np.hanning(60)
    cleaned, _ = remove_ocular(raw)
    gone = raw.get_data() - cleaned.get_data()
    assert np.std(gone[15]) < 0.2 * np.std(gone[0])


def test_pairs_are_cleaned_as_other_channels(example):
    names = ("Fp1-F3", "F3-C3", "C3-P3", "P3-O1", "Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "Cz-Pz")
    ends = [[NAMES.index(end) for end in name.split("-")] for name in names]
    pairs = {part: np.array([one[a] - one[b] for a, b in ends])
             for part, one in (("brain", example.brain), ("eyes", example.eyes))}  # fmt: skip
    cleaned, _ = remove_ocular(recording(pairs["brain"] + pairs["eyes"], names))
    off = cleaned.get_data() - pairs["brain"]
    assert band_uv(off) < 0.4 * band_uv(pairs["eyes"])


def test_eog_that_sees_the_brain_alone_is_not_taken_for_eyes():
    still = eyes_example(blink_uv=0.0)
    with pytest.raises(CleaningError, match=r"no blinks were found in VEOG.*found in HEOG"):
        remove_ocular(with_eog(still))


@pytest.mark.parametrize("seed", range(3))
def test_eeg_without_blinks_is_refused(seed):
    still = eyes_example(blink_uv=0.0, seed=seed)
    with pytest.raises(CleaningError, match=r"no blinks were found in Fp1, Fp2.*no eye movements"):
        remove_ocular(still.raw)


def test_peaks_that_leave_no_rest_are_refused(example):
    """Such as a pulse that is still there."""
    restless = recording(example.brain)
    for start in range(0, len(restless.times) - 8, 50):
        restless._data[:2, start : start + 8] += 2e-4 * np.hanning(8)
    with pytest.raises(CleaningError, match="take 100 % of the time; need 20 % without them"):
        remove_ocular(restless)


def test_eyes_are_removed_once(example, cleaned):
    assert steps_done(cleaned[0])["ocular"] == "blinks"
    with pytest.raises(CleaningError, match="ocular was done on this recording before"):
        remove_ocular(cleaned[0])


def test_without_its_note_a_cleaned_recording_is_refused_for_what_it_holds(cleaned):
    raw = cleaned[0].copy()
    raw.info["description"] = None
    with pytest.raises(CleaningError, match="no blinks were found"):
        remove_ocular(raw)


def test_fewer_events_than_asked_for_are_refused(example):
    with pytest.raises(CleaningError, match="peaks stand out; need 60"):
        remove_ocular(example.raw, settings=OcularSettings(least_events=60))


def test_a_flat_channel_stays_flat_and_counts_for_nothing(example, cleaned):
    data = example.raw.get_data()
    data[NAMES.index("Pz")] = 0
    found, report = remove_ocular(recording(data))
    assert not found.get_data(["Pz"]).any()
    assert report.removed[NAMES.index("Pz")] == 0
    known = cleaned[1].part("blinks").correlation_before
    # the median of 16 channels beside that of 17
    assert_allclose(report.part("blinks").correlation_before, known, atol=0.1)


def test_samples_that_are_not_finite_are_refused(example):
    data = example.raw.get_data()
    data[3, 50] = np.nan
    with pytest.raises(GridError, match="1 samples that are not finite"):
        remove_ocular(recording(data))


def test_too_few_channels_are_refused(example):
    few = example.raw.copy().pick(["Fp1", "Fp2", "Cz"])
    with pytest.raises(CleaningError, match="need 4 good EEG channels, got 3"):
        remove_ocular(few)


def test_annotations_and_positions_are_kept(example):
    raw = example.raw.copy()
    raw.set_annotations(mne.Annotations([1.0], [0.0], ["odd"]), verbose="error")
    cleaned, _ = remove_ocular(raw)
    assert cleaned.annotations == raw.annotations
