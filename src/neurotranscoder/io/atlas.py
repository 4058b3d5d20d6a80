"""A user's own atlas: numbers of regions as an image, and their names as a BIDS table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError, Problem, StudyError
from neurotranscoder.io.nifti import array_of, grid_of, open_image
from neurotranscoder.io.store import read_table


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """Regions of the brain.

    Parameters
    ----------
    labels : array of int, shape (x, y, z)
        Number of the region of each voxel; 0 for none.
    grid : VoxelGrid
        Where the voxels are.
    names : dict from int to str
        Name of each region.
    """

    labels: Int[ndarray, "x y z"]
    grid: VoxelGrid
    names: dict[int, str]

    def on(self, grid: VoxelGrid) -> Atlas:
        """Return the atlas on another grid: each voxel gets the label at its centre.

        Parameters
        ----------
        grid : VoxelGrid
            In the same space.

        Raises
        ------
        GridError
            When no region is on the grid.
        """
        if grid.matches(self.grid):
            return self
        index = np.indices(grid.shape).reshape(3, -1).T
        inverse = np.linalg.inv(self.grid.voxel_to_world)
        place = np.rint(grid.world(index) @ inverse[:3, :3].T + inverse[:3, 3]).astype(np.int64)
        inside = np.all((place >= 0) & (place < self.grid.shape), axis=1)
        found = np.zeros(len(index), dtype=np.int64)
        found[inside] = self.labels[tuple(place[inside].T)]
        if not found.any():
            raise GridError(
                f"no region of the atlas is on the grid of the movie: {_extent(self.grid)} beside "
                f"{_extent(grid)}, in mm; use an atlas in the space of the images"
            )
        return Atlas(found.reshape(grid.shape), grid, self.names)


def read_atlas(image: Path, table: Path) -> Atlas:
    """Read an atlas.

    Parameters
    ----------
    image : Path
        3-D NIfTI of whole numbers, 0 outside the regions.
    table : Path
        Tab-separated, with columns ``index`` and ``name`` (BIDS ``*_dseg.tsv``).

    Raises
    ------
    StudyError
        When one of them cannot be read, labels are no whole numbers, one has no name, or two
        have the same.
    """
    opened = open_image(image)
    if len(opened.shape) != 3:
        raise _fault(image, "dim", f"axes {opened.shape}", "3 axes", "give an image of labels")
    values = array_of(opened, image)
    labels = np.rint(values).astype(np.int64)
    if not np.all(np.isfinite(values)) or np.any(values != labels) or labels.min() < 0:
        got = "values that are no whole numbers from 0"
        cure = "use nearest neighbour where labels are resampled"
        raise _fault(image, "data", got, "0 and numbers of regions", cure)
    names, used = _names(table), set(np.unique(labels).tolist()) - {0}
    if unknown := sorted(used - set(names)):
        got = f"no row for {len(unknown)} labels ({', '.join(map(str, unknown[:5]))})"
        raise _fault(table, "index", got, "one row for each label", f"add those of {image.name}")
    named = [names[number] for number in used]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        got = f"{len(twice)} names of several regions ({', '.join(twice[:5])})"
        cure = "add their side, or their number"
        raise _fault(table, "name", got, "a name of its own for each region", cure)
    return Atlas(labels, grid_of(opened, image), names)


def _names(table: Path) -> dict[int, str]:
    """Return names by number."""
    columns = read_table(table)
    if missing := sorted({"index", "name"} - columns.keys()):
        got = f"columns {', '.join(columns)}"
        raise _fault(table, "line 1", got, "index and name", f"add {' and '.join(missing)}")
    try:
        numbers = [int(cell) for cell in columns["index"]]
    except ValueError as error:
        raise _fault(table, "index", str(error), "whole numbers", "repair it") from error
    if len(set(numbers)) < len(numbers):
        raise _fault(table, "index", "a number twice", "distinct numbers", "repair it")
    return dict(zip(numbers, columns["name"], strict=True))


def _extent(grid: VoxelGrid) -> str:
    """Return from where to where the centres of a grid are."""
    corners = grid.world(np.array([[0, 0, 0], np.array(grid.shape) - 1]))
    low, high = corners.min(axis=0), corners.max(axis=0)
    return " x ".join(f"{one:.0f} to {two:.0f}" for one, two in zip(low, high, strict=True))


def _fault(path: Path, field: str, got: str, needed: str, cure: str) -> StudyError:
    """Return one problem of a file as an error."""
    return StudyError([Problem(str(path), field, got, needed, cure)])
