"""The paper's second stage, literal: a cyclic transcoder between averages of trials (4.3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field, model_validator

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.settings import Settings
from neurotranscoder.model.layers import Size
from neurotranscoder.model.residual import amplify, subject_transcoder
from neurotranscoder.model.transcoder import CycleOutputs, CyclicTranscoder
from neurotranscoder.train.average_tiles import TrialAverage, tiles_of
from neurotranscoder.train.curve import TrainingResult
from neurotranscoder.train.device import Device, resolve_device
from neurotranscoder.train.loop import Report, train_scaled
from neurotranscoder.train.losses import LossWeights
from neurotranscoder.train.network import NetworkSettings
from neurotranscoder.train.validation import outputs_in_pieces
from neurotranscoder.train.windows import ScaledRun, WindowSettings, as_batch

_N_WATCHED = 8
"""Tiles that the loss is read from between steps."""
_OUTPUTS = tuple(field.name for field in fields(CycleOutputs))


class PaperSubjectSettings(Settings):
    """The paper's second stage; features, kernels, rate and number of steps are our choice."""

    rate: float = Field(default=100.0, gt=0)
    """Frames per second."""
    start: float = 0.0
    """First time of a trial, in s after the event; the paper has no frames before it."""
    stop: float = 3.0
    """Where a trial ends, in s after the event: 300 frames with the paper's window and rate."""
    by_condition: bool = False
    """Whether each condition has an average of its own, or all trials one."""
    overlap_correction: bool = False
    """Whether responses are estimated by one regression on all events at all lags, in place of
    means over trials: what neighbouring trials add is taken off, at the price of noise."""
    rest: Literal["peaks", "single"] = "peaks"
    """Where no run has an event. 'peaks': the mean over windows around peaks of the global power
    of S_E; 'single': windows at random places, un-averaged. As long as trials."""
    rest_windows: int = Field(default=20, ge=1)
    """How many windows of rest there are, un-averaged, over all runs."""
    tile: tuple[int, int, int, int] = (16, 16, 16, 300)
    """Voxels along x, y and z and frames of a training tile. The paper's '16 x 16 x 16' does not
    say which axes; 16 frames would be shorter than one of BOLD's."""
    spatial_features: tuple[int, int, int, int] = (8, 8, 8, 8)
    """Hidden features of both coders of space."""
    temporal_features: tuple[int, int, int, int] = (8, 8, 8, 8)
    """Hidden features of both coders of time."""
    spatial_kernel: int = Field(default=3, ge=1)
    """Kernel width in space, in voxels, odd."""
    temporal_kernel: int = Field(default=17, ge=1)
    """Kernel length in time, in frames, odd."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Learning rate of Adam."""
    steps: int = Field(default=1000, ge=0)
    """Steps of one tile each; never a time. 0 leaves the first weights."""
    check_every: int = Field(default=100, ge=1)
    """Steps between two looks at the loss, and between two checkpoints."""
    losses: LossWeights = LossWeights()
    """Weights of the four losses of Eq. 5."""
    seed: int = Field(default=0, ge=0)
    """Seed of first weights and order of tiles."""

    @model_validator(mode="after")
    def _not_empty(self) -> PaperSubjectSettings:
        """Refuse trials and tiles without extent."""
        if not self.start < self.stop or min(self.tile) < 1:
            raise ValueError(
                f"trials from {self.start:g} to {self.stop:g} s and tiles of {self.tile}; both "
                "need some extent along each axis"
            )
        return self


def train_on_averages(
    averages: Sequence[TrialAverage],
    settings: PaperSubjectSettings,
    *,
    folder: Path | None = None,
    device: Device = "auto",
    progress: Report | None = None,
) -> TrainingResult:
    """Train the coders of one subject, initialised anew, on half overlapping tiles of averages.

    The four losses of Eq. 5 compare with S_E and S_B in units of their scales. Tiles without
    brain are left out; voxels outside the brain are zero. There is no held-out data: the weights
    are those with the least loss from S_E to S_B on eight of the tiles.

    Parameters
    ----------
    averages : sequence of TrialAverage
        One, or one of each condition, all on the same voxels.
    settings : PaperSubjectSettings
        How to train.
    folder : Path, optional
        Where checkpoints are written and looked for.
    device : str
        Where to train.
    progress : callable, optional
        As for `train.loop.train_network`.

    Returns
    -------
    result : TrainingResult
        The coders and their losses.

    Raises
    ------
    GridError
        When there is no average, or a silent one.
    TrainingError
        When training keeps diverging.
    """
    if not averages:
        raise GridError("got no average of trials; the paper's second stage needs at least one")
    tiles, places = tiles_of(averages, settings.tile)
    every = -(-len(tiles) // _N_WATCHED)
    watched = tiles[every // 2 :: every]
    x, y, z, n_frames = places[0][1].shape
    model = untrained((x, y, z), settings).to(resolve_device(device))
    preserve_power(model, watched)
    return train_scaled(
        model,
        tiles,
        watched,
        _network_settings(settings, n_frames),
        folder=folder,
        progress=progress,
    )


def untrained(shape: Size, settings: PaperSubjectSettings) -> CyclicTranscoder:
    """Return the coders with their first weights.

    Parameters
    ----------
    shape : tuple of int
        Voxels of a training tile along x, y and z.
    settings : PaperSubjectSettings
        Features, kernels and seed.
    """
    return subject_transcoder(
        shape,
        spatial_features=settings.spatial_features,
        temporal_features=settings.temporal_features,
        kernel_sizes=(settings.spatial_kernel, settings.temporal_kernel),
        generator=torch.Generator().manual_seed(settings.seed),
    )


@torch.no_grad()
def preserve_power(model: CyclicTranscoder, tiles: Sequence[ScaledRun]) -> None:
    """Scale each coder so that what it gives has the power of what it gets, over some tiles.

    The paper does not say how large first weights are. Shortcuts add to the power of each layer,
    and a random coder with one output is loud or quiet by chance: losses then start at hundreds
    of times those of silence, and the first steps go into making random outputs quiet. As biases
    are zero and ReLU keeps positive factors, one pass gives the gains of all four coders.

    Parameters
    ----------
    model : CyclicTranscoder
        Of `untrained`; changed in place.
    tiles : sequence of ScaledRun
        What the powers are taken over.
    """
    like = next(model.parameters())
    power = dict.fromkeys(["eeg", "bold", *_OUTPUTS], 0.0)
    for tile in tiles:
        eeg, bold, *_ = as_batch(tile, dtype=like.dtype, device=like.device)
        outputs = outputs_in_pieces(model, eeg, bold, slice(None))
        made = {name: getattr(outputs, name) for name in _OUTPUTS}
        for name, values in (made | {"eeg": eeg, "bold": bold}).items():
            power[name] += float(values.double().square().sum())
    by_eeg = power["eeg"] / power["source_from_eeg"]
    by_bold = power["bold"] / power["source_from_bold"]
    both = power["eeg"] + power["bold"]  # that of both sources, once they are scaled
    to_eeg = both / (by_eeg * power["eeg_from_eeg"] + by_bold * power["eeg_from_bold"])
    to_bold = both / (by_eeg * power["bold_from_eeg"] + by_bold * power["bold_from_bold"])
    amplify(model.eeg_to_source, by_eeg**0.5)
    amplify(model.bold_to_source, by_bold**0.5)
    amplify(model.source_to_eeg, to_eeg**0.5)
    amplify(model.source_to_bold, to_bold**0.5)


def _network_settings(settings: PaperSubjectSettings, n_frames: int) -> NetworkSettings:
    """Return how the tiles are gone through: each is one window, the budget is used up."""
    return NetworkSettings(
        architecture="paper",
        spatial_features=settings.spatial_features,
        temporal_features=settings.temporal_features,
        spatial_kernel=settings.spatial_kernel,
        temporal_kernel=settings.temporal_kernel,
        learning_rate=settings.learning_rate,
        steps=settings.steps,
        validate_every=settings.check_every,
        checkpoint_every=settings.check_every,
        patience=settings.steps + 1,
        windows=WindowSettings(seconds=n_frames / settings.rate),
        losses=settings.losses,
        seed=settings.seed,
    )
