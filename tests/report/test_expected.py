import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.analyse.expected import ExpectedRegion, RegionMeans
from neurotranscoder.analyse.jackknife import Banded
from neurotranscoder.report.expected import figure_of_regions, write_regions_picture

TIMES = np.arange(-5, 10) / 10
EXPECTED = (
    ExpectedRegion(region="auditory", sign="activation", start=0.1, stop=0.3),
    ExpectedRegion(
        region="occipital", sign="deactivation", start=0.2, stop=0.2, conditions=("b",)
    ),
    ExpectedRegion(region="insula", sign="activation", start=0.2, stop=0.2),
)


@pytest.fixture
def means(rng):
    values = rng.standard_normal((2, len(TIMES)))
    late = np.zeros(2)
    band = Banded(values, values - 1, values + 1)
    found = RegionMeans(
        ("auditory", "occipital"), TIMES, band, Banded(late, late, late), values, (6, 5)
    )
    return {"a": found, "b": found}


def drawn(means):
    figure = figure_of_regions(means, EXPECTED, name="group", over="6 subjects")
    return figure, figure.axes[:2]


def test_each_region_has_a_panel_with_a_line_and_a_band_for_each_condition(means):
    _, panels = drawn(means)
    titles = [one.get_title(loc="left") for one in panels]
    assert titles == ["auditory (n = 6)", "occipital (n = 5)"]
    for row, axes in enumerate(panels):
        assert_allclose(axes.lines[0].get_ydata(), means["a"].courses.value[row])
        assert len({line.get_linestyle() for line in axes.lines[:2]}) == 2
        assert len(axes.collections) == 2


def test_expected_times_are_marked_and_conditions_named_where_not_all(means):
    _, (auditory, occipital) = drawn(means)
    assert_allclose(auditory.patches[0].get_x(), 0.1)
    assert_allclose(auditory.patches[0].get_width(), 0.2)
    assert occipital.patches[0].get_width() > 0  # a moment has a width that is seen
    assert [t.get_text().strip() for t in occipital.texts] == ["b"]
    assert not auditory.texts


def test_the_title_says_what_intervals_are_over_and_which_regions_are_not_seen(means):
    figure, _ = drawn(means)
    words = figure.get_suptitle().replace("\n", " ")
    assert "95 % interval over 6 subjects" in words
    assert "when neurons are expected to act, not shifted by the model's lag" in words
    assert words.endswith("not seen: insula")


def test_equal_courses_give_equal_bytes(means, tmp_path):
    for name in ("a", "b"):
        write_regions_picture(tmp_path, name, means, EXPECTED, name="group", over="units")
    for kind in ("png", "svg"):
        first, second = (tmp_path / f"{name}_courses.{kind}" for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
