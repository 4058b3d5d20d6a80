from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import gamma

from neurotranscoder.analyse.crossed_responses import Crossed, instrumented_curves
from neurotranscoder.analyse.instruments import InstrumentStatistics
from neurotranscoder.analyse.joined_responses import instrument_share, joined_responses
from neurotranscoder.analyse.response_shapes import ResponseSettings, shapes_of
from neurotranscoder.analyse.responses import LagStatistics, basis_of, fit_responses, weights_of
from neurotranscoder.core.response import Response
from neurotranscoder.signal.fir import apply_fir

RATE, SETTINGS = 2.0, ResponseSettings()
TIMES = np.arange(48) / RATE
SHARED = Response(TIMES, gamma.pdf(TIMES, 6))
SHIFTS = range(-36, 17)


def crossed(peaks, jitter, rng):
    """Curves of regions with some peaks, and four without a run that scatter around them."""

    def curves(by):
        return np.stack(
            [gamma.pdf(TIMES, peak + 1 + d) for peak, d in zip(peaks, by, strict=True)]
        )

    without = tuple(curves(jitter * rng.standard_normal(len(peaks))) for _ in range(4))
    nothing = np.zeros((len(peaks), 2)), np.ones(len(peaks))
    return Crossed(nothing[0], curves(np.zeros(len(peaks))), without, nothing[1], 1.0)


@pytest.fixture
def noisy_run(rng):
    """Filtered noisy source, other voxels' BOLD at shifts, and BOLD, of one region."""
    source, noise = rng.standard_normal((2, 1, 40_000))
    noise -= apply_fir(noise, np.ones(10) / 10, first_lag=-5)  # nothing slow is in it
    clean = apply_fir(source, gamma.pdf(TIMES, 6))
    bold, others = (clean + 0.1 * rng.standard_normal(clean.shape) for _ in range(2))
    part = slice(100, -100)
    basis = basis_of(SHARED, SETTINGS)
    seen = np.stack([apply_fir(source + 1.5 * noise, column)[0, part] for column in basis.T])
    shifted = np.stack([np.roll(others[0], -shift)[part] for shift in SHIFTS])
    return seen, shifted, bold[0, part]


def test_instruments_do_not_bend_a_response_where_noise_is_fast(noisy_run):
    seen, shifted, bold = noisy_run
    energy = np.array([bold @ bold])
    direct = LagStatistics((seen @ seen.T)[None], (seen @ bold)[None], energy)
    through = InstrumentStatistics(
        (shifted @ shifted.T)[None],
        (shifted @ seen.T)[None],
        (shifted @ bold)[None],
        energy,
        40_000,
    )
    true = shapes_of(TIMES, SHARED.values[np.newaxis], SETTINGS)[1, 0]
    basis = basis_of(SHARED, SETTINGS)
    bent = fit_responses(direct, weights_of(SHARED, basis), np.eye(basis.shape[1]), 0.0) @ basis.T
    assert shapes_of(TIMES, bent, SETTINGS)[1, 0] > true + 0.3
    found = instrumented_curves([through, through], SHARED, SETTINGS)
    assert_allclose(shapes_of(TIMES, found.curves, SETTINGS)[1, 0], true, atol=0.15)


def test_instruments_count_where_they_differ_by_more_than_chance(rng):
    peaks = np.linspace(4, 7, 12)
    direct = crossed(peaks, 0.1, rng)
    assert instrument_share(TIMES, direct, direct, SETTINGS) == 0
    assert instrument_share(TIMES, direct, None, SETTINGS) == 0
    # later by 1 s, where leaving runs out moves either by about .1 s
    assert instrument_share(TIMES, direct, crossed(peaks + 1, 0.1, rng), SETTINGS) > 0.9


def test_intervals_hold_both_readings(rng):
    direct, other = crossed([4.0, 5.0], 0.01, rng), crossed([5.0, 6.0], 0.01, rng)
    found = joined_responses(TIMES, direct, other, 0.5, SETTINGS)
    for reading in (direct, other):
        peak = shapes_of(TIMES, reading.curves, SETTINGS)[0]
        assert np.all((found.peak.low <= peak) & (peak <= found.peak.high))
    alone = joined_responses(TIMES, direct, None, 0.0, SETTINGS)
    assert np.all(alone.peak.high - alone.peak.low < found.peak.high - found.peak.low)
    assert_allclose(alone.values.value, direct.curves)


def test_a_region_without_instruments_keeps_its_regression(rng):
    direct, other = crossed([4.0, 5.0], 0.01, rng), crossed([5.0, 6.0], 0.01, rng)
    empty = np.array([[1.0], [0.0]])
    other = replace(
        other, curves=empty * other.curves, without=tuple(empty * one for one in other.without)
    )
    found = joined_responses(TIMES, direct, other, 0.5, SETTINGS)
    assert_allclose(found.values.value[1], direct.curves[1])
    assert found.peak.value[0] > shapes_of(TIMES, direct.curves, SETTINGS)[0, 0] + 0.2
