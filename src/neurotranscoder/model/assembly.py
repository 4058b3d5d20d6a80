"""Transcoders put together: the paper's, and a linear one that networks may correct."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from jaxtyping import Bool
from numpy import ndarray
from torch import Tensor

from neurotranscoder.model.coders import BoldToSource, EegToSource, SourceToBold, SourceToEeg
from neurotranscoder.model.power import PowerEegToSource
from neurotranscoder.model.transcoder import CyclicTranscoder, GatedCoder


def paper_transcoder(
    n_channels: int,
    mask: Bool[ndarray, "x y z"] | Bool[Tensor, "x y z"],
    *,
    spatial_features: Sequence[int] = (64, 32, 16, 8),
    temporal_features: Sequence[int] = (8, 8, 8, 8),
    kernel_sizes: tuple[int, int] = (3, 17),
    upsampling: int = 1,
    generator: torch.Generator,
) -> CyclicTranscoder:
    """Return the transcoder of the paper (4.3.2), with weights drawn from ``generator``.

    Parameters
    ----------
    n_channels : int
        Number of EEG channels.
    mask : array of bool, shape (x, y, z)
        Blocks in use.
    spatial_features : tuple of int
        Hidden features from EEG to source; from source to EEG they run backwards.
    temporal_features : tuple of int
        Hidden features of both temporal coders.
    kernel_sizes : tuple of int
        Kernel width in space (blocks per axis) and in time (frames).
    upsampling : int
        Frames per BOLD sample, 1 for BOLD that was interpolated to the frames.
    generator : Generator
        Where the weights come from.
    """
    space, time = kernel_sizes
    return CyclicTranscoder(
        EegToSource(
            n_channels, mask, features=spatial_features, kernel_size=space, generator=generator
        ),
        SourceToEeg(
            n_channels,
            mask,
            features=spatial_features[::-1],
            kernel_size=space,
            generator=generator,
        ),
        BoldToSource(
            features=temporal_features,
            kernel_size=time,
            upsampling=upsampling,
            generator=generator,
        ),
        SourceToBold(features=temporal_features, kernel_size=time, generator=generator),
    )


def gated_transcoder(linear: CyclicTranscoder, network: CyclicTranscoder) -> CyclicTranscoder:
    """Return a linear transcoder whose coders the coders of a network may correct.

    Parameters
    ----------
    linear : CyclicTranscoder
        Linear coders, with their projection and sign; it is copied.
    network : CyclicTranscoder
        Coders for the same channels and blocks, such as those of `paper_transcoder`; the linear
        coders take their precision.
    """
    start = copy.deepcopy(linear).to(next(network.parameters()).dtype)
    from_eeg = start.eeg_to_source
    if isinstance(from_eeg, PowerEegToSource):
        from_eeg.coder = GatedCoder(from_eeg.coder, network.eeg_to_source)
    else:
        from_eeg = GatedCoder(from_eeg, network.eeg_to_source)
    return CyclicTranscoder(
        from_eeg,
        GatedCoder(start.source_to_eeg, network.source_to_eeg),
        GatedCoder(start.bold_to_source, network.bold_to_source),
        GatedCoder(start.source_to_bold, network.source_to_bold),
        bold_projection=start.bold_projection,
        source_sign=start.source_sign.item(),
        source_delay=int(start.source_delay),
    )
