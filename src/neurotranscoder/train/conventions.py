"""Read-outs of trained coders, and what the data cannot tell: the sign of the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from einops import reduce
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from neurotranscoder.core.errors import GridError
from neurotranscoder.model.transcoder import CyclicTranscoder

Coder = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """What a coder does near given sources.

    Parameters
    ----------
    mean : array
        Mean over the data: (lags,) for a response, (channels, blocks) for a Jacobian.
    spread : array
        Standard deviation over the data; zero for a linear coder.
    """

    mean: Float[ndarray, ...]
    spread: Float[ndarray, ...]


@torch.no_grad()
def impulse_response(
    source_to_bold: Coder,
    at: Float[Tensor, "1 blocks time"],
    *,
    frame: int = 0,
    amplitude: float | None = None,
) -> Readout:
    """Return the response of BOLD to a small impulse added to given sources.

    Parameters
    ----------
    source_to_bold : callable
        A temporal coder in eval mode, such as ``model.bold_from_source``; as it never mixes
        blocks, all blocks are probed at once.
    at : tensor, shape (1, blocks, time)
        Sources that it is probed at.
    frame : int
        Where the impulse is added.
    amplitude : float, optional
        Height of the impulse; default a tenth of the sources' standard deviation.

    Returns
    -------
    response : Readout
        Mean and spread over blocks per unit impulse, from lag 0 to the end of ``at``.
    """
    height = 0.1 * float(at.std()) if amplitude is None else amplitude
    if not height > 0:
        raise GridError(
            f"the impulse has height {height}; it needs to be positive; probe at sources that "
            "vary or give an amplitude"
        )
    moved = at.clone()
    moved[..., frame] += height
    change = (source_to_bold(moved) - source_to_bold(at))[0, :, frame:] / height
    values = change.double().cpu().numpy()
    return Readout(values.mean(axis=0), values.std(axis=0))


def mean_jacobian(source_to_eeg: Coder, at: Float[Tensor, "1 blocks time"]) -> Readout:
    """Return the Jacobian of a spatial coder, averaged over the frames of given sources.

    Parameters
    ----------
    source_to_eeg : callable
        A spatial coder in eval mode, such as ``model.eeg_from_source``; as it never mixes
        times, one backward pass per channel serves all frames.
    at : tensor, shape (1, blocks, time)
        Sources that it is probed at.

    Returns
    -------
    leadfield : Readout
        Mean and spread over frames, shape (channels, blocks).
    """
    probe = at.detach().clone().requires_grad_()
    totals = reduce(source_to_eeg(probe), "1 channels time -> channels", "sum")
    means, spreads = [], []
    for channel, total in enumerate(totals):
        (row,) = torch.autograd.grad(total, probe, retain_graph=channel + 1 < len(totals))
        values = row[0].double().cpu().numpy()
        means.append(values.mean(axis=1))
        spreads.append(values.std(axis=1))
    return Readout(np.stack(means), np.stack(spreads))


def fix_sign(
    model: CyclicTranscoder,
    sources: Float[Tensor, "1 blocks time"],
    rate: float,
    *,
    window: tuple[float, float] = (2.0, 8.0),
) -> float:
    """Turn the sources of a model over if the largest lobe of its response is negative.

    Transcoded signals stay as they are; the sign of a source is a convention.

    Parameters
    ----------
    model : CyclicTranscoder
        Its ``source_sign`` is set.
    sources : tensor, shape (1, blocks, time)
        Held-out sources, at least as long as the window.
    rate : float
        Frames per second.
    window : tuple of float
        Where the largest lobe is looked for, in s after the impulse.

    Returns
    -------
    sign : float
        1 if the model was left as it was, -1 if it was turned over.
    """
    first, last = (round(seconds * rate) for seconds in window)
    if sources.shape[-1] <= last:
        raise GridError(
            f"the sources last {sources.shape[-1] / rate:.1f} s; the response is read at "
            f"{window[0]}-{window[1]} s; give a longer excerpt"
        )
    was_training = model.training
    model.eval()
    lobe = impulse_response(model.bold_from_source, sources).mean[first : last + 1]
    model.train(was_training)
    sign = -1.0 if lobe[np.argmax(np.abs(lobe))] < 0 else 1.0
    model.source_sign.mul_(sign)
    return sign
