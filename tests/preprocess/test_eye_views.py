import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.preprocess.eye_views import eye_views
from ocular_eeg import NAMES, eyes_example, recording, with_eog


@pytest.fixture(scope="module")
def example():
    return eyes_example(sideways_uv=40.0, seconds=30.0)


def views_of(raw, names=NAMES, **options):
    return eye_views(raw, names, raw.get_data(picks=list(names)), **options)


def test_frontal_channels_stand_in_for_eog(example):
    blinks, movements = views_of(example.raw)
    data = example.raw.get_data()
    assert blinks.seen_in == ("Fp1", "Fp2")
    assert_allclose(blinks.course, data[:2].mean(axis=0), atol=1e-18)
    assert movements.seen_in == ("F7", "F8")
    assert_allclose(movements.course, (data[2] - data[3]) / 2, atol=1e-18)


def test_eog_channels_come_before_frontal_ones(example):
    raw = with_eog(example)
    blinks, movements = views_of(raw)
    assert (blinks.seen_in, movements.seen_in) == (("VEOG",), ("HEOG",))
    assert_allclose(blinks.weights[:3], [0.5, 0.5, 0])


def test_eog_where_no_channel_is_frontal_has_no_weights(example):
    raw = with_eog(example)
    assert [view.weights for view in views_of(raw, NAMES[4:])] == [None, None]


@pytest.mark.parametrize("name", ["HEOG", "EOG-H", "EOGh", "EOG horizontal", "hEOG_1"])
def test_a_horizontal_eog_channel_is_known_by_its_name(example, name):
    _, movements = views_of(with_eog(example, ("EOG right", name)))
    assert movements.seen_in == (name,)


def test_of_several_eog_channels_the_one_with_the_largest_blinks_counts(example):
    raw = with_eog(example, ("EOG up", "EOG down"))
    raw._data[-1] = -3 * raw._data[-2]
    assert views_of(raw)[0].seen_in == ("EOG down",)


def test_a_bad_eog_channel_does_not_count(example):
    raw = with_eog(example)
    raw.info["bads"] = ["VEOG"]
    assert views_of(raw)[0].seen_in == ("Fp1", "Fp2")


def test_pairs_count_for_both_of_their_electrodes(example):
    names = ("Fp1-F7", "F3-Fp1", "Fp2-F8", "Cz-Pz")
    raw = recording(example.raw.get_data()[:4], names)
    blinks, movements = views_of(raw, names)
    assert_allclose(blinks.weights, np.array([1, -1, 1, 0]) / 3)
    assert_allclose(movements.weights, [-0.5, 0, 0.5, 0])


def test_channels_that_are_named_show_blinks(example):
    assert views_of(example.raw, eog=("F3", "F4"))[0].seen_in == ("F3", "F4")


def test_a_named_channel_that_is_not_there_is_refused(example):
    with pytest.raises(CleaningError, match="no channel E25 to find blinks in; it has Fp1"):
        views_of(example.raw, eog=("E25",))


def test_without_eog_and_frontal_channels_nothing_shows_the_eyes(example):
    names = ("C3", "C4", "Cz", "P3", "P4", "Pz")
    with pytest.raises(CleaningError, match=r"no channel shows the eyes.*OcularSettings\(eog="):
        views_of(example.raw.copy().pick(list(names)), names)
