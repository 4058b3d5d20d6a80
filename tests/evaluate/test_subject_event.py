import base64

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.evaluate.subject_event import SubjectEvent, subject_event
from neurotranscoder.evaluate.subject_scores import SubjectTruth
from neurotranscoder.report.subject_event import draw_subject_event
from subject_runs import tiny_subject

RATE = 25.0


@pytest.fixture(scope="module")
def event():
    """The truth of a tiny run, and a movie that is twice the truth."""
    subject = tiny_subject("closed_form")
    axis = TimeAxis.of_frames(120.0, RATE)
    one = subject.recordings[0]
    truth = SubjectTruth(subject.truth, (one.run,), (axis,), one.bold.mask)
    maps, courses = np.float32(2 * truth.maps), np.float32(truth.courses[0])
    movie = SourceMovie(maps, courses, one.bold.grid, one.bold.mask, axis, "eeg")
    return subject_event({"twice": [movie]}, truth)


def test_rows_are_trial_averages_truth_first(event):
    assert event.names == ("truth", "twice")
    assert_allclose(event.averages[1], 2 * event.averages[0], atol=1e-6)  # courses are float32
    assert_allclose(event.times[:3], [0, 0.04, 0.08])


def test_peak_is_the_strongest_voxel_of_the_truth_at_its_place_in_mm():
    affine = np.diag([-3.0, 2.0, 4.0, 1.0])
    affine[:3, 3] = (9.0, -4.0, 1.0)
    mask = np.zeros((4, 4, 2), dtype=bool)
    mask[1, 2, 1] = mask[3, 0, 0] = True
    averages = np.zeros((1, 2, 10))
    averages[0, 0, 4:7] = 1.0, -3.0, 2.0
    event = SubjectEvent(("truth",), averages, 10.0, VoxelGrid((4, 4, 2), affine), mask)
    assert event.peak == (0, 5)
    assert_allclose(event.place, [6, 0, 5])
    assert_array_equal(event.moments(3), [4, 5, 6])


def test_picture_says_that_it_is_simulated_and_is_the_same_every_time(event):
    one, two = (draw_subject_event(event, title="a tiny run") for _ in range(2))
    assert one.alt.startswith("Simulated: a tiny run")
    assert "left is left" in one.caption
    assert one.source == two.source
    assert base64.b64decode(one.source.partition(",")[2]).startswith(b"\x89PNG")


def test_projection_shows_left_on_the_left_whatever_the_grid(event):
    from matplotlib.figure import Figure

    from neurotranscoder.report.subject_event import _draw_projection

    affine = np.diag([-1.0, 1.0, 1.0, 1.0])
    affine[0, 3] = 3.0
    averages = np.zeros((1, 64, 1))
    averages[0, 0] = 1.0  # index 0 along x is the right
    event = SubjectEvent(
        ("truth",), averages, 10.0, VoxelGrid((4, 4, 4), affine), np.ones((4, 4, 4), dtype=bool)
    )
    axes = Figure().subplots()
    _draw_projection(axes, event, averages[0, :, 0])
    assert axes.get_xlim()[0] < axes.get_xlim()[1]
    x = axes.collections[0].get_coordinates()[0, :, 0]
    assert x[0] > x[-1]
    assert axes.collections[0].get_array()[0, 0] == 1.0
    assert_allclose(axes.lines[0].get_xdata(), [3.0])
