"""What describes the chunks of a dense movie: Zarr v3 arrays with named, placed axes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import zarr
from jaxtyping import Float
from numpy import ndarray
from zarr.codecs import BytesCodec, Crc32cCodec, ZstdCodec

from neurotranscoder import __version__
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.tiles import TileSource
from neurotranscoder.io.dense_layout import Layout

ARRAY = "source"
ZSTD_LEVEL = 1
"""Of Zstandard: packs NaN to nothing, values by some 8 %, at more than the speed of a disk."""
AXES = ("x", "y", "z", "time")
_VALUES = "source activity; unit arbitrary, sign a convention; NaN outside the brain"


def describe(folder: Path, source: TileSource, layout: Layout) -> None:
    """Write a store without its chunks.

    It holds ``source`` (x, y, z, time), the mask ``brain`` (x, y, z), and a coordinate for each
    axis: mm where the axes of the grid are those of the world, else numbers of voxels; time in s.

    Parameters
    ----------
    folder : Path
        A new folder.
    source : TileSource
        Where and when its values are.
    layout : Layout
        Shape of the chunks.
    """
    grid, axis = source.grid, source.axis
    world = {"voxel_to_world": grid.voxel_to_world.tolist(), "world": "RAS, mm"}
    about = {"estimated_from": source.origin, "made_by": f"neurotranscoder {__version__}"}
    root = zarr.create_group(folder, attributes={**world, **about})
    values = {"description": _VALUES}
    _add(root, ARRAY, layout.shape, layout.chunk, np.dtype("float32"), AXES, values)
    brain = _add(root, "brain", grid.shape, grid.shape, np.dtype(bool), AXES[:3], {})
    brain[:] = source.mask
    unit = "mm" if _is_aligned(grid) else "voxels"
    for number, name in enumerate(AXES[:3]):
        _add_axis(root, name, _places(grid, number), unit)
    _add_axis(root, "time", axis.times, "s on the scanner clock")
    with warnings.catch_warnings():
        # not yet of the specification, ignored by readers that do not know it
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        zarr.consolidate_metadata(folder)


def _add(
    root: zarr.Group,
    name: str,
    shape: tuple[int, ...],
    chunk: tuple[int, ...],
    dtype: np.dtype,
    axes: tuple[str, ...],
    attributes: Mapping[str, str],
) -> zarr.Array:
    """Add an array whose missing chunks read as NaN, and whose damaged ones raise."""
    return root.create_array(
        name,
        shape=shape,
        chunks=chunk,
        dtype=dtype,
        filters=None,
        serializer=BytesCodec(endian="little"),
        compressors=[ZstdCodec(level=ZSTD_LEVEL), Crc32cCodec()],
        fill_value=np.nan if dtype.kind == "f" else False,
        dimension_names=axes,
        attributes=dict(attributes),
    )


def _add_axis(root: zarr.Group, name: str, places: Float[ndarray, " n"], unit: str) -> None:
    """Add the coordinates of an axis, as one chunk."""
    shape = places.shape
    array = _add(root, name, shape, shape, np.dtype("float64"), (name,), {"units": unit})
    array[:] = places


def _is_aligned(grid: VoxelGrid) -> bool:
    """Return whether x, y and z of the grid are x, y and z of the world."""
    rotation = grid.voxel_to_world[:3, :3]
    return not np.any(rotation - np.diag(np.diag(rotation)))


def _places(grid: VoxelGrid, axis: int) -> Float[ndarray, " n"]:
    """Return where the voxels along an axis are."""
    indices = np.arange(grid.shape[axis], dtype=float)
    if not _is_aligned(grid):
        return indices
    return np.asarray(grid.voxel_to_world[axis, axis] * indices + grid.voxel_to_world[axis, 3])
