import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import Clock
from neurotranscoder.preprocess.clean_facts import (
    RunFacts,
    average_blinks,
    median_spectrum,
    trigger_residuals,
)
from neurotranscoder.preprocess.ocular import OcularPart, OcularReport

SFREQ = 250.0


def facts(**changes):
    known = {
        "label": "sub-01",
        "lines": ["pulse removed"],
        "before": ([1.0, 2.0], [3.0, 4.0]),
        "after": ([1.0, 2.0], [0.3, 0.4]),
        "trigger_times": [0.0, 2.0],
        "residuals_ms": [0.1, -0.1],
    }
    return RunFacts(**known | changes)


def test_the_spectrum_of_white_noise_is_its_deviation_over_the_root_of_half_the_rate(rng):
    noise = 1e-5 * rng.standard_normal((9, 30_000))
    frequencies, density = median_spectrum(noise, SFREQ)
    expected = 10 / np.sqrt(SFREQ / 2)  # uV per root Hz
    # 15 segments and 9 channels: the median is 4 % low, and scatters by a tenth
    assert_allclose(np.median(density[:-1]), expected, rtol=0.1)
    assert frequencies[0] == pytest.approx(1 / 8)
    assert frequencies[-1] == SFREQ / 2


def test_a_wave_of_one_channel_does_not_show_in_the_median(rng):
    data = 1e-6 * rng.standard_normal((5, 20_000))
    data[0] += 1e-3 * np.sin(2 * np.pi * 20 * np.arange(20_000) / SFREQ)
    assert max(median_spectrum(data, SFREQ)[1]) < 1


def test_triggers_are_compared_with_the_volume_that_is_nearest():
    clock = Clock("measured", -3.0, 50.0)
    volumes = 2.0 * np.arange(5) + 1e-3 * np.array([0.0, 0.5, -0.5, 0.0, 1.0])
    times = (volumes + 3.0) / (1 + 50e-6)
    at, residuals = trigger_residuals(times, clock, 2.0)
    assert_allclose(at, times, rtol=1e-8)
    assert_allclose(residuals, [0, 0.5, -0.5, 0, 1.0], atol=1e-6)


def test_facts_come_back_from_json():
    back = RunFacts.of_json(json.loads(json.dumps(facts().to_json())))
    assert back == facts()


def ocular_report(kind):
    lags = np.arange(-125, 126) / SFREQ
    blink = 1e-4 * np.outer([1.0, -0.5], np.exp(-((lags / 0.1) ** 2)))
    part = OcularPart(kind, ("Fp1",), np.array([1.0]), 12.0, 0.6, 0.1, blink, 0.1 * blink)
    return OcularReport((part,), ("Fp1", "Cz"), np.array([0.5, 0.1]), lags)


def test_average_blinks_are_kept_in_uv_at_every_fortieth_of_a_second():
    lags, before, after = average_blinks([None, ocular_report("blinks")])
    assert_allclose(np.diff(lags), 6 / SFREQ, atol=1e-3)
    middle = int(np.argmax(before[0]))
    assert lags[middle] == pytest.approx(0, abs=0.02)
    assert_allclose([row[middle] for row in before], [100, -50], rtol=0.05)
    assert_allclose(after, 0.1 * np.array(before), rtol=1e-3)


@pytest.mark.parametrize("reports", [[], [None], [ocular_report("eye movements")]])
def test_without_blinks_there_is_no_average(reports):
    assert average_blinks(reports) == ([], [], [])


def test_a_record_of_something_else_is_refused():
    with pytest.raises(StoreError, match="need what `preprocess` writes"):
        RunFacts.of_json({"label": "sub-01"})
