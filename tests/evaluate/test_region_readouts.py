import numpy as np
import pytest
from numpy.testing import assert_allclose

from known_study import known_study
from neurotranscoder.analyse.jackknife import Banded
from neurotranscoder.analyse.response_shapes import RegionResponses
from neurotranscoder.evaluate.region_readouts import (
    accuracy_where,
    over_regions,
    region_response_rows,
    regions_respond_alike,
    response_facts,
    true_shapes,
)
from neurotranscoder.evaluate.scoring import HeldOut
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split
from synthetic_runs import synthetic_runs


def banded(values, half):
    return Banded(values, values - half, values + half)


def test_perfect_readouts_have_perfect_facts():
    true = np.array(
        [
            [4.0, 4.5, 5.0, 5.5, 6.0, 6.5],
            [5.0, 5.2, 4.9, 5.4, 5.1, 5.6],
            [0.10, 0.12, 0.20, 0.15, 0.30, 0.25],
            [14.0, 15.0, 16.0, 14.5, 15.5, 16.5],
        ]
    )
    shapes = [banded(row, 0.1) for row in true]
    found = RegionResponses(np.zeros(1), banded(true[:, :1], 0), *shapes, true[0], 1.0)
    facts = {measure: one for measure, _, one in response_facts(found, true)}
    names = ("region_peak_r", "region_fwhm_r", "region_undershoot_r")
    assert_allclose([facts[name].mean for name in names], 1.0)
    assert facts["region_peak_error"].mean == 0.0
    assert facts["region_peak_covered"].mean == 1.0


def test_interval_over_regions_covers_the_correlation_of_many(rng):
    inside = 0
    for _ in range(200):
        first = rng.standard_normal(30)
        found = over_regions(first, first + rng.standard_normal(30))
        inside += found.low < np.sqrt(0.5) < found.high
    assert inside >= 182  # 95 % of 200 less 2.6 standard errors


def test_regions_without_a_peak_are_left_out_and_few_have_no_correlation():
    found = over_regions(np.array([1.0, 2.0, np.nan, 3.0]), np.array([1.0, 2.0, 9.0, 3.0]))
    assert found.n == 3
    assert np.isnan(found.mean)


def test_accuracy_is_told_apart_by_class(rng):
    aligned = synthetic_runs(1)[0]
    truth = rng.standard_normal(aligned.bold.shape)
    estimate = truth.copy()
    estimate[:10] = rng.standard_normal(estimate[:10].shape)
    classes = np.repeat([0, 2], [10, len(truth) - 10])
    run = HeldOut(aligned, truth, np.full(len(truth), "evoked"))
    found = accuracy_where([estimate], [run], classes, edge=(0.0, 0.0))
    assert abs(found[0][0]) < 0.2
    assert found[2][0] > 0.99
    assert (found[0][1], found[2][1]) == (10, len(truth) - 10)


@pytest.fixture(scope="module")
def study():
    return known_study("realistic", duration=240.0)


def test_rows_stand_for_regions_that_respond_differently(study):
    training, validation = ([run.aligned for run in runs] for runs in (study.training, study.test))
    split = Split(("a",), ("b",), ("c",))
    settings = TrainSettings(architecture="closed_form")
    trained = fit_transcoder(training, validation, split, settings)
    words = ("realistic", "closed_form", trained, study.truth, training, validation)
    rows = {row.measure: row for row in region_response_rows(*words)}
    assert set(rows) == {
        "region_peak_r",
        "region_peak_error",
        "region_peak_covered",
        "region_fwhm_r",
        "region_undershoot_r",
        "region_undershoot_error",
    }
    assert rows["region_peak_r"].n > 3
    assert 0 < rows["region_peak_error"].value < 8
    assert rows["region_peak_error"].unit == "s"


def test_true_peaks_are_those_of_the_shapes_that_were_drawn(study):
    truth, run = study.truth, study.training[0].aligned.run
    assert not regions_respond_alike(truth)
    shapes = truth.subject(run).hrfs
    modes = np.array([one.peak_delay - one.peak_dispersion for one in shapes])
    # the undershoot moves the peak by up to .1 s, d advances it
    found = true_shapes(truth, [run])[0] + truth.evoked.delay
    assert_allclose(found, modes, atol=0.15)


def test_one_response_for_all_regions_has_no_row():
    assert regions_respond_alike(known_study("power").truth)
