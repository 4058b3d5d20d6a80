from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from moment_example import AFFINE, map_of
from neurotranscoder.analyse.moments import SIGNS, FigureSettings, moments_of
from neurotranscoder.report.cuts import Anatomy, Cut, Plane, mni_anatomy
from neurotranscoder.report.moments import MomentsFigure, figure_of_moments, write_moments

LEFT, MIDDLE = (-45.0, -15.0, 5.0), (5.0, -45.0, 25.0)
SETTINGS = FigureSettings()


def drawn_of(found, settings=SETTINGS, anatomy=None):
    moments = tuple(one for sign in SIGNS for one in moments_of(found, sign, settings))
    return MomentsFigure("group", found, moments, anatomy or mni_anatomy(), settings)


def maps_of(figure):
    """Return the axes with a cut, and what each shows beyond the threshold."""
    axes = [one for one in figure.axes if one.get_images()]
    return axes, [one.get_images()[-1] for one in axes]


def test_deactivation_is_panel_i_and_activation_panel_ii_each_where_and_when_it_is():
    figure = figure_of_moments(drawn_of(map_of((8, LEFT, 0.2, 0), (-7, MIDDLE, 0.36, 0))))
    axes, shown = maps_of(figure)
    titles = [one.get_title(loc="left") for one in axes[::3]]
    assert titles == [
        "360 ms   MNI (5, −45, 25) mm   z = −7.0", "200 ms   MNI (−45, −15, 5) mm   z = 8.0",
    ]  # fmt: skip
    # the strongest point of each cut is within a voxel of the place
    for image, place in zip(
        shown, [(-45, 25), (5, 25), (5, -45), (-15, 5), (-45, 5), (-45, -15)], strict=True
    ):
        up, right = np.unravel_index(
            np.argmax(image.get_array().filled(0)), image.get_array().shape
        )
        left, _, low, _ = image.get_extent()
        assert_allclose((left + right + 0.5, low + up + 0.5), place, atol=5.5)


def test_colours_begin_at_the_threshold_and_outlines_are_of_what_survives():
    found = map_of((8, LEFT, 0.2, 0))
    axes, shown = maps_of(figure_of_moments(drawn_of(found)))
    assert shown[0].norm.vmin == SETTINGS.threshold
    assert shown[0].get_array().min() >= SETTINGS.threshold
    assert len(axes[0].collections) == 1
    none = replace(found, found=np.zeros_like(found.found))
    axes, _ = maps_of(figure_of_moments(drawn_of(none)))
    assert len(axes[0].collections) == 0


def test_a_picture_says_uncorrected_threshold_correction_samples_and_which_side_is_left():
    drawn = drawn_of(map_of((8, LEFT, 0.2, 0)))
    assert drawn.title == "group, oddball: z of sources, uncorrected, where |z| ≥ 3.29"
    for words in ("19 subjects; outlined: q ≤ 0.05 (fdr)", "Left is left", "MNI152 template"):
        assert words in drawn.words
    assert "Moments: strongest places and times" in drawn.words
    given = FigureSettings(activations=(0.2,), deactivations=(0.2,))
    assert "Moments: given times" in drawn_of(drawn.found, given).words


def test_a_sign_that_is_nowhere_says_so_and_a_weak_frame_too():
    found = map_of((8, LEFT, 0.2, 0))
    figure = figure_of_moments(drawn_of(found))
    assert "nowhere beyond |z| = 3.29" in [t.get_text() for one in figure.axes for t in one.texts]
    weak = figure_of_moments(drawn_of(found, FigureSettings(activations=(0.8,))))
    axes, _ = maps_of(weak)
    assert axes[0].get_title(loc="left").endswith("z = 0.0, below the threshold")


def test_voxels_that_were_not_tested_lie_under_a_veil():
    found = map_of((8, LEFT, 0.2, 0))
    tested = found.brain.copy()
    tested[..., :5] = False
    axes, _ = maps_of(figure_of_moments(drawn_of(replace(found, tested=tested))))
    veil = axes[0].get_images()[1]
    low = veil.get_extent()[2]
    assert not veil.get_array()[int(-20 - low) :].count()
    assert veil.get_array()[: int(-25 - low)].count()


def test_a_subject_that_is_not_in_mni_is_drawn_on_its_own_image_and_its_places_are_mm():
    found = map_of((8, LEFT, 0.2, 0))
    own = Anatomy(found.brain * 100.0, AFFINE, 0.0, 110.0, 50.0, "mean BOLD image")
    drawn = drawn_of(found, anatomy=own)
    axes, _ = maps_of(figure_of_moments(drawn))
    assert axes[0].get_title(loc="left").startswith("200 ms   (−45, −15, 5) mm")
    assert "on the mean BOLD image" in drawn.words


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_a_cut_finds_the_voxel_around_each_point_whatever_the_grid(flip):
    affine = AFFINE @ np.diag([flip, 1.0, 1.0, 1.0])
    volume = np.zeros((16, 20, 16))
    volume[3, 9, 7] = 1.0
    place = affine @ (3, 9, 7, 1)
    plane = Plane.of(Cut(2, place[2]), place[:3] - 15, place[:3] + 15)
    inside = plane.points[plane.nearest(volume, affine) == 1.0]
    assert len(inside) == 100  # of 10 mm x 10 mm
    assert_allclose(inside.mean(axis=0), place[:3], atol=1e-9)


def test_equal_maps_give_equal_bytes(tmp_path):
    drawn = drawn_of(map_of((8, LEFT, 0.2, 0)))
    for name in ("a", "b"):
        write_moments(tmp_path, name, drawn)
    for kind in ("png", "svg"):
        first, second = (tmp_path / f"{name}_moments.{kind}" for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
