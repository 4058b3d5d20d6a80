"""How well a transcoder does on whole held-out runs."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from neurotranscoder.core.errors import GridError
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train.curve import LossValues
from neurotranscoder.train.losses import LossWeights, cycle_losses
from neurotranscoder.train.windows import ScaledRun, WindowSettings, as_batch, frames_of


@torch.no_grad()
def validate(
    model: CyclicTranscoder,
    runs: Sequence[ScaledRun],
    windows: WindowSettings,
    weights: LossWeights,
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
    """
    means = weights.model_copy(update={"reduction": "mean"})
    first = next(model.parameters())
    was_training = model.training
    model.eval()
    total, n_frames = LossValues.zero(), 0
    for run in runs:
        length = run.eeg.shape[1]
        edge = frames_of(windows, run.rate)[1]
        if length <= 2 * edge:
            raise GridError(
                f"{run.run}: {length} frames are not enough to validate on with {edge} frames of "
                "context on each side; shorten train.network.windows.context"
            )
        core = slice(edge, length - edge)
        eeg, bold = as_batch(run, dtype=first.dtype, device=first.device)
        outputs = model(eeg, bold, core=core)
        losses = cycle_losses(outputs, eeg[..., core], bold[..., core], slice(None), means)
        total = total.plus(LossValues.of(losses), weight=length - 2 * edge)
        n_frames += length - 2 * edge
    model.train(was_training)
    return total.times(1 / n_frames)
