import base64
import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.findings import Line, Panel, SourceMap
from neurotranscoder.report import brain, cuts, panels
from neurotranscoder.report.scalp import flat_positions
from neurotranscoder.report.words import in_order


@pytest.fixture(scope="module")
def blocks(findings):
    return findings.blocks


def test_peak_of_a_parabola_is_found_between_samples():
    x = np.arange(0.0, 10.0, 0.5)
    found = panels._peak(Line("parabola", x, 3.0 - (x - 4.2) ** 2 / 100))
    assert_allclose(found, (4.2, 3.0), rtol=1e-12)


def test_negative_main_lobe_is_the_peak():
    x = np.arange(0.0, 10.0, 0.5)
    found = panels._peak(Line("dip", x, -np.exp(-((x - 4.0) ** 2)) + 0.2))
    assert_allclose(found[0], 4.0, atol=1e-9)


def test_flat_or_missing_response_has_no_peak():
    x = np.arange(4.0)
    assert panels._peak(Line("flat", x, np.zeros(4))) is None
    assert panels._peak(Line("missing", x, np.full(4, np.nan))) is None
    assert panels._peak(Line("empty", x[:0], x[:0])) is None


def test_block_on_a_cut_lies_where_its_centre_is(blocks):
    middle = blocks.centres.mean(axis=0)  # there, blocks are whole
    number = int(np.argmin(np.linalg.norm(blocks.centres - middle, axis=1)))
    centre = blocks.centres[number]
    for normal in range(3):
        plane = brain._sample(cuts.Cut(normal, float(centre[normal])), blocks)
        right, up = plane.at.cut.in_plane
        rows, columns = np.nonzero(plane.block == number)
        extent = plane.at.extent
        found = (columns.mean() + 0.5 + extent[0], rows.mean() + 0.5 + extent[2])
        assert_allclose(found, centre[[right, up]], atol=1.0)  # sampled every mm


def test_left_of_the_head_is_left_in_the_picture(blocks):
    left = int(np.argmin(blocks.centres[:, 0]))
    cut = cuts.Cut(2, float(blocks.centres[left, 2]))
    plane = brain._sample(cut, blocks)
    columns = np.nonzero(plane.block == left)[1]
    assert columns.max() < plane.block.shape[1] / 2
    assert cuts._ENDS[cut.normal] == ("L", "R")


def test_cuts_run_through_the_strongest_block_of_the_first_row(blocks, rng):
    values = rng.standard_normal((2, blocks.n_blocks)) * 0.1
    values[0, 321] = -5.0
    cuts = brain._cuts(SourceMap("map", 0.0, ("truth", "estimate"), values), blocks)
    peak = blocks.centres[321]
    for normal in range(3):
        assert peak[normal] in [cut.place for cut in cuts if cut.normal == normal]


def test_the_picture_of_images_in_a_space_of_their_own_is_around_their_blocks(blocks):
    affine = blocks.voxels.voxel_to_world.copy()
    affine[:3, 3] += 300  # where the template has nothing
    moved = replace(blocks, voxels=replace(blocks.voxels, voxel_to_world=affine))
    plane = brain._sample(cuts.Cut(2, float(moved.centres[0, 2])), moved, whole=False)
    extent = np.array(plane.at.extent).reshape(2, 2)
    assert np.all(extent[:, 0] < moved.centres[:, :2].min(axis=0))
    assert np.all(np.diff(extent)[:, 0] < np.ptp(moved.centres[:, :2], axis=0) + 25)  # 2 blocks


def test_map_without_any_activity_is_drawn(blocks):
    values = np.stack([np.zeros(blocks.n_blocks), np.full(blocks.n_blocks, np.nan)])
    nothing = SourceMap("rest", 1.0, ("truth", "estimate"), values)
    picture = brain.draw_source_map(nothing, blocks, cuts.mni_anatomy())
    assert picture.source.startswith("data:image/png")


def test_electrodes_keep_their_direction_and_the_equator_meets_the_outline():
    centre = np.array([1.0, -17.0, 8.0])
    directions = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1.0]])
    flat = flat_positions(centre + 90.0 * directions)
    expected = 0.095 * directions[:, :2]
    assert_allclose(flat, expected, atol=1e-12)


def test_long_recordings_become_pixels_and_short_ones_vectors():
    def kind(n):
        x = np.arange(n) / 250
        lines = (Line("truth", x, np.sin(x)), Line("estimate", x, np.cos(x)))
        source = panels.draw_time_courses(Panel("EEG", "time (s)", "EEG (V)", lines)).source
        return source.split(";")[0]

    assert kind(500) == "data:image/svg+xml"
    assert kind(15_000) == "data:image/png"


def test_numbers_of_every_line_reach_the_picture():
    x = np.arange(50.0)
    lines = tuple(Line(name, x, np.sin(x + i)) for i, name in enumerate(("truth", "a", "b")))
    source = panels.draw_time_courses(Panel("t", "time (s)", "y (a.u.)", lines)).source
    svg = base64.b64decode(source.split(",")[1]).decode()
    curves = [path for path in re.findall(r'<path d="([^"]*)"', svg) if path.count("L") >= 45]
    assert len(curves) == 3


def test_methods_stand_in_the_order_ours_rivals_limits_nulls():
    found = in_order(
        ["null_shifted", "mine", "oracle_linear", "paper", "ridge_lags", "transcoder"]
    )
    assert found == (
        "transcoder",
        "paper",
        "ridge_lags",
        "mine",
        "oracle_linear",
        "null_shifted",
    )
