"""How well a transcoder does on whole held-out runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurotranscoder.core.errors import GridError
from neurotranscoder.model.linear import LinearBoldToSource, LinearSourceToBold
from neurotranscoder.model.power import PowerEegToSource
from neurotranscoder.model.transcoder import CycleOutputs, CyclicTranscoder, GatedCoder
from neurotranscoder.train.curve import LossValues
from neurotranscoder.train.losses import LossWeights, cycle_losses
from neurotranscoder.train.ranks import Ranks
from neurotranscoder.train.windows import ScaledRun, WindowSettings, as_batch, frames_of

# Feature maps of whole runs take half a gigabyte and leave the cache; those of pieces do not.
_FRAMES_PER_PIECE = 64
_BLOCKS_PER_PIECE = 128


@torch.no_grad()
def validate(
    model: CyclicTranscoder,
    runs: Sequence[ScaledRun],
    windows: WindowSettings,
    weights: LossWeights,
    ranks: Ranks | None = None,
    kept: dict[int, Tensor] | None = None,
) -> LossValues:
    """Return the mean squared errors over continuous runs, without their edges.

    Parameters
    ----------
    model : CyclicTranscoder
        It is used in eval mode and left as it was.
    runs : sequence of ScaledRun
        Held-out runs.
    windows : WindowSettings
        Its context is the edge that does not count.
    weights : LossWeights
        Weights of the total; means are taken, whatever its reduction says.
    ranks : Ranks, optional
        Processes that share the runs.
    kept : dict, optional
        What linear coders that are not trained make of the EEG of each run, by its number: read
        where it is there, filled where it is not. Sparse sources are most of the time of a
        validation, and never change.
    """
    means = weights.model_copy(update={"reduction": "mean"})
    first = next(model.parameters())
    was_training = model.training
    model.eval()
    cores = [_core_of(run, windows) for run in runs]

    def losses_of(number: int) -> Tensor:
        run, core = runs[number], cores[number]
        eeg, bold, bold_read, eeg_read = as_batch(run, dtype=first.dtype, device=first.device)
        known = None if kept is None else kept.get(number)
        from_eeg, linear = _source_of_eeg(model.eeg_to_source, eeg_read, known)
        if kept is not None and linear is not None:
            kept[number] = linear
        outputs = outputs_of(model, from_eeg, bold_read, core)
        losses = cycle_losses(outputs, eeg[..., core], bold[..., core], slice(None), means)
        return empty.new_tensor(astuple(LossValues.of(losses)))

    empty = torch.tensor(astuple(LossValues.zero()), dtype=torch.float64, device=first.device)
    found = (ranks or Ranks()).share(range(len(runs)), losses_of, empty)
    total, n_frames = LossValues.zero(), 0
    for core, values in zip(cores, found, strict=True):
        total = total.plus(LossValues(*values.tolist()), weight=core.stop - core.start)
        n_frames += core.stop - core.start
    model.train(was_training)
    return total.times(1 / n_frames)


def _core_of(run: ScaledRun, windows: WindowSettings) -> slice:
    """Return the frames of a run that count."""
    length = run.eeg.shape[1]
    edge = frames_of(windows, run.rate, run.upsampling)[1]
    if length <= 2 * edge:
        raise GridError(
            f"{run.run}: {length} frames are not enough to validate on with {edge} frames of "
            "context on each side; shorten train.network.windows.context"
        )
    return slice(edge, length - edge)


def outputs_in_pieces(
    model: CyclicTranscoder,
    eeg: Float[Tensor, "batch rows time"],
    bold: Float[Tensor, "batch blocks samples"],
    core: slice,
) -> CycleOutputs:
    """Return what ``model(eeg, bold, core=core)`` returns in eval mode, in little memory.

    Coders of space see one frame at a time and coders of time one block, so both can be given
    their input in pieces.
    """
    return outputs_of(model, _source_of_eeg(model.eeg_to_source, eeg)[0], bold, core)


def outputs_of(
    model: CyclicTranscoder,
    from_eeg: Float[Tensor, "batch blocks time"],
    bold: Float[Tensor, "batch blocks samples"],
    core: slice,
) -> CycleOutputs:
    """Return `outputs_in_pieces` where the source of the EEG is known."""
    seen = model.bold_projection(bold)
    from_bold = _block_by_block(model.bold_to_source, seen)

    def bold_of(source: Tensor) -> Tensor:
        return _block_by_block(model.source_to_bold, source)[..., core]

    def eeg_of(source: Tensor) -> Tensor:
        return _frame_by_frame(model.source_to_eeg, source[..., core])

    return CycleOutputs(
        bold_from_eeg=bold_of(from_eeg),
        eeg_from_bold=eeg_of(from_bold),
        bold_from_bold=bold_of(from_bold),
        eeg_from_eeg=eeg_of(from_eeg),
        source_from_eeg=model.as_stated(from_eeg)[..., core],
        source_from_bold=model.as_stated(from_bold)[..., core],
    )


def _source_of_eeg(
    coder: nn.Module, rows: Float[Tensor, "batch rows time"], known: Tensor | None = None
) -> tuple[Float[Tensor, "batch blocks time"], Tensor | None]:
    """Return the source of EEG; and what its linear part makes of it, where that is not trained.

    ``known`` is the latter from an earlier time.
    """
    if isinstance(coder, PowerEegToSource):
        eeg, power = coder.split(rows)
        source, linear = _source_of_eeg(coder.coder, eeg, known)
        return source + _frame_by_frame(coder.of_power, power), linear
    if not isinstance(coder, GatedCoder) or _is_trained(coder.linear):
        return _frame_by_frame(coder, rows), None
    linear = _frame_by_frame(coder.linear, rows) if known is None else known
    if float(coder.gate) == 0:
        return linear, linear
    return linear + coder.gate * _frame_by_frame(coder.network, rows), linear


def _is_trained(part: nn.Module) -> bool:
    return any(weights.requires_grad for weights in part.parameters())


def _frame_by_frame(coder: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """Apply a coder that sees one frame at a time."""
    return _in_pieces(coder, values, dim=-1, size=_FRAMES_PER_PIECE)


def _block_by_block(
    coder: nn.Module, values: Float[Tensor, "batch blocks samples"]
) -> Float[Tensor, "batch blocks frames"]:
    """Apply a coder of time, its network in pieces; a linear one needs little memory."""
    if isinstance(coder, GatedCoder):
        corrected: Tensor = _block_by_block(coder.linear, values)
        if float(coder.gate) == 0:
            return corrected
        return corrected + coder.gate * _block_by_block(coder.network, values)
    if isinstance(coder, LinearBoldToSource | LinearSourceToBold):
        found: Tensor = coder(values)
        return found
    return _in_pieces(coder, values, dim=1, size=_BLOCKS_PER_PIECE)


def _in_pieces(
    coder: Callable[[Tensor], Tensor], values: Tensor, *, dim: int, size: int
) -> Tensor:
    """Apply a coder to pieces along an axis that it does not mix."""
    return torch.cat([coder(piece) for piece in torch.split(values, size, dim)], dim)
