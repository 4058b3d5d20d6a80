"""Which network is trained, and how."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.model.transcoder import (
    CyclicTranscoder,
    gated_transcoder,
    paper_transcoder,
)
from neurotranscoder.train.losses import LossWeights
from neurotranscoder.train.windows import WindowSettings


class NetworkSettings(Settings):
    """Architecture and training of a network; the defaults of the sizes are our choice."""

    architecture: Literal["paper", "gated"] = "gated"
    """'paper': convolutional coders alone; 'gated': the same as a correction of linear ones."""
    spatial_features: tuple[int, int, int, int] = (64, 32, 16, 8)
    """Hidden features from EEG to source; from source to EEG they run backwards."""
    temporal_features: tuple[int, int, int, int] = (8, 8, 8, 8)
    """Hidden features of both temporal coders."""
    spatial_kernel: int = Field(default=3, ge=1)
    """Kernel width in space, in blocks, odd."""
    temporal_kernel: int = Field(default=17, ge=1)
    """Kernel length in time, in frames, odd; five layers see 5 (length - 1) + 1 frames."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Learning rate of Adam."""
    steps: int = Field(default=1000, ge=1)
    """Largest number of steps, one window each; never a time."""
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


def build_network(
    n_channels: int,
    mask: Bool[ndarray, "x y z"],
    settings: NetworkSettings,
    *,
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
    linear : CyclicTranscoder, optional
        Linear coders that 'gated' starts from.

    Raises
    ------
    SettingsError
        When 'gated' is asked for without linear coders.
    """
    network = paper_transcoder(
        n_channels,
        mask,
        spatial_features=settings.spatial_features,
        temporal_features=settings.temporal_features,
        kernel_sizes=(settings.spatial_kernel, settings.temporal_kernel),
        generator=torch.Generator().manual_seed(settings.seed),
    )
    if settings.architecture == "paper":
        return network
    if linear is None:
        raise SettingsError(
            "architecture 'gated' got no linear coders; it needs them as its start; fit the "
            "closed form first, or choose architecture 'paper'"
        )
    return gated_transcoder(linear, network)
