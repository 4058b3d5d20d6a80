import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.methods.cca import Cca, CcaSettings, canonical_pairs
from neurotranscoder.evaluate.methods.eeg_from_bold import EegRegressionSettings
from neurotranscoder.evaluate.methods.protocol import predict_blindly
from neurotranscoder.signal.correlation import correlate_rows
from neurotranscoder.signal.fir import apply_fir
from synthetic_runs import block_map, response, run_of


def planted(rng, n=5000):
    """Two sides of four rows that share one course, hidden in strong rows of their own."""
    shared = rng.standard_normal(n)
    sides = []
    for _ in range(2):
        own = rng.standard_normal((4, n))
        own[0] = shared
        sides.append(rng.standard_normal((4, 4)) @ (np.array([1, 5, 5, 5])[:, np.newaxis] * own))
    return shared, *sides


def sums(first, second):
    return first @ first.T, first @ second.T, second @ second.T


def test_a_shared_component_is_found_however_weak_it_is(rng):
    shared, first, second = planted(rng)
    pairs = canonical_pairs(*sums(first, second))
    courses = np.stack([pairs.first[:, 0] @ first, pairs.second[:, 0] @ second])
    # other courses are the same by chance: 1 / sqrt(5000)
    assert_allclose(np.abs(correlate_rows(courses, np.stack([shared] * 2))), 1.0, atol=0.01)
    assert_allclose(pairs.correlations[0], 1.0, atol=1e-6)
    assert pairs.correlations[1] < 0.1


def test_courses_of_different_pairs_are_orthonormal(rng):
    _, first, second = planted(rng)
    pairs = canonical_pairs(*sums(first, second))
    courses = pairs.first.T @ first
    assert_allclose(courses @ courses.T, np.eye(4), atol=1e-8)


def test_all_pairs_together_are_least_squares(rng):
    _, first, second = planted(rng, n=60)
    pairs = canonical_pairs(*sums(first, second))
    expected = np.linalg.lstsq(first.T, second.T, rcond=None)[0]
    assert_allclose(pairs.regression(4), expected, atol=1e-8)


def test_rows_that_are_the_same_do_no_harm(rng):
    _, first, second = planted(rng)
    first[1:] = first[0]
    pairs = canonical_pairs(*sums(first, second))
    alone = canonical_pairs(*sums(first[:1], second))
    assert_allclose(pairs.regression(4).sum(axis=0), alone.regression(1)[0], atol=1e-8)


@pytest.fixture(scope="module")
def fitted():
    """A fitted method, and a run that it has not seen: one source is shared, all else noise."""
    rng, blocks = np.random.default_rng(3), block_map()
    maps, leads = rng.standard_normal((blocks.n_blocks, 1)), np.array([[1], [2], [-1], [1], [-2]])
    runs = []
    for number in range(5):
        source = rng.standard_normal((1, 400))
        eeg = leads @ source + 0.1 * rng.standard_normal((5, 400))
        bold = maps @ apply_fir(source, response())
        bold += 0.1 * rng.standard_normal(bold.shape)
        runs.append(run_of(1e-5 * eeg, 900 + 20 * bold, blocks, number=number + 1))
    backwards = EegRegressionSettings(span=(-8.0, 4.0), n_splines=20, n_courses=(1,))
    settings = CcaSettings(lag_seconds=6.0, n_splines=8, n_bold=8, backwards=backwards)
    method = Cca(settings)
    method.fit(runs[:3], runs[3:4])
    return method, runs[4]


def test_validation_finds_that_one_component_is_shared(fitted):
    method, _ = fitted
    assert np.linalg.matrix_rank(method.weights) == 1


def test_bold_of_a_shared_source_is_predicted(fitted):
    method, run = fitted
    found = predict_blindly(method, run).bold_from_eeg
    loud = np.abs(method.maps[:, 0]) > 0.1
    assert correlate_rows(found[loud, 30:], run.bold[loud, 30:]).min() > 0.8


def test_eeg_of_a_shared_source_is_predicted(fitted):
    method, run = fitted
    # BOLD has lost the fast part of a white source: slow ones are compared
    found = apply_fir(predict_blindly(method, run).eeg_from_bold, response())
    slow = apply_fir(run.eeg - run.eeg.mean(axis=1, keepdims=True), response())
    assert correlate_rows(found[:, 30:-30], slow[:, 30:-30]).min() > 0.95
