import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import gamma

from neurotranscoder.analyse.crossed_responses import crossed_responses
from neurotranscoder.analyse.response_shapes import ResponseSettings, shapes_of
from neurotranscoder.analyse.responses import (
    basis_of,
    fit_responses,
    lag_statistics,
    region_responses,
    spline_basis,
)
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.response import Response
from neurotranscoder.signal.fir import apply_fir

RATE = 2.5
TIMES = np.arange(0, 24, 1 / RATE)
PEAKS = np.array([3.6, 4.4, 5.2, 6.0])
SETTINGS = ResponseSettings()


def response(peak, ratio=1 / 6):
    hrf = gamma.pdf(TIMES, peak + 1) - gamma.pdf(TIMES, 15) * ratio
    return hrf / hrf.sum() * RATE


SHARED = Response(TIMES, response(4.8))


def courses(rng, n_runs, *, noise=0.3, n_frames=500):
    """White sources of four regions, each through a response of its own."""
    runs = []
    for _ in range(n_runs):
        source = rng.standard_normal((4, n_frames))
        bold = np.stack(
            [
                apply_fir(row[np.newaxis], response(p) / RATE)[0]
                for row, p in zip(source, PEAKS, strict=True)
            ]
        )
        runs.append((source, bold + noise * bold.std() * rng.standard_normal(bold.shape)))
    return runs


def fitted(rng, n_training, **changes):
    basis = basis_of(SHARED, SETTINGS)
    known, unseen = (
        [lag_statistics(run, basis) for run in courses(rng, n, **changes)] for n in (n_training, 2)
    )
    groups = [[number] for number in range(n_training)]
    return region_responses(known, unseen, SHARED, groups, SETTINGS)


def test_regions_that_peak_at_different_times_are_told_apart(rng):
    found = fitted(rng, 6)
    true = [Response(TIMES, response(peak)).peak for peak in PEAKS]
    assert_allclose(found.peak.value, true, atol=0.15)
    inside = (found.peak.low - 0.1 <= true) & (true <= found.peak.high + 0.1)
    assert inside.all()
    for row, peak in zip(found.values.value, PEAKS, strict=True):
        assert np.corrcoef(row, response(peak))[0, 1] > 0.99
    assert np.all(found.explained > 0.8)


def test_more_runs_make_narrower_intervals(rng):
    few, many = (fitted(rng, n, noise=1.0).peak for n in (4, 16))
    # four times the data: half the width, and the t quantile falls from 3.2 to 2.1: a third
    assert np.mean(many.high - many.low) < 0.6 * np.mean(few.high - few.low)


def test_noise_alone_is_left_at_the_shared_response(rng):
    found = fitted(rng, 3, noise=30.0)
    assert found.shrinkage >= 100.0
    alike = [np.corrcoef(row, SHARED.values)[0, 1] for row in found.values.value if row.any()]
    assert np.all(np.array(alike) > 0.9)


def test_one_run_gives_responses_without_intervals(rng):
    found = fitted(rng, 1)
    assert np.isfinite(found.peak.value).all()
    assert np.isnan(found.peak.low).all()


def test_statistics_add_up_over_runs(rng):
    basis = basis_of(SHARED, SETTINGS)
    one, two = (lag_statistics(run, basis) for run in courses(rng, 2))
    for field in ("gram", "cross", "energy"):
        back = getattr(one + two - two, field)
        assert_allclose(back, getattr(one, field), rtol=1e-9, atol=1e-8)


def test_unexplained_share_is_that_of_the_residual(rng):
    basis = basis_of(SHARED, SETTINGS)
    source, bold = courses(rng, 1)[0]
    statistics = lag_statistics((source, bold), basis)
    weights = rng.standard_normal((4, basis.shape[1]))
    valid = slice(len(basis) - 1, None)
    fits = np.stack(
        [apply_fir(s[np.newaxis], basis @ w)[0] for s, w in zip(source, weights, strict=True)]
    )
    error, whole = (x[:, valid] - x[:, valid].mean(1, keepdims=True) for x in (bold - fits, bold))
    expected = np.sum(error**2, axis=1) / np.sum(whole**2, axis=1)
    assert_allclose(statistics.unexplained(weights), expected)


def test_infinite_shrinkage_is_the_shared_response_at_each_gain(rng):
    basis = basis_of(SHARED, SETTINGS)
    shared = np.linalg.lstsq(basis, SHARED.values, rcond=None)[0]
    source = rng.standard_normal((2, 600))
    bold = np.array([[2.0], [0.5]]) * apply_fir(source, basis @ shared)
    statistics = lag_statistics((source, bold), basis)
    found = fit_responses(statistics, shared, np.eye(len(shared)), 1e12)
    assert_allclose(found, np.array([[2.0], [0.5]]) * shared, rtol=1e-6, atol=1e-9)


def test_splines_hold_smooth_responses():
    basis = spline_basis(len(TIMES), RATE, 1.6)
    weights = np.linalg.lstsq(basis, response(5.0), rcond=None)[0]
    assert_allclose(basis @ weights, response(5.0), atol=0.01 * response(5.0).max())


def test_a_run_shorter_than_its_response_is_refused(rng):
    basis = basis_of(SHARED, SETTINGS)
    with pytest.raises(GridError, match="70 frames; responses of 60 frames"):
        lag_statistics(tuple(rng.standard_normal((2, 4, 70))), basis)


def test_shapes_are_those_of_the_closed_form():
    """-cos over a period of 16 s has its peak at 8 s and half of it 8/3 s to either side."""
    times = np.arange(0, 24, 0.25)
    wave = -np.cos(2 * np.pi * times / 16)
    wave[times > 12] *= 0.4  # lowest at 16 s: .4 of the peak
    peak, fwhm, depth, when = shapes_of(times, 3 * wave[np.newaxis], SETTINGS)[:, 0]
    # straight lines between samples .25 s apart
    assert_allclose([peak, fwhm, depth, when], [8, 16 / 3, 0.4, 16], atol=5e-3)


def test_a_response_that_stays_above_zero_has_no_undershoot():
    found = shapes_of(TIMES, gamma.pdf(TIMES, 6)[np.newaxis], SETTINGS)[:, 0]
    assert_allclose(found[2], 0)
    assert np.isnan(found[3])


def test_a_response_without_a_positive_peak_has_no_shape():
    assert np.isnan(shapes_of(TIMES, -gamma.pdf(TIMES, 6)[np.newaxis], SETTINGS)).all()


def test_undershoots_are_recovered(rng):
    found = fitted(rng, 12)
    true = shapes_of(TIMES, np.stack([response(peak) for peak in PEAKS]), SETTINGS)
    # noise of .3 sd over 6,000 frames is .02 of the peak at each lag; the trough is flat for 4 s
    assert_allclose(found.undershoot.value, true[2], atol=0.05)
    assert_allclose(found.undershoot_time.value, true[3], atol=2.0)


def test_crossed_runs_give_the_fit_of_all_runs_and_hold_the_truth(rng):
    basis = basis_of(SHARED, SETTINGS)
    parts = [lag_statistics(run, basis) for run in courses(rng, 6)]
    found = crossed_responses(parts, SHARED, SETTINGS)
    true = [Response(TIMES, response(peak)).peak for peak in PEAKS]
    assert_allclose(found.peak.value, true, atol=0.15)
    assert np.all((found.peak.low - 0.1 <= true) & (true <= found.peak.high + 0.1))
    # noise of .3 sd leaves 1 / 1.09 of held-out BOLD to be explained
    assert_allclose(found.explained, 1 / 1.09, atol=0.03)
    alone = crossed_responses(parts, SHARED, SETTINGS, with_intervals=False)
    assert_allclose(alone.peak.value, found.peak.value)
    assert np.isnan(alone.peak.low).all()
