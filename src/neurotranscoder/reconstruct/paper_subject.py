"""The paper's second stage on the runs of one subject: fit, what is copied, latent sources."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy import ndarray
from torch import nn

from neurotranscoder.core.errors import GridError, WeightsError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Recording
from neurotranscoder.core.tiles import Box, MovieTiles, TileSource, boxes, extent
from neurotranscoder.model.residual import SpaceCoder
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.reconstruct.fast import InterpolatedEstimates, interpolated
from neurotranscoder.reconstruct.tiles import ConvolvedTiles, SummedTiles
from neurotranscoder.reconstruct.trial_averages import trial_averages
from neurotranscoder.train.average_tiles import AverageScales, SubjectAverages, TrialAverage
from neurotranscoder.train.device import Device
from neurotranscoder.train.loop import Report
from neurotranscoder.train.paper_subject import PaperSubjectSettings, train_on_averages
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_paper_subject import CopyR, PaperSubject
from neurotranscoder.train.trained_subject import digest_of_group

_TILE = extent((32, 32, 32, 300))
"""Voxels and frames that copies are measured in at a time."""


@dataclass(frozen=True, slots=True)
class LatentTiles:
    """The two latent sources of a run and their sum (paper 4.3.3), one box at a time."""

    from_eeg: TileSource
    from_bold: TileSource
    fused: TileSource


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
    found = trial_averages(recordings, group, settings)
    return fit_on_averages(found, group, settings, folder=folder, device=device, progress=progress)


def fit_on_averages(
    found: SubjectAverages,
    group: TrainedTranscoder,
    settings: PaperSubjectSettings,
    *,
    folder: Path | None = None,
    device: Device = "auto",
    progress: Report | None = None,
) -> PaperSubject:
    """Train the paper's second stage on averages that are there already.

    Parameters
    ----------
    found : SubjectAverages
        Of `reconstruct.trial_averages.trial_averages`.
    group : TrainedTranscoder
        The model that they were made with.
    settings, folder, device, progress
        See `fit_paper_subject`.
    """
    begun, averages = time.perf_counter(), found.averages
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
        grid=averages[0].from_eeg.grid,
        group=digest_of_group(group),
        runs=found.runs,
        seconds=time.perf_counter() - begun,
    )


def latent_sources(
    trained: PaperSubject, group: TrainedTranscoder, recording: Recording
) -> LatentTiles:
    """Return both latent sources of a whole run, un-averaged, and their sum.

    Parameters
    ----------
    trained : PaperSubject
        Of the same subject.
    group : TrainedTranscoder
        The group model that it was fitted with.
    recording : Recording
        Any run of the subject.

    Returns
    -------
    latent : LatentTiles
        Made one box at a time; `io.dense.export_movie` writes any of the three.

    Raises
    ------
    WeightsError
        When the group model is another one.
    GridError
        When the run has other voxels, or EEG does not cover it.
    """
    if digest_of_group(group) != trained.group:
        raise WeightsError(
            f"the subject was fitted with the group model {trained.group[:16]}..., this one is "
            f"{digest_of_group(group)[:16]}...; name the one that it was fitted with"
        )
    return latent_tiles(trained, interpolated(group, recording, rate=trained.settings.rate))


def latent_tiles(trained: PaperSubject, estimates: InterpolatedEstimates) -> LatentTiles:
    """Return what the coders make of a run or an average, box by box with halos.

    Parameters
    ----------
    trained : PaperSubject
        Of the same subject.
    estimates : InterpolatedEstimates
        Of one run or average, at the voxels and rate of the fit.

    Raises
    ------
    GridError
        When voxels are others: kernels are as wide in mm as the voxels that they were learnt on.
    """
    if not estimates.from_eeg.grid.matches(trained.grid):
        raise GridError(
            f"the estimates are on a grid of {estimates.from_eeg.grid.shape}, the coders were "
            f"trained on one of {trained.grid.shape}; bring the run to the grid of the subject"
        )
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
