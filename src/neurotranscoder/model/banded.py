"""Convolutions of few features, as products with larger matrices: what processors do fastest.

A convolution to one feature keeps neither vector units nor caches busy, nor does one to eight
where features are outermost in memory. Here neighbours along one axis count as features of a
wider convolution with banded weights: more arithmetic, less time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d, conv_transpose2d


def convolve_in_space(
    values: Float[Tensor, "frames _ x y z"], convolution: nn.Conv3d | nn.ConvTranspose3d
) -> Float[Tensor, "frames n_out new_x new_y new_z"]:
    """Return ``convolution(values)``; z counts as part of the features.

    Parameters
    ----------
    values : tensor, shape (frames, n_in, x, y, z)
        Feature maps; no copy is made where features are innermost in memory, as in the result.
    convolution : Module
        A plain or transposed 3-D convolution without groups or dilation.
    """
    before, after = values.shape[-1], _size_after(convolution, values.shape[-1])
    flat = rearrange(values, "frames n x y z -> frames (z n) x y")
    bias = None if convolution.bias is None else repeat(convolution.bias, "n -> (z n)", z=after)
    stride, padding = convolution.stride[:2], tuple(map(int, convolution.padding[:2]))
    if isinstance(convolution, nn.ConvTranspose3d):
        weight, surplus = _folded(convolution, before, after), convolution.output_padding[:2]
        found = conv_transpose2d(flat, weight, bias, stride, padding, surplus)
    else:
        found = conv2d(flat, _folded(convolution, after, before), bias, stride, padding)
    return rearrange(found, "frames (z n) x y -> frames n x y z", z=after)


def _size_after(convolution: nn.Conv3d | nn.ConvTranspose3d, size: int) -> int:
    """Return the length of the last axis after a convolution."""
    taps, stride = convolution.kernel_size[2], convolution.stride[2]
    edges = 2 * int(convolution.padding[2])
    if isinstance(convolution, nn.ConvTranspose3d):
        return (size - 1) * stride - edges + taps + convolution.output_padding[2]
    return (size + edges - taps) // stride + 1


def _folded(
    convolution: nn.Conv3d | nn.ConvTranspose3d, small: int, large: int
) -> Float[Tensor, "small_first large_second x y"]:
    """Return weights between all places of the last axis: those that a tap joins, else zero.

    Tap k joins place s on the side that strides with place ``stride s - padding + k`` of the
    other, in plain and transposed convolutions alike.
    """
    weight = convolution.weight
    place = convolution.stride[2] * torch.arange(small) - int(convolution.padding[2])
    reached = torch.arange(convolution.kernel_size[2])[:, None] + place
    joined = (reached[..., None] == torch.arange(large)).to(weight)
    full = torch.einsum("abxyk,ksl->salbxy", weight, joined)
    weights = rearrange(full, "s a l b x y -> (s a) (l b) x y")
    return weights.contiguous(memory_format=torch.channels_last)


def convolve_in_time(
    values: Float[Tensor, "batch _ blocks time"],
    weight: Float[Tensor, "n_out _ 1 taps"],
    bias: Float[Tensor, " n_out"],
) -> Float[Tensor, "batch n_out blocks time"]:
    """Return ``conv2d(values, weight, bias, padding=(0, taps // 2))``.

    Parameters
    ----------
    values : tensor, shape (batch, n_in, blocks, time)
        Feature maps; no copy is made where features are innermost in memory, as in the result.
    weight : tensor, shape (n_out, n_in, 1, taps)
        Kernel with an odd number of taps.
    bias : tensor, shape (n_out,)
        Added to each frame.
    """
    n_blocks = values.shape[2]
    rows = rearrange(values, "batch n blocks time -> (batch blocks) time n").contiguous()
    found: Tensor = _TimeConvolution.apply(rows, weight[:, :, 0], bias)  # type: ignore[no-untyped-call]
    return rearrange(found, "(batch blocks) time n -> batch n blocks time", blocks=n_blocks)


class _TimeConvolution(torch.autograd.Function):
    """Convolution in time of the same length, zero beyond the ends."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401, torch gives it no public type
        rows: Float[Tensor, "rows time n_in"],
        weight: Float[Tensor, "n_out n_in taps"],
        bias: Float[Tensor, " n_out"],
    ) -> Float[Tensor, "rows time n_out"]:
        ctx.save_for_backward(rows, weight)
        return _product(rows, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        gradient: Float[Tensor, "rows time n_out"],
    ) -> tuple[Tensor | None, Tensor, Tensor]:
        rows, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        of_rows = None
        if ctx.needs_input_grad[0]:
            mirrored = rearrange(weight.flip(-1), "n_out n_in taps -> n_in n_out taps")
            of_rows = _product(gradient, mirrored, None)
        of_band = _empty_band(weight, rows.shape[1])
        series, errors = rows.flatten(1), gradient.flatten(1)
        for read, written, part in _pieces(of_band, rows.shape[1]):
            part.addmm_(series[:, read].T, errors[:, written])
        of_weight = _diagonals(of_band, weight.shape[-1]).sum(1)
        of_bias = errors.sum(0).view(-1, len(weight)).sum(0)
        return of_rows, rearrange(of_weight, "taps n_in n_out -> n_out n_in taps"), of_bias


def _product(
    rows: Float[Tensor, "rows time n_in"],
    weight: Float[Tensor, "n_out n_in taps"],
    bias: Float[Tensor, " n_out"] | None,
) -> Float[Tensor, "rows time n_out"]:
    """Convolve by one matrix product for each piece of time."""
    n_rows, n_times, _ = rows.shape
    n_out, _, n_taps = weight.shape
    band = _empty_band(weight, n_times)
    taps = rearrange(weight, "n_out n_in taps -> taps 1 n_in n_out")
    _diagonals(band, n_taps).copy_(taps.expand(-1, band.shape[2], -1, -1))
    found = rows.new_empty(n_rows, n_times, n_out)
    series, output = rows.flatten(1), found.flatten(1)
    for read, written, part in _pieces(band, n_times):
        torch.mm(series[:, read], part, out=output[:, written])
    if bias is not None:
        output.add_(repeat(bias, "n_out -> (time n_out)", time=n_times))
    return found


def _empty_band(
    weight: Float[Tensor, "n_out n_in taps"], n_times: int
) -> Float[Tensor, "read n_in written n_out"]:
    """Return no weights from the frames that a piece of time reads to those that it writes.

    Long pieces waste products with zero, short ones make small products; half a kernel is best.
    """
    n_out, n_in, n_taps = weight.shape
    n_pieces = -(-n_times // (n_taps // 2 + 1))
    written = -(-n_times // n_pieces)
    return weight.new_zeros(written + n_taps - 1, n_in, written, n_out)


def _diagonals(
    band: Float[Tensor, "read n_in written n_out"], n_taps: int
) -> Float[Tensor, "taps written n_in n_out"]:
    """Return a view of the weights of each tap: those from frame ``written + tap``."""
    read, n_in, written, n_out = band.stride()
    _, size_in, n_written, size_out = band.shape
    return band.as_strided(
        (n_taps, n_written, size_in, size_out), (read, read + written, n_in, n_out)
    )


def _pieces(
    band: Float[Tensor, "read n_in written n_out"], n_times: int
) -> Iterator[tuple[slice, slice, Float[Tensor, "inputs outputs"]]]:
    """Yield which inputs and outputs each piece of time has, and the part of the band between."""
    n_read, n_in, n_written, n_out = band.shape
    half = (n_read - n_written) // 2
    matrix = rearrange(band, "read n_in written n_out -> (read n_in) (written n_out)")
    for start in range(0, n_times, n_written):
        stop = min(start + n_written, n_times)
        first, last = max(0, start - half), min(n_times, stop + half)
        inside = slice((first - start + half) * n_in, (last - start + half) * n_in)
        yield (
            slice(first * n_in, last * n_in),
            slice(start * n_out, stop * n_out),
            matrix[inside, : (stop - start) * n_out],
        )
