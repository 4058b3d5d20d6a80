import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.physics.balloon import (
    BalloonSettings,
    Drive,
    NeuralInput,
    balloon_bold,
)
from neurotranscoder.physics.balloon_linear import linear_response, small_signal_area
from neurotranscoder.physics.hrf import hrf_kernel

SETTINGS = BalloonSettings()
TIMES = np.arange(0, 32, 0.1)


def impulses(*pairs, row=0, n_rows=1, drive=None):
    """Return impulses from pairs of time and amplitude, all in one row."""
    time, amplitude = np.array(pairs, dtype=float).reshape(-1, 2).T
    return NeuralInput(n_rows, np.full(len(time), row), time, amplitude, drive)


def response(*pairs, times=TIMES, settings=SETTINGS):
    return balloon_bold(settings, impulses(*pairs), times)[0]


def driven(values, *, start=0.0, sfreq=1.0):
    values = np.atleast_2d(values).astype(float)
    return impulses(n_rows=len(values), drive=Drive(start, sfreq, values))


def test_impulse_response_agrees_with_scipy_on_the_plain_equations():
    s, amplitude = SETTINGS, 1.5
    oxygen = 1 - s.extraction

    def rates(_, state):
        signal, f, v, q = state
        out = v ** (1 / s.stiffness)
        return [
            -s.signal_decay * signal - s.autoregulation * (f - 1),
            signal,
            (f - out) / s.transit_time,
            (f * (1 - oxygen ** (1 / f)) / s.extraction - out * q / v) / s.transit_time,
        ]

    kicked = [s.efficacy * amplitude, 1.0, 1.0, 1.0]
    exact = solve_ivp(rates, (0, 32), kicked, t_eval=TIMES, rtol=1e-10, atol=1e-12)
    _, _, v, q = exact.y
    k1, k2, k3 = s.coefficients
    expected = s.volume_fraction * (k1 * (1 - q) + k2 * (1 - q / v) + k3 * (1 - v))
    got = response((0.0, amplitude))
    # of second order in the step; at a step of .05 s that is 1e-4 of the peak
    assert_allclose(got, expected, atol=2e-4 * expected.max())


def test_steady_state_under_a_constant_drive_is_the_analytic_one():
    level = np.array([-0.2, 0.1, 0.5])
    bold = balloon_bold(SETTINGS, driven(np.tile(level[:, np.newaxis], 201)), np.array([200.0]))
    flow = 1 + SETTINGS.efficacy * level / SETTINGS.autoregulation
    volume = flow**SETTINGS.stiffness
    extracted = 1 - (1 - SETTINGS.extraction) ** (1 / flow)
    deoxy = volume * extracted / SETTINGS.extraction
    k1, k2, k3 = SETTINGS.coefficients
    change = k1 * (1 - deoxy) + k2 * (1 - deoxy / volume) + k3 * (1 - volume)
    assert_allclose(bold[:, 0], SETTINGS.volume_fraction * change, rtol=1e-9)


def test_response_peaks_late_and_undershoots():
    bold = response((0.0, 1.0))
    assert 3.5 <= TIMES[bold.argmax()] <= 6.5
    assert 0.005 < bold.max() < 0.05
    assert -0.3 < bold.min() / bold.max() < -0.03
    assert TIMES[bold.argmin()] > 8


def test_deviation_from_linearity_is_of_first_order_in_the_amplitude():
    def deviation(amplitude):
        single, double = response((0.0, amplitude)), response((0.0, 2 * amplitude))
        return np.max(np.abs(double - 2 * single)) / double.max()

    assert deviation(0.01) < 1e-2
    # the next order is of the size of the amplitude itself
    assert_allclose(deviation(0.01) / deviation(0.005), 2.0, rtol=0.02)


def test_small_impulse_gives_the_linear_response():
    small = response((0.0, 1e-6))
    kernel = linear_response(SETTINGS)
    # one settles at the step of .05 s, the other is exact
    assert_allclose(small / small.max(), kernel(TIMES) / kernel(TIMES).max(), atol=3e-4)
    assert_allclose(kernel.transfer(np.zeros(1)), 1.0, rtol=1e-6)


def test_small_signal_area_is_the_area_of_the_response_to_a_small_impulse():
    times = np.arange(0, 32, 0.05)
    small = response((0.0, 1e-4), times=times) / 1e-4
    # the trapezoidal rule over 0.05 s, and what is left of linearity at this amplitude
    assert_allclose(np.trapezoid(small, times), small_signal_area(SETTINGS), rtol=2e-3)


def test_linear_response_resembles_the_canonical_one():
    assert np.corrcoef(linear_response(SETTINGS)(TIMES), hrf_kernel()(TIMES))[0, 1] > 0.97


def test_small_wave_is_weakened_by_the_transfer_of_the_linear_response():
    frequency, samples = 0.05, np.arange(0, 200, 0.1)
    waves = 1e-5 * np.stack([np.ones_like(samples), np.cos(2 * np.pi * frequency * samples)])
    times = np.arange(100, 180, 0.5)  # four periods, after the onset has died away
    level, wave = balloon_bold(SETTINGS, driven(waves, sfreq=10.0), times)
    gain = 2 * np.mean(wave * np.exp(-2j * np.pi * frequency * times)) / level.mean()
    expected = linear_response(SETTINGS).transfer(np.array([frequency]))[0]
    # the drive is linear between samples: 1e-4; the next order of the model: 1e-5
    assert_allclose(gain, expected, rtol=1e-3)


def test_two_close_impulses_give_less_than_twice_one():
    one, two = response((0.0, 1.0)), response((0.0, 1.0), (1.0, 1.0))
    shifted = response((1.0, 1.0))
    assert two.sum() < 0.97 * (one + shifted).sum()
    far = response((0.0, 1.0), (60.0, 1.0), times=TIMES + 60)
    # after a minute the model has recovered: what is left is e^-19
    assert_allclose(far, one, atol=1e-6)


def test_second_of_two_impulses_is_refractory():
    def second(delay):
        both = response((0.0, 1.0), (delay, 1.0), times=TIMES + delay)
        return (both - response((0.0, 1.0), times=TIMES + delay)).max()

    assert second(1.0) < second(4.0) < second(30.0)


def test_error_is_of_second_order_in_the_step():
    # thirds of a step stay thirds (1/3, 2/3, 1/3) when it is halved, so that errors compare
    pairs = [(0.05 / 3 + 0.05 * k, 1.0) for k in (0, 11, 60)]
    times = np.arange(8, 24, 0.5) + 1e-9

    def bold(step):
        return response((-1.0, 0.0), *pairs, times=times, settings=BalloonSettings(step=step))

    exact = bold(0.05 / 16)
    errors = [np.max(np.abs(bold(0.05 / 2**k) - exact)) for k in range(3)]
    # exact is 16 times finer than the coarsest: its own error shifts ratios by up to 7 %
    assert_allclose(errors[0] / errors[1], 4.0, rtol=0.1)
    assert_allclose(errors[1] / errors[2], 4.0, rtol=0.1)
    assert errors[0] < 1e-4 * exact.max()


def test_rows_do_not_mix():
    bold = balloon_bold(SETTINGS, impulses((2.0, 1.0), row=1, n_rows=3), TIMES)
    assert_allclose(bold[[0, 2]], 0.0)
    assert_allclose(bold[1], response((2.0, 1.0)), rtol=1e-12)


def test_drive_from_before_the_first_time_is_felt():
    wave = 0.1 * np.sin(np.arange(600) / 20)
    early = balloon_bold(SETTINGS, driven(wave, start=-30.0, sfreq=10.0), TIMES)
    late = balloon_bold(SETTINGS, driven(wave, start=0.0, sfreq=10.0), TIMES + 30)
    assert_allclose(early, late, atol=1e-12)
    assert np.abs(early[0, 0]) > 1e-4


def test_signal_at_a_time_does_not_depend_on_the_other_times():
    neural = impulses((-3.3, 1.0), (7.1, 0.5))
    some = np.sort(np.random.default_rng(1).choice(TIMES, 40, replace=False))
    whole = balloon_bold(SETTINGS, neural, TIMES)
    assert_allclose(balloon_bold(SETTINGS, neural, some)[0], np.interp(some, TIMES, whole[0]))


def test_impulses_after_the_last_time_are_not_felt():
    assert_allclose(response((0.0, 1.0), (40.0, 5.0)), response((0.0, 1.0)), rtol=1e-12)


def test_strong_input_stays_below_the_signal_without_deoxyhemoglobin(rng):
    pairs = np.column_stack([rng.uniform(0, 30, 50), rng.lognormal(0, 1, 50)])
    bold = response(*pairs)
    k1, k2, _ = SETTINGS.coefficients
    assert np.all(np.isfinite(bold))
    assert bold.max() < SETTINGS.volume_fraction * (k1 + k2)


def test_input_that_stops_the_flow_is_refused():
    with pytest.raises(
        SettingsError, match=r"negative input lowers blood flow .* scale the input"
    ):
        response((0.0, -8.0))


def test_constants_that_turn_bold_around_are_refused():
    upside_down = BalloonSettings(extraction=0.6, stiffness=0.5, echo_time=0.01, step=0.05)
    weak = upside_down.model_copy(update={"intravascular_ratio": 0.2, "relaxation_slope": 25.0})
    with pytest.raises(SettingsError, match="BOLD would fall with activity"):
        linear_response(weak)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"row": np.array([2])}, r"rows 2-2; need 0-1, as n_rows is 2"),
        ({"amplitude": np.array([np.nan])}, "not finite; drop those impulses"),
        (
            {"drive": Drive(0.0, 1.0, np.zeros((3, 5)))},
            "drive has 3 rows; need n_rows, which is 2",
        ),
    ],
)
def test_input_that_does_not_fit_is_refused(changes, message):
    good = {"row": np.array([1]), "time": np.zeros(1), "amplitude": np.ones(1)}
    with pytest.raises(GridError, match=message):
        NeuralInput(2, **(good | changes))


def test_drive_with_gaps_is_refused():
    with pytest.raises(GridError, match="1 values that are not finite"):
        Drive(0.0, 1.0, np.array([[0.0, np.nan]]))


@pytest.mark.parametrize("times", [[], [1.0, 0.5], [0.0, np.inf]])
def test_times_that_do_not_increase_are_refused(times):
    with pytest.raises(GridError, match="need at least one, sorted, finite"):
        response((0.0, 1.0), times=np.array(times))
