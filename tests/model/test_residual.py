"""Residual layers against the convolutions that they are made of, whatever their arithmetic is."""

import pytest
import torch
from torch.testing import assert_close

from neurotranscoder.model.residual import ResidualInSpace, ResidualInTime


def layer(kind, *sizes):
    """Return a layer with drawn weights, in double precision."""
    generator = torch.Generator().manual_seed(3)
    made = kind(*sizes).double()
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator, dtype=torch.float64))
    return made, generator


def gradients(result, inputs):
    return torch.autograd.grad(result.square().sum(), inputs)


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 8), (8, 8), (8, 1)])
@pytest.mark.parametrize("innermost", [False, True], ids=["features first", "innermost"])
def test_a_layer_of_space_is_a_rectified_convolution_beside_its_shortcut(n_in, n_out, innermost):
    made, generator = layer(ResidualInSpace, n_in, n_out, 3)
    values = torch.randn(2, n_in, 6, 5, 4, generator=generator, dtype=torch.float64)
    if innermost:
        values = values.contiguous(memory_format=torch.channels_last_3d)
    inputs = (values.requires_grad_(), *made.parameters())
    found = made(values)
    expected = torch.relu(made.convolution(values)) + made.shortcut(values)
    assert_close(found, expected)
    for one, other in zip(gradients(found, inputs), gradients(expected, inputs), strict=True):
        assert_close(one, other)


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 4), (4, 4), (4, 1)])
def test_a_layer_of_time_keeps_the_length_with_zeros_beyond_the_ends(n_in, n_out):
    made, generator = layer(ResidualInTime, n_in, n_out, 5)
    values = torch.randn(2, n_in, 3, 20, generator=generator, dtype=torch.float64)
    convolution = made.convolution
    same = torch.nn.functional.conv2d(values, convolution.weight, convolution.bias, padding=(0, 2))
    assert_close(made(values), torch.relu(same) + made.shortcut(values))
