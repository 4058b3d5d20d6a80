import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import circulant

from neurotranscoder.evaluate.methods.fusion_solvers import (
    ForwardModel,
    Observed,
    Weights,
    solve_l1,
    solve_l2,
)
from neurotranscoder.signal.fir import apply_fir

N_FRAMES = 25


def forward(rng, *, n_channels, n_blocks, own_responses):
    taps = np.array([0.2, 1.0, 0.5])
    more = 0.2 * rng.standard_normal((n_blocks if own_responses else 1, 3))
    return ForwardModel(rng.standard_normal((n_channels, n_blocks)), taps + more)


def noisy(rng, model):
    n_channels, n_blocks = model.leadfield.shape
    shapes = (n_channels, N_FRAMES), (n_blocks, N_FRAMES)
    return Observed(*(rng.standard_normal(shape) for shape in shapes))


def seen(model, sources):
    """Return what is measured of sources without noise."""
    rows = np.broadcast_to(model.responses, (len(sources), model.responses.shape[1]))
    bold = [apply_fir(source[None], taps)[0] for source, taps in zip(sources, rows, strict=True)]
    return Observed(model.leadfield @ sources, np.array(bold))


def quadratic(model, observed, alpha):
    """Return curvature and slope at 0 of Eq. 4 without phi, as a matrix over blocks and frames."""
    n_blocks, n = model.leadfield.shape[1], model.n_padded(N_FRAMES)
    taps = np.zeros((n_blocks, n))
    taps[:, : model.responses.shape[1]] = model.responses
    hemodynamic = np.zeros((n_blocks * n, n_blocks * n))
    for block, own in enumerate(taps):
        part = slice(block * n, (block + 1) * n)
        hemodynamic[part, part] = circulant(own)
    electric = np.kron(model.leadfield, np.eye(n))
    pad = ((0, 0), (0, n - N_FRAMES))
    eeg, bold = np.pad(observed.eeg, pad).ravel(), np.pad(observed.bold, pad).ravel()
    curvature = alpha * electric.T @ electric + (1 - alpha) * hemodynamic.T @ hemodynamic
    return curvature, alpha * electric.T @ eeg + (1 - alpha) * hemodynamic.T @ bold


@pytest.mark.parametrize("own_responses", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_squares_are_solved_as_the_normal_equations_say(alpha, own_responses, rng):
    model = forward(rng, n_channels=3, n_blocks=4, own_responses=own_responses)
    observed = noisy(rng, model)
    curvature, slope = quadratic(model, observed, alpha)
    dense = np.linalg.solve(curvature + 0.3 * np.eye(len(curvature)), slope)
    found = solve_l2(model, observed, Weights(alpha, 0.3))
    assert_allclose(found, dense.reshape(4, -1)[:, :N_FRAMES], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("own_responses", [False, True])
@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_sources_without_noise_are_recovered_where_the_leadfield_can_be_inverted(
    alpha, own_responses, rng
):
    model = forward(rng, n_channels=4, n_blocks=4, own_responses=own_responses)
    sources = rng.standard_normal((4, N_FRAMES))
    sources[:, -2:] = 0.0  # so that h ends within the run
    found = solve_l2(model, seen(model, sources), Weights(alpha, 1e-8))
    assert_allclose(found, sources, atol=2e-5)  # rounding, relative to the penalty


def test_bold_at_the_start_of_a_run_says_nothing_about_its_end(rng):
    model = forward(rng, n_channels=2, n_blocks=2, own_responses=False)
    bold = np.zeros((2, N_FRAMES))
    bold[:, 0] = 1.0
    penalty = 1e9  # so large that the estimate is BOLD by h backwards in time, over the penalty
    found = penalty * solve_l2(
        model, Observed(np.zeros((2, N_FRAMES)), bold), Weights(0.0, penalty)
    )
    assert_allclose(found[:, 0], model.responses[0, 0], rtol=1e-6)
    assert_allclose(found[:, 1:], 0.0, atol=1e-6)


def test_absolute_values_of_no_weight_leave_least_squares(rng):
    model = forward(rng, n_channels=4, n_blocks=4, own_responses=True)
    observed = noisy(rng, model)
    start = np.zeros((4, N_FRAMES))
    found = solve_l1(model, observed, Weights(0.5, 0.0), start=start, steps=3000)
    least = solve_l2(model, observed, Weights(0.5, 1e-12))
    assert_allclose(found, least, atol=1e-8)


def test_absolute_values_end_where_the_slope_is_within_the_penalty(rng):
    """Optimality: slope + penalty * sign(S) = 0 where S is not 0, |slope| <= penalty elsewhere."""
    model = forward(rng, n_channels=3, n_blocks=4, own_responses=False)
    observed, penalty = noisy(rng, model), 0.5
    start = np.zeros((4, N_FRAMES))
    found = solve_l1(model, observed, Weights(0.5, penalty), start=start, steps=3000)
    curvature, target = quadratic(model, observed, 0.5)
    padded = np.pad(found, ((0, 0), (0, model.n_padded(N_FRAMES) - N_FRAMES)))
    inside = slice(2, N_FRAMES - 2)  # what lies beyond the run reaches two frames into it
    slope = (curvature @ padded.ravel() - target).reshape(4, -1)[:, inside]
    active = found[:, inside] != 0
    assert 0.2 < active.mean() < 0.8
    assert_allclose(slope[active], -penalty * np.sign(found[:, inside][active]), atol=1e-6)
    assert np.abs(slope[~active]).max() <= penalty + 1e-6


def test_enough_penalty_leaves_no_source(rng):
    model = forward(rng, n_channels=3, n_blocks=4, own_responses=False)
    observed = noisy(rng, model)
    largest = np.abs(quadratic(model, observed, 0.5)[1]).max()
    start = np.zeros((4, N_FRAMES))
    above = solve_l1(model, observed, Weights(0.5, 1.01 * largest), start=start, steps=50)
    below = solve_l1(model, observed, Weights(0.5, 0.9 * largest), start=start, steps=50)
    assert not above.any()
    assert below.any()


def test_precision_of_the_start_is_that_of_the_result(rng):
    model = forward(rng, n_channels=3, n_blocks=4, own_responses=True)
    observed, weights = noisy(rng, model), Weights(0.5, 0.2)
    start = np.zeros((4, N_FRAMES))
    exact = solve_l1(model, observed, weights, start=start, steps=50)
    single = solve_l1(model, observed, weights, start=start.astype(np.float32), steps=50)
    assert single.dtype == np.float32
    assert_allclose(single, exact, atol=1e-4)  # 50 steps of rounding in float32
