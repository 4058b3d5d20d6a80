import numpy as np
import pytest
import torch
from torch.testing import assert_close

from neurotranscoder.core.errors import WeightsError
from neurotranscoder.model.linear import (
    ComponentProjection,
    LinearBoldToSource,
    LinearEegToSource,
    LinearSourceToBold,
    LinearSourceToEeg,
    fir,
)


def brute_force(signal, taps, first_lag):
    filtered = np.zeros_like(signal)
    n_times = signal.shape[-1]
    for time in range(n_times):
        for index, tap in enumerate(taps):
            lagged = time - first_lag - index
            if 0 <= lagged < n_times:
                filtered[..., time] += tap * signal[..., lagged]
    return filtered


@pytest.mark.parametrize("first_lag", [0, 3, -2, -4, -30, 30])
def test_fir_is_the_sum_over_lags(rng, first_lag):
    signal, taps = rng.standard_normal((2, 3, 11)), rng.standard_normal(5)
    found = fir(torch.tensor(signal), torch.tensor(taps), first_lag)
    assert_close(found, torch.tensor(brute_force(signal, taps, first_lag)))


def test_bold_follows_its_source_through_the_response(rng):
    source, hrf = rng.standard_normal((1, 4, 20)), rng.standard_normal(6)
    found = LinearSourceToBold(hrf)(torch.tensor(source))
    assert_close(found.detach(), torch.tensor(brute_force(source, hrf, 0)))


def test_source_lies_before_its_bold(rng):
    bold, taps = rng.standard_normal((1, 4, 20)), rng.standard_normal(6)
    found = LinearBoldToSource(taps, -4)(torch.tensor(bold))
    assert_close(found.detach(), torch.tensor(brute_force(bold, taps, -4)))


def test_impulse_at_the_first_frame_does_not_return_at_the_last():
    source = torch.zeros(1, 1, 30, dtype=torch.float64)
    source[..., 0] = 1.0
    bold = LinearSourceToBold(np.ones(8))(source)
    assert_close(bold[0, 0, 8:].detach(), torch.zeros(22, dtype=torch.float64))


def test_gradient_of_the_filter_is_that_of_its_sums(rng):
    signal = torch.tensor(rng.standard_normal((1, 2, 7)), requires_grad=True)
    taps = torch.tensor(rng.standard_normal(4), requires_grad=True)
    torch.autograd.gradcheck(lambda x, h: fir(x, h, -2), (signal, taps))


def test_factors_of_full_rank_give_the_dense_matrix(rng):
    matrix, eeg = rng.standard_normal((9, 4)), rng.standard_normal((2, 4, 6))
    coder = LinearEegToSource.from_matrix(matrix)
    assert_close(coder(torch.tensor(eeg)).detach(), torch.tensor(matrix @ eeg))
    assert_close(coder.matrix.detach(), torch.tensor(matrix))


def test_leadfield_keeps_its_rank(rng):
    matrix = rng.standard_normal((5, 2)) @ rng.standard_normal((2, 9))
    coder = LinearSourceToEeg.from_matrix(matrix, n_components=2)
    source = rng.standard_normal((1, 9, 6))
    assert coder.maps.shape == (9, 2)
    assert_close(coder(torch.tensor(source)).detach(), torch.tensor(matrix @ source))


def test_projection_is_idempotent_and_keeps_its_components(rng):
    maps, _ = np.linalg.qr(rng.standard_normal((8, 3)))
    projection = ComponentProjection(maps)
    bold = torch.tensor(rng.standard_normal((1, 8, 5)))
    once = projection(bold)
    assert_close(projection(once), once)
    assert_close(torch.tensor(maps.T) @ once, torch.tensor(maps.T) @ bold)


def test_projection_mixes_components_and_never_frames(rng):
    maps, _ = np.linalg.qr(rng.standard_normal((8, 3)))
    mixing = rng.standard_normal((3, 3))
    projection = ComponentProjection(maps, mixing)
    bold = torch.tensor(rng.standard_normal((1, 8, 5)))
    assert_close(projection(bold), torch.tensor(maps @ mixing @ maps.T) @ bold)
    assert_close(projection(bold[..., 2:3]), projection(bold)[..., 2:3])


def test_maps_that_are_not_orthonormal_are_refused():
    with pytest.raises(WeightsError, match="orthonormalise"):
        ComponentProjection(2 * np.eye(4)[:, :2])


def test_layout_of_arrays_does_not_reach_the_weights(rng):
    """Weights read from disk have contiguous rows; fitted ones must, for the same last bit."""
    coder = LinearEegToSource(rng.standard_normal((2, 9)).T, rng.standard_normal((5, 2)).T)
    assert all(weights.is_contiguous() for weights in coder.state_dict().values())
