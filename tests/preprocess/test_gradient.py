"""The gradient artefact goes, and the EEG stays."""

import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gradient_example import LEAD, N_SLICES, SFREQ, TR, clean, raw_example, scan_starts

INNER = slice(int((LEAD + 3 * TR) * SFREQ), int((LEAD + 11 * TR) * SFREQ))
TARGET = 2.7  # uV, residual at 1-40 Hz of the best method in the design document


@pytest.mark.parametrize("drift_ppm", [0.0, 15.0, -480.0])
def test_what_is_left_is_a_tenth_of_a_15_uv_eeg_edges_included(rng, drift_ppm):
    example = raw_example(rng, n_channels=2, drift_ppm=drift_ppm)
    found, report = clean(example)
    assert example.residual(example.dirty) > 20
    assert example.residual(found) < 1.5
    assert_allclose(report.drift_ppm, drift_ppm, atol=0.1)


def test_first_and_last_volume_are_as_clean_as_inner_ones(rng):
    example = raw_example(rng, n_channels=3)
    error = example.error(clean(example)[0])
    n = int(TR * SFREQ)
    first, last = (int(example.triggers[i] * SFREQ) for i in (0, -1))
    inner = np.sqrt(np.mean(error[:, INNER] ** 2))
    for start in (first, last):
        # an edge has one slice's ringing that no other slice shows; 2 channels x 1.3 s of it
        assert np.sqrt(np.mean(error[:, start - 500 : start + n + 500] ** 2)) < 2 * inner + 0.5


def test_it_leaves_less_than_the_template_subtraction_of_mne(rng):
    example = raw_example(rng, n_channels=2)
    raw = mne.io.RawArray(
        example.dirty, mne.create_info(2, SFREQ, "eeg", verbose="error"), verbose="error"
    )
    events = np.rint(example.triggers * SFREQ).astype(int)
    theirs = mne.preprocessing.remove_fmri_gradient_artifact(
        raw, events, window=(2, 2), tr_tol=2, verbose="error"
    ).get_data()
    ours, _ = clean(example)
    left = [np.sqrt(np.mean(example.error(one)[:, INNER] ** 2)) for one in (ours, theirs)]
    assert left[0] < TARGET < left[1]


def test_the_whole_first_and_last_window_are_corrected_where_mne_leaves_them(rng):
    example = raw_example(rng)
    raw = mne.io.RawArray(
        example.dirty, mne.create_info(1, SFREQ, "eeg", verbose="error"), verbose="error"
    )
    events = np.rint(example.triggers * SFREQ).astype(int)
    theirs = mne.preprocessing.remove_fmri_gradient_artifact(
        raw, events, window=(4, 4), tr_tol=2, verbose="error"
    ).get_data()
    n = int(3 * TR * SFREQ)
    first = int(example.triggers[0] * SFREQ)
    assert np.std(theirs[0, first : first + n]) > 1e-4  # V: the artefact itself
    assert np.std(clean(example)[0][0, first : first + n]) < 3e-5


def test_a_channel_without_artefact_is_changed_little(rng):
    example = raw_example(rng, n_channels=2)
    dirty = example.dirty.copy()
    dirty[1] = example.eeg[1]
    found, _ = clean(example, dirty=dirty)
    change = example.error(found)[1]
    assert np.std(change) < 0.1 * 15  # lines of 1 / window Hz are all that is touched


def test_slow_eeg_is_kept(rng):
    example = raw_example(rng)
    times = np.arange(example.eeg.shape[1]) / SFREQ
    slow = 1e-4 * np.sin(2 * np.pi * 0.05 * times)
    found, _ = clean(example, dirty=example.dirty + slow)
    plain, _ = clean(example)
    assert np.std(found - plain - slow) < 0.02 * np.std(slow)


def test_eeg_that_repeats_with_the_slices_is_lost_with_the_artefact(rng):
    # no method can tell it from artefact: said in the docs
    example = raw_example(rng, drift_ppm=0.0)
    times = np.arange(example.eeg.shape[1]) / SFREQ
    locked = 1e-5 * np.sin(2 * np.pi * N_SLICES / TR * (times - LEAD))
    found, _ = clean(example, dirty=example.dirty + locked)
    plain, _ = clean(example)
    assert_allclose((found - plain)[:, INNER], 0, atol=2e-6)


def test_twice_the_artefact_leaves_the_same_eeg(rng):
    example = raw_example(rng)
    artefact = example.dirty - example.eeg
    one, _ = clean(example)
    two, _ = clean(example, dirty=example.eeg + 2 * artefact)
    # the artefact is removed in proportion but for its own certainty; .3 uV are 1e-4 of it
    assert np.std(example.error(two) - example.error(one)) < 0.3


def test_doubled_units_give_doubled_eeg(rng):
    example = raw_example(rng)
    one, _ = clean(example)
    two, _ = clean(example, dirty=2 * example.dirty)
    assert_allclose(two, 2 * one, rtol=1e-6, atol=1e-12)


def test_an_artefact_that_follows_a_moving_head_goes_as_well(rng):
    n = 14 * N_SLICES
    path = np.cumsum(rng.standard_normal((3, n)), axis=1)
    gains = 1 + 0.2 * path / np.abs(path).max(axis=1, keepdims=True)  # each gradient its own way
    example = raw_example(rng, n_channels=2, gains=gains)
    without, _ = clean(example, max_components=0)
    found, report = clean(example)
    assert example.residual(found) < TARGET
    assert example.residual(found) < example.residual(without)
    assert report.n_components.min() >= 2  # three gradients, less the template's own amplitude
    assert report.amplitude_sd.min() > 1e-3


def test_the_amplitude_of_each_slice_is_fitted(rng):
    gains = np.tile(1 + 0.1 * rng.standard_normal(14 * N_SLICES), (3, 1))
    example = raw_example(rng, gains=gains)
    found, report = clean(example)
    assert example.residual(found) < TARGET
    # a tenth of a slice is the ringing of the one before; 266 draws have a standard error of 4 %
    assert_allclose(report.amplitude_sd, 0.09, rtol=0.2)


def test_slices_are_found_where_their_times_are_not_given(rng):
    example = raw_example(rng)
    found, report = clean(example)
    told, said = clean(example, slice_times=example.slice_times)
    assert report.n_slices == said.n_slices == N_SLICES
    assert_array_equal(found, told)


def test_slices_that_are_excited_together_count_once(rng):
    example = raw_example(rng)
    shuffled = rng.permutation(np.tile(example.slice_times, 3))
    found, report = clean(example, slice_times=shuffled)
    assert report.n_slices == N_SLICES
    assert_allclose(found, clean(example)[0], atol=1e-9)


def test_slice_times_that_a_sidecar_rounds_to_2_5_ms_do(rng):
    example = raw_example(rng)
    rounded = np.rint(example.slice_times / 2.5e-3) * 2.5e-3
    assert_allclose(clean(example, slice_times=rounded)[0], clean(example)[0], atol=1e-9)


def test_templates_of_volumes_serve_as_well(rng):
    example = raw_example(rng)
    found, report = clean(example, template="volume")
    assert report.n_slices == 1
    assert example.residual(found) < TARGET


def test_slices_at_unequal_times_fall_back_to_volumes_and_say_so(rng):
    example = raw_example(rng)
    _, report = clean(example, slice_times=np.sort(rng.uniform(0, 1.2, N_SLICES)))
    assert report.n_slices == 1
    assert "slices are not equally spaced: templates are those of volumes" in report.notes


def test_silence_at_the_end_of_each_volume_is_left_alone(rng):
    example = raw_example(rng, span=1.0)
    found, _ = clean(example, slice_times=example.slice_times)
    assert example.residual(found) < TARGET


def test_adaptive_cancelling_keeps_to_what_is_fast(rng):
    example = raw_example(rng)
    found, plain = clean(example, adaptive=True)[0], clean(example)[0]
    assert np.std(found - plain) > 0
    assert np.std(example.error(found) - example.error(plain)) < 0.05  # uV


def test_the_report_says_what_was_there_and_what_is_left(rng):
    example = raw_example(rng, n_channels=2)
    found, report = clean(example)
    inside = slice(int(example.triggers[0] * SFREQ), int((example.triggers[-1] + TR) * SFREQ))
    assert report.channels == ("E0", "E1")
    assert_allclose(report.rms_before, example.dirty[:, inside].std(axis=1), rtol=1e-3)
    assert_allclose(report.rms_after, found[:, inside].std(axis=1), rtol=1e-3)
    assert_allclose(report.lines.frequencies[0], N_SLICES / TR, rtol=1e-4)
    assert np.all(report.lines.before[:, 0] > 10 * report.lines.after[:, 0])
    assert np.all(report.lines.after[:, 0] < 3 * report.lines.beside[:, 0])
    assert report.n_excitations == 14 * N_SLICES
    assert f"14 volumes, 19 excitations each; drift {report.drift_ppm:.2f} ppm" in str(report)


def test_starts_are_found_between_samples(rng):
    example = raw_example(rng)
    _, report = clean(example)
    expected = scan_starts(14) / (1 + 15e-6) * SFREQ
    apart = report.starts - expected
    # a common offset cannot be seen: the phase of a template is nobody's
    assert_allclose(apart - apart.mean(), 0, atol=0.01)
    assert_allclose(report.shifts, report.starts - np.rint(report.starts))


def test_the_same_input_gives_the_same_bytes(rng):
    example = raw_example(rng)
    assert clean(example)[0].tobytes() == clean(example)[0].tobytes()
