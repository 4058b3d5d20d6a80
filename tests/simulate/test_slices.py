import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.simulate.slices import SliceOrder, slice_times

ORDERS = ("sequential", "descending", "interleaved", "odd_even", "philips")


def taken(n_slices, **settings):
    """Return the slices in the order in which they are taken."""
    return np.argsort(slice_times(SliceOrder(**settings), n_slices, 2.0)).tolist()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n_slices", [1, 2, 3, 27, 32, 35])
def test_each_slice_is_taken_once_at_equal_distances(order, n_slices):
    times = slice_times(SliceOrder(order=order), n_slices, 2.1)
    assert_allclose(np.sort(times), np.arange(n_slices) * 2.1 / n_slices)


def test_orders_of_seven_and_eight_slices():
    assert taken(7, order="sequential") == [0, 1, 2, 3, 4, 5, 6]
    assert taken(7, order="descending") == [6, 5, 4, 3, 2, 1, 0]
    assert taken(7, order="interleaved", step=3) == [0, 3, 6, 1, 4, 2, 5]
    assert taken(7, order="odd_even") == [0, 2, 4, 6, 1, 3, 5]
    assert taken(8, order="odd_even") == [1, 3, 5, 7, 0, 2, 4, 6]
    assert taken(7, order="philips") == [0, 3, 6, 1, 4, 2, 5]  # sqrt(7) = 2.6
    assert taken(8, order="philips") == [0, 3, 6, 1, 4, 7, 2, 5]  # sqrt(8) = 2.8


def test_interleave_of_one_is_sequential():
    assert taken(9, order="interleaved", step=1) == taken(9, order="sequential")


def test_step_beyond_the_slices_is_sequential():
    assert taken(4, order="interleaved", step=6) == [0, 1, 2, 3]


def test_interleave_of_five_sweeps_the_paper_s_35_slices_five_times():
    order = taken(35, order="interleaved", step=5)
    assert order[:8] == [0, 5, 10, 15, 20, 25, 30, 1]
    times = slice_times(SliceOrder(), 35, 2.0)
    assert_allclose(times[1], 0.4)  # a pass takes a fifth of the TR
    assert_allclose(times[6] - times[1], 2.0 / 35)


def test_bands_are_taken_at_once():
    single = slice_times(SliceOrder(order="odd_even"), 9, 1.0)
    assert_array_equal(
        slice_times(SliceOrder(order="odd_even", multiband=4), 36, 1.0).reshape(4, 9), [single] * 4
    )


def test_multiband_that_does_not_divide_the_slices_is_refused():
    with pytest.raises(
        SettingsError, match=r"multiband is 4 for 35 slices; .* one of 1, 5, 7, 35"
    ):
        slice_times(SliceOrder(multiband=4), 35, 2.0)


def test_gap_is_silent():
    times = slice_times(SliceOrder(order="sequential", gap=0.5), 30, 2.0)
    assert_allclose(times, np.arange(30) * 0.05)
    with pytest.raises(SettingsError, match="gap is 2 s of a TR of 2 s; need it shorter"):
        slice_times(SliceOrder(gap=2.0), 30, 2.0)


def test_custom_times_are_used_as_they_are():
    given = (0.7, 0.0, 0.3, 0.3)
    assert_array_equal(slice_times(SliceOrder(order="custom", times=given), 4, 1.0), given)


@pytest.mark.parametrize(
    ("times", "changes", "message"),
    [
        ((0.0, 0.1), {}, r"2 times for 3 slices; need one for each"),
        ((0.0, 0.5, 1.0), {}, r"taken at 1 s; need all before 1 s .* check the unit"),
        ((0.0, 0.5, 0.8), {"gap": 0.3}, r"taken at 0\.8 s; need all before 0\.7 s"),
        ((0.0, 0.5, 0.8), {"multiband": 3}, r"multiband is 3 with order 'custom'; need 1"),
    ],
)
def test_custom_times_that_cannot_be_are_refused(times, changes, message):
    order = SliceOrder(order="custom", times=times, **changes)
    with pytest.raises(SettingsError, match=message):
        slice_times(order, 3, 1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"order": "custom", "times": (0.0, -0.1)}, "greater than or equal to 0"),
        ({"order": "custom"}, "'custom' with 0 times; need times for 'custom'"),
        ({"order": "odd_even", "times": (0.0,)}, "'odd_even' with 1 times"),
        ({"order": "random"}, "'sequential', 'descending'"),
        ({"step": 0}, "greater than 0"),
        ({"times": (float("nan"),), "order": "custom"}, "finite number"),
    ],
)
def test_impossible_orders_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        SliceOrder.model_validate(settings)
