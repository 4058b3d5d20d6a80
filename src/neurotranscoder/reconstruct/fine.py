"""What a group model makes of BOLD at voxels: sources at the group rate, finer in space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from numpy import ndarray
from torch import Tensor

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError, WeightsError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Bold
from neurotranscoder.model.linear import ComponentProjection, LinearBoldToSource
from neurotranscoder.model.transcoder import GatedCoder
from neurotranscoder.preprocess.align import blocks_at_frames, slice_cells
from neurotranscoder.signal.frames import Interpolation, interpolate_volumes
from neurotranscoder.train.trained import TrainedTranscoder

_DEPENDENT = 1e-6
"""Components whose courses others give to this share are not told apart from them."""


def voxel_source_of_bold(
    trained: TrainedTranscoder, bold: Bold, *, interpolation: Interpolation = "cubic"
) -> SourceMovie:
    """Estimate sources from BOLD at voxels and at the group rate, in factors (paper 4.3.3).

    BOLD of every voxel, interpolated from its own slice times to the frames, is regressed on the
    courses of the model's BOLD components in the same run; the decoder of time is applied to the
    courses. Voxels thus get the projection that the blocks have, of the same rank: the mean of
    the maps over the voxels of a block is the map of that block, but for what is outside the
    components and still correlates with them.

    Parameters
    ----------
    trained : TrainedTranscoder
        With linear coders, which reads BOLD through components.
    bold : Bold
        Images of one run, in the space of the model; no EEG is needed.
    interpolation : {'linear', 'cubic'}
        As in `preprocess.align.AlignSettings`.

    Returns
    -------
    movie : SourceMovie
        Brain voxels of the run, in the unit of `reconstruct.group.source_of_bold`.

    Raises
    ------
    WeightsError
        When the model reads block by block (see `voxel_slices_of_bold`), at volumes, or through
        a network.
    GridError
        When the images are not on the grid of the model, or have no brain voxel.
    """
    decoder = _linear_decoder(trained)
    projection = trained.module.bold_projection
    if not isinstance(projection, ComponentProjection):
        raise WeightsError(
            "the model reads BOLD block by block and has no components to carry to voxels; use "
            "`voxel_slices_of_bold`, which reads it voxel by voxel"
        )
    axis = TimeAxis.of_frames(bold.volumes.duration, trained.rate)
    cells = slice_cells(bold, trained.blocks)
    blocks = blocks_at_frames(cells, trained.blocks.n_blocks, axis, kind=interpolation)
    maps = projection.maps.double()
    components = maps.T @ torch.from_numpy(trained.scaling.scale_bold(blocks))
    inverse = np.linalg.pinv(components.numpy(), rcond=_DEPENDENT)
    slices = np.nonzero(bold.mask)[2]
    loadings = np.zeros((len(slices), len(components)), dtype=np.float32)
    for index in _slices(bold):
        voxels = _voxels_at_frames(bold, index, axis, interpolation)
        loadings[slices == index] = trained.scaling.scale_bold(voxels) @ inverse
    own = _of_components(decoder, maps, components)
    if projection.mixing is not None:
        components = projection.mixing.double() @ components
    courses = _decoded(trained, own, components)
    return SourceMovie(loadings, courses, bold.grid, bold.mask, axis, "bold")


@dataclass(frozen=True, slots=True, eq=False)
class SliceSource:
    """Sources of the brain voxels of one slice.

    Parameters
    ----------
    index : int
        Number of the slice, along z.
    data : array of float32, shape (voxels, frames)
        Activity of the voxels in ``mask[:, :, index]``, in C order.
    axis : TimeAxis
        When the frames are, in s on the scanner clock.
    """

    index: int
    data: Float32[ndarray, "voxels frames"]
    axis: TimeAxis


def voxel_slices_of_bold(
    trained: TrainedTranscoder, bold: Bold, *, interpolation: Interpolation = "cubic"
) -> Iterator[SliceSource]:
    """Estimate sources from BOLD voxel by voxel, without any projection, a slice at a time.

    Nothing that voxels share is used, so all of the noise of a voxel stays; as many values as
    voxels times frames come out, of which one slice is in memory at a time. A voxel has the
    decoder of its block; outside the blocks it has the one that they share.

    Parameters
    ----------
    trained : TrainedTranscoder
        With linear coders.
    bold : Bold
        Images of one run, in the space of the model.
    interpolation : {'linear', 'cubic'}
        As in `preprocess.align.AlignSettings`.

    Yields
    ------
    source : SliceSource
        Of each slice that holds brain, in the unit of `reconstruct.group.source_of_bold`.

    Raises
    ------
    WeightsError
        When the model reads BOLD at volumes, or through a network.
    GridError
        When the images are not on the grid of the model, or have no brain voxel.
    """
    decoder = _linear_decoder(trained)
    if not bold.grid.matches(trained.blocks.voxels):
        raise GridError(
            f"BOLD has {bold.grid.shape} voxels, the model {trained.blocks.voxels.shape} or "
            "another place; use images in the space of the model"
        )
    axis = TimeAxis.of_frames(bold.volumes.duration, trained.rate)
    for index in _slices(bold):
        voxels = _voxels_at_frames(bold, index, axis, interpolation)
        label = trained.blocks.labels[:, :, index][bold.mask[:, :, index]]
        scaled = torch.from_numpy(trained.scaling.scale_bold(voxels))
        yield SliceSource(index, _decoded(trained, _of_voxels(decoder, label), scaled), axis)


def _linear_decoder(trained: TrainedTranscoder) -> LinearBoldToSource:
    """Return the linear coder of time; refuse what rows other than blocks cannot go through."""
    decoder = trained.module.bold_to_source
    if isinstance(decoder, GatedCoder) and float(decoder.gate) == 0:
        decoder = decoder.linear
    if not isinstance(decoder, LinearBoldToSource) or trained.reads_volumes:
        raise WeightsError(
            f"the model ({trained.settings.architecture}) decodes BOLD with a network"
            f"{' at its volumes' if trained.reads_volumes else ''}, which blocks alone can go "
            "through; sources at voxels need a linear decoder; use a model that was trained with "
            "architecture = 'sparse' or 'closed_form'"
        )
    return decoder


def _slices(bold: Bold) -> list[int]:
    """Return the slices that hold brain."""
    found = np.flatnonzero(bold.mask.any(axis=(0, 1)))
    if not found.size:
        raise GridError("the mask of BOLD is empty; sources at voxels need a brain; check it")
    return [int(index) for index in found]


def _voxels_at_frames(
    bold: Bold, index: int, axis: TimeAxis, kind: Interpolation
) -> Float[ndarray, "voxels frames"]:
    """Return the brain voxels of a slice, interpolated from its own times to frames."""
    series = bold.data[:, :, index][bold.mask[:, :, index]].astype(np.float64)
    return interpolate_volumes(series, bold.volumes.times(index), axis.times, kind=kind)


def _of_components(
    decoder: LinearBoldToSource,
    maps: Float[Tensor, "blocks components"],
    components: Float[Tensor, "components frames"],
) -> LinearBoldToSource:
    """Return the decoder of components.

    Where blocks have decoders of their own, each has that of the component that is strongest in
    it; a component finds its own in the block where it has the largest share of the power.
    """
    if decoder.own is None:
        return decoder
    powers = maps**2 * components.var(dim=1)
    shares = powers / powers.sum(dim=1, keepdim=True).clamp_min(torch.finfo(powers.dtype).tiny)
    return LinearBoldToSource(
        decoder.taps.detach(), int(decoder.first_lag), decoder.own.detach()[shares.argmax(dim=0)]
    )


def _of_voxels(decoder: LinearBoldToSource, label: Int[ndarray, " voxels"]) -> LinearBoldToSource:
    """Return the decoder of voxels in blocks of some numbers, -1 for none."""
    if decoder.own is None:
        return decoder
    own = decoder.own.detach()
    with_none = torch.cat([own, torch.zeros_like(own[:1])])
    return LinearBoldToSource(
        decoder.taps.detach(), int(decoder.first_lag), with_none[torch.from_numpy(label).long()]
    )


def _decoded(
    trained: TrainedTranscoder, decoder: LinearBoldToSource, rows: Float[Tensor, "rows frames"]
) -> Float32[ndarray, "rows frames"]:
    """Return rows through a decoder, by the model's conventions for sign and lag."""
    with torch.inference_mode():
        learnt = decoder(rows.float()[None])
        return np.ascontiguousarray(trained.module.as_stated(learnt)[0].cpu().numpy())
