"""Laws of the parts: raster, templates, residual."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.preprocess.gradient_anc import adaptive_part
from neurotranscoder.preprocess.gradient_grid import ScanGrid, WayBack
from neurotranscoder.preprocess.gradient_report import line_levels
from neurotranscoder.preprocess.gradient_residual import follow, remove_ringing, strengths
from neurotranscoder.preprocess.gradient_spans import SliceSpan, find_spans, spans_of
from neurotranscoder.preprocess.gradient_templates import (
    certainty,
    slice_templates,
    volume_templates,
    window_bounds,
    without_trend,
)

SFREQ = 5000.0


def make_grid(n_volumes=6, *, spacing=1000.3, first=37.21, n_slices=4, block=None):
    starts = first + spacing * np.arange(n_volumes)
    block = np.zeros(n_volumes, dtype=int) if block is None else np.asarray(block)
    return ScanGrid.of_rows(
        starts, block, spacing=spacing, slice_period=spacing / n_slices, n_slices=n_slices
    )


def wave(times):
    """A sum of waves up to 250 Hz; ``times`` in samples."""
    return sum(np.sin(2 * np.pi * f * times / SFREQ + f) for f in (3.0, 40.0, 171.0, 250.0))


def test_eeg_is_read_between_samples():
    grid = make_grid()
    where = grid.starts[:, np.newaxis] + grid.step * np.arange(grid.n_row)
    found = grid.sample(wave(np.arange(7000)))
    assert_allclose(found, wave(where), atol=2e-6)  # order 5: (250 / 5000)^6 times some


def test_rows_come_back_to_the_samples_that_they_came_from():
    grid = make_grid()
    series = wave(np.arange(7000))
    back = WayBack.of(grid, 7000).place_rows(grid.sample(series), 7000)
    inside = np.arange(7000)[60:-980]
    assert_allclose(back[inside], series[inside], atol=1e-4)
    assert_array_equal(back[:37], 0)
    assert_array_equal(back[int(np.ceil(grid.starts[-1] + 1000.3)) :], 0)


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.4999])
def test_a_sub_sample_shift_of_the_scan_changes_no_row(shift):
    one, other = make_grid(), make_grid(first=37.21 + shift)
    times = np.arange(7000)
    assert_allclose(other.sample(wave(times - shift)), one.sample(wave(times)), atol=4e-6)


def test_a_periodic_artefact_is_its_own_template(rng):
    grid = make_grid()
    cycle = rng.standard_normal(grid.n_phases)
    rows = np.tile(cycle - cycle.mean(), (6, 4))
    assert_allclose(slice_templates(rows, grid, 3), rows, atol=1e-12)


def test_what_does_not_repeat_has_little_template(rng):
    grid = make_grid(40)
    rows = rng.standard_normal((40, grid.n_row))
    shared = slice_templates(rows, grid, 25)
    assert_allclose(np.std(shared), 1 / np.sqrt(25 * 4), rtol=0.1)
    added = volume_templates(rows, grid, 25)
    assert np.std(added) < 0.1 / np.sqrt(25)  # a plain mean has 1 / sqrt(25)


def test_volumes_add_what_slices_do_not_share(rng):
    grid = make_grid(30)
    own = rng.standard_normal(grid.n_row)
    own -= own.mean()
    found = volume_templates(own + 0.1 * rng.standard_normal((30, grid.n_row)), grid, 25)
    assert_allclose(found, np.tile(own, (30, 1)), atol=6 * 0.1 / np.sqrt(25) + 0.05)


def test_templates_are_linear_in_what_repeats(rng):
    grid = make_grid()
    rows = rng.standard_normal((2, 6, grid.n_row))
    both = slice_templates(rows[0] + 3 * rows[1], grid, 4)
    parts = [slice_templates(one, grid, 4) for one in rows]
    assert_allclose(both, parts[0] + 3 * parts[1], atol=1e-12)


def test_absent_slices_are_in_no_template(rng):
    grid = make_grid()
    grid.present[2, 1:] = False
    rows = np.tile(rng.standard_normal(grid.n_phases), (6, 4))
    broken = rows.copy()
    grid.slices(broken)[2, 1:] = 1e3
    assert_allclose(slice_templates(broken, grid, 6), slice_templates(rows, grid, 6), atol=1e-9)


def test_windows_keep_their_length_at_the_ends_and_within_blocks():
    grid = make_grid(12, block=[0] * 8 + [1] * 4)
    low, high = window_bounds(grid, 4)
    assert_array_equal(high - low, 4)
    assert_array_equal(low[:8], [0, 0, 0, 1, 2, 3, 4, 4])
    assert_array_equal(low[8:], 8)


def test_a_block_shorter_than_the_window_looks_beyond_it():
    low, high = window_bounds(make_grid(12, block=[0] * 8 + [1] * 4), 6)
    assert_array_equal(high - low, 6)
    assert_array_equal(low[8:], [5, 6, 6, 6])


def test_the_trend_has_nothing_of_what_repeats_with_the_volume(rng):
    grid = make_grid(8)
    row = rng.standard_normal(grid.n_row)
    rows = np.tile(row - row.mean(), (8, 1))
    ramp = np.arange(rows.size).reshape(rows.shape) * 1e-3
    inner = slice(2, -2)
    assert_allclose(without_trend(rows + ramp, grid)[inner], rows[inner], atol=1e-9)


def test_certainty_is_none_for_noise_and_full_for_a_clear_line():
    power, variance = np.array([[0.0, 1.0, 12.0, 1e9]]), np.array([1.0, 1.0, 1.0, 1.0])
    assert_allclose(certainty(power, variance), [[0, 0, 0.5, 1]], atol=1e-8)


def test_strengths_are_read_off_and_noise_has_none(rng):
    template, other = rng.standard_normal((2, 60))
    other -= template * (template @ other) / (template @ template)
    slow = np.sin(np.arange(400) / 40)
    amplitude = 0.1 * rng.standard_normal(400)
    noise = rng.standard_normal((400, 60))
    slices = 20 * np.outer(amplitude, template) + np.outer(slow, other) + noise
    found, scores = strengths(slices, 20 * template, most=6, memory=8)
    assert np.corrcoef(found, amplitude)[0, 1] > 0.99
    assert scores.shape[1] == 1
    assert abs(np.corrcoef(scores[:, 0], slow)[0, 1]) > 0.95
    assert strengths(noise, template, most=6, memory=8)[1].shape[1] == 0


def test_what_follows_strengths_is_found_at_any_frequency_but_zero(rng):
    known = rng.standard_normal((500, 2))
    patterns = rng.standard_normal((2, 40))
    spectra = np.fft.rfft(known @ patterns, axis=1)
    expected = spectra.copy()
    expected[:, 0] = 0
    assert_allclose(follow(spectra, known), expected, atol=1e-9)


def test_regression_is_the_same_for_strengths_that_say_the_same(rng):
    known = rng.standard_normal((200, 2))
    spectra = np.fft.rfft(rng.standard_normal((200, 16)) + known[:, :1], axis=1)
    doubled = np.column_stack([known, known[:, 0] - 2 * known[:, 1]])
    assert_allclose(follow(spectra, doubled), follow(spectra, known), atol=1e-9)


def test_ringing_after_the_end_also_lacks_at_the_begin():
    ringing = 50 * np.exp(-np.arange(150) / 10)
    channel = 0.01 * np.arange(4000.0)  # slow EEG
    straight = channel.copy()
    channel[1000:1150] -= ringing
    channel[3000:3150] += ringing
    remove_ringing(channel, np.array([999.4]), np.array([2999.2]), SFREQ)
    assert_allclose(channel, straight, atol=0.05 * 50)  # faded out over 30 ms


def test_adaptive_filter_learns_a_delayed_artefact_and_keeps_slow_waves(rng):
    artefact = np.tile(rng.standard_normal(250), 120)
    slow = 5 * np.sin(2 * np.pi * 10 * np.arange(30_000) / SFREQ)
    left = 0.1 * np.roll(artefact, 3)
    found = adaptive_part(slow + left, artefact, SFREQ, 250)
    late = slice(20_000, 29_000)
    assert np.std((left - found)[late]) < 0.5 * np.std(left[late])
    assert np.abs(np.fft.rfft(found)[:100]).max() < 1e-2 * np.abs(np.fft.rfft(slow)).max()


def test_level_of_a_line_is_its_rms():
    times = np.arange(50_000) / SFREQ
    at, beside = line_levels(3 * np.sin(2 * np.pi * 20 * times), np.array([20.0, 40.0]), SFREQ)
    assert_allclose(at, [3 / np.sqrt(2), 0], atol=1e-9)
    assert_allclose(beside, 0, atol=1e-9)


def test_slice_times_say_how_many_excitations_and_how_far_apart():
    times = np.array([0.0, 0.5, 0.25, 0.75])
    assert spans_of(times, 1.0) == SliceSpan(4, 0.25)
    assert spans_of(np.tile(times, 2), 1.0) == SliceSpan(4, 0.25)
    assert spans_of(np.full(30, 0.4), 1.0) == SliceSpan(1, 1.0, 0.4)
    with_gap = spans_of(0.5 * times, 1.0)
    assert with_gap is not None
    assert_allclose([with_gap.n_slices, with_gap.period], [4, 0.125])
    assert spans_of(np.array([0.0, 0.1, 0.5]), 1.0) is None


@pytest.mark.parametrize("n_slices", [1, 7, 20])
def test_equal_slices_are_counted(rng, n_slices):
    cycle = rng.standard_normal(1400 // n_slices)
    rows = np.tile(cycle, (5, n_slices)) + 0.1 * rng.standard_normal((5, n_slices * len(cycle)))
    assert find_spans(rows, 0.28).n_slices == n_slices


def test_slices_that_leave_silence_are_not_counted(rng):
    rows = np.tile(rng.standard_normal(100), (5, 14))
    rows[:, 1000:] = 0
    assert find_spans(rows, 0.28).n_slices == 1
