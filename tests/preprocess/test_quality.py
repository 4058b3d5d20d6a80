import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.quality import carpet, dvars, temporal_snr

MASK = np.ones((6, 5, 4), dtype=bool)
MASK[0] = False


def noise(rng, *, mean=100.0, sd=2.0, n_volumes=400):
    return mean + sd * rng.standard_normal((*MASK.shape, n_volumes))


def test_temporal_snr_is_the_mean_over_the_noise(rng):
    snr = temporal_snr(noise(rng), MASK)
    standard_error = 50 / np.sqrt(2 * 400 * MASK.sum())  # of a standard deviation, over voxels
    assert_allclose(snr[MASK].mean(), 50.0, atol=5 * standard_error)
    assert np.isnan(snr[~MASK]).all()


def test_a_straight_drift_is_no_noise(rng):
    run = noise(rng)
    drift = np.linspace(-30, 30, 400)
    assert_allclose(temporal_snr(run + drift, MASK), temporal_snr(run, MASK))


def test_a_voxel_that_never_changes_has_no_snr(rng):
    run = noise(rng)
    run[3, 3, 3] = 100.0
    assert np.isnan(temporal_snr(run, MASK)[3, 3, 3])


def test_dvars_of_white_noise_is_its_sd_times_the_root_of_two(rng):
    change = dvars(noise(rng), MASK)
    assert np.isnan(change[0])
    assert_allclose(change[1:].mean(), 2 * np.sqrt(2), rtol=0.02)  # 100 voxels x 399 steps


def test_a_jump_stands_out_in_dvars_and_carpet(rng):
    run = noise(rng)
    run[..., 200] += 20
    assert np.nanargmax(dvars(run, MASK)) in (200, 201)
    rows = carpet(run, {"brain": MASK}, tr=2.0, n_rows=10).values
    assert np.abs(rows).mean(axis=0).argmax() == 200


def test_rows_of_a_carpet_follow_the_groups(rng):
    left, right = MASK.copy(), MASK.copy()
    left[3:], right[:3] = False, False
    found = carpet(noise(rng), {"left": left, "right": right}, tr=2.0, n_rows=25)
    assert found.groups == ("left", "right")
    assert found.sizes == (10, 15)  # 40 of the 100 voxels are on the left
    assert_allclose(np.median(np.abs(found.values), axis=1), 1 / 1.4826)


def test_an_empty_group_is_refused(rng):
    with pytest.raises(GridError, match="'nothing' of the carpet holds no voxel"):
        carpet(noise(rng), {"nothing": np.zeros_like(MASK)}, tr=2.0)


def test_numbers_that_are_not_finite_are_refused(rng):
    run = noise(rng)
    run[2, 2, 2, 2] = np.inf
    with pytest.raises(GridError, match="not finite"):
        temporal_snr(run, MASK)


def test_two_volumes_have_no_quality(rng):
    with pytest.raises(GridError, match="3 volumes or more"):
        dvars(noise(rng, n_volumes=2), MASK)
