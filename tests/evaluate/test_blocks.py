import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import gamma

from neurotranscoder.core.errors import GridError
from neurotranscoder.evaluate.block_statistics import (
    block_interval,
    block_moments,
    bootstrap_responses,
    correlation,
    draw_blocks,
    partial_correlation,
    peak_delay,
    percentile_interval,
    strongest_lag,
    wrong_block_null,
)
from neurotranscoder.evaluate.blocks import (
    BlockedRun,
    fit_runs,
    hold_out_blocks,
    recovered_response,
    transcode_to_bold,
)
from neurotranscoder.io.one_channel import recording_from_arrays
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.train.closed_form import ClosedFormSettings

SFREQ, TR, PERIOD, BLOCKS, RATE = 20.0, 1.0, 60.0, 8, 4.0
DELAY = 3.0
SETTINGS = ClosedFormSettings(
    fix_conventions=False, hrf_duration=16.0, decoder_span=(-16.0, 8.0), hrf_smoothness=1.0
)


def true_response():
    return gamma.pdf(np.arange(0, 16, 1 / SFREQ), 10, scale=DELAY / 9)  # largest at DELAY


def hemodynamic(neural):
    """The response to a neural signal, read in the middle of each TR."""
    fine = apply_fir(neural[np.newaxis], true_response() / SFREQ)[0]
    return fine[round(SFREQ * TR / 2) :: round(SFREQ * TR)]


def noisy(rng, clean, relative_sd):
    return clean + relative_sd * clean.std() * rng.standard_normal(len(clean))


def blocked(neural, signal, *, interpolation="cubic", **options):
    found = recording_from_arrays(neural, signal, sfreq=SFREQ, tr=TR, name="sim", **options)
    settings = AlignSettings(frames_per_tr=round(RATE * TR), interpolation=interpolation)
    run = align(found, common_blocks([found.bold], settings), settings)
    return BlockedRun.of_equal_blocks(run, BLOCKS)


def held_out_interval(run, rng):
    held_out = hold_out_blocks(run, (SETTINGS,))
    moments = block_moments(held_out.measured, held_out.paired())
    interval = block_interval(moments, correlation, draw_blocks(BLOCKS, 500, rng))
    return interval, wrong_block_null(held_out, 200, rng)


@pytest.fixture
def neural(rng):
    return rng.standard_normal(round(SFREQ * PERIOD) * BLOCKS)


@pytest.fixture
def stimulus():
    one = np.zeros(round(SFREQ * PERIOD))
    one[: round(15 * SFREQ)] = 1.0
    return np.tile(one, BLOCKS)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_delay_and_sign_of_the_response_are_recovered(rng, neural, sign):
    run = blocked(neural, noisy(rng, sign * hemodynamic(neural), 0.5))
    response = recovered_response(run, SETTINGS)
    drawn = bootstrap_responses(run, SETTINGS, draw_blocks(BLOCKS, 30, rng))
    peaks = np.array([peak_delay(one, RATE) for one in drawn])
    found = percentile_interval(peak_delay(response, RATE), peaks, BLOCKS)
    assert np.sign(response[round(DELAY * RATE)]) == sign
    assert_allclose(found.mean, DELAY, atol=TR / 2)
    assert found.low - 1 / RATE <= DELAY <= found.high + 1 / RATE  # one frame beyond the draws


def test_response_without_noise_is_in_the_units_of_the_signals(neural):
    response = recovered_response(blocked(1e-6 * neural, 50 * hemodynamic(neural)), SETTINGS)
    # frames, interpolation and the ridge each take a few per cent
    assert_allclose(response.sum() / RATE, 50e6 * true_response().sum() / SFREQ, rtol=0.1)


def test_a_later_moment_of_the_volumes_makes_the_response_later(neural):
    signal = hemodynamic(neural)
    runs = [blocked(neural, signal, sample_time=moment) for moment in (0.5, 1.0)]
    peaks = [peak_delay(recovered_response(run, SETTINGS), RATE) for run in runs]
    assert_allclose(peaks[1] - peaks[0], 0.5, atol=0.1)


def test_unrelated_signals_predict_no_more_than_wrong_blocks_do(rng, neural):
    run = blocked(neural, rng.standard_normal(round(PERIOD / TR) * BLOCKS))
    found, null = held_out_interval(run, rng)
    # 480 independent samples: 4 standard errors of r are .18
    assert abs(found.mean) < 0.18
    assert abs(null.mean()) < 0.18


def test_related_signals_predict_more_than_wrong_blocks_do(rng, neural):
    found, null = held_out_interval(blocked(neural, noisy(rng, hemodynamic(neural), 1.0)), rng)
    assert 0.55 < found.low < found.high < 0.78  # noise of equal power leaves sqrt(1/2) = .71
    assert np.percentile(null, 95) < 0.2


def test_without_noise_one_block_in_its_place_would_show_in_the_null(rng, neural):
    found, null = held_out_interval(blocked(neural, hemodynamic(neural)), rng)
    assert found.mean > 0.97
    assert np.abs(null).max() < 0.3


def partial_interval(rng, neural, signal, stimulus):
    sides = [hold_out_blocks(blocked(x, signal), (SETTINGS,)) for x in (neural, stimulus)]
    moments = block_moments(sides[0].measured, sides[0].paired(), sides[1].paired())
    return block_interval(moments, partial_correlation, draw_blocks(BLOCKS, 500, rng))


def test_partial_r_is_null_where_the_neural_signal_only_follows_the_stimulus(
    rng, neural, stimulus
):
    signal = noisy(rng, hemodynamic(stimulus), 1.0)
    found = partial_interval(rng, stimulus + neural, signal, stimulus)
    assert found.low < 0 < found.high


def test_partial_r_is_positive_where_the_neural_signal_knows_more(rng, neural, stimulus):
    # the response averages white noise away: 4 sd of it matter beside the train
    both = stimulus + 4 * neural
    found = partial_interval(rng, both, noisy(rng, hemodynamic(both), 0.5), stimulus)
    assert found.low > 0.3


def test_partial_r_is_the_r_of_residuals(rng):
    x, y, z = rng.standard_normal((3, 50)) + rng.standard_normal(50)
    residuals = [a - np.polyval(np.polyfit(z, a, 1), z) for a in (x, y)]
    found = partial_correlation(block_moments([x], [y], [z])[0])
    assert_allclose(found, np.corrcoef(*residuals)[0, 1])


def test_no_hemodynamic_sample_of_the_test_block_enters_its_prediction(rng, neural):
    signal = hemodynamic(neural)
    spoilt = signal.copy()
    spoilt[181:239] = 100 * rng.standard_normal(58)
    # a linear frame uses two samples; a cubic spline carries some ppm of them further
    runs = [blocked(neural, one, interpolation="linear") for one in (signal, spoilt)]
    found = [hold_out_blocks(run, (SETTINGS,)).predicted for run in runs]
    assert_allclose(found[0][3], found[1][3], rtol=1e-9)
    assert np.abs(found[0][5] - found[1][5]).max() > 0.01


def test_every_block_is_predicted_at_its_acquired_samples(neural):
    run = blocked(neural, hemodynamic(neural))
    held_out = hold_out_blocks(run, (SETTINGS,))
    assert_allclose(np.concatenate(held_out.measured), run.aligned.cells.data[0])
    assert [len(x) for x in held_out.paired()] == [len(x) for x in held_out.measured]


def test_the_candidate_that_predicts_validation_blocks_is_chosen(rng, neural):
    run = blocked(neural, noisy(rng, hemodynamic(neural), 0.3))
    stiff = SETTINGS.model_copy(update={"hrf_smoothness": 1e8})
    held_out = hold_out_blocks(run, (stiff, SETTINGS))
    assert held_out.best_candidate == 1
    assert_allclose(held_out.paired()[0], hold_out_blocks(run, (SETTINGS,)).paired()[0])


def test_prediction_in_a_block_uses_neural_context_from_before_it(neural):
    run = blocked(neural, hemodynamic(neural))
    fitted = fit_runs(run.segments(range(6)), run.segments([6]), SETTINGS)
    whole = transcode_to_bold(*fitted, run.aligned)[round(7 * PERIOD * RATE) :]
    difference = whole - transcode_to_bold(*fitted, run.segments([7])[0])
    lags = round(16 * RATE)
    assert np.std(difference[:lags]) > 10 * np.std(difference[lags:])


def test_segments_are_unbroken_stretches(neural):
    run = blocked(neural, hemodynamic(neural))
    found = [(part.axis.n_times, part.axis.start) for part in run.segments([0, 1, 4, 6, 7])]
    assert_allclose(found, [(480, 0.125), (240, 240.125), (480, 360.125)])


def test_strongest_lag_of_a_pure_delay_is_the_delay(rng):
    slow = rng.standard_normal(round(PERIOD) * BLOCKS)
    run = blocked(np.repeat(slow, round(SFREQ)), -np.roll(slow, 3))
    lag, r = strongest_lag(run, np.arange(0, 6, 0.25), draw_blocks(BLOCKS, 50, rng))
    assert_allclose(lag, 3.0, atol=1 / RATE)
    assert r.high < -0.9


def test_peak_of_a_parabola_is_read_between_frames():
    response = -(1 - ((np.arange(20) - 7.3) / 20) ** 2)
    assert_allclose(peak_delay(response, 2.0), 7.3 / 2)


def test_zero_response_has_no_peak():
    with pytest.raises(GridError, match="has no peak"):
        peak_delay(np.zeros(5), 1.0)


def test_overlapping_blocks_are_refused(neural):
    run = blocked(neural, hemodynamic(neural))
    with pytest.raises(GridError, match="not to overlap"):
        BlockedRun(run.aligned, np.array([0.0, 50.0, 120.0, 180.0]), 60.0)
