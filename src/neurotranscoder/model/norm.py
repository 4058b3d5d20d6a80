"""ReLU and batch normalisation in one step, in few passes over memory."""

from __future__ import annotations

from typing import Any, cast

import torch
from einops import repeat
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import relu
from torch.nn.modules.batchnorm import _BatchNorm


def rectify_and_normalise(maps: Float[Tensor, "batch n *space"], norm: nn.Module) -> Tensor:
    """Return ``norm(relu(maps))`` and update the running statistics in training.

    Parameters
    ----------
    maps : tensor, shape (batch, n, ...)
        Feature maps; no copy is made where features are innermost in memory, as in the result.
    norm : BatchNorm2d or BatchNorm3d
        With gains, offsets and running statistics.
    """
    if not norm.training:
        output: Tensor = norm(relu(maps))
        return output
    batch = cast(_BatchNorm, norm)
    inner = maps.movedim(1, -1).contiguous()
    # Rows of many features each: what is done feature by feature runs along whole rows.
    wide = inner.flatten(0, 1).flatten(1)
    found, mean, variance = _RectifiedNorm.apply(wide, batch.weight, batch.bias, batch.eps)  # type: ignore[no-untyped-call]
    n_values = maps.numel() // maps.shape[1]
    with torch.no_grad():
        cast(Tensor, batch.num_batches_tracked).add_(1)
        share = cast(float, batch.momentum)
        cast(Tensor, batch.running_mean).lerp_(mean, share)
        unbiased = variance * (n_values / max(n_values - 1, 1))
        cast(Tensor, batch.running_var).lerp_(unbiased, share)
    return cast(Tensor, found).view_as(inner).movedim(-1, 1)


class _RectifiedNorm(torch.autograd.Function):
    """ReLU, then zero mean and unit variance of each feature, then a gain and an offset."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401, torch gives it no public type
        maps: Float[Tensor, "rows wide"],
        gain: Float[Tensor, " n"],
        offset: Float[Tensor, " n"],
        eps: float,
    ) -> tuple[Float[Tensor, "rows wide"], Float[Tensor, " n"], Float[Tensor, " n"]]:
        n = len(gain)
        kept = relu(maps)
        mean = _sums(kept, n) * (n / kept.numel())
        moved = kept - _along(mean, kept)
        variance = _products(moved, moved, n) * (n / kept.numel())
        rate = torch.rsqrt(variance + eps)
        ctx.save_for_backward(kept, gain, mean, rate)
        ctx.mark_non_differentiable(mean, variance)
        found = torch.addcmul(_along(offset, kept), moved, _along(gain * rate, kept), out=moved)
        return found, mean, variance

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,  # noqa: ANN401
        gradient: Float[Tensor, "rows wide"],
        *_: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, None]:
        kept, gain, mean, rate = ctx.saved_tensors
        n = len(gain)
        gradient = gradient.contiguous()
        of_offset = _sums(gradient, n)
        of_gain = (_products(gradient, kept, n) - mean * of_offset) * rate
        scale = gain * rate
        slope = -scale * rate * of_gain * (n / kept.numel())
        level = -scale * of_offset * (n / kept.numel()) - slope * mean
        of_kept = torch.addcmul(_along(level, kept), kept, _along(slope, kept))
        torch.addcmul(of_kept, gradient, _along(scale, kept), out=of_kept)
        return torch.ops.aten.threshold_backward(of_kept, kept, 0), of_gain, of_offset, None


def _along(values: Float[Tensor, " n"], rows: Float[Tensor, "rows wide"]) -> Tensor:
    """Return one value per feature, again and again along a row."""
    return repeat(values, "n -> (times n)", times=rows.shape[1] // len(values))


def _sums(rows: Float[Tensor, "rows wide"], n: int) -> Float[Tensor, " n"]:
    """Return the sum of each feature."""
    return rows.sum(0).view(-1, n).sum(0)


def _products(
    first: Float[Tensor, "rows wide"], second: Float[Tensor, "rows wide"], n: int
) -> Float[Tensor, " n"]:
    """Return the sum of products of each feature; one matrix product reads both only once."""
    return (first.view(-1, n).T @ second.view(-1, n)).diagonal()
