"""One evoked event at voxels through time: the truth, and what estimates make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.evaluate.subject_estimates import average_movie, trial_average
from neurotranscoder.evaluate.subject_scores import SubjectTruth

_EDGE = 0.02  # of the energy of the truth that lies before the first frame and after the last


@dataclass(frozen=True, slots=True, eq=False)
class SubjectEvent:
    """Trial averages of a movie and of its estimates.

    Parameters
    ----------
    names : tuple of str
        Of the rows; the truth comes first.
    averages : array, shape (rows, voxels, frames)
        Trial averages from the stimulus on, each in its own arbitrary unit.
    rate : float
        Frames per second.
    grid : VoxelGrid
        Where the voxels are.
    mask : array of bool, shape (x, y, z)
        Voxels of the brain, in C order.
    """

    names: tuple[str, ...]
    averages: Float[ndarray, "rows voxels frames"]
    rate: float
    grid: VoxelGrid
    mask: Bool[ndarray, "x y z"]

    @property
    def times(self) -> Float[ndarray, " frames"]:
        """Seconds after the stimulus."""
        return np.arange(self.averages.shape[2]) / self.rate

    @property
    def peak(self) -> tuple[int, int]:
        """Voxel and frame of the largest magnitude of the truth."""
        truth = np.abs(self.averages[0])
        voxel, frame = np.unravel_index(int(np.argmax(truth)), truth.shape)
        return int(voxel), int(frame)

    @property
    def place(self) -> Float[ndarray, " 3"]:
        """Centre of the voxel of the peak, in RAS mm."""
        index = np.argwhere(self.mask)[self.peak[0]]
        return np.asarray(self.grid.voxel_to_world[:3] @ np.append(index, 1.0))

    def moments(self, n: int) -> Int[ndarray, " moments"]:
        """Return frames at even distances, from where the truth begins to where it ends."""
        energy = np.cumsum(np.sum(self.averages[0] ** 2, axis=0))
        ends = np.searchsorted(energy, np.array([_EDGE, 1 - _EDGE]) * energy[-1])
        return np.linspace(ends[0], ends[1], n).round().astype(np.int64)


def subject_event(
    estimates: Mapping[str, Sequence[SourceMovie]], truth: SubjectTruth
) -> SubjectEvent:
    """Return the trial average of the truth and of each estimate.

    Parameters
    ----------
    estimates : mapping from str to sequence of SourceMovie
        Movies of the runs of the truth, by the name of the estimate.
    truth : SubjectTruth
        What they should be.
    """
    onsets = [truth.onsets(run) for run in truth.runs]
    true = truth.maps @ trial_average(truth.courses, onsets, truth.axes)
    found = [average_movie(movies, onsets) for movies in estimates.values()]
    return SubjectEvent(
        ("truth", *estimates),
        np.stack([true, *found]),
        truth.axes[0].sfreq,
        truth.truth.head.grid,
        truth.mask,
    )
