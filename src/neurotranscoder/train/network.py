"""Which network is trained, and how."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool
from numpy import ndarray
from pydantic import Field, model_validator
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.model.assembly import gated_transcoder, paper_transcoder
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train.losses import LossWeights
from neurotranscoder.train.windows import BoldInput, WindowSettings


class NetworkSettings(Settings):
    """Architecture and training of a network; the defaults of the sizes are our choice."""

    architecture: Literal["paper", "gated"] = "gated"
    """'paper': convolutional coders alone; 'gated': the same as a correction of linear ones."""
    bold_input: BoldInput = "frames"
    """'frames': BOLD is read interpolated to the frames, as the paper does; 'volumes': at its own
    volumes, slice times within them ignored, and upsampled by a transposed convolution (only
    'paper': linear coders filter frames). Losses compare with BOLD at the frames either way."""
    spatial_features: tuple[int, int, int, int] = (64, 32, 16, 8)
    """Hidden features from EEG to source; from source to EEG they run backwards."""
    temporal_features: tuple[int, int, int, int] = (8, 8, 8, 8)
    """Hidden features of both temporal coders."""
    spatial_kernel: int = Field(default=3, ge=1)
    """Kernel width in space, in blocks, odd."""
    temporal_kernel: int = Field(default=17, ge=1)
    """Kernel length in time, in frames, odd; five layers see 5 (length - 1) + 1 frames."""
    encoder_gain: float = Field(default=1.0, gt=0)
    """First gain of the last batch normalisation of both encoders: the standard deviation of
    transcoded signals at the start, in units of the data. The paper does not say; with 1, the
    first steps go into making random outputs silent."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Learning rate of Adam."""
    steps: int = Field(default=1000, ge=0)
    """Largest number of steps, `windows_per_step` windows each; never a time."""
    windows_per_step: int = Field(default=1, ge=1)
    """Windows whose mean gradient a step follows. They pass one by one, so batch normalisation
    sees single windows, as with the paper's batch of 1. Processes started by torchrun share them:
    at least as many as there are processes, best a multiple."""
    validate_every: int = Field(default=100, ge=1)
    """Steps between two validations."""
    patience: int = Field(default=5, ge=1)
    """Validations without improvement after which training ends."""
    checkpoint_every: int = Field(default=100, ge=1)
    """Steps between two checkpoints."""
    train_linear: bool = False
    """Whether the linear part of gated coders is trained as well."""
    blocks_per_step: int | None = Field(default=None, ge=1)
    """Random blocks whose BOLD is compared in a step (unbiased, faster); default all."""
    windows: WindowSettings = WindowSettings()
    """How runs are cut."""
    losses: LossWeights = LossWeights()
    """Weights of the losses."""
    explosion: float = Field(default=1e3, gt=1)
    """A loss this many times that of silent outputs counts as divergence."""
    max_rollbacks: int = Field(default=3, ge=0)
    """How often a divergence is answered by going back to the last checkpoint."""
    seed: int = Field(default=0, ge=0)
    """Seed of first weights, window order and block subsets."""

    @model_validator(mode="after")
    def _volumes_need_the_paper(self) -> NetworkSettings:
        _check_bold_input(self)
        return self


def build_network(
    n_channels: int,
    mask: Bool[ndarray, "x y z"],
    settings: NetworkSettings,
    *,
    upsampling: int = 1,
    linear: CyclicTranscoder | None = None,
) -> CyclicTranscoder:
    """Return the untrained transcoder that the settings describe.

    Parameters
    ----------
    n_channels : int
        Number of EEG channels.
    mask : array of bool, shape (x, y, z)
        Blocks in use.
    settings : NetworkSettings
        Architecture, sizes and seed.
    upsampling : int
        Frames per BOLD sample: 1 for BOLD at the frames, frames per TR for BOLD at its volumes.
    linear : CyclicTranscoder, optional
        Linear coders that 'gated' starts from.

    Raises
    ------
    SettingsError
        When 'gated' is asked for without linear coders, or for BOLD at its own volumes.
    """
    _check_bold_input(settings)
    network = paper_transcoder(
        n_channels,
        mask,
        spatial_features=settings.spatial_features,
        temporal_features=settings.temporal_features,
        kernel_sizes=(settings.spatial_kernel, settings.temporal_kernel),
        upsampling=upsampling,
        generator=torch.Generator().manual_seed(settings.seed),
    )
    _start_quietly(network.source_to_eeg, settings.encoder_gain)
    _start_quietly(network.source_to_bold, settings.encoder_gain)
    if settings.architecture == "paper":
        return network
    if linear is None:
        raise SettingsError(
            "architecture 'gated' got no linear coders; it needs them as its start; fit the "
            "closed form first, or choose architecture 'paper'"
        )
    return gated_transcoder(linear, network)


def _check_bold_input(settings: NetworkSettings) -> None:
    """Refuse BOLD at its own volumes where linear coders filter BOLD at frames."""
    if settings.bold_input == "volumes" and settings.architecture == "gated":
        raise SettingsError(
            "bold_input 'volumes' got architecture 'gated'; it needs 'paper': the closed form's "
            "filters read BOLD at the frames, and a gated network reads what they read; set "
            "bold_input = 'frames', or use the architecture 'paper'"
        )


@torch.no_grad()
def _start_quietly(encoder: nn.Module, gain: float) -> None:
    """Set the gain of the last batch normalisation of a convolutional coder."""
    norms = [part for part in encoder.modules() if isinstance(part, _BatchNorm)]
    norms[-1].weight.fill_(gain)
