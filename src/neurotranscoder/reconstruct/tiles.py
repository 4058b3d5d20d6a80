"""Convolutional coders over movies that are too large for memory: chunked equals whole."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Bool, Float32
from numpy import ndarray
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.core.source import Origin
from neurotranscoder.core.tiles import Box, Extent, TileSource, extent
from neurotranscoder.model.coders import BoldToSource, SourceToBold
from neurotranscoder.model.residual import TimeCoder

_COPIES = 4
"""Feature maps that a layer has in memory at once: read, found, rectified, normalised."""


@dataclass(frozen=True, eq=False)
class ConvolvedTiles:
    """What a coder makes of the activity of every voxel, box by box.

    Each box is computed with the halo that the coder looks at and cut out of the result; where
    the movie ends, the coder meets the same zeros as over the whole. Nothing is blended.

    Parameters
    ----------
    source : TileSource
        What the coder reads; a movie in factors, or another coder's tiles.
    coder : BoldToSource, SourceToBold or TimeCoder, or Module
        A coder of time, which acts on single voxels of the mask, or a module that acts on single
        frames (frames, 1, x, y, z) and keeps their size; in evaluation mode.

    Raises
    ------
    SettingsError
        When the coder is in training mode, where a value depends on its whole batch, or has
        strides, where it depends on where a box begins.
    """

    source: TileSource
    coder: nn.Module

    def __post_init__(self) -> None:
        if self.coder.training:
            raise SettingsError(
                "the coder is in training mode, where batches set the scale; call `coder.eval()`"
            )
        strides = {one for layer in self._convolutions for one in layer.stride}
        if strides - {1} or any(layer.transposed for layer in self._convolutions):
            raise SettingsError(
                f"the coder has transposed convolutions or strides {sorted(strides)}; a tile "
                "needs plain ones of stride 1; for BOLD at its own volumes, interpolate it first"
            )

    @property
    def grid(self) -> VoxelGrid:
        """Where the voxels are."""
        return self.source.grid

    @property
    def mask(self) -> Bool[ndarray, "x y z"]:
        """Voxels that have values."""
        return self.source.mask

    @property
    def axis(self) -> TimeAxis:
        """When the frames are."""
        return self.source.axis

    @property
    def origin(self) -> Origin:
        """What the activity was estimated from."""
        return self.source.origin

    @property
    def reach(self) -> Extent:
        """How far a value looks along each axis, the source's own reach included."""
        return extent(a + b for a, b in zip(self._halo, self.source.reach, strict=True))

    @cached_property
    def identity(self) -> str:
        """SHA-256 of the source, the coder's structure and its weights."""
        digest = hashlib.sha256(f"{self.source.identity} {self.coder}".encode())
        for name, tensor in self.coder.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def values(self, box: Box) -> Float32[ndarray, "x y z frames"]:
        """Return what the coder makes of a box, zero outside the mask."""
        around = box.grown(self._halo, (*self.grid.shape, self.axis.n_times))
        read = torch.from_numpy(self.source.values(around))
        inside = self.mask[around.slices[:3]]
        with torch.inference_mode():
            found = self._in_time(read, inside) if self._is_of_time else self._in_space(read)
            found[torch.from_numpy(~inside)] = 0
        return np.ascontiguousarray(found.numpy()[box.seen_from(around).slices])

    def working_bytes(self, shape: Extent) -> int:
        """Return what a box of this shape takes: its halo, its source, and all feature maps."""
        sizes = zip(shape, self._halo, (*self.grid.shape, self.axis.n_times), strict=True)
        around = extent(min(n + 2 * halo, most) for n, halo, most in sizes)
        features = max(layer.out_channels for layer in self._convolutions)
        maps = 4 * math.prod(around) * (2 + _COPIES * features)
        return max(self.source.working_bytes(around), maps) + 4 * math.prod(shape)

    @property
    def _is_of_time(self) -> bool:
        return isinstance(self.coder, BoldToSource | SourceToBold | TimeCoder)

    @cached_property
    def _convolutions(self) -> list[_ConvNd]:
        """The convolutions of the coder, one after the other."""
        return [part for part in self.coder.modules() if isinstance(part, _ConvNd)]

    @cached_property
    def _halo(self) -> Extent:
        """How far the coder itself looks: the sum over its layers."""
        reach = np.zeros(4, dtype=int)
        axes = slice(2, 4) if self._is_of_time else slice(0, 3)
        for layer in self._convolutions:
            kernel, dilation = np.array(layer.kernel_size), np.array(layer.dilation)
            reach[axes] += (kernel - 1) // 2 * dilation
        return extent(map(int, reach))

    def _in_time(self, read: Float32[Tensor, "x y z frames"], inside: ndarray) -> Tensor:
        """Apply a coder of time to the voxels of the mask."""
        found = torch.zeros_like(read)
        rows = torch.from_numpy(inside)
        if not inside.any():  # a box beside the brain
            return found
        found[rows] = self.coder(read[rows][None])[0]
        return found

    def _in_space(self, read: Float32[Tensor, "x y z frames"]) -> Tensor:
        """Apply a module of space to each frame."""
        frames: Tensor = self.coder(rearrange(read, "x y z frames -> frames 1 x y z"))
        return rearrange(frames, "frames 1 x y z -> x y z frames")


@dataclass(frozen=True, eq=False)
class SummedTiles:
    """A weighted sum of the activity of several sources, box by box.

    Parameters
    ----------
    sources : tuple of TileSource
        On the same voxels and frames.
    weights : tuple of float
        What each is multiplied by.
    origin : {'eeg', 'bold', 'fused'}
        What the sum was estimated from.
    """

    sources: tuple[TileSource, ...]
    weights: tuple[float, ...]
    origin: Origin

    def __post_init__(self) -> None:
        first = self.sources[0]
        for one in self.sources:
            same = one.grid.matches(first.grid) and np.array_equal(one.mask, first.mask)
            if not same or one.axis != first.axis:
                raise GridError(
                    "tiles to be added differ in voxels or frames; they need the same; make both "
                    "from one run"
                )

    @property
    def grid(self) -> VoxelGrid:
        """Where the voxels are."""
        return self.sources[0].grid

    @property
    def mask(self) -> Bool[ndarray, "x y z"]:
        """Voxels that have values."""
        return self.sources[0].mask

    @property
    def axis(self) -> TimeAxis:
        """When the frames are."""
        return self.sources[0].axis

    @property
    def reach(self) -> Extent:
        """The farthest that any of them looks."""
        return extent(max(reach) for reach in zip(*(s.reach for s in self.sources), strict=True))

    @cached_property
    def identity(self) -> str:
        """SHA-256 of all of them and their weights."""
        facts = [self.origin, *self.weights, *(one.identity for one in self.sources)]
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    def values(self, box: Box) -> Float32[ndarray, "x y z frames"]:
        """Return the sum in a box, zero outside the mask."""
        total = np.zeros(box.shape, dtype=np.float32)
        for weight, one in zip(self.weights, self.sources, strict=True):
            total += np.float32(weight) * one.values(box)
        return total

    def working_bytes(self, shape: Extent) -> int:
        """Return what a box of this shape takes: the sum, and one of them at a time."""
        return 8 * math.prod(shape) + max(one.working_bytes(shape) for one in self.sources)
