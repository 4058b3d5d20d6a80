"""A network of the paper's kind that trains in a second, and a linear transcoder to start from."""

import numpy as np

from neurotranscoder.model.linear import (
    LinearBoldToSource,
    LinearEegToSource,
    LinearSourceToBold,
    LinearSourceToEeg,
)
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train.closed_form import ClosedFormSettings
from neurotranscoder.train.losses import LossWeights
from neurotranscoder.train.network import NetworkSettings
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.sparse import SparseSettings
from neurotranscoder.train.windows import WindowSettings
from synthetic_runs import N_CHANNELS, block_map

SETTINGS = NetworkSettings(
    architecture="paper",
    spatial_features=(8, 8, 6, 4),
    temporal_features=(4, 4, 4, 4),
    temporal_kernel=5,
    learning_rate=1e-2,
    steps=12,
    validate_every=4,
    checkpoint_every=3,
    patience=100,
    windows=WindowSettings(seconds=16, overlap=0.5, context=4),
    blocks_per_step=20,
)

RECIPE = TrainSettings(
    closed_form=ClosedFormSettings(hrf_duration=6.0),
    sparse=SparseSettings(frames=300),
    residual=NetworkSettings(
        architecture="gated",
        spatial_features=(4, 4, 4, 4),
        temporal_features=(2, 2, 2, 2),
        temporal_kernel=3,
        steps=6,
        validate_every=2,
        windows=WindowSettings(seconds=20.0),
        losses=LossWeights(eeg_from_eeg=0.0),
    ),
    probe_seconds=20.0,
)
"""The whole recipe, for runs of 300 frames."""


def linear_start(gain=0.1):
    n_blocks = block_map().n_blocks
    rng = np.random.default_rng(5)
    return CyclicTranscoder(
        LinearEegToSource.from_matrix(gain * rng.standard_normal((n_blocks, N_CHANNELS))),
        LinearSourceToEeg.from_matrix(gain * rng.standard_normal((N_CHANNELS, n_blocks))),
        LinearBoldToSource(np.array([0.1, 0.5, 0.1]), -4),
        LinearSourceToBold(np.array([0.1, 0.5, 0.1])),
    )
