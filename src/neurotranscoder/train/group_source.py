"""What a group model makes of scaled EEG, where its band power is not known."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.train.trained import TrainedTranscoder


def group_source(
    group: TrainedTranscoder, eeg: Float[ndarray, "channels frames"]
) -> Float[ndarray, "blocks frames"]:
    """Return the source of scaled EEG; band power, where the model reads it, at its mean.

    Parameters
    ----------
    group : TrainedTranscoder
        In evaluation mode.
    eeg : array, shape (channels, frames)
        Frames of the length that the model was trained on, around their means, in units of the
        model's scale. `reconstruct.fast.fast_source_of_eeg` reads shorter frames.
    """
    n_power = len(group.scaling.power) * len(eeg) if group.reads_power else 0
    rows = np.concatenate([eeg, np.zeros((n_power, eeg.shape[1]))])
    with torch.inference_mode():
        source = group.module.source_from_eeg(torch.from_numpy(rows).float()[None])
    return np.asarray(source[0].double().numpy())
