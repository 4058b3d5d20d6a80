from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from scipy.signal import periodogram

from neurotranscoder.physics.anatomy import region_mask
from neurotranscoder.physics.balloon_linear import linear_response
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.hrf import hrf_kernel
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.coupling import Coupling, Envelope, RhythmBand, power_spectrum
from neurotranscoder.simulate.draw import draw_events, draw_sources
from neurotranscoder.simulate.hemodynamics import follow
from neurotranscoder.simulate.levels import mean_square_rate
from neurotranscoder.simulate.regions import RegionSettings
from neurotranscoder.simulate.rhythms import draw_banded, power_frequencies, rhythm_frequencies
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.waves import sum_of_waves

DURATION = 300.0
FEW = RegionSettings(n_evoked=8, n_oscillatory=4, n_motor=1)


def cohort_of_power(tiny_head, **changes):
    few = {"n_subjects": 1, "runs_per_subject": 2, "duration": DURATION, "regions": FEW}
    return make_cohort(named_scenario("power", preset="tiny", **(few | changes)), tiny_head)


def drawn(bands, envelope, rng):
    rhythms, powers = draw_banded(bands, envelope, DURATION, rng)
    times = np.arange(0, DURATION + 100.0, 1 / 200)  # one period
    course = sum_of_waves(rhythms.waves, rhythms.frequencies, times)
    power = sum_of_waves(powers.waves, powers.frequencies, times) if envelope else None
    return times, course, power


def test_rhythms_lie_in_their_bands_with_unit_variance(rng):
    bands = [(8.0, 12.0), (4.0, 7.0)] * 20
    times, course, _ = drawn(bands, None, rng)
    assert_allclose(np.mean(course**2), 1.0, rtol=4 * np.sqrt(2 / (40 * 2 * 3 * 400)))
    frequencies, power = periodogram(course, 1 / (times[1] - times[0]), axis=1)
    for row, (low, high) in enumerate(bands):
        inside = (frequencies >= low - 0.01) & (frequencies <= high + 0.01)
        assert power[row, ~inside].sum() < 1e-6 * power[row].sum()


def test_rhythm_is_its_carrier_times_an_envelope_whose_power_is_handed_out(rng):
    _, course, power = drawn([(8.0, 12.0)] * 6, Envelope(log_sd=0.4), rng)
    # the local mean square over 4 s of a rhythm follows A^2: the rest is chance of the carrier
    window = np.ones(800) / 800
    for one, its_power in zip(course, power, strict=True):
        local = np.convolve(one**2, window, "same")
        wide = np.convolve(its_power, window, "same")
        assert np.corrcoef(local, wide)[0, 1] > 0.8
        assert its_power.mean() == pytest.approx(0.0, abs=1e-9)
        assert np.all(its_power > -1.6)  # A^2 - its mean over the period, which is about 1


def test_carriers_and_envelopes_have_unit_mean_square(rng):
    _, course, power = drawn([(8.0, 12.0)] * 60, Envelope(log_sd=0.4), rng)
    assert_allclose(np.mean(course**2), 1.0, rtol=0.05)
    assert_allclose(np.var(power), np.exp(4 * 0.4**2) - 1, rtol=0.15)


def test_spectrum_of_the_power_is_the_mean_over_draws(rng):
    envelope = Envelope(log_sd=0.3)
    frequencies = power_frequencies(DURATION)
    _, powers = draw_banded([(3.0, 4.0)] * 400, envelope, DURATION, rng)
    found = 0.5 * np.mean(np.abs(powers.waves) ** 2, axis=0)
    expected = power_spectrum(envelope, frequencies, DURATION + 100.0)
    assert_allclose(found.sum(), expected.sum(), rtol=0.05)
    slow = frequencies < 0.15
    assert_allclose(found[slow], expected[slow], rtol=0.4)  # 400 draws of |N|^2 each


def test_with_power_bold_follows_envelopes_that_the_eeg_has_no_trace_of(tiny_head):
    cohort = cohort_of_power(tiny_head)
    run = simulate_run_of(cohort, 0, 0)
    regions, gains = cohort.regions, {}
    times = np.arange(20.0, DURATION - 20.0, 0.5)
    fine = np.arange(0, DURATION, 1 / 100)
    p = run.sources.respond(evoked_kernel(), fine)
    kernel, window = hrf_kernel(), np.ones(400) / 400
    f = follow(run.drawn.hemodynamic, kernel, times)
    for region in np.flatnonzero(regions.oscillatory):
        local = np.convolve(p[region] ** 2, window, "same")
        lags = np.arange(0, 32, 1 / 100)
        expected = np.convolve(local, kernel(lags) / 100)[: len(fine)]
        gains[region] = np.corrcoef(f[region], np.interp(times, fine, expected))[0, 1]
        assert abs(np.corrcoef(f[region], np.interp(times, fine, p[region]))[0, 1]) < 0.2
    assert np.median(np.abs(list(gains.values()))) > 0.7
    assert min(gains.values()) < -0.5  # alpha, mu or beta
    evoked = ~regions.oscillatory
    assert_array_equal(
        f[evoked], follow(run.sources, kernel, times)[evoked]
    )  # impulses drive BOLD as they are


def test_power_levels_are_reached_in_expectation(tiny_head):
    cohort = cohort_of_power(tiny_head, bold_snr_db=None, eeg_snr_db=None, duration=600.0)
    runs = [simulate_run_of(cohort, 0, run).recording for run in range(2)]
    eeg = np.sqrt(np.mean([np.mean(run.eeg.data**2) for run in runs]))
    bold = np.sqrt(np.mean([np.var(run.bold.data[tiny_head.brain], axis=1) for run in runs]))
    assert_allclose(eeg, 10e-6, rtol=0.15)
    assert_allclose(bold, 100.0, rtol=0.25)  # four regions of slow power: few degrees of freedom


def test_power_of_impulses_squares_amplitudes_and_keeps_their_mean(tiny_head):
    coupling = Coupling(mode="power", evoked_power=True)
    run = simulate_run_of(cohort_of_power(tiny_head, coupling=coupling), 0, 0)
    follows, sources = run.drawn.hemodynamic, run.sources
    assert_array_equal(follows.time, sources.time)
    ratio = follows.amplitude / sources.amplitude**2
    assert_allclose(ratio, ratio[0], rtol=1e-12)
    one = sources.amplitude[sources.region == sources.region[0]]
    assert_allclose(ratio[0] * np.exp(0.4**2) * one.mean() ** 2, one.mean() ** 2, rtol=1e-9)


def test_region_takes_the_band_of_the_nearest_place(tiny_head):
    cohort = cohort_of_power(tiny_head, regions=RegionSettings(n_evoked=30, n_oscillatory=30))
    frequencies = simulate_run_of(cohort, 0, 0).sources.frequencies
    sources = simulate_run_of(cohort, 0, 0).sources
    occipital = tiny_head.grid.world(np.argwhere(region_mask("occipital", tiny_head)))
    back = occipital.mean(axis=0)
    distance = np.linalg.norm(cohort.regions.centres[sources.rhythm_region] - back, axis=1)
    waves = np.abs(sources.waves[np.argmin(distance)])
    assert np.all(frequencies[waves > 0.01 * waves.max()] > 7.8)
    assert np.all(frequencies[waves > 0.01 * waves.max()] < 12.2)


def test_power_without_an_envelope_is_refused():
    with pytest.raises(ValidationError, match="neither wax nor wane"):
        named_scenario(preset="tiny").model_validate(
            named_scenario(preset="tiny").model_dump() | {"coupling": {"mode": "power"}}
        )


def test_band_at_an_unknown_place_is_refused():
    with pytest.raises(ValueError, match="region 'nowhere' is unknown"):
        RhythmBand(name="x", band=(1.0, 2.0), place="nowhere")
    with pytest.raises(ValidationError, match="need it increasing"):
        RhythmBand(name="x", band=(2.0, 1.0), place="occipital")


def test_balloon_saturates_where_events_are_close_and_follows_small_sources_linearly(tiny_head):
    few = {"n_subjects": 1, "duration": DURATION, "regions": FEW}
    cohort = make_cohort(named_scenario("balloon", preset="tiny", **few), tiny_head)
    sources = simulate_run_of(cohort, 0, 0).drawn.hemodynamic
    times = np.arange(20.0, DURATION, 1.3)
    f = follow(sources, cohort.hemodynamics(0), times)
    linear = sources.respond(linear_response(cohort.scenario.balloon), times)
    for region in range(cohort.regions.n_regions):
        assert np.corrcoef(f[region], linear[region])[0, 1] > 0.95
    evoked = ~cohort.regions.oscillatory
    assert np.all(f[evoked].std(axis=1) < 0.97 * linear[evoked].std(axis=1))
    small = type(sources)(
        sources.n_regions, sources.region, sources.time, 1e-4 * sources.amplitude,
        sources.rhythm_region, sources.frequencies, 1e-4 * sources.waves,
    )  # fmt: skip
    assert_allclose(
        1e4 * follow(small, cohort.hemodynamics(0), times), linear, atol=3e-3 * linear.max()
    )  # steps of 50 ms


def test_zero_mean_evoked_leaves_slow_rhythms_out_of_the_eeg(tiny_head):
    few = {"n_subjects": 1, "duration": DURATION, "regions": FEW}
    cohort = make_cohort(named_scenario("zero-mean-evoked", preset="tiny", **few), tiny_head)
    sources = simulate_run_of(cohort, 0, 0).sources
    p = sources.respond(evoked_kernel(cohort.scenario.evoked), np.arange(0, DURATION, 0.01))
    rhythm = cohort.regions.oscillatory
    assert p[rhythm].var(axis=1).max() < 1e-3 * p[~rhythm].var(axis=1).min()
    f = sources.respond(hrf_kernel(), np.arange(40.0, DURATION, 0.5)).var(axis=1)
    # a third, were trains Poisson; events at nearly equal steps of which .3 take part leave
    # (1.17 - .3) / 1.17 of that variance at the slow frequencies of BOLD
    expected = 1 / (1 + 2 * (1.17 - 0.3) / 1.17)
    assert_allclose(f[rhythm].sum() / f.sum(), expected, atol=0.12)


def test_frequencies_of_rhythms_start_above_zero():
    assert rhythm_frequencies((0.0, 1.0), DURATION)[0] == pytest.approx(1 / 400)


def test_power_goes_with_the_square_of_a_subjects_strength(tiny_head):
    cohort = cohort_of_power(tiny_head)
    [one] = cohort.subjects
    twice = replace(cohort, subjects=(replace(one, strengths=2 * one.strengths),))
    drawn, strong = (simulate_run_of(c, 0, 0).drawn for c in (cohort, twice))
    assert_allclose(strong.electric.waves, 2 * drawn.electric.waves)
    assert_allclose(strong.hemodynamic.waves, 4 * drawn.hemodynamic.waves)


def test_expected_rates_are_those_of_many_events(tiny_cohort):
    scenario, regions = tiny_cohort.scenario, tiny_cohort.regions
    expected = mean_square_rate(scenario, regions)
    runs = [
        draw_sources(tiny_cohort, draw_events(scenario, 0, run), 0, run).electric
        for run in range(60)
    ]
    region = np.concatenate([run.region for run in runs])
    squares = np.concatenate([run.amplitude**2 for run in runs])
    found = np.bincount(region, squares, regions.n_regions) / (60 * scenario.duration)
    # some 800 impulses of a region, 240 of the motor one; the first stimulus comes after 4 s
    assert_allclose(found, expected, rtol=0.3)
    assert np.all((found == 0) == regions.oscillatory)
    assert regions.motor.any()
