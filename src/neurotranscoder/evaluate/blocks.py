"""One continuous recording, held out block by block.

A block is predicted by a transcoder that saw neither its hemodynamic signal nor that of the
validation block. What the causal response reaches back to before the block is neural: input,
not target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.signal.frames import interpolate_volumes
from neurotranscoder.train.closed_form import ClosedFormSettings, fit_closed_form
from neurotranscoder.train.linear_fit import LinearFit
from neurotranscoder.train.linear_transcoder import linear_transcoder
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.signals import Signals

Series = Float[ndarray, " _"]


@dataclass(frozen=True, slots=True, eq=False)
class BlockedRun:
    """A run of one neural channel and one voxel, cut into blocks.

    Parameters
    ----------
    aligned : AlignedRun
        The whole run; what lies before the first block is context only.
    starts : array, shape (blocks,)
        Where the blocks begin, in seconds.
    duration : float
        Length of a block; the last one may be cut short by the end of the run.
    """

    aligned: AlignedRun
    starts: Float[ndarray, " blocks"]
    duration: float

    def __post_init__(self) -> None:
        shape = (len(self.aligned.eeg), len(self.aligned.cells.data))
        if shape != (1, 1):
            raise GridError(
                f"{self.aligned.run} has {shape[0]} channels and {shape[1]} cells; blocks need "
                "one neural channel and one voxel; score whole runs with `Scorer` instead"
            )
        if len(self.starts) < 4 or np.any(np.diff(self.starts) < self.duration - 1e-6):
            raise GridError(
                f"{len(self.starts)} blocks of {self.duration:.3f} s begin at "
                f"{np.round(self.starts, 3).tolist()} s; blocks need to be at least 4 and not "
                "to overlap; use shorter blocks"
            )

    @classmethod
    def of_equal_blocks(cls, aligned: AlignedRun, n_blocks: int) -> BlockedRun:
        """Return the run cut into equal blocks from its first to its last frame."""
        duration = aligned.axis.n_times / n_blocks / aligned.axis.sfreq
        return cls(aligned, duration * np.arange(n_blocks), duration)

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return len(self.starts)

    @property
    def measured(self) -> list[Series]:
        """The hemodynamic samples of each block, as acquired."""
        return [self.aligned.cells.data[0, part] for part in self._samples()]

    @property
    def times(self) -> list[Series]:
        """When the hemodynamic samples of each block were acquired, in seconds."""
        times = self.aligned.cells.times(0)
        return [times[part] for part in self._samples()]

    def cut(self, start: float, stop: float) -> AlignedRun:
        """Return the frames whose centres lie in ``[start, stop)`` as a run of their own."""
        axis = self.aligned.axis
        first, last = np.searchsorted(axis.times, [start - 1e-6, stop - 1e-6])
        return replace(
            self.aligned,
            eeg=self.aligned.eeg[:, first:last],
            bold=self.aligned.bold[:, first:last],
            power=None,
            axis=TimeAxis(float(axis.times[first]), axis.sfreq, int(last - first)),
        )

    def segments(self, blocks: Sequence[int]) -> list[AlignedRun]:
        """Return the longest unbroken stretches of the given blocks."""
        chosen = np.asarray(sorted(blocks))
        stretches = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1)
        return [
            self.cut(self.starts[part[0]], self.starts[part[-1]] + self.duration)
            for part in stretches
        ]

    def _samples(self) -> list[Int[ndarray, " _"]]:
        times = self.aligned.cells.times(0)
        inside = [
            (times >= start - 1e-6) & (times < start + self.duration - 1e-6)
            for start in self.starts
        ]
        return [np.flatnonzero(part) for part in inside]


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutBlocks:
    """Each block beside its predictions.

    Parameters
    ----------
    measured : tuple of array, shape (samples,)
        Hemodynamic samples of each block, as acquired.
    predicted : tuple of array, shape (blocks, samples)
        Row c for block b: the transcoder that was fitted without b, given the neural signal
        around block c. Row b is the prediction, the other rows are its null.
    validation_errors : array, shape (blocks, candidates)
        Squared error in the validation block of each fold; the smallest was chosen.
    """

    measured: tuple[Series, ...]
    predicted: tuple[Float[ndarray, "blocks _"], ...]
    validation_errors: Float[ndarray, "blocks candidates"]

    @property
    def best_candidate(self) -> int:
        """The candidate that all validation blocks together prefer."""
        return int(self.validation_errors.sum(axis=0).argmin())

    def paired(self, order: Int[ndarray, " blocks"] | None = None) -> list[Series]:
        """Return the prediction of each block from the neural signal of block ``order[b]``."""
        sources = range(len(self.measured)) if order is None else order
        return [rows[c] for rows, c in zip(self.predicted, sources, strict=True)]


def fit_runs(
    training: Sequence[AlignedRun], validation: Sequence[AlignedRun], settings: ClosedFormSettings
) -> tuple[Scaling, LinearFit]:
    """Fit the linear transcoder to runs, with one scale per modality from the training runs."""
    scaling = Scaling.fit(training)
    known, unseen = (
        [Signals(scaling.scale_eeg(run.eeg), scaling.scale_bold(run.bold)) for run in runs]
        for runs in (training, validation)
    )
    return scaling, fit_closed_form(known, unseen, training[0].axis.sfreq, settings)


def transcode_to_bold(scaling: Scaling, fit: LinearFit, run: AlignedRun) -> Series:
    """Return the hemodynamic signal at the frames of a run, from its neural signal alone."""
    neural = torch.tensor(scaling.scale_eeg(run.eeg), dtype=torch.float32)
    with torch.no_grad():
        bold = linear_transcoder(fit).bold_from_eeg(neural[None])[0, 0]
    return np.asarray(bold.numpy().astype(np.float64) * scaling.bold)


def hold_out_blocks(run: BlockedRun, candidates: Sequence[ClosedFormSettings]) -> HeldOutBlocks:
    """Predict every block by a transcoder that never saw its hemodynamic signal.

    Block b is the test, the block after it (cyclically) is for validation, the others train:
    each unbroken stretch of them is a run of its own, so no filter reaches across the gap, and
    no target lies within the length of the response after it.

    Parameters
    ----------
    run : BlockedRun
        One recording.
    candidates : sequence of ClosedFormSettings
        Fits to choose from on the validation block; runs of one block must be 1.5 times as long
        as their filters.

    Returns
    -------
    held_out : HeldOutBlocks
        One prediction of each block from each block.
    """
    predicted, errors = [], np.empty((run.n_blocks, len(candidates)))
    for block in range(run.n_blocks):
        check = (block + 1) % run.n_blocks
        training = run.segments([b for b in range(run.n_blocks) if b not in (block, check)])
        validation = run.segments([check])
        series = []
        for i, settings in enumerate(candidates):
            fitted = fit_runs(training, validation, settings)
            series.append(transcode_to_bold(*fitted, run.aligned))
            errors[block, i] = _squared_error(
                run.measured[check], _at_block(run, series[i], check)[check]
            )
        predicted.append(_at_block(run, series[int(errors[block].argmin())], block))
    return HeldOutBlocks(tuple(run.measured), tuple(predicted), errors)


def _at_block(run: BlockedRun, series: Series, block: int) -> Float[ndarray, "blocks _"]:
    """Return a series at the samples of one block, and at the same moments of the others."""
    at = run.times[block][np.newaxis] + (run.starts - run.starts[block])[:, np.newaxis]
    rows = interpolate_volumes(series[np.newaxis], run.aligned.axis.times, at.ravel())
    return rows.reshape(at.shape)


def _squared_error(measured: Series, predicted: Series) -> float:
    """Return the squared error, means removed."""
    difference = measured - predicted
    return float(np.sum((difference - difference.mean()) ** 2))


def recovered_response(
    run: BlockedRun, settings: ClosedFormSettings, blocks: Sequence[int] | None = None
) -> Float[ndarray, " lags"]:
    """Return the response to a neural impulse, fitted on blocks that may occur repeatedly.

    A block is a run that begins one response earlier: what lies before the block is context,
    and its own frames are the targets (where the recording begins later, those with a full
    past). Validation does not enter the shape of the response.

    Parameters
    ----------
    run : BlockedRun
        One recording.
    settings : ClosedFormSettings
        The fit.
    blocks : sequence of int, optional
        Blocks to fit on, all by default; a bootstrap hands in draws with repetition.

    Returns
    -------
    response : array, shape (lags,)
        At group rate, lag 0 first, in hemodynamic per neural unit and second.
    """
    chosen = range(run.n_blocks) if blocks is None else blocks
    before = settings.hrf_duration
    runs = [run.cut(run.starts[b] - before, run.starts[b] + run.duration) for b in chosen]
    scaling, fit = fit_runs(runs, runs[:1], settings)
    gain = float((fit.maps @ fit.eeg_weights)[0, 0]) * scaling.bold / scaling.eeg
    return np.asarray(gain * fit.hrf * fit.rate)
