import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.passband import Passband
from neurotranscoder.core.response import Response
from neurotranscoder.physics.hrf import double_gamma_hrf

ALL = Passband(np.array([0.0, 100.0]), np.array([1.0, 1.0]))


@pytest.fixture
def response():
    times = np.arange(0, 32, 0.1)
    return Response(times, double_gamma_hrf(times))


def brick_wall(cut):
    return Passband(np.array([0.0, cut - 1e-9, cut, 100.0]), np.array([0.0, 0.0, 1.0, 1.0]))


def test_without_filters_all_power_of_a_response_passes(response):
    assert_allclose(ALL.share_of(response), 1.0)


def test_a_high_pass_lets_the_share_above_its_cut_off_through(response):
    frequencies = np.arange(0, 0.5, 1e-3)
    power = (
        np.abs(np.exp(-2j * np.pi * np.outer(frequencies, response.times)) @ response.values) ** 2
    )
    expected = power[frequencies > 0.0495].sum() / power.sum()
    assert_allclose(brick_wall(0.05).share_of(response), expected, rtol=1e-12)


def test_the_share_falls_with_the_cut_off_and_is_below_a_half_at_a_twentieth_of_a_hertz(response):
    shares = [Passband.of_cutoffs(cut, np.inf).share_of(response) for cut in (0.01, 0.05, 0.5)]
    assert shares[0] > 0.8
    assert shares[1] < 0.5
    assert shares[2] < 0.02


def test_stated_cut_offs_have_half_power_there_and_first_order_slopes():
    band = Passband.of_cutoffs(0.5, 40.0)
    assert_allclose(band.at(np.array([0.5, 40.0])) ** 2, 0.5, rtol=1e-3)
    assert_allclose(band.at(np.array([0.005])), 0.01, rtol=1e-3)
    assert band.source == "stated"
    assert_allclose(band.low_cut, 0.5, rtol=1e-3)


def test_gains_of_filters_in_sequence_multiply_and_a_stated_one_makes_all_stated():
    first, second = Passband.of_cutoffs(0.1, np.inf), brick_wall(1.0)
    both = first.followed_by(second)
    places = np.array([0.05, 0.2, 3.0])
    assert_allclose(both.at(places), first.at(places) * second.at(places), rtol=1e-3, atol=1e-12)
    assert both.source == "stated"


def test_a_passband_comes_back_from_the_description_of_a_recording():
    band = Passband.of_cutoffs(0.1, 70.0)
    back = Passband.noted(f"Oddball, first day\n{band.note()}")
    places = np.geomspace(1e-3, 100, 30)
    assert_allclose(back.at(places), band.at(places), rtol=1e-4)
    assert back.source == "stated"
    assert Passband.noted("Oddball, first day") is None
    assert Passband.noted(None) is None


def test_a_damaged_note_is_refused():
    note = Passband.of_cutoffs(0.1, 70.0).note()
    with pytest.raises(GridError, match="passband in the description of a recording is damaged"):
        Passband.noted(note[:-9])


def test_the_mean_passes_where_nothing_is_cut():
    assert ALL.low_cut == 0.0


def test_frequencies_out_of_order_are_refused():
    with pytest.raises(GridError, match="ascending frequencies"):
        Passband(np.array([1.0, 0.0]), np.ones(2))
