"""The convolutional coders of the paper (4.3.2): five stacked layers each.

Two coders of space act on single frames, two coders of time on single blocks. The last layer
is a full layer as well: the affine part of its batch normalisation gives both signs.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor, nn

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.model.layers import (
    Size,
    TemporalLayer,
    TemporalUpLayer,
    grid_to_point,
    halved_sizes,
    initialise,
    point_to_grid,
    spatial_down,
    spatial_up,
)

N_LAYERS = 5


class _Grid(nn.Module):
    """Between the blocks in use and the grid that they are part of.

    Parameters
    ----------
    mask : array of bool, shape (x, y, z)
        Blocks in use, numbered in C order.
    """

    numbers: Tensor

    def __init__(self, mask: Bool[ndarray, "x y z"] | Bool[Tensor, "x y z"]) -> None:
        super().__init__()
        used = np.asarray(mask, dtype=bool)
        self.shape = cast(Size, used.shape)
        self.register_buffer("numbers", torch.tensor(np.flatnonzero(used)), persistent=False)

    def gather(self, grid: Float[Tensor, "frames 1 x y z"]) -> Float[Tensor, "frames blocks"]:
        """Return the blocks in use."""
        return rearrange(grid, "frames 1 x y z -> frames (x y z)").index_select(1, self.numbers)

    def scatter(self, blocks: Float[Tensor, "frames blocks"]) -> Float[Tensor, "frames 1 x y z"]:
        """Return the grid, zero where no block is in use."""
        x, y, z = self.shape
        empty = blocks.new_zeros(len(blocks), x * y * z)
        full = empty.index_copy(1, self.numbers, blocks)
        return rearrange(full, "frames (x y z) -> frames 1 x y z", x=x, y=y, z=z)


class EegToSource(nn.Module):
    """Inverse model of EEG, the paper's "EEG decoder": transposed convolutions in space.

    The channels of a frame are the features of one point, which grows into the grid of blocks.

    Parameters
    ----------
    n_channels : int
        Number of EEG channels, of any kind.
    mask : array of bool, shape (x, y, z)
        Blocks in use.
    features : tuple of int
        Features of the four hidden layers; few in the last, it has the size of the grid.
    kernel_size : int
        Width of the kernels along each axis, odd.
    generator : Generator
        Where the first weights come from.
    """

    def __init__(
        self,
        n_channels: int,
        mask: Bool[ndarray, "x y z"] | Bool[Tensor, "x y z"],
        *,
        features: Sequence[int] = (64, 32, 16, 8),
        kernel_size: int = 3,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.grid = _Grid(mask)
        full, *_, smallest = sizes = halved_sizes(self.grid.shape, N_LAYERS - 1)
        growing = zip([*sizes[:0:-1], full], [*sizes[-2::-1], full], strict=True)
        (first_in, first_out), *pairs = feature_pairs(n_channels, features, 1)
        self.layers = nn.Sequential(
            point_to_grid(first_in, first_out, smallest),
            *(
                spatial_up(n_in, n_out, sizes=step, kernel_size=kernel_size)
                for (n_in, n_out), step in zip(pairs, growing, strict=True)
            ),
        )
        initialise(self, generator)

    def forward(
        self, eeg: Float[Tensor, "batch channels time"]
    ) -> Float[Tensor, "batch blocks time"]:
        """Return the source that explains the EEG, frame by frame."""
        points = rearrange(eeg, "batch channels time -> (batch time) channels 1 1 1")
        blocks = self.grid.gather(self.layers(points))
        return rearrange(blocks, "(batch time) blocks -> batch blocks time", batch=len(eeg))


class SourceToEeg(nn.Module):
    """Leadfield, the paper's "EEG encoder": convolutions in space, down to one point.

    Parameters
    ----------
    n_channels : int
        Number of EEG channels, of any kind.
    mask : array of bool, shape (x, y, z)
        Blocks in use.
    features : tuple of int
        Features of the four hidden layers.
    kernel_size : int
        Width of the kernels along each axis, odd.
    generator : Generator
        Where the first weights come from.
    """

    def __init__(
        self,
        n_channels: int,
        mask: Bool[ndarray, "x y z"] | Bool[Tensor, "x y z"],
        *,
        features: Sequence[int] = (8, 16, 32, 64),
        kernel_size: int = 3,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.grid = _Grid(mask)
        *_, smallest = sizes = halved_sizes(self.grid.shape, N_LAYERS - 1)
        shrinking = zip(sizes, [*sizes[1:], smallest], strict=True)
        *pairs, (last_in, last_out) = feature_pairs(1, features, n_channels)
        self.layers = nn.Sequential(
            *(
                spatial_down(n_in, n_out, sizes=step, kernel_size=kernel_size)
                for (n_in, n_out), step in zip(pairs, shrinking, strict=True)
            ),
            grid_to_point(last_in, last_out, smallest),
        )
        initialise(self, generator)

    def forward(
        self, source: Float[Tensor, "batch blocks time"]
    ) -> Float[Tensor, "batch channels time"]:
        """Return the EEG that the source projects to, frame by frame."""
        frames = rearrange(source, "batch blocks time -> (batch time) blocks")
        points: Tensor = self.layers(self.grid.scatter(frames))
        return rearrange(
            points, "(batch time) channels 1 1 1 -> batch channels time", batch=len(source)
        )


class BoldToSource(nn.Module):
    """Deconvolution of BOLD, the paper's "fMRI decoder": transposed convolutions in time.

    Parameters
    ----------
    features : tuple of int
        Features of the four hidden layers.
    kernel_size : int
        Taps of each layer, odd; five layers see ``5 (kernel_size - 1) + 1`` frames.
    upsampling : int
        Frames per input sample: 1 for BOLD that was interpolated to the frames, frames per TR
        for BOLD at its own volumes.
    generator : Generator
        Where the first weights come from.
    """

    def __init__(
        self,
        *,
        features: Sequence[int] = (8, 8, 8, 8),
        kernel_size: int = 17,
        upsampling: int = 1,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = _temporal_layers(features, kernel_size)
        if upsampling != 1:
            layers[0] = TemporalUpLayer(1, features[0], kernel_size, upsampling)
        self.layers = nn.Sequential(*layers)
        initialise(self, generator)

    def forward(
        self, bold: Float[Tensor, "batch blocks volumes"]
    ) -> Float[Tensor, "batch blocks frames"]:
        """Return the source that explains the BOLD, block by block."""
        return block_by_block(self.layers, bold)


class SourceToBold(nn.Module):
    """Haemodynamic response, the paper's "fMRI encoder": convolutions in time.

    Parameters
    ----------
    features : tuple of int
        Features of the four hidden layers.
    kernel_size : int
        Taps of each layer, odd; five layers see ``5 (kernel_size - 1) + 1`` frames.
    generator : Generator
        Where the first weights come from.
    """

    def __init__(
        self,
        *,
        features: Sequence[int] = (8, 8, 8, 8),
        kernel_size: int = 17,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_temporal_layers(features, kernel_size))
        initialise(self, generator)

    def forward(
        self,
        source: Float[Tensor, "batch blocks time"],
        picked: Int[Tensor, " picked"] | None = None,
    ) -> Float[Tensor, "batch picked time"]:
        """Return the BOLD that follows the source, block by block; of picked blocks alone."""
        return block_by_block(self.layers, source if picked is None else source[:, picked])


def feature_pairs(first: int, hidden: Sequence[int], last: int) -> list[tuple[int, int]]:
    """Return the features that enter and leave each of the five layers."""
    if len(hidden) != N_LAYERS - 1:
        raise SettingsError(
            f"a coder got features {tuple(hidden)}; it needs {N_LAYERS - 1} numbers, one for "
            "each hidden layer"
        )
    return list(itertools.pairwise([first, *hidden, last]))


def _temporal_layers(features: Sequence[int], kernel_size: int) -> list[nn.Module]:
    """Return five layers of the same length in time."""
    return [
        TemporalLayer(n_in, n_out, kernel_size) for n_in, n_out in feature_pairs(1, features, 1)
    ]


def block_by_block(
    layers: nn.Module, values: Float[Tensor, "batch blocks time"]
) -> Float[Tensor, "batch blocks frames"]:
    """Apply layers that know nothing of neighbours."""
    maps: Tensor = layers(rearrange(values, "batch blocks time -> batch 1 blocks time"))
    return rearrange(maps, "batch 1 blocks frames -> batch blocks frames")
