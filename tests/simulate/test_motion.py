"""The head moves as measured heads do, and images follow it by known laws."""

import csv

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import affine_transform, gaussian_filter

from neurotranscoder.core.axes import VolumeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.simulate.motion import Motion, MotionSettings, apply_motion, draw_motion
from neurotranscoder.simulate.spin_history import apply_spin_history, history_gain

SHAPE = (12, 11, 8)
SIZES = np.array([3.0, 3.5, 4.0])
GRID = VoxelGrid(SHAPE, np.array([[3.0, 0, 0, 7], [0, 3.5, 0, -20], [0, 0, 4, 3], [0, 0, 0, 1]]))
SLICE_TIMES = np.array([0.0, 1.0, 0.25, 1.25, 0.5, 1.5, 0.75, 1.75])


def axis(n_volumes=300, slice_times=SLICE_TIMES, tr=2.0):
    return VolumeAxis(tr, n_volumes, np.asarray(slice_times, dtype=float))


def motion_through(knots, places):
    return Motion(
        np.asarray(knots, dtype=float),
        np.asarray(places, dtype=float),
        np.zeros(0),
        np.zeros((6, 0)),
    )


def held(parameters):
    """A head that stays where it is."""
    return motion_through([0.0, 1.0], np.repeat(np.reshape(parameters, (6, 1)), 2, axis=1))


def smooth_image(rng):
    return 100 * gaussian_filter(rng.standard_normal(SHAPE), 1.5)


def repeated(image, n_volumes):
    return np.repeat(image[..., np.newaxis], n_volumes, axis=3)


def in_mm(parameters):
    return parameters * np.array([1, 1, 1, 50, 50, 50])[:, np.newaxis]


@pytest.mark.parametrize("fd_median", [0.05, 0.2])
@pytest.mark.parametrize("jerk_rate", [0.0, 1.0])
def test_the_median_framewise_displacement_is_the_setting(rng, fd_median, jerk_rate):
    settings = MotionSettings(fd_median=fd_median, jerk_rate=jerk_rate, jerk_size=3.0)
    volumes = axis(20_000)
    displacement = draw_motion(settings, volumes, rng).framewise_displacement(volumes)
    # its sd is .45 of the median, and that of a median 1.25 sd / sqrt(n): .4 %
    assert_allclose(np.median(displacement), fd_median, rtol=0.02)


def test_axes_share_the_displacement_and_differ_in_breathing(rng):
    volumes = axis(20_000)
    motion = draw_motion(MotionSettings(jerk_rate=0.0), volumes, rng)
    steps = np.diff(in_mm(motion.parameters(2.0 * np.arange(20_000) + 1)), axis=1)
    size = np.mean(np.abs(steps), axis=1)
    assert_allclose(size / size.sum(), [0.09, 0.29, 0.22, 0.21, 0.10, 0.09], atol=0.005)
    next_one = [np.corrcoef(step[1:], step[:-1])[0, 1] for step in steps]
    assert_allclose(next_one, [-0.17, -0.49, -0.13, -0.39, -0.22, -0.27], atol=0.03)


def test_slow_motion_forgets_its_place_within_the_time_constant(rng):
    shares = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    settings = MotionSettings(jerk_rate=0.0, time_constant=100.0, shares=shares)
    place, *others = draw_motion(settings, axis(60_000), rng).parameters(2.0 * np.arange(60_000))
    assert not np.any(others)
    lags = np.array([25, 50, 75])  # 50, 100 and 150 s: beyond the white part
    products = np.array([np.mean(place[lag:] * place[:-lag]) for lag in lags])
    # 120,000 s hold 600 independent places: a correlation is known to about .04
    assert_allclose(products[1:] / products[:-1], np.exp(-0.5), atol=0.12)


def test_parameters_are_continuous_and_their_mean_is_zero(rng):
    volumes = axis(100)
    motion = draw_motion(MotionSettings(jerk_rate=5.0, jerk_size=1.0), volumes, rng)
    fine = in_mm(motion.parameters(np.arange(0, 200, 0.001)))
    assert np.abs(np.diff(fine, axis=1)).sum(axis=0).max() < 0.1  # of jerks of about 1 mm
    assert_allclose(motion.parameters(2.0 * np.arange(100) + 1).mean(axis=1), 0, atol=1e-12)


def test_jerks_have_their_rate_and_size(rng):
    volumes = axis(60_000)
    settings = MotionSettings(jerk_rate=0.3, jerk_size=2.0)
    motion = draw_motion(settings, volumes, rng)
    assert_allclose(len(motion.jerk_times), 600, atol=4 * np.sqrt(600))
    size = np.abs(in_mm(motion.jerk_steps)).sum(axis=0)
    assert_allclose(np.median(size), 2.0, rtol=4 * 1.25 * 0.4 / np.sqrt(600))


def test_shares_below_zero_are_refused(rng):
    settings = MotionSettings(shares=(1.0, -0.1, 0.0, 0.0, 0.0, 0.0))
    with pytest.raises(SettingsError, match=r"shares are .* at least 0"):
        draw_motion(settings, axis(), rng)


def confounds(real_data):
    """Parameters (6, volumes) and framewise displacement of every real session."""
    names = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
    for file in sorted(real_data.glob("confounds/*.tsv")):
        with file.open() as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
        parameters = np.array([[float(row[name]) for row in rows] for name in names])
        yield parameters, np.array([float(row["framewise_displacement"]) for row in rows[1:]])


def test_framewise_displacement_is_that_of_fmriprep(real_data):
    for parameters, expected in confounds(real_data):
        volumes = axis(parameters.shape[1])
        motion = motion_through(2.0 * np.arange(parameters.shape[1]) + 1, parameters)
        assert_allclose(motion.framewise_displacement(volumes), expected, atol=1e-5)


def test_motion_wanders_as_far_as_in_real_sessions(real_data, rng):
    def growth(parameters):
        places = in_mm(parameters)
        change = [np.mean((places[:, lag:] - places[:, :-lag]) ** 2) for lag in (1, 10, 50)]
        return np.sqrt(np.divide(change[1:], change[0]))

    real = [growth(parameters) for parameters, _ in confounds(real_data)]
    times = 2.0 * np.arange(190) + 1
    ours = [
        growth(draw_motion(MotionSettings(), axis(190), rng).parameters(times)) for _ in range(30)
    ]
    low, high = np.min(real, axis=0), np.max(real, axis=0)
    assert np.all(np.median(ours, axis=0) > low)
    assert np.all(np.median(ours, axis=0) < high)


def test_resampling_equals_scipy_on_a_rotated_and_shifted_volume(rng):
    image = smooth_image(rng)
    pitch, shift = 0.05, np.array([0.7, -1.1, 0.4])
    bold = repeated(image, 2)
    apply_motion(bold, held([*shift, pitch, 0, 0]), GRID, axis(2), method="resample")
    cos, sin = np.cos(pitch), np.sin(pitch)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    back = np.diag(1 / SIZES) @ turn.T @ np.diag(SIZES)
    centre = (np.array(SHAPE) - 1) / 2
    offset = centre - back @ (centre + shift / SIZES)
    expected = affine_transform(image, back, offset=offset, order=3, mode="mirror")
    assert_allclose(bold, repeated(expected, 2), atol=1e-9)


def test_edge_slices_of_a_head_that_goes_on_beyond_them_stay_bright():
    bold = np.full((*SHAPE, 2), 1000.0)
    apply_motion(bold, held([0.3, -0.2, 0.5, 0.01, 0.02, -0.01]), GRID, axis(2), method="resample")
    assert_allclose(bold, 1000.0, rtol=1e-12)


@pytest.mark.parametrize("direction", [0, 1, 2])
def test_a_head_that_moves_by_a_voxel_is_seen_one_voxel_further(rng, direction):
    image = smooth_image(rng)
    parameters = np.zeros(6)
    parameters[direction] = SIZES[direction]
    bold = repeated(image, 2)
    apply_motion(bold, held(parameters), GRID, axis(2), method="resample")
    moved = np.moveaxis(bold[..., 0], direction, 0)
    assert_allclose(moved[1:], np.moveaxis(image, direction, 0)[:-1], atol=1e-9)


@pytest.mark.parametrize("method", ["taylor", "resample"])
def test_each_slice_shows_the_head_at_its_own_time(rng, method):
    bold = repeated(smooth_image(rng), 3)
    end = np.array([[0.6], [-0.3], [0.9], [0.01], [0.02], [-0.02]])
    motion = motion_through([0.0, 6.0], np.hstack([np.zeros((6, 1)), end]))
    still = bold.copy()
    apply_motion(bold, motion, GRID, axis(3), method=method)
    for z, volume in [(0, 0), (3, 1), (6, 2)]:
        whole = still.copy()
        now = end[:, 0] * (SLICE_TIMES[z] + 2 * volume) / 6
        apply_motion(whole, held(now), GRID, axis(3), method=method)
        assert_allclose(bold[:, :, z, volume], whole[:, :, z, volume], atol=1e-9)


def test_the_error_of_the_taylor_series_falls_with_the_square_of_the_motion(rng):
    image = smooth_image(rng)
    whole = np.array([0.3, -0.2, 0.4, 0.006, -0.004, 0.005])

    def error(share):
        taylor, exact = repeated(image, 2), repeated(image, 2)
        apply_motion(taylor, held(share * whole), GRID, axis(2), method="taylor")
        apply_motion(exact, held(share * whole), GRID, axis(2), method="resample")
        inside = (slice(2, -2),) * 3  # zeros enter at the edges of the grid
        return np.linalg.norm((taylor - exact)[inside])

    errors = np.array([error(share) for share in (1, 1 / 2, 1 / 4, 1 / 8)])
    assert_allclose(errors[:-1] / errors[1:], 4, rtol=0.1)  # terms of third order remain


def test_a_head_at_rest_leaves_images_as_they_are(rng):
    bold = repeated(smooth_image(rng), 4)
    for method, tolerance in (("taylor", 0.0), ("resample", 1e-9)):
        moved = bold.copy()
        apply_motion(moved, held(np.zeros(6)), GRID, axis(4), method=method)
        assert_allclose(moved, bold, rtol=0, atol=tolerance)
    apply_spin_history(bold, held(np.zeros(6)), GRID, axis(4), MotionSettings())
    assert np.array_equal(bold, moved) or np.max(np.abs(bold - moved)) < 1e-9


def test_images_that_do_not_fit_the_grid_are_refused():
    with pytest.raises(GridError, match=r"shape \(2, 2, 2, 4\) but the grid"):
        apply_motion(np.zeros((2, 2, 2, 4)), held(np.zeros(6)), GRID, axis(4))


def test_spin_history_is_one_to_the_last_bit_without_motion():
    gain = history_gain(np.zeros((50, 3)), 2.0, flip_angle=77.0, t1=1.4)
    assert np.array_equal(gain, np.ones((50, 3)))


def test_a_single_step_returns_by_the_same_factor_each_tr():
    moved = np.zeros(12)
    moved[3] = 0.05
    gain = history_gain(moved, 2.0, flip_angle=40.0, t1=1.4) - 1
    keep = np.exp(-2 / 1.4) * np.cos(np.deg2rad(40))
    steady = (1 - np.exp(-2 / 1.4)) / (1 - keep)
    assert_allclose(gain[3], 0.05 * (1 / steady - 1), rtol=1e-12)
    assert_allclose(gain[3:], gain[3] * keep ** np.arange(9), atol=1e-15)
    assert not gain[:3].any()


def test_spins_that_are_always_replaced_are_always_relaxed():
    gain = history_gain(np.ones(5), 2.0, flip_angle=60.0, t1=1.4)
    decay = np.exp(-2 / 1.4)
    assert_allclose(gain, (1 - decay / 2) / (1 - decay), rtol=1e-12)


def test_a_tenth_of_a_millimetre_changes_the_signal_by_half_to_one_percent():
    settings = MotionSettings()
    gain = history_gain(
        np.array([0.0, 0.1 / 4]), 2.0, flip_angle=settings.flip_angle, t1=settings.t1
    )
    assert 0.005 < gain[1] - 1 < 0.01


def test_spin_history_follows_the_displacement_through_each_slice():
    step = np.zeros((6, 2))
    step[2, 1], step[3, 1] = 0.2, 0.003  # up by .2 mm, nodding by 3 mrad
    motion = motion_through([1.9, 2.0], step)
    bold = np.full((*SHAPE, 3), 7.0)
    settings = MotionSettings(flip_angle=90.0)
    apply_spin_history(bold, motion, GRID, axis(3, np.zeros(8)), settings)
    forward = (np.arange(11) - 5) * 3.5  # mm from the centre along y; nodding lifts the front
    share = np.abs(0.2 + 0.003 * forward) / 4
    fresh = 1 / (1 - np.exp(-2 / 1.4)) - 1
    expected = np.broadcast_to(share[:, np.newaxis], SHAPE)
    assert_allclose(bold[..., 1] / 7 - 1, fresh * expected, rtol=1e-5)
    assert_allclose(bold[..., [0, 2]], 7.0, rtol=1e-7)
