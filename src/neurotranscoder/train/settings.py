"""Everything that can be chosen about training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from neurotranscoder.core.settings import Settings
from neurotranscoder.train.closed_form import ClosedFormSettings
from neurotranscoder.train.losses import LossWeights
from neurotranscoder.train.network import NetworkSettings
from neurotranscoder.train.sparse import SparseSettings
from neurotranscoder.train.split import SplitSettings
from neurotranscoder.train.windows import WindowSettings

Architecture = Literal["transcoder", "sparse", "closed_form", "paper", "vanilla"]
RANDOM_START: tuple[Architecture, ...] = ("paper", "vanilla")
_NO_PATIENCE = 1_000_000


class TrainSettings(Settings):
    """What to fit, and how."""

    architecture: Architecture = "sparse"
    """'closed_form': the linear transcoder; 'sparse': the same, which reads sparse sources beside
    the EEG; 'transcoder': that, corrected by gated convolutional coders; 'paper': the paper's
    convolutional coders from a random start; 'vanilla': the same without the two cycle losses."""
    split: SplitSettings = SplitSettings()
    """Which runs are held out."""
    closed_form: ClosedFormSettings = ClosedFormSettings()
    """Of all but 'paper' and 'vanilla', for which its conventions hold as well."""
    sparse: SparseSettings = SparseSettings()
    """Of 'sparse' and 'transcoder'."""
    residual: NetworkSettings = NetworkSettings(
        architecture="gated",
        steps=120,
        validate_every=20,
        checkpoint_every=20,
        patience=3,
        blocks_per_step=300,
        windows=WindowSettings(context=32.0),
        losses=LossWeights(eeg_from_eeg=0.0),
    )
    """Networks of 'transcoder': real context around each window; no loss of EEG from EEG, which
    pulls the leadfield towards the decoder's inverse."""
    paper: NetworkSettings = NetworkSettings(
        architecture="paper",
        learning_rate=1e-2,
        encoder_gain=0.1,
        steps=9984,
        validate_every=312,
        checkpoint_every=312,
        patience=_NO_PATIENCE,
    )
    """Networks of 'paper' and, but for the two cycle losses, of 'vanilla'. From the paper: five
    layers in each coder, four equal losses, Adam, batch 1, bare 30 s windows that overlap by half,
    32 passes (9,984 steps over 8 runs of 600 s). Chosen by us, as the paper does not say:
    features, kernel sizes, learning rate and encoder gain, the last two so that BOLD from EEG of
    held-out runs is learnt within 200 steps in a small world. Every step compares all blocks, in
    single precision: the real budget takes less than an hour as it is."""
    probe_seconds: float = Field(default=64.0, gt=0)
    """Length of the validation excerpt at which responses and leadfields are read out, in s."""


def has_networks(settings: TrainSettings) -> bool:
    """Return whether an architecture has networks that are trained step by step."""
    return settings.architecture not in ("closed_form", "sparse")
