"""Whether coders of space work on single frames, and coders of time on single blocks."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurotranscoder.model.transcoder import CyclicTranscoder

Axis = Literal["blocks", "frames"]
_AXES: dict[Axis, int] = {"blocks": 1, "frames": 2}


@torch.no_grad()
def crosstalk(coder: nn.Module, signal: Float[Tensor, "1 rows frames"], axis: Axis) -> float:
    """Return how far a change of one block, or one frame, reaches into the others.

    Parameters
    ----------
    coder : Module
        In evaluation mode.
    signal : tensor, shape (1, rows, frames)
        What is read; its middle block or frame is turned over.
    axis : {'blocks', 'frames'}
        What must not mix.

    Returns
    -------
    crosstalk : float
        Largest change elsewhere over the largest change at the place; 0 for coders that never
        mix, infinite where the place itself does not change.
    """
    dimension = _AXES[axis]
    place = signal.shape[dimension] // 2
    changed = signal.clone()
    changed.select(dimension, place).neg_()
    moved = (coder(changed) - coder(signal)).abs()
    here = float(moved.select(dimension, place).max())
    moved.select(dimension, place).zero_()
    return float(moved.max()) / here if here > 0 else float("inf")


def crosstalks(
    module: CyclicTranscoder, n_channels: int, n_blocks: int, rng: np.random.Generator
) -> dict[str, float]:
    """Return the crosstalk of each coder, at noise of unit variance.

    Parameters
    ----------
    module : CyclicTranscoder
        In evaluation mode; BOLD is read at the frames.
    n_channels, n_blocks : int
        What it reads.
    rng : Generator
        Draws the signals.
    """
    eeg, blocks = (
        torch.from_numpy(rng.standard_normal((1, rows, 151))).float()
        for rows in (n_channels, n_blocks)
    )
    return {
        "eeg_to_source": crosstalk(module.eeg_to_source, eeg, "frames"),
        "source_to_eeg": crosstalk(module.source_to_eeg, blocks, "frames"),
        "bold_to_source": crosstalk(module.bold_to_source, blocks, "blocks"),
        "source_to_bold": crosstalk(module.source_to_bold, blocks, "blocks"),
    }
