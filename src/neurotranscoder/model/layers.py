"""Layers of the convolutional coders: convolution, ReLU, batch normalisation, in this order."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.model.banded import convolve_in_space, convolve_in_time
from neurotranscoder.model.norm import rectify_and_normalise

Size = tuple[int, int, int]

# The usual constructors would draw from the global random state.
_undrawn: Callable[..., nn.Module] = nn.utils.skip_init


def check_kernel_size(kernel_size: int) -> None:
    """Refuse kernels that have no centre."""
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise SettingsError(f"a kernel has {kernel_size} taps; it needs an odd number")


def halved_sizes(shape: Size, n_sizes: int) -> list[Size]:
    """Return ``shape`` and the sizes that come from halving it, largest first."""
    sizes = [shape]
    for _ in range(n_sizes - 1):
        x, y, z = (-(-n // 2) for n in sizes[-1])
        sizes.append((x, y, z))
    return sizes


def _strides(large: Size, small: Size) -> Size:
    """Return 2 for each axis that is halved, 1 for the others."""
    x, y, z = (1 if n == m else 2 for n, m in zip(large, small, strict=True))
    return x, y, z


def spatial_down(
    n_in: int, n_out: int, *, sizes: tuple[Size, Size], kernel_size: int
) -> nn.Module:
    """Return a layer that takes a grid of ``sizes[0]`` to one of ``sizes[1]``."""
    check_kernel_size(kernel_size)
    return SpatialLayer(
        _undrawn(
            nn.Conv3d,
            n_in,
            n_out,
            kernel_size,
            stride=_strides(*sizes),
            padding=kernel_size // 2,
        )
    )


def spatial_up(n_in: int, n_out: int, *, sizes: tuple[Size, Size], kernel_size: int) -> nn.Module:
    """Return a transposed layer that takes a grid of ``sizes[0]`` to one of ``sizes[1]``."""
    check_kernel_size(kernel_size)
    small, large = sizes
    strides = _strides(large, small)
    missing = tuple(
        n - (stride * (m - 1) + 1) for n, m, stride in zip(large, small, strides, strict=True)
    )
    return SpatialLayer(
        _undrawn(
            nn.ConvTranspose3d,
            n_in,
            n_out,
            kernel_size,
            stride=strides,
            padding=kernel_size // 2,
            output_padding=missing,
        )
    )


def point_to_grid(n_in: int, n_out: int, size: Size) -> nn.Module:
    """Return a transposed layer that takes one point to a whole grid."""
    return SpatialLayer(_undrawn(nn.ConvTranspose3d, n_in, n_out, size))


def grid_to_point(n_in: int, n_out: int, size: Size) -> nn.Module:
    """Return a layer that takes a whole grid to one point."""
    return SpatialLayer(_undrawn(nn.Conv3d, n_in, n_out, size))


class SpatialLayer(nn.Module):
    """Convolution in space, ReLU, batch normalisation; frames stand on the batch axis.

    Parameters
    ----------
    convolution : Module
        A plain or transposed 3-D convolution.
    """

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = nn.BatchNorm3d(cast(nn.Conv3d, convolution).out_channels)

    def forward(
        self, values: Float[Tensor, "frames _ x y z"]
    ) -> Float[Tensor, "frames _ new_x new_y new_z"]:
        """Return the new feature maps."""
        maps = convolve_in_space(values, cast(nn.Conv3d, self.convolution))
        return rectify_and_normalise(maps, self.norm)


class TemporalLayer(nn.Module):
    """Convolution in time of the same length, ReLU, batch normalisation; zero beyond the ends.

    A transposed convolution of stride 1 is the same layer, its kernel is mirrored.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of features.
    kernel_size : int
        Number of taps, odd.
    """

    def __init__(self, n_in: int, n_out: int, kernel_size: int) -> None:
        super().__init__()
        check_kernel_size(kernel_size)
        self.convolution = _undrawn(nn.Conv2d, n_in, n_out, (1, kernel_size))
        self.norm = nn.BatchNorm2d(n_out)

    def forward(
        self, values: Float[Tensor, "batch _ blocks time"]
    ) -> Float[Tensor, "batch _ blocks time"]:
        """Return the new feature maps."""
        convolution = cast(nn.Conv2d, self.convolution)
        bias = cast(Tensor, convolution.bias)
        maps = convolve_in_time(values, convolution.weight, bias)
        return rectify_and_normalise(maps, self.norm)


class TemporalUpLayer(nn.Module):
    """Transposed convolution in time that makes ``stride`` frames of each volume.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of features.
    kernel_size : int
        Number of taps, odd; at least ``stride``.
    stride : int
        Frames per volume.
    """

    def __init__(self, n_in: int, n_out: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        check_kernel_size(kernel_size)
        if kernel_size < stride:
            raise SettingsError(
                f"a kernel of {kernel_size} taps cannot make {stride} frames of each volume; "
                f"it needs at least {stride} taps"
            )
        surplus = kernel_size - stride
        self.convolution = _undrawn(
            nn.ConvTranspose2d,
            n_in,
            n_out,
            (1, kernel_size),
            stride=(1, stride),
            padding=(0, -(-surplus // 2)),
            output_padding=(0, surplus % 2),
        )
        self.norm = nn.BatchNorm2d(n_out)

    def forward(
        self, values: Float[Tensor, "batch _ blocks volumes"]
    ) -> Float[Tensor, "batch _ blocks frames"]:
        """Return the new feature maps, ``stride`` frames per volume."""
        return rectify_and_normalise(self.convolution(values), self.norm)


@torch.no_grad()
def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all convolutions anew from ``generator`` (He et al. 2015, uniform), biases zero.

    Nothing is read from torch's global random state.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d):
            bound = (6 * part.out_channels / part.weight.numel()) ** 0.5
            part.weight.uniform_(-bound, bound, generator=generator)
            if part.bias is not None:
                part.bias.zero_()
