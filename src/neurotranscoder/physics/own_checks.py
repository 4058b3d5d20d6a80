"""What a subject's own leadfield needs to be; everything that is wrong is found at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mne
import numpy as np
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import Problem, SettingsError
from neurotranscoder.physics.channels import reference_of
from neurotranscoder.physics.source_bins import inside_grid, voxels_of
from neurotranscoder.physics.tissue import Tissue

_MIN_CHANNELS = 8


def problems_of_channels(channels: tuple[str, ...]) -> list[Problem]:
    """Return why names of channels are of no use."""
    found = []
    if len(channels) < _MIN_CHANNELS:
        got, needed = f"{len(channels)} channels", f"at least {_MIN_CHANNELS}"
        found.append(Problem("channels", "number", got, needed, "keep more EEG channels"))
    if double := sorted({name for name in channels if channels.count(name) > 1}):
        found.append(
            Problem("channels", "names", f"{double} twice", "unique names", "rename them")
        )
    try:
        reference_of(channels)
    except SettingsError as error:
        found.append(Problem("channels", "names", str(error), "one kind", "see above"))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class GivenLeadfield:
    """A leadfield as a user gave it, not yet checked."""

    matrix: ndarray
    positions: ndarray
    channels: tuple[str, ...]
    orientations: ndarray | None
    electrodes: ndarray | None

    def problems(self, grid: VoxelGrid, tissue: Tissue | None) -> list[Problem]:
        """Return all that does not fit."""
        found = problems_of_channels(self.channels)
        if wrong := self._problems_of_axes():
            return found + wrong
        found += self._problems_of_shapes()
        for name in ("matrix", "positions", "orientations", "electrodes"):
            values = getattr(self, name)
            if values is not None and (bad := int(np.sum(~np.isfinite(values)))):
                got = f"{bad} values that are not finite"
                found.append(Problem("head", name, got, "finite numbers", "compute it anew"))
        found += _problems_of_places(grid, self.positions)
        for name in ("grey", "white") if tissue else ():
            if (shape := getattr(tissue, name).shape) != grid.shape:
                cure = "resample it to the grid"
                found.append(Problem(name, "shape", str(shape), str(grid.shape), cure))
        return found

    def _problems_of_axes(self) -> list[Problem]:
        """Return the arrays that have another number of axes."""
        axes = {"positions": "sources", "orientations": "sources", "electrodes": "channels"}
        found = []
        if self.matrix.ndim != 2:
            got, cure = f"shape {self.matrix.shape}", "give one column per source"
            found.append(Problem("head", "matrix", got, "(channels, sources)", cure))
        for name, axis in axes.items():
            values = getattr(self, name)
            if values is not None and (values.ndim != 2 or values.shape[1] != 3):
                got, cure = f"shape {values.shape}", "give x, y and z of each"
                found.append(Problem("head", name, got, f"({axis}, 3)", cure))
        return found

    def _problems_of_shapes(self) -> list[Problem]:
        """Return the shapes that contradict each other."""
        n_rows, n_columns = self.matrix.shape
        wanted: list[tuple[str, int, int, str]] = [
            ("channels", len(self.channels), n_rows, "rows of the matrix"),
            ("positions", len(self.positions), n_columns, "columns of the matrix"),
        ]
        if self.orientations is not None:
            count = len(self.orientations)
            wanted.append(("orientations", count, n_columns, "columns of the matrix"))
        if self.electrodes is not None:
            wanted.append(("electrodes", len(self.electrodes), n_rows, "rows of the matrix"))
        cure = "the matrix is (channels, sources): transpose it, or give what belongs to it"
        return [
            Problem("head", name, f"{got} {name}", f"{needed}, the {what}", cure)
            for name, got, needed, what in wanted
            if got != needed
        ]


def _problems_of_places(grid: VoxelGrid, positions: ndarray) -> list[Problem]:
    """Return why sources do not lie in a grid."""
    if not len(positions):
        cure = "give a leadfield with sources"
        return [Problem("head", "brain", "no source", "at least one source", cure)]
    finite = positions[np.all(np.isfinite(positions), axis=1)]
    outside = int(np.sum(~inside_grid(grid, voxels_of(grid, finite))))
    width = float(np.ptp(finite, axis=0).max(initial=0.0)) if len(finite) else 0.0
    if 0 < width < 1:
        got, cure = f"all sources within {width:g} mm", "give mm (written in m?)"
        return [Problem("head", "positions", got, "RAS mm of a brain", cure)]
    if not outside:
        return []
    got = f"{outside} of {len(positions)} sources outside the grid"
    cure = "give RAS mm of the grid's world (m written as mm?), or a grid that covers the brain"
    return [Problem("head", "positions", got, "all of them inside", cure)]


def problems_of_forward(forward: mne.Forward) -> list[Problem]:
    """Return why a forward solution holds no leadfield at fixed orientations."""
    found = []
    kinds = set(forward["info"].get_channel_types())
    if "eeg" not in kinds:
        cure = "compute it with eeg=True"
        found.append(Problem("forward", "channels", f"{sorted(kinds)}", "EEG channels", cure))
    spaces: list[Any] = list(forward["src"])
    if any(space["type"] == "vol" for space in spaces):
        cure = "use a surface source space, or a discrete one with normals"
        got = "a volume source space without normals"
        found.append(Problem("forward", "src", got, "sources with normals", cure))
    return found
