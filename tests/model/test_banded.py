"""Banded products against the convolutions of torch, values and gradients."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d
from torch.testing import assert_close

from neurotranscoder.model.banded import convolve_in_space, convolve_in_time
from neurotranscoder.model.layers import (
    grid_to_point,
    halved_sizes,
    point_to_grid,
    spatial_down,
    spatial_up,
)
from neurotranscoder.model.norm import rectify_and_normalise


def noise(*shape, seed=1):
    drawn = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn.requires_grad_()


def assert_same_gradients(found, expected, inputs):
    assert_close(found, expected)
    error = noise(*found.shape, seed=9).detach()
    for one, other in zip(
        torch.autograd.grad(found, inputs, error, retain_graph=True),
        torch.autograd.grad(expected, inputs, error),
        strict=True,
    ):
        assert_close(one, other)


@pytest.mark.parametrize("n_times", [1, 9, 40, 75])
@pytest.mark.parametrize("n_taps", [1, 3, 17, 21])
@pytest.mark.parametrize(("n_in", "n_out"), [(1, 4), (4, 1), (3, 5)])
def test_pieces_of_time_are_the_whole_convolution(n_times, n_taps, n_in, n_out):
    inputs = values, weight, bias = (
        noise(2, n_in, 3, n_times),
        noise(n_out, n_in, 1, n_taps, seed=2),
        noise(n_out, seed=3),
    )
    found = convolve_in_time(values, weight, bias)
    whole = conv2d(values, weight, bias, padding=(0, n_taps // 2))
    assert_same_gradients(found, whole, inputs)


@pytest.mark.parametrize("shape", [(16, 16, 12), (5, 4, 3), (1, 1, 1), (9, 2, 1)])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("kind", ["down", "same", "up", "point_to_grid", "grid_to_point"])
def test_folded_axis_is_the_whole_convolution(shape, kernel_size, kind):
    large, small = halved_sizes(shape, 2)
    size, layer = {
        "down": (large, spatial_down(3, 2, sizes=(large, small), kernel_size=kernel_size)),
        "same": (large, spatial_up(3, 2, sizes=(large, large), kernel_size=kernel_size)),
        "up": (small, spatial_up(3, 2, sizes=(small, large), kernel_size=kernel_size)),
        "point_to_grid": ((1, 1, 1), point_to_grid(3, 2, small)),
        "grid_to_point": (small, grid_to_point(3, 2, small)),
    }[kind]
    convolution = layer.convolution.double()
    with torch.no_grad():
        convolution.weight.copy_(noise(*convolution.weight.shape, seed=4))
        convolution.bias.copy_(noise(2, seed=5))
    values = noise(4, 3, *size)
    inputs = (values, convolution.weight, convolution.bias)
    assert_same_gradients(convolve_in_space(values, convolution), convolution(values), inputs)


@pytest.mark.parametrize(
    "shape", [(2, 8, 11, 75), (5, 3, 4, 3, 2), (7, 64, 1, 1, 1), (2, 1, 5, 9)]
)
def test_one_step_is_relu_and_then_batch_normalisation(shape):
    kind = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm3d
    norm = kind(shape[1]).double()
    with torch.no_grad():
        norm.weight.copy_(noise(shape[1], seed=2))
        norm.bias.copy_(noise(shape[1], seed=3))
    twin = copy.deepcopy(norm)
    for step in range(2):  # the second step finds running statistics of the first
        maps = noise(*shape, seed=step)
        found, expected = rectify_and_normalise(maps, norm), twin(torch.relu(maps))
        assert_close(found, expected)
        error = noise(*shape, seed=9).detach()
        for one, other in zip(
            torch.autograd.grad(found, (maps, norm.weight, norm.bias), error),
            torch.autograd.grad(expected, (maps, twin.weight, twin.bias), error),
            strict=True,
        ):
            assert_close(one, other)
    for name, value in twin.state_dict().items():
        assert_close(norm.state_dict()[name], value)
    assert_close(rectify_and_normalise(maps, norm.eval()), twin.eval()(torch.relu(maps)))
