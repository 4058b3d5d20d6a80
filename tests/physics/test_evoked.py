import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError

from neurotranscoder.physics.evoked import (
    EvokedShape,
    Wave,
    evoked_kernel,
    sampled_evoked,
    surviving_share,
)

CENTRED = EvokedShape(centred=True, normalise="energy")


def test_response_lasts_470_ms_and_begins_and_ends_at_zero():
    kernel = evoked_kernel()
    assert_allclose([kernel.start, kernel.stop], [0.0, 0.47])
    assert_allclose(kernel(np.array([0.0, 0.47])), 0.0, atol=1e-12)


def test_response_hands_on_a_constant():
    kernel = evoked_kernel()
    assert_allclose(kernel.transfer(np.zeros(1)), 1.0, rtol=1e-6)
    assert_allclose(sampled_evoked(100.0).sum() / 100.0, 1.0, rtol=1e-4)


def test_centre_of_mass_lies_between_p2_and_p3():
    assert 0.2 < evoked_kernel().centre_of_mass < 0.33


def test_response_is_smooth():
    slope = np.abs(np.diff(sampled_evoked(1000.0)))
    assert slope.max() < 0.05 * evoked_kernel()(evoked_kernel().lags).max()


def test_surviving_share_matches_a_simulated_train(rng):
    sfreq, n_frame, n_times = 100, 40, 400_000
    train = rng.poisson(0.003, n_times) * float(sfreq)
    response = np.convolve(train, sampled_evoked(sfreq) / sfreq)[:n_times]
    share = response.reshape(-1, n_frame).mean(axis=1).std() / response.std()
    # about 1,200 impulses: relative standard error of the ratio about 2 %
    assert_allclose(surviving_share(evoked_kernel(), n_frame / sfreq), share, rtol=0.06)


def test_half_as_much_survives_averaging_where_the_mean_is_zero():
    assert_allclose(surviving_share(evoked_kernel(), 0.4), 0.626, atol=1e-3)
    assert_allclose(surviving_share(evoked_kernel(CENTRED), 0.4), 0.273, atol=1e-3)


def test_centred_response_has_zero_mean_and_the_energy_of_the_default():
    kernel = evoked_kernel(CENTRED)
    assert_allclose(np.trapezoid(kernel(kernel.lags), kernel.lags), 0.0, atol=1e-12)
    assert_allclose(kernel.energy, evoked_kernel().energy, rtol=1e-12)


def test_centred_response_keeps_the_latencies_and_signs_of_its_peaks():
    lags = np.arange(0, 0.47, 0.001)
    values = evoked_kernel(CENTRED)(lags)
    turns = 1 + np.flatnonzero(np.diff(np.sign(np.diff(values))))
    # the larger N1 pushes P1 and P2 away from it; between P2 and P3 lies a dip
    assert_allclose(lags[turns], [0.08, 0.13, 0.20, 0.25, 0.32], atol=0.015)
    assert np.sign(values[turns]).tolist() == [1, -1, 1, 1, 1]


def test_energy_leaves_the_default_response_as_it_is():
    lags = np.linspace(0, 0.47, 50)
    energy = evoked_kernel(EvokedShape(normalise="energy"))
    assert_allclose(energy(lags), evoked_kernel()(lags), rtol=1e-12)


def test_energy_does_not_depend_on_the_unit_of_the_amplitudes():
    one, thousand = (
        EvokedShape(normalise="energy", waves=(Wave(latency=0.2, width=0.05, amplitude=height),))
        for height in (1.0, 1000.0)
    )
    assert_allclose(evoked_kernel(one)(np.array([0.2])), evoked_kernel(thousand)(np.array([0.2])))


def _pair(trough):
    return (
        Wave(latency=0.15, width=0.03, amplitude=1.0),
        Wave(latency=0.32, width=0.03, amplitude=trough),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"centred": True}, "set normalise to 'energy'"),
        ({"waves": _pair(-1.0)}, "set normalise to 'energy'"),
        ({"waves": _pair(1.0), "centred": True, "normalise": "energy"}, "peak of the other sign"),
        (
            {"waves": (Wave(latency=0.2, width=0.03, amplitude=0.0),), "normalise": "energy"},
            "all peaks have amplitude 0",
        ),
    ],
)
def test_response_that_cannot_be_scaled_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        EvokedShape.model_validate(changes)
