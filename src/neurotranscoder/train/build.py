"""The module that settings and sizes describe, before its weights are known."""

from __future__ import annotations

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train.linear_transcoder import LinearShape, unfitted_transcoder
from neurotranscoder.train.network import NetworkSettings, build_network
from neurotranscoder.train.settings import RANDOM_START, TrainSettings


def network_settings(settings: TrainSettings) -> NetworkSettings:
    """Return the settings of the networks of an architecture that has some.

    Those of 'vanilla' are those of 'paper' but for the weights of its two cycle losses: budget,
    seed and order of the windows are equal.
    """
    if settings.architecture not in RANDOM_START:
        return settings.residual
    if settings.architecture == "paper":
        return settings.paper
    cycles = {"bold_from_bold": 0.0, "eeg_from_eeg": 0.0}
    losses = settings.paper.losses.model_copy(update=cycles)
    return settings.paper.model_copy(update={"losses": losses})


def build_module(
    settings: TrainSettings,
    shape: LinearShape | None,
    *,
    n_channels: int,
    blocks: BlockMap,
    upsampling: int = 1,
) -> CyclicTranscoder:
    """Return a module whose weights can be read from disk.

    Parameters
    ----------
    settings : TrainSettings
        Architecture and sizes of the networks.
    shape : LinearShape or None
        Sizes of the linear part; None where there is none.
    n_channels : int
        Number of EEG channels.
    blocks : BlockMap
        The source grid.
    upsampling : int
        Frames per BOLD sample that the module reads.
    """
    linear = unfitted_transcoder(shape) if shape else None
    if settings.architecture in ("closed_form", "sparse") and linear is not None:
        return linear
    return build_network(
        n_channels,
        blocks.mask,
        network_settings(settings),
        upsampling=upsampling,
        linear=linear,
    )
