"""Rival: a network of 1x1 convolutions from EEG to BOLD, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field
from torch import Tensor, nn

from neurotranscoder.core.settings import Settings
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.filters import smooth_lags
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.train.regression import centred
from neurotranscoder.train.scaling import Scaling

# The usual constructor would draw from the global random state.
_undrawn: Callable[..., nn.Module] = nn.utils.skip_init


class Conv1x1Settings(Settings):
    """Architecture and training of the network; none of it was ever published."""

    lag_seconds: float = Field(default=16.0, gt=0)
    """Longest lag of the EEG, in s: a 1x1 convolution sees one frame, so lags are inputs."""
    n_splines: int = Field(default=8, ge=4)
    """Smooth functions of the lag, each an input per channel."""
    hidden: tuple[int, ...] = (128,)
    """Features of the hidden layers; a second one, or more features, predicted worse."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Learning rate of Adam."""
    weight_decay: float = Field(default=1.0, ge=0)
    """Decoupled weight decay: in a step weights lose this times the learning rate."""
    steps: int = Field(default=3000, ge=1)
    """Number of steps."""
    frames_per_step: int = Field(default=256, ge=1)
    """Random frames of all training runs in a step."""
    validate_every: int = Field(default=50, ge=1)
    """Steps between two looks at the validation runs; the best weights are kept."""


def conv1x1_network(
    n_in: int, n_out: int, hidden: Sequence[int], generator: torch.Generator
) -> nn.Sequential:
    """Return 1x1 convolutions with ReLU between them, He-normal weights, the last ones small.

    Parameters
    ----------
    n_in, n_out : int
        Input features and blocks.
    hidden : sequence of int
        Features of the hidden layers.
    generator : torch.Generator
        Source of the first weights.
    """
    sizes = [n_in, *hidden, n_out]
    layers: list[nn.Module] = []
    for size, following in pairwise(sizes):
        layer = cast(nn.Conv1d, _undrawn(nn.Conv1d, size, following, 1))
        with torch.no_grad():
            layer.weight.normal_(0.0, (2 / size) ** 0.5, generator=generator)
            cast(Tensor, layer.bias).zero_()
        layers += [layer, nn.ReLU()]
    with torch.no_grad():
        layer.weight.mul_(0.1)
    return nn.Sequential(*layers[:-1])


class Conv1x1:
    """1x1 convolutions that turn the EEG of all channels into BOLD of all blocks.

    Later papers compare themselves with a network of this kind, which they call Liu and Sajda's;
    it has no source space. Mean squared error, Adam with weight decay, a fixed number of steps,
    the weights of the least error on validation runs.

    Parameters
    ----------
    seed : int
        Of first weights and batches.
    settings : Conv1x1Settings, optional
        Architecture and training.
    """

    def __init__(self, seed: int, settings: Conv1x1Settings | None = None) -> None:
        self.seed = seed
        self.settings = settings or Conv1x1Settings()
        self.bank_of = smooth_lags((0.0, self.settings.lag_seconds), self.settings.n_splines)

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Train on training runs; keep the weights that are best on validation runs."""
        settings = self.settings
        self.scaling = Scaling.fit(training)
        inputs, targets = self._samples(training)
        held_out = self._samples(validation)
        generator = torch.Generator().manual_seed(self.seed)
        self.network = conv1x1_network(len(inputs), len(targets), settings.hidden, generator)
        optimiser = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        best, kept = np.inf, self.network.state_dict()
        size = (settings.frames_per_step,)
        for step in range(1, settings.steps + 1):
            chosen = torch.randint(inputs.shape[1], size, generator=generator)
            optimiser.zero_grad()
            loss = _loss(self.network, inputs[:, chosen], targets[:, chosen])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if step % settings.validate_every and step < settings.steps:
                continue
            with torch.no_grad():
                error = float(_loss(self.network, *held_out))
            if error < best:
                best, kept = error, deepcopy(self.network.state_dict())
        self.network.load_state_dict(kept)

    def predict(self, run: AlignedRun) -> Prediction:
        """Predict BOLD from EEG, around its mean."""
        features = self.bank_of(run).features(self.scaling.scale_eeg(run.eeg))
        with torch.inference_mode():
            bold = self.network(torch.from_numpy(features).float()[np.newaxis])[0]
        return Prediction(bold_from_eeg=self.scaling.bold * bold.double().numpy())

    def _samples(
        self, runs: Sequence[AlignedRun]
    ) -> tuple[Float[Tensor, "features frames"], Float[Tensor, "blocks frames"]]:
        """Return inputs and BOLD of the valid frames of all runs, side by side."""
        inputs: list[Float[ndarray, "features valid"]] = []
        targets: list[Float[ndarray, "blocks valid"]] = []
        for run in runs:
            bank = self.bank_of(run)
            valid = bank.valid(run.axis.n_times)
            features = bank.features(self.scaling.scale_eeg(run.eeg))[:, valid]
            inputs.append(features.astype(np.float32))
            targets.append(centred(self.scaling.scale_bold(run.bold), valid).astype(np.float32))
        return (
            torch.from_numpy(np.concatenate(inputs, axis=1)),
            torch.from_numpy(np.concatenate(targets, axis=1)),
        )


def _loss(
    network: nn.Module, inputs: Float[Tensor, "features n"], targets: Float[Tensor, "blocks n"]
) -> Tensor:
    """Return the mean squared error."""
    return nn.functional.mse_loss(network(inputs[None])[0], targets)
