"""What one window contributes to a step, as one vector that ranks can exchange."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from neurotranscoder.train.curve import LossValues

_N_LOSSES = len(fields(LossValues))


class Contributions:
    """Losses, gradient and batch statistics of a window as one vector, and back.

    Vectors are in double precision: numbers in single precision come out as they went in, and
    sums over windows depend on nothing but their order.

    Parameters
    ----------
    model : Module
        Its batch normalisations have running statistics, and see each window once.
    parameters : sequence of Tensor
        Those that are trained.
    """

    def __init__(self, model: nn.Module, parameters: Sequence[Tensor]) -> None:
        self._parameters = list(parameters)
        self._norms = [part for part in model.modules() if isinstance(part, _BatchNorm)]
        self._sizes = [
            1 + _N_LOSSES,
            len(self._parameters),
            sum(parameter.numel() for parameter in self._parameters),
            sum(value.numel() for norm in self._norms for value in _running(norm)),
        ]
        self.empty: Float[Tensor, " n"] = torch.zeros(
            sum(self._sizes), dtype=torch.float64, device=self._parameters[0].device
        )
        """That of a window that diverged."""

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Let running statistics be those of the one batch that passes, and put them back."""
        before = [[value.clone() for value in norm.buffers()] for norm in self._norms]
        shares = [norm.momentum for norm in self._norms]
        for norm in self._norms:
            norm.momentum = 1.0
        try:
            yield
        finally:
            for norm, values, share in zip(self._norms, before, shares, strict=True):
                norm.momentum = share
                for value, old in zip(norm.buffers(), values, strict=True):
                    value.copy_(old)

    def pack(self, losses: LossValues) -> Float[Tensor, " n"]:
        """Return what has been computed for a window, while `recording`."""
        gradients = [parameter.grad for parameter in self._parameters]
        present = [float(gradient is not None) for gradient in gradients]
        parts = [
            self.empty.new_tensor([1.0, *astuple(losses), *present]),
            *(
                torch.zeros_like(parameter) if gradient is None else gradient
                for parameter, gradient in zip(self._parameters, gradients, strict=True)
            ),
            *(value for norm in self._norms for value in _running(norm)),
        ]
        return torch.cat([part.detach().flatten().to(self.empty.dtype) for part in parts])

    def losses(self, vector: Float[Tensor, " n"]) -> LossValues | None:
        """Return the losses of a window; None when it diverged."""
        fine, *values = vector[: 1 + _N_LOSSES].tolist()
        return LossValues(*values) if fine else None

    @torch.no_grad()
    def follow_statistics(self, vector: Float[Tensor, " n"]) -> None:
        """Move running statistics on by those of one window, as if it had passed here."""
        found = vector[-self._sizes[3] :] if self._sizes[3] else vector[:0]
        for norm in self._norms:
            cast(Tensor, norm.num_batches_tracked).add_(1)
            for value in _running(norm):
                batch, found = found[: value.numel()], found[value.numel() :]
                value.lerp_(batch.to(value.dtype), cast(float, norm.momentum))

    def set_gradient(self, summed: Float[Tensor, " n"], n_windows: int) -> None:
        """Set the gradient to the mean over windows; ``summed`` is the sum of their vectors."""
        _, present, gradient, _ = torch.split(summed, self._sizes)
        numbers = torch.split(gradient / n_windows, [p.numel() for p in self._parameters])
        for parameter, found, mean in zip(
            self._parameters, present.tolist(), numbers, strict=True
        ):
            parameter.grad = mean.view_as(parameter).to(parameter.dtype) if found else None


def _running(norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """Return the running statistics of a batch normalisation."""
    return cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
