"""Sources and transcoded signals of one run at the group resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from neurotranscoder.core.source import AlignedRun, SourceEstimate
from neurotranscoder.reconstruct.fuse import Fusion, fuse
from neurotranscoder.train.trained import TrainedTranscoder


@dataclass(frozen=True, slots=True, eq=False)
class GroupEstimates:
    """Everything that a trained transcoder says about one run.

    Parameters
    ----------
    source_from_eeg, source_from_bold, source_fused : SourceEstimate
        Sources; arbitrary unit, sign by convention.
    bold_from_eeg, bold_from_bold : array, shape (blocks, frames)
        BOLD around its mean, in the unit of the images.
    eeg_from_bold, eeg_from_eeg : array, shape (channels, frames)
        EEG around its mean, in V.
    """

    source_from_eeg: SourceEstimate
    source_from_bold: SourceEstimate
    source_fused: SourceEstimate
    bold_from_eeg: Float[ndarray, "blocks frames"]
    bold_from_bold: Float[ndarray, "blocks frames"]
    eeg_from_bold: Float[ndarray, "channels frames"]
    eeg_from_eeg: Float[ndarray, "channels frames"]


def source_of_eeg(
    trained: TrainedTranscoder,
    eeg: Float[ndarray, "channels frames"],
    power: Float[ndarray, "bands channels frames"] | None = None,
) -> Float[ndarray, "blocks frames"]:
    """Estimate sources from EEG; any rate of frames: the coder acts on single ones.

    Parameters
    ----------
    trained : TrainedTranscoder
        In evaluation mode.
    eeg : array, shape (channels, frames)
        EEG averaged over each frame, in V.
    power : array, shape (bands, channels, frames), optional
        Its power in bands, in V^2 (`AlignedRun.power`); needed if ``trained.reads_power``.

    Raises
    ------
    WeightsError
        When the model reads band power and there is none, or in other bands.
    """
    trained.check_power("the EEG", power)
    read = trained.scaling.scale_eeg(eeg)
    if trained.reads_power and power is not None:
        read = np.concatenate([read, trained.scaling.scale_power(power)])
    with torch.inference_mode():
        return _array(trained.module.source_from_eeg(_tensor(read)))


def source_of_bold(
    trained: TrainedTranscoder, bold: Float[ndarray, "blocks samples"]
) -> Float[ndarray, "blocks frames"]:
    """Estimate sources from BOLD of the blocks, at what the model reads.

    That is BOLD interpolated to the group rate, or at its own volumes if
    ``trained.reads_volumes``.
    """
    with torch.inference_mode():
        return _array(trained.module.source_from_bold(_tensor(trained.scaling.scale_bold(bold))))


def joint_source(
    trained: TrainedTranscoder,
    eeg: Float[ndarray, "channels frames"],
    from_eeg: Float[ndarray, "blocks frames"],
    from_bold: Float[ndarray, "blocks frames"],
) -> Float[ndarray, "blocks frames"] | None:
    """Estimate sources from EEG (V) and what either gives; None for a network from a random start.

    It is what both say together (the posterior mean given both, where the model has sparse
    sources; else the sum), as far as the EEG is about the source itself where BOLD does not reach;
    what BOLD gives has the rest of the weight. Adding the estimates alone would know nothing of
    how far each can be trusted.
    """
    coder = trained.module.joint_coder
    if coder is None:
        return None
    with torch.inference_mode():
        scaled = _tensor(trained.scaling.scale_eeg(eeg))
        bold = _tensor(from_bold)
        joint = coder.joint(scaled, _tensor(from_eeg), bold)
        return _array(joint + coder.beyond(bold) if trained.module.reads_blocks else joint)


def bold_of_source(
    trained: TrainedTranscoder, source: Float[ndarray, "blocks frames"]
) -> Float[ndarray, "blocks frames"]:
    """Return the BOLD of a source at group rate, around its mean, in the unit of the images."""
    with torch.inference_mode():
        return _array(trained.module.bold_from_source(_tensor(source))) * trained.scaling.bold


def eeg_of_source(
    trained: TrainedTranscoder, source: Float[ndarray, "blocks frames"]
) -> Float[ndarray, "channels frames"]:
    """Return the EEG of a source, around its mean, in V; any rate of frames."""
    with torch.inference_mode():
        return _array(trained.module.eeg_from_source(_tensor(source))) * trained.scaling.eeg


def estimate_group(
    trained: TrainedTranscoder, run: AlignedRun, *, fusion: Fusion = "joint"
) -> GroupEstimates:
    """Estimate sources and transcode both ways for one aligned run.

    Parameters
    ----------
    trained : TrainedTranscoder
        In evaluation mode.
    run : AlignedRun
        At the rate, on the blocks and with the channels that it was trained for.
    fusion : {'joint', 'sum', 'zscored'}
        How the two source estimates become one (see `joint_source`); 'joint' is the sum for a
        network from a random start.

    Returns
    -------
    estimates : GroupEstimates
        Sources from EEG, from BOLD and fused; BOLD from EEG, EEG from BOLD, and both cycles.

    Raises
    ------
    WeightsError
        When the run does not fit the model.
    """
    trained.check(run)
    from_eeg = source_of_eeg(trained, run.eeg, run.power)
    from_bold = source_of_bold(trained, run.bold_volumes if trained.reads_volumes else run.bold)
    joint = joint_source(trained, run.eeg, from_eeg, from_bold) if fusion == "joint" else None
    fused = fuse(from_eeg, from_bold, fusion=fusion) if joint is None else joint
    return GroupEstimates(
        source_from_eeg=SourceEstimate(from_eeg, run.blocks, run.axis, "eeg"),
        source_from_bold=SourceEstimate(from_bold, run.blocks, run.axis, "bold"),
        source_fused=SourceEstimate(fused, run.blocks, run.axis, "fused"),
        bold_from_eeg=bold_of_source(trained, from_eeg),
        bold_from_bold=bold_of_source(trained, from_bold),
        eeg_from_bold=eeg_of_source(trained, from_bold),
        eeg_from_eeg=eeg_of_source(trained, from_eeg),
    )


def _tensor(values: Float[ndarray, "rows frames"]) -> Float[Tensor, "1 rows frames"]:
    """Return one batch in single precision."""
    return torch.from_numpy(values).to(torch.float32)[None]


def _array(values: Float[Tensor, "1 rows frames"]) -> Float[ndarray, "rows frames"]:
    """Return the only member of a batch."""
    return np.asarray(values[0].cpu().double().numpy())
