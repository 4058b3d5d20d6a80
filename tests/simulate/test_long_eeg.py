import dataclasses
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.recording import Clock
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.eeg import eeg_signal, long_eeg_signal
from neurotranscoder.simulate.run import simulate_run, simulate_run_of


@pytest.fixture(scope="module", params=[(0.01, 0.2), (1.0, 30.0)], ids=["slow", "fast"])
def sources(request, tiny, tiny_head):
    scenario = tiny.model_copy(update={"rhythm_band": request.param, "duration": 30.0})
    return simulate_run(scenario, tiny_head, 0, 0).sources


def times_at(rate, *, start=-4.3, seconds=40.0, drift_ppm=200.0):
    return Clock("measured", start, drift_ppm).scanner_times(int(rate * seconds) + 3, rate)


def both(sources, cohort, times):
    arguments = (sources, cohort.template.leadfield, evoked_kernel(), times)
    moment = cohort.levels.moment
    return long_eeg_signal(*arguments, moment=moment), eeg_signal(*arguments, moment=moment)


@pytest.mark.parametrize("rate", [600.0, 1000.0, 5000.0])
@pytest.mark.parametrize("left_out", ["nothing", "amplitude", "waves"])
def test_long_eeg_is_the_exact_one_on_a_clock_that_drifts(sources, tiny_cohort, rate, left_out):
    if left_out != "nothing":
        nothing = np.zeros_like(getattr(sources, left_out))
        sources = dataclasses.replace(sources, **{left_out: nothing})
    fast, exact = both(sources, tiny_cohort, times_at(rate))
    assert fast.dtype == np.float32
    # the table of d errs by 7e-7, interpolated waves by 7e-7, single precision by 6e-8 a term
    assert_allclose(fast, exact, atol=2e-6 * np.abs(exact).max())


def test_impulses_that_reach_over_the_ends_count(sources, tiny_cohort):
    first = np.sort(sources.time)[3] + 0.1  # within the response to it
    fast, exact = both(sources, tiny_cohort, times_at(2000.0, start=first, seconds=3.0))
    assert_allclose(fast, exact, atol=2e-6 * np.abs(exact).max())


def test_long_eeg_takes_little_more_memory_than_it_fills(sources, tiny_cohort):
    times, kernel = times_at(5000.0, seconds=120.0), evoked_kernel()
    arguments = sources, tiny_cohort.template.leadfield, kernel, times
    tracemalloc.start()
    eeg = long_eeg_signal(*arguments, moment=1.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * eeg.nbytes


@pytest.mark.parametrize(("rate", "dtype"), [(500.0, np.float64), (501.0, np.float32)])
def test_eeg_of_a_run_is_exact_up_to_500_hz(noise_free, tiny_head, rate, dtype):
    scenario = noise_free.model_copy(update={"eeg_rate": rate, "duration": 20.0})
    cohort = make_cohort(scenario, tiny_head)
    run = simulate_run_of(cohort, 0, 0)
    eeg = run.recording.eeg
    times = run.recording.clock.scanner_times(eeg.data.shape[1], rate)
    fast, exact = both(run.sources, cohort, times)
    assert eeg.data.dtype == dtype
    assert_array_equal(eeg.data, exact if dtype == np.float64 else fast)


def test_white_noise_at_a_ratio_is_the_same_share_at_high_rates(noise_free, tiny_head):
    clean = noise_free.model_copy(update={"eeg_rate": 1000.0, "duration": 20.0})
    noisy = clean.model_copy(update={"eeg_snr_db": 10.0})
    signal, both_of = (simulate_run(s, tiny_head, 0, 0).recording.eeg.data for s in (clean, noisy))
    assert both_of.dtype == np.float32  # no copy in double precision
    noise = both_of.astype(float) - signal
    ratio = np.var(signal, axis=1, dtype=float).mean() / np.var(noise, axis=1).mean()
    assert_allclose(ratio, 10.0, rtol=4 * np.sqrt(2 / noise.size))
    # single precision of numbers up to 1e-4 V rounds by 4e-12
    assert_allclose(noise.mean(axis=0), 0, atol=1e-11)
