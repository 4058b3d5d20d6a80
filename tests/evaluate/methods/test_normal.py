import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.methods.normal import NormalEquations, RidgePath, choose_ridge


def samples(rng, n, weights, noise=0.0):
    features = rng.standard_normal((len(weights), n))
    return features, weights.T @ features + noise * rng.standard_normal((weights.shape[1], n))


@pytest.fixture
def runs(rng):
    weights = rng.standard_normal((6, 3))
    return [samples(rng, n, weights, 0.5) for n in (40, 25, 60)]


def test_streaming_over_runs_equals_stacking_them(runs):
    features, targets = (np.concatenate(side, axis=1) for side in zip(*runs, strict=True))
    found = NormalEquations.of(iter(runs))
    assert_allclose(found.gram, features @ features.T, atol=1e-10)
    assert_allclose(found.cross, features @ targets.T, atol=1e-10)
    assert_allclose(found.energy, np.sum(targets**2))


def test_error_is_the_sum_of_squared_residuals(runs, rng):
    weights = rng.standard_normal((6, 3))
    expected = sum(np.sum((t - weights.T @ f) ** 2) for f, t in runs)
    assert_allclose(NormalEquations.of(runs).error(weights), expected)


def test_ridge_path_solves_the_damped_normal_equations(runs):
    equations = NormalEquations.of(runs)
    damped = equations.gram + 0.3 * np.trace(equations.gram) / 6 * np.eye(6)
    expected = np.linalg.solve(damped, equations.cross)
    assert_allclose(RidgePath.of(equations).weights(0.3), expected, atol=1e-10)


def test_errors_along_the_path_are_those_of_its_weights(runs):
    path, held_out = RidgePath.of(NormalEquations.of(runs[:2])), NormalEquations.of(runs[2:])
    ridges = (1e-3, 0.1, 3.0)
    expected = [held_out.error(path.weights(ridge)) for ridge in ridges]
    assert_allclose(path.errors(ridges, held_out), expected)


def test_errors_of_parts_are_those_of_their_targets_alone(runs):
    path, held_out = RidgePath.of(NormalEquations.of(runs[:2])), NormalEquations.of(runs[2:])
    parts, ridges = (np.array([1]), np.array([0, 2])), (1e-3, 0.1, 3.0)
    found = path.errors_of_parts(ridges, held_out, parts)
    for errors, part in zip(found, parts, strict=True):
        some = [NormalEquations.of((f, t[part]) for f, t in side) for side in (runs[:2], runs[2:])]
        assert_allclose(errors, RidgePath.of(some[0]).errors(ridges, some[1]))
        assert_allclose(path.weights(0.1, part), RidgePath.of(some[0]).weights(0.1), atol=1e-10)


def test_without_ridge_and_noise_the_weights_are_recovered(rng):
    weights = rng.standard_normal((6, 3))
    equations = NormalEquations.of([samples(rng, 50, weights)])
    assert_allclose(RidgePath.of(equations).weights(0.0), weights, atol=1e-10)


def test_scaling_features_is_scaling_their_sums(runs, rng):
    factors = rng.uniform(0.5, 2, 6)
    scaled = NormalEquations.of((factors[:, np.newaxis] * f, t) for f, t in runs)
    found = NormalEquations.of(runs).scaled(factors)
    assert_allclose(found.gram, scaled.gram, atol=1e-10)
    assert_allclose(found.cross, scaled.cross, atol=1e-10)


def test_leading_features_are_those_of_a_smaller_regression(runs):
    smaller = NormalEquations.of((f[:2], t) for f, t in runs)
    found = NormalEquations.of(runs).leading(2)
    assert_allclose(found.gram, smaller.gram, atol=1e-10)
    assert_allclose(found.cross, smaller.cross, atol=1e-10)


def test_validation_data_choose_the_ridge_of_least_error(rng):
    weights = rng.standard_normal((20, 2))
    training = NormalEquations.of([samples(rng, 25, weights, 5.0)])
    validation = NormalEquations.of([samples(rng, 400, weights, 5.0)])
    ridges = (1e-6, 1e-3, 0.1, 1.0, 10.0, 1e4)
    found = choose_ridge(training, validation, ridges)
    errors = [validation.error(RidgePath.of(training).weights(ridge)) for ridge in ridges]
    assert found.ridge == ridges[int(np.argmin(errors))]
    assert found.ridge not in (ridges[0], ridges[-1])  # noisy weights shrink, but not to nothing
    assert_allclose(found.error, min(errors))
