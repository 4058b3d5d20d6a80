"""The paper's second stage as it is scored: latent sources of trial averages and of whole runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Recording
from neurotranscoder.core.tiles import Box, MovieTiles, TileSource
from neurotranscoder.evaluate.subject_estimates import DenseEstimate
from neurotranscoder.reconstruct.fast import InterpolatedEstimates, interpolated
from neurotranscoder.reconstruct.paper_subject import LatentTiles, latent_tiles
from neurotranscoder.reconstruct.tiles import SummedTiles
from neurotranscoder.reconstruct.trial_averages import trial_averages
from neurotranscoder.train.paper_subject import PaperSubjectSettings
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_paper_subject import PaperSubject

_FRAMES = 300
"""Frames that coders of time are given at once."""
_AT_ONCE, _PLANES = 60, 5
"""Frames of the whole brain that coders of space, and planes of it that coders of time are given
at once: they see a frame, or a voxel, at a time, and layers of all of it would fill the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class StageInputs:
    """S_E and S_B of some runs of a subject: the average over their trials, and whole.

    Parameters
    ----------
    average : InterpolatedEstimates
        Over all trials of all runs.
    runs : tuple of InterpolatedEstimates
        Un-averaged.
    mask : array of bool, shape (x, y, z)
        Voxels that are scored.
    compared : slice
        Frames of whole runs that are compared: all take minutes for each run.
    """

    average: InterpolatedEstimates
    runs: tuple[InterpolatedEstimates, ...]
    mask: Bool[ndarray, "x y z"]
    compared: slice

    @classmethod
    def of(
        cls,
        recordings: Sequence[Recording],
        group: TrainedTranscoder,
        settings: PaperSubjectSettings,
        *,
        mask: Bool[ndarray, "x y z"],
        compared: slice,
    ) -> StageInputs:
        """Return the inputs of the second stage that some runs give; conditions are pooled."""
        pooled = settings.model_copy(update={"by_condition": False})
        [average] = trial_averages(recordings, group, pooled).averages
        runs = (interpolated(group, one, rate=settings.rate) for one in recordings)
        both = InterpolatedEstimates(average.from_eeg, average.from_bold)
        return cls(both, tuple(runs), mask, compared)

    def estimates(self, trained: PaperSubject | None = None) -> dict[str, DenseEstimate]:
        """Return what is to be scored, by its origin: the latent sources, or the inputs alone.

        Parameters
        ----------
        trained : PaperSubject, optional
            The coders that they are sent through.
        """
        averages = _through(self.average, trained)
        whole = [self._whole(run, trained) for run in self.runs]
        axis = self.average.from_eeg.axis
        every = slice(0, axis.n_times)
        average = self._by_frame(averages.from_eeg), self._by_voxel(averages.from_bold, every)
        found = {}
        for name, weights in (("from_eeg", (1, 0)), ("from_bold", (0, 1)), ("fused", (1, 1))):
            frames = [partial(_sum, pair, weights) for pair in whole]
            values = _sum(average, weights, every)
            found[name] = DenseEstimate(values, axis.sfreq, frames, self.compared)
        return found

    def _whole(
        self, run: InterpolatedEstimates, trained: PaperSubject | None
    ) -> tuple[Float32[ndarray, "voxels frames"], Float32[ndarray, "voxels frames"]]:
        """Return both sources of a run at the frames that are compared.

        Coders of space act on single frames, and are given these alone.
        """
        every, few = _through(run, trained), _through(self._thinned(run), trained)
        start, stop, step = self.compared.indices(run.from_eeg.axis.n_times)
        size = max(1, _FRAMES // step) * step
        slow = [
            self._by_voxel(every.from_bold, slice(first, min(first + size, stop), step))
            for first in range(start, stop, size)
        ]
        return self._by_frame(few.from_eeg), np.concatenate(slow, axis=1)

    def _by_frame(self, tiles: TileSource) -> Float32[ndarray, "voxels frames"]:
        """Return the scored voxels in all frames, of what acts on single frames."""
        n, shape = tiles.axis.n_times, tiles.grid.shape
        parts = [
            tiles.values(Box((0, 0, 0, first), (*shape, min(first + _AT_ONCE, n))))[self.mask]
            for first in range(0, n, _AT_ONCE)
        ]
        return np.concatenate(parts, axis=1)

    def _by_voxel(self, tiles: TileSource, frames: slice) -> Float32[ndarray, "voxels frames"]:
        """Return the scored voxels in some frames, of what acts on single voxels."""
        x, y, n_planes = tiles.grid.shape
        parts = []
        for first in range(0, n_planes, _PLANES):
            last = min(first + _PLANES, n_planes)
            box = Box((0, 0, first, frames.start), (x, y, last, frames.stop))
            parts.append(tiles.values(box)[..., :: frames.step or 1])
        return np.asarray(np.concatenate(parts, axis=2)[self.mask])

    def _thinned(self, run: InterpolatedEstimates) -> InterpolatedEstimates:
        """Return the same movies with the frames that are compared alone."""

        def thin(movie: SourceMovie) -> SourceMovie:
            start, _, step = self.compared.indices(movie.axis.n_times)
            courses = np.ascontiguousarray(movie.courses[:, self.compared])
            first = float(movie.axis.times[start])
            axis = TimeAxis(first, movie.axis.sfreq / step, courses.shape[1])
            return replace(movie, courses=courses, axis=axis)

        return InterpolatedEstimates(thin(run.from_eeg), thin(run.from_bold))


def _through(inputs: InterpolatedEstimates, trained: PaperSubject | None) -> LatentTiles:
    """Return the latent sources, or the inputs and their sum."""
    if trained is not None:
        return latent_tiles(trained, inputs)
    eeg, bold = MovieTiles(inputs.from_eeg), MovieTiles(inputs.from_bold)
    return LatentTiles(eeg, bold, SummedTiles((eeg, bold), (1.0, 1.0), "fused"))


def _sum(
    pair: tuple[Float32[ndarray, "voxels frames"], Float32[ndarray, "voxels frames"]],
    weights: tuple[int, int],
    frames: slice,
) -> Float32[ndarray, "voxels some"]:
    """Return the weighted sum of two sources in some frames."""
    return np.asarray(weights[0] * pair[0][:, frames] + weights[1] * pair[1][:, frames])
