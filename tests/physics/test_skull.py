import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import GridError
from neurotranscoder.physics.skull import (
    SkullRule,
    Surface,
    cast_rays,
    icosphere,
    nested_surfaces,
)


def ball(radius, order=3, centre=(0.0, 0.0, 0.0)):
    sphere = icosphere(order)
    return Surface(np.asarray(centre) + radius * sphere.vertices, sphere.triangles)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_icosphere_is_closed_by_eulers_formula(order):
    sphere = icosphere(order)
    edges = np.unique(
        np.sort(sphere.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)), axis=0
    )
    assert len(sphere.triangles) == 20 * 4**order
    assert len(sphere.vertices) - len(edges) + len(sphere.triangles) == 2


def test_icosphere_encloses_the_volume_of_a_ball():
    a, b, c = np.moveaxis(icosphere(4).vertices[icosphere(4).triangles], 1, 0)
    volume = np.einsum("td,td->", a, np.cross(b, c)) / 6  # positive only if all face outward
    assert_allclose(volume, 4 / 3 * np.pi, rtol=0.01)


def test_rays_find_a_ball_from_off_its_centre():
    centre, directions = np.array([10.0, -5.0, 20.0]), icosphere(1).vertices
    along = directions @ -centre
    expected = along + np.sqrt(along**2 + 80.0**2 - centre @ centre)
    # 642 vertices: the triangles lie up to .7 % inside the ball
    assert_allclose(cast_rays(ball(80.0), centre, directions), expected, rtol=0.02)


def test_rays_report_an_open_surface():
    whole = ball(1.0)
    rest = whole.triangles[np.all(whole.triangles != 7, axis=1)]
    with pytest.raises(GridError, match=r"1 of 642 rays miss"):
        cast_rays(Surface(whole.vertices, rest), np.zeros(3), whole.vertices)


def test_shells_keep_the_rule_of_thickness_even_where_the_skin_touches_the_brain():
    rule = SkullRule()
    inner, outer, scalp = nested_surfaces(ball(70.0), ball(71.0), icosphere(2), rule)
    radii = [np.linalg.norm(surface.vertices, axis=1) for surface in (inner, outer, scalp)]
    assert_allclose(radii[1] - radii[0], 0.55 * 6.0)  # the least gap
    assert np.all(radii[2] - radii[1] >= rule.min_scalp)


def test_bone_stays_within_the_range_of_its_rule():
    rule = SkullRule(skull_range=(2.0, 4.0))
    inner, outer, _ = nested_surfaces(ball(70.0), ball(90.0), icosphere(2), rule)
    thickness = np.linalg.norm(outer.vertices, axis=1) - np.linalg.norm(inner.vertices, axis=1)
    assert_allclose(thickness, 4.0)  # .55 of 20 mm would be 11
