import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.signal.contrast import contrast_components

N_TIMES = 4000


@pytest.fixture
def marked():
    return np.arange(N_TIMES) % 10 < 3


@pytest.fixture
def data(rng, marked):
    mixing = rng.standard_normal((6, 6))
    return mixing @ (rng.standard_normal((6, N_TIMES)) * np.where(marked, 2.0, 1.0))


def test_filters_times_patterns_are_the_identity(data, marked):
    found = contrast_components(data, marked)
    assert_allclose(found.filters @ found.patterns, np.eye(6), atol=1e-10)


def test_components_have_their_ratio_as_power_at_marked_times_and_one_at_others(data, marked):
    found = contrast_components(data, marked)
    courses = found.filters @ data
    assert_allclose(np.cov(courses[:, marked]), np.diag(found.ratios), atol=1e-10)
    assert_allclose(np.cov(courses[:, ~marked]), np.eye(6), atol=1e-10)
    assert np.all(np.diff(found.ratios) <= 0)


def test_a_source_that_is_on_at_marked_times_is_the_first_component(rng, data, marked):
    pattern = rng.standard_normal(6)
    course = 20 * marked * rng.standard_normal(N_TIMES)
    found = contrast_components(data + np.outer(pattern, course), marked)
    # of 1200 samples: noise in the pattern is about 1/20/35 of it
    assert np.abs(np.corrcoef(found.patterns[:, 0], pattern)[0, 1]) > 0.999
    assert np.abs(np.corrcoef(found.filters[0] @ data + course, course)[0, 1]) > 0.99


def test_channels_that_are_sums_of_others_give_no_components_of_their_own(data, marked):
    found = contrast_components(np.vstack([data, data[:2].sum(axis=0)]), marked)
    assert found.patterns.shape == (7, 6)
    assert_allclose(found.patterns[6], found.patterns[:2].sum(axis=0), atol=1e-8)
