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
        rate = self.average.from_eeg.axis.sfreq
        found = {}
        for name, weights in (("from_eeg", (1, 0)), ("from_bold", (0, 1)), ("fused", (1, 1))):
            tiles = getattr(averages, name)
            values = self._rows(tiles, slice(0, tiles.axis.n_times))
            frames = [partial(_sum, pair, weights) for pair in whole]
            found[name] = DenseEstimate(values, rate, frames, self.compared)
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
            self._rows(every.from_bold, slice(first, min(first + size, stop), step))
            for first in range(start, stop, size)
        ]
        fast = self._rows(few.from_eeg, slice(0, few.from_eeg.axis.n_times))
        return fast, np.concatenate(slow, axis=1)

    def _rows(self, tiles: TileSource, frames: slice) -> Float32[ndarray, "voxels frames"]:
        """Return the scored voxels in some frames, the whole brain at once."""
        box = Box((0, 0, 0, frames.start), (*tiles.grid.shape, frames.stop))
        return np.asarray(tiles.values(box)[self.mask][:, :: frames.step or 1])

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
