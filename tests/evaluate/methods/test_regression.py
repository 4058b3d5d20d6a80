from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.evaluate.methods.filters import FilterBank, every_lag, smooth_lags
from neurotranscoder.evaluate.methods.inputs import InputScaling
from neurotranscoder.evaluate.methods.protocol import predict_blindly, without_bold
from neurotranscoder.evaluate.methods.regression import RidgeBold, RidgeSettings, ridge_lags_power
from neurotranscoder.signal.correlation import correlate_rows
from neurotranscoder.signal.fir import apply_fir
from synthetic_runs import N_CHANNELS, RATE, block_map, response, run_of, synthetic_runs

LITTLE = RidgeSettings(ridges=(1e-12,))


def runs_of(make, n_runs=3, n_frames=200):
    """Runs of white EEG and of the BOLD that a function makes of EEG and power."""
    rng, blocks = np.random.default_rng(7), block_map()
    runs = []
    for number in range(n_runs):
        eeg = rng.standard_normal((N_CHANNELS, n_frames))
        power = rng.standard_normal((2, N_CHANNELS, n_frames)) ** 2
        bold = np.zeros((blocks.n_blocks, n_frames))
        bold[:3] = make(eeg, power)
        runs.append(replace(run_of(eeg, bold, blocks, number=number + 1), power=power))
    return runs


def test_without_ridge_a_planted_filter_of_every_channel_is_found(rng):
    planted = rng.standard_normal((3, N_CHANNELS, 4))  # blocks, channels, lags

    def make(eeg, _):
        mixed = [sum(apply_fir(eeg[[c]], p[c])[0] for c in range(N_CHANNELS)) for p in planted]
        return 900 + np.stack(mixed)

    runs = runs_of(make)
    method = RidgeBold(every_lag(4 / RATE), LITTLE)
    method.fit(runs[:2], runs[2:])
    scaling = InputScaling.fit(runs[:2])
    expected = planted.reshape(3, -1).T * scaling.eeg
    assert_allclose(method._fitted.weights[:, :3], expected, atol=1e-8)


def test_held_out_bold_is_predicted_around_its_mean(rng):
    def make(eeg, _):
        return 900 + 20 * apply_fir(eeg[:3], response())

    runs = runs_of(make)
    method = RidgeBold(every_lag(12 / RATE), LITTLE)
    method.fit(runs[:1], runs[1:2])
    found = method.predict(without_bold(runs[2])).bold_from_eeg[:3, 11:]
    bold = runs[2].bold[:3, 11:]
    assert_allclose(found, bold - bold.mean(axis=1, keepdims=True), atol=1e-6)


def test_one_response_gives_the_sources_that_it_came_from():
    def make(eeg, _):
        return apply_fir(eeg[[2, 0, 1]], response())

    runs = runs_of(make)
    method = RidgeBold(lambda _: FilterBank(response()[np.newaxis]), LITTLE)
    method.fit(runs[:1], runs[1:2])
    source = method.predict(runs[2]).source_from_eeg[:3]
    expected = runs[2].eeg[[2, 0, 1]]
    assert_allclose(source, expected - expected.mean(axis=1, keepdims=True), atol=1e-8)


def test_many_filters_say_nothing_about_sources():
    runs = synthetic_runs(3)
    method = RidgeBold(every_lag(4 / RATE), LITTLE)
    method.fit(runs[:2], runs[2:])
    assert method.predict(runs[2]).source_from_eeg is None


def test_bold_that_follows_band_power_needs_it_as_an_input():
    def make(_, power):
        return apply_fir(power[1, :3], response())

    runs = runs_of(make)
    lags = smooth_lags((0.0, 5.0), 6)
    r = []
    for with_power in (False, True):
        method = RidgeBold(lags, RidgeSettings(), with_power=with_power)
        method.fit(runs[:1], runs[1:2])
        found = method.predict(runs[2]).bold_from_eeg
        r.append(correlate_rows(found[:3, 20:], runs[2].bold[:3, 20:]).mean())
    assert abs(r[0]) < 0.4  # nothing to be found: 1 / sqrt(200 frames) and their smoothness
    assert r[1] > 0.9


@pytest.mark.parametrize("exponent", [1.0, 0.5])
def test_validation_finds_the_exponent_that_bold_follows(exponent):
    runs = runs_of(lambda _, power: apply_fir(power[0, :3] ** exponent, response()))
    method = RidgeBold(
        lambda _: FilterBank(response()[np.newaxis]), RidgeSettings(), with_power=True
    )
    method.fit(runs[:2], runs[2:])
    assert method._fitted.scaling.exponent == exponent


def test_power_that_says_nothing_gets_the_least_gain():
    runs = runs_of(lambda eeg, _: apply_fir(eeg[:3], response()))
    method = RidgeBold(every_lag(12 / RATE), RidgeSettings(), with_power=True)
    method.fit(runs[:1], runs[1:2])
    assert method._fitted.gain == RidgeSettings().gains[0]


def test_a_gain_is_no_part_of_what_is_predicted():
    runs = runs_of(lambda _, power: apply_fir(power[1, :3], response()))
    settings = RidgeSettings(ridges=(1e-12,), gains=(0.1,), exponents=(1.0,))
    method = RidgeBold(every_lag(12 / RATE), settings, with_power=True)
    method.fit(runs[:2], runs[2:])
    found, bold = method.predict(runs[2]).bold_from_eeg[:3, 11:], runs[2].bold[:3, 11:]
    assert_allclose(found, bold - bold.mean(axis=1, keepdims=True), atol=1e-6)


def test_runs_without_power_are_refused():
    runs = synthetic_runs(2)
    with pytest.raises(SettingsError, match="got no power of the EEG in bands"):
        ridge_lags_power().fit(runs[:1], runs[1:])


def test_units_of_the_eeg_do_not_matter():
    runs = runs_of(lambda eeg, power: apply_fir(eeg[:3] + power[0, :3], response()))
    other = [replace(run, eeg=1e-5 * run.eeg, power=1e-10 * run.power) for run in runs]
    found = []
    for some in (runs, other):
        method = RidgeBold(every_lag(4 / RATE), RidgeSettings(), with_power=True)
        method.fit(some[:2], some[2:])
        found.append(method.predict(some[2]).bold_from_eeg)
    assert_allclose(found[1], found[0], atol=1e-9)


def test_bold_of_the_run_is_never_looked_at():
    runs = synthetic_runs(3)
    method = RidgeBold(every_lag(4 / RATE), RidgeSettings())
    method.fit(runs[:2], runs[2:])
    seen = method.predict(runs[2]).bold_from_eeg
    assert_array_equal(predict_blindly(method, runs[2]).bold_from_eeg, seen)
