"""The paper's second stage on the runs of one subject: averages, coders, and what they copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy import ndarray
from torch import nn

from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Recording
from neurotranscoder.core.tiles import Box, MovieTiles, TileSource, boxes, extent
from neurotranscoder.model.residual import SpaceCoder
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.reconstruct.fast import InterpolatedEstimates
from neurotranscoder.reconstruct.tiles import ConvolvedTiles, SummedTiles
from neurotranscoder.reconstruct.trial_averages import trial_averages
from neurotranscoder.train.curve import CurveRow
from neurotranscoder.train.device import Device
from neurotranscoder.train.loop import Report
from neurotranscoder.train.paper_subject import (
    AverageScales,
    PaperSubjectSettings,
    TrialAverage,
    train_on_averages,
)
from neurotranscoder.train.trained import TrainedTranscoder

_TILE = extent((32, 32, 32, 300))
"""Voxels and frames that copies are measured in at a time."""


@dataclass(frozen=True, slots=True)
class CopyR:
    """Correlation of each output of the decoders with its input, over voxels and frames."""

    from_eeg: float
    from_bold: float


@dataclass(frozen=True, slots=True)
class LatentTiles:
    """The two latent sources of a run and their sum (paper 4.3.3), one box at a time."""

    from_eeg: TileSource
    from_bold: TileSource
    fused: TileSource


@dataclass(frozen=True, slots=True, eq=False)
class PaperSubject:
    """One subject's coders as in the paper, and how much they copy.

    Parameters
    ----------
    module : CyclicTranscoder
        S_E and S_B to the latent source and back; its sign is that of the inputs.
    scales : AverageScales
        Units of S_E and S_B.
    copies : CopyR
        How much the latent sources of the averages are copies of S_E and S_B.
    n_trials : tuple of (str, int)
        How many trials of each condition were averaged.
    curve : tuple of CurveRow
        Losses on eight of the training tiles.
    steps : int
        Steps that were trained.
    settings : PaperSubjectSettings
        Of the fit.
    """

    module: CyclicTranscoder
    scales: AverageScales
    copies: CopyR
    n_trials: tuple[tuple[str, int], ...]
    curve: tuple[CurveRow, ...]
    steps: int
    settings: PaperSubjectSettings

    def __repr__(self) -> str:
        trials = ", ".join(f"{n} of {name}" for name, n in self.n_trials)
        copies = f"{self.copies.from_eeg:.2f} from EEG, {self.copies.from_bold:.2f} from BOLD"
        return f"PaperSubject({self.steps} steps on averages of {trials} trials; copy-r {copies})"


def fit_paper_subject(
    recordings: Sequence[Recording],
    group: TrainedTranscoder,
    settings: PaperSubjectSettings,
    *,
    folder: Path | None = None,
    device: Device = "auto",
    progress: Report | None = None,
) -> PaperSubject:
    """Train the paper's second stage on the averaged trials of one subject (4.3.3).

    Parameters
    ----------
    recordings : sequence of Recording
        Runs of one subject, with events, on one grid.
    group : TrainedTranscoder
        With linear coders (see `reconstruct.fast.interpolated`).
    settings : PaperSubjectSettings
        Trials, tiles, coders and budget.
    folder : Path, optional
        Where checkpoints are; a killed training goes on with the same bytes.
    device : str
        Where to train.
    progress : callable, optional
        As for `train.loop.train_network`.

    Raises
    ------
    GridError
        When grids differ, or no trial lies within its run.
    WeightsError
        When the group model cannot be applied to finer signals.
    """
    averages = trial_averages(recordings, group, settings)
    result = train_on_averages(averages, settings, folder=folder, device=device, progress=progress)
    scales = AverageScales.of(averages)
    module = result.model.cpu()
    copies = _copies(module, scales, averages)
    # No loss fixes the sign that both latent sources share: that of the inputs is taken.
    sign = 1.0 if copies.from_eeg + copies.from_bold >= 0 else -1.0
    module.source_sign.fill_(sign)
    return PaperSubject(
        module=module,
        scales=scales,
        copies=CopyR(sign * copies.from_eeg, sign * copies.from_bold),
        n_trials=tuple((one.condition, one.n_trials) for one in averages),
        curve=result.curve,
        steps=result.steps_done,
        settings=settings,
    )


def latent_tiles(trained: PaperSubject, estimates: InterpolatedEstimates) -> LatentTiles:
    """Return what the coders make of a whole run, un-averaged, box by box with halos.

    Parameters
    ----------
    trained : PaperSubject
        Of the same subject.
    estimates : InterpolatedEstimates
        Of one run or average, at the voxels and rate of the fit.
    """
    return _latent(trained.module, trained.scales, estimates.from_eeg, estimates.from_bold)


def _latent(
    module: CyclicTranscoder, scales: AverageScales, eeg: SourceMovie, bold: SourceMovie
) -> LatentTiles:
    """Return both latent sources and their sum."""
    sign, coder = module.source_sign.item(), module.eeg_to_source
    of_space = coder.layers if isinstance(coder, SpaceCoder) else coder
    from_eeg = _coded(eeg, scales.eeg, of_space)
    from_bold = _coded(bold, scales.bold, module.bold_to_source)
    return LatentTiles(
        SummedTiles((from_eeg,), (sign,), "eeg"),
        SummedTiles((from_bold,), (sign,), "bold"),
        SummedTiles((from_eeg, from_bold), (sign, sign), "fused"),
    )


def _coded(movie: SourceMovie, scale: float, coder: nn.Module) -> ConvolvedTiles:
    """Return what a coder makes of a movie in units of a scale."""
    scaled = replace(movie, maps=movie.maps / np.float32(scale))
    return ConvolvedTiles(MovieTiles(scaled), coder)


def _copies(
    module: CyclicTranscoder, scales: AverageScales, averages: Sequence[TrialAverage]
) -> CopyR:
    """Return the correlation of each latent source with its input over all averages."""
    pairs: tuple[list[tuple[TileSource, TileSource]], ...] = ([], [])
    for one in averages:
        latent = _latent(module, scales, one.from_eeg, one.from_bold)
        pairs[0].append((MovieTiles(one.from_eeg), latent.from_eeg))
        pairs[1].append((MovieTiles(one.from_bold), latent.from_bold))
    return CopyR(*map(_correlation, pairs))


def _correlation(pairs: Sequence[tuple[TileSource, TileSource]]) -> float:
    """Return r over the voxels of the masks and all frames; 0 where one is constant."""
    sums, n_values = np.zeros(2), 0
    products = np.zeros((2, 2))
    for one, two in pairs:
        for box in boxes((*one.grid.shape, one.axis.n_times), _TILE):
            values = _both(one, two, box)
            sums += values.sum(axis=1)
            products += values @ values.T
            n_values += values.shape[1]
    covariance = products - np.outer(sums, sums) / n_values
    power = float(covariance[0, 0] * covariance[1, 1])
    return float(covariance[0, 1]) / power**0.5 if power > 0 else 0.0


def _both(one: TileSource, two: TileSource, box: Box) -> ndarray:
    """Return the values of both in the mask's part of a box, one row each."""
    inside = one.mask[box.slices[:3]]
    return np.stack([tiles.values(box)[inside].ravel() for tiles in (one, two)]).astype(np.float64)
