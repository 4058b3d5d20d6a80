from dataclasses import replace

import numpy as np
from numpy.testing import assert_allclose
from scipy.stats import t as student

from neurotranscoder.analyse.jackknife import groups_of, jackknife
from neurotranscoder.core.recording import RunId
from synthetic_runs import synthetic_runs


def test_interval_of_a_mean_is_the_t_interval(rng):
    values = rng.standard_normal((7, 3))
    without = np.stack([np.delete(values, i, axis=0).mean(axis=0) for i in range(7)])
    found = jackknife(values.mean(axis=0), without)
    half = student.ppf(0.975, 6) * values.std(axis=0, ddof=1) / np.sqrt(7)
    assert_allclose(found.high - found.value, half)
    assert_allclose(found.value - found.low, half)


def test_one_group_gives_no_interval():
    found = jackknife(np.ones(2), np.ones((1, 2)))
    assert_allclose(found.value, 1.0)
    assert np.isnan([found.low, found.high]).all()


def test_runs_of_many_subjects_are_left_out_by_subject():
    runs = synthetic_runs(5, n_frames=20)
    assert groups_of(runs) == [[0], [1], [2], [3], [4]]
    subjects = ("03", "01", "02", "03", "04")
    moved = [
        replace(run, run=RunId(subject, "rest"))
        for run, subject in zip(runs, subjects, strict=True)
    ]
    assert groups_of(moved) == [[1], [2], [0, 3], [4]]
