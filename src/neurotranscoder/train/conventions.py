"""Read-outs of trained coders, and what the data cannot tell: sign and lag of the source."""

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

_LOBE_SECONDS = 2.0
_CLEARLY = 1.5  # times as high as what is in the window; less can be a ripple


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

    mean: Float[ndarray, " ..."]
    spread: Float[ndarray, " ..."]


@torch.no_grad()
def impulse_response(
    source_to_bold: Coder,
    at: Float[Tensor, "1 blocks time"],
    *,
    frame: int = 0,
    before: int = 0,
    amplitude: float | None = None,
) -> Readout:
    """Return the response of BOLD to a small impulse around given sources.

    The difference is central: sources that are turned over give the same response, turned over.

    Parameters
    ----------
    source_to_bold : callable
        A temporal coder in eval mode, such as ``model.bold_from_source``; as it never mixes
        blocks, all blocks are probed at once.
    at : tensor, shape (1, blocks, time)
        Sources that it is probed at.
    frame : int
        Where the impulse is added.
    before : int
        Frames ahead of the impulse that the response begins with.
    amplitude : float, optional
        Height of the impulse, half of it on either side; default a tenth of the sources'
        standard deviation.

    Returns
    -------
    response : Readout
        Mean and spread over blocks per unit impulse, from lag ``-before`` to the end of ``at``.
    """
    height = 0.1 * float(at.std()) if amplitude is None else amplitude
    if not height > 0:
        raise GridError(
            f"the impulse has height {height}; it needs to be positive; probe at sources that "
            "vary or give an amplitude"
        )
    step = torch.zeros_like(at)
    step[..., frame] = height / 2
    change = (source_to_bold(at + step) - source_to_bold(at - step))[
        0, :, frame - before :
    ] / height
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


def fix_sign_and_lag(
    model: CyclicTranscoder,
    sources: Float[Tensor, "1 blocks time"],
    rate: float,
    *,
    window: tuple[float, float] = (2.0, 8.0),
) -> tuple[float, int]:
    """State the sources of a model so that its response is positive and peaks in a window.

    Transcoded signals stay as they are. The outcome is a function of the coders alone: what was
    stated before is forgotten. Coders of EEG act on single frames, so that the data hold the lag:
    a response that peaks in the window is left where it is. One whose largest lobe is clearly
    elsewhere is brought to the middle of the window.

    Parameters
    ----------
    model : CyclicTranscoder
        Its ``source_sign`` and ``source_delay`` are set.
    sources : tensor, shape (1, blocks, time)
        Held-out sources, as the model states them now; longer than the window by half.
    rate : float
        Frames per second.
    window : tuple of float
        Where the largest lobe belongs, in s after the impulse.

    Returns
    -------
    sign : float
        -1 if sources are turned over, else 1.
    delay : int
        Frames by which sources are moved later.
    """
    first, last = (round(seconds * rate) for seconds in window)
    before = sources.shape[-1] // 3
    if sources.shape[-1] - before <= last:
        raise GridError(
            f"the sources last {sources.shape[-1] / rate:.1f} s; the response is read at "
            f"{window[0]}-{window[1]} s; give a longer excerpt"
        )
    was_training = model.training
    model.eval()
    found = impulse_response(
        model.source_to_bold, model.as_learnt(sources), frame=before, before=before
    )
    model.train(was_training)
    lobes = _smoothed(found.mean, round(_LOBE_SECONDS * rate))
    inside = before + first + int(np.argmax(np.abs(lobes[before + first : before + last + 1])))
    largest = int(np.argmax(np.abs(lobes)))
    elsewhere = abs(lobes[largest]) > _CLEARLY * abs(lobes[inside])
    delay = largest - before - (first + last) // 2 if elsewhere else 0
    sign = -1.0 if lobes[largest if elsewhere else inside] < 0 else 1.0
    model.source_sign.fill_(sign)
    model.source_delay.fill_(delay)
    return sign, delay


def _smoothed(values: Float[ndarray, " lags"], width: int) -> Float[ndarray, " lags"]:
    """Return a response without what is shorter than a lobe."""
    kernel = np.hanning(width + 2)[1:-1]
    return np.convolve(values, kernel / kernel.sum(), mode="same")
