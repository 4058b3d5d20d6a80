"""The four losses of Eq. 5, with the weights of Eq. 4, and the agreement of the two sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from neurotranscoder.core.settings import Settings
from neurotranscoder.model.transcoder import CycleOutputs


class LossWeights(Settings):
    """Weights of the parts of the loss."""

    bold_from_eeg: float = Field(default=1.0, ge=0)
    """Weight of transcoding EEG to BOLD."""
    eeg_from_bold: float = Field(default=1.0, ge=0)
    """Weight of transcoding BOLD to EEG."""
    bold_from_bold: float = Field(default=1.0, ge=0)
    """Weight of the cycle of BOLD."""
    eeg_from_eeg: float = Field(default=1.0, ge=0)
    """Weight of the cycle of EEG; it pulls the leadfield towards the decoder's inverse."""
    alpha: float = Field(default=0.5, ge=0, le=1)
    """Trade-off of Eq. 4: EEG losses count 2 alpha, BOLD losses 2 (1 - alpha)."""
    sparsity: float = Field(default=0.0, ge=0)
    """Weight of the mean absolute source in phi (Eq. 4)."""
    smoothness: float = Field(default=0.0, ge=0)
    """Weight of the mean squared step of the source from frame to frame in phi (Eq. 4)."""
    agreement: float = Field(default=0.0, ge=0)
    """Weight of 1 - r between the source from EEG and the source from BOLD: no loss of Eq. 5 ties
    them together."""
    reduction: Literal["mean", "sum"] = "mean"
    """'sum' is Eq. 5 as written, where BOLD outweighs EEG by its number of blocks."""


@dataclass(frozen=True, slots=True, eq=False)
class CycleLosses:
    """The parts of the loss, unweighted, and their weighted total."""

    bold_from_eeg: Float[Tensor, ""]
    eeg_from_bold: Float[Tensor, ""]
    bold_from_bold: Float[Tensor, ""]
    eeg_from_eeg: Float[Tensor, ""]
    penalty: Float[Tensor, ""]
    disagreement: Float[Tensor, ""]
    total: Float[Tensor, ""]


def cycle_losses(
    outputs: CycleOutputs,
    eeg: Float[Tensor, "batch channels frames"],
    bold: Float[Tensor, "batch picked frames"],
    core: slice,
    weights: LossWeights,
) -> CycleLosses:
    """Return the squared errors of the four paths on the core frames of a window (Eq. 5).

    Parameters
    ----------
    outputs : CycleOutputs
        What the transcoder returned for the window.
    eeg, bold : tensor
        What was measured, on the frames and blocks of the outputs.
    core : slice
        Frames that count.
    weights : LossWeights
        Weights of the parts; with ``reduction='sum'`` the sum over picked blocks is scaled to
        all of them.
    """
    n_blocks = outputs.source_from_eeg.shape[1]
    blocks, channels = (
        (n_blocks * bold[..., core][:, 0].numel(), eeg[..., core].numel())
        if weights.reduction == "sum"
        else (1, 1)
    )

    def error(estimate: Tensor, truth: Tensor) -> Tensor:
        return (estimate[..., core] - truth[..., core]).square().mean()

    bold_from_eeg = blocks * error(outputs.bold_from_eeg, bold)
    eeg_from_bold = channels * error(outputs.eeg_from_bold, eeg)
    bold_from_bold = blocks * error(outputs.bold_from_bold, bold)
    eeg_from_eeg = channels * error(outputs.eeg_from_eeg, eeg)
    penalty = source_penalty(outputs.source_from_eeg[..., core], weights)
    penalty = penalty + source_penalty(outputs.source_from_bold[..., core], weights)
    of_eeg = weights.eeg_from_bold * eeg_from_bold + weights.eeg_from_eeg * eeg_from_eeg
    of_bold = weights.bold_from_eeg * bold_from_eeg + weights.bold_from_bold * bold_from_bold
    total = 2 * weights.alpha * of_eeg + 2 * (1 - weights.alpha) * of_bold + penalty
    sources = outputs.source_from_eeg[..., core], outputs.source_from_bold[..., core]
    apart = disagreement(*(part if weights.agreement else part.detach() for part in sources))
    if weights.agreement:
        total = total + weights.agreement * apart
    return CycleLosses(
        bold_from_eeg=bold_from_eeg,
        eeg_from_bold=eeg_from_bold,
        bold_from_bold=bold_from_bold,
        eeg_from_eeg=eeg_from_eeg,
        penalty=penalty,
        disagreement=apart,
        total=total,
    )


def source_penalty(
    source: Float[Tensor, "batch blocks frames"], weights: LossWeights
) -> Float[Tensor, ""]:
    """Return phi of Eq. 4: absolute values and squared steps in time, both averaged."""
    penalty = torch.zeros((), dtype=source.dtype, device=source.device)
    if weights.sparsity:
        penalty = penalty + weights.sparsity * source.abs().mean()
    if weights.smoothness and source.shape[-1] > 1:
        penalty = penalty + weights.smoothness * source.diff(dim=-1).square().mean()
    return penalty


def disagreement(
    first: Float[Tensor, "batch blocks frames"], second: Float[Tensor, "batch blocks frames"]
) -> Float[Tensor, ""]:
    """Return 1 - r of two sources over all blocks and frames, the mean of each block removed.

    The scales of both are free, so a squared difference would make both small; r does not see
    scales. A block counts by its power: r per block would count silent ones in full.
    """
    one, two = (source - source.mean(-1, keepdim=True) for source in (first, second))
    power = one.square().sum() * two.square().sum()
    return 1 - (one * two).sum() / torch.sqrt(power + torch.finfo(power.dtype).tiny)


def silent_loss(weights: LossWeights, *, n_eeg: int, n_bold: int) -> float:
    """Return the loss of outputs that are all zero, for signals of unit power."""
    summed = weights.reduction == "sum"
    of_eeg = (weights.eeg_from_bold + weights.eeg_from_eeg) * (n_eeg if summed else 1)
    of_bold = (weights.bold_from_eeg + weights.bold_from_bold) * (n_bold if summed else 1)
    return 2 * weights.alpha * of_eeg + 2 * (1 - weights.alpha) * of_bold
