"""A reference beyond linear filters: networks that see the true sources of training runs."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from neurotranscoder.core.settings import Settings
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.choosing import with_known_sources
from neurotranscoder.evaluate.methods.conv1x1 import conv1x1_network
from neurotranscoder.evaluate.methods.designs import Design
from neurotranscoder.evaluate.methods.nested import Nested
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.supervised_linear import SupervisedLinear
from neurotranscoder.evaluate.methods.supervised_settings import SupervisedSettings
from neurotranscoder.evaluate.scoring import HeldOut, Prediction
from neurotranscoder.train.regression import centred

Batch = tuple[Float[Tensor, "features _"], Float[Tensor, "courses _"]]
"""Inputs of a network, and what it should say."""


class MlpSettings(Settings):
    """Architecture and training of the networks."""

    hidden: tuple[PositiveInt, ...] = (128,)
    """Units of the hidden layers."""
    learning_rate: PositiveFloat = 1e-3
    """Learning rate of Adam."""
    weight_decay: NonNegativeFloat = 1.0
    """Decoupled weight decay: in a step weights lose this times the learning rate."""
    steps: int = Field(default=600, ge=1)
    """Number of steps."""
    frames_per_step: PositiveInt = 256
    """Random frames of all training runs in a step."""
    validate_every: PositiveInt = 25
    """Steps between two looks at the validation runs; the best weights are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """What a network adds to a linear estimate.

    Parameters
    ----------
    design : Design
        Its inputs, those of the linear estimate.
    scale : array, shape (features,)
        Standard deviation of each input in the training runs.
    network : Module
        From scaled inputs to source components.
    maps : array, shape (blocks, courses)
        Source components.
    errors : tuple of float
        Squared error on validation runs without the network, and with it.
    """

    design: Design
    scale: Float[ndarray, " features"]
    network: nn.Module
    maps: Float[ndarray, "blocks courses"]
    errors: tuple[float, float]

    def predict(self, run: AlignedRun) -> Float[ndarray, "blocks frames"]:
        """Return the correction of the scaled sources of a run."""
        inputs = _inputs(self.design, self.scale, run, slice(None))
        with torch.inference_mode():
            found = self.network(torch.from_numpy(inputs)[np.newaxis])[0]
        return np.asarray(self.maps @ found.double().numpy())


class SupervisedMlp:
    """A hidden layer beside the supervised regression on EEG, band power and BOLD.

    Networks say what the regression leaves of the true sources. Their last weights are zero at
    first and the best ones on validation runs are kept, so that there they are never worse than
    the regression.

    Parameters
    ----------
    knowledge : Knowledge
        As for `SupervisedLinear`.
    seed : int
        Of first weights and batches.
    settings : MlpSettings, optional
        Architecture and training.
    linear : SupervisedSettings, optional
        Choices of the regression.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        seed: int,
        settings: MlpSettings | None = None,
        linear: SupervisedSettings | None = None,
    ) -> None:
        self.knowledge = knowledge
        self.seed = seed
        self.settings = settings or MlpSettings()
        self.linear = SupervisedLinear(knowledge, linear, with_power=True)

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Fit the regression, then train one network for each estimate."""
        linear, knowledge = self.linear, self.knowledge
        linear.fit_sources(training, validation)
        runs = (
            with_known_sources(training, knowledge.training),
            with_known_sources(validation, knowledge.validation),
        )
        generator = torch.Generator().manual_seed(self.seed)
        self.of_eeg, self.of_bold, self.of_both = (
            self._correction(estimate, regression.fitted.design, *runs, generator)
            for estimate, regression in (
                (linear.source_from_eeg, linear.of_eeg),
                (linear.source_from_bold, linear.of_bold),
                (linear.source_fused, linear.of_both),
            )
        )

    def predict(self, run: AlignedRun) -> Prediction:
        """Return the sources that can be estimated from what the run shows."""
        unit, linear = self.linear.inputs.source, self.linear
        eeg, bold = bool(run.eeg.any()), bool(run.bold.any())

        def answer(estimate: Nested, correction: Correction) -> Float[ndarray, "blocks frames"]:
            return np.asarray(unit * (estimate.predict(run) + correction.predict(run)))

        return Prediction(
            source_from_eeg=answer(linear.source_from_eeg, self.of_eeg) if eeg else None,
            source_from_bold=answer(linear.source_from_bold, self.of_bold) if bold else None,
            source_fused=answer(linear.source_fused, self.of_both) if eeg and bold else None,
        )

    def _correction(
        self,
        estimate: Nested,
        design: Design,
        training: Sequence[HeldOut],
        validation: Sequence[HeldOut],
        generator: torch.Generator,
    ) -> Correction:
        """Train a network on what an estimate leaves, with the inputs of a regression."""
        inputs = self.linear.inputs
        maps = inputs.source_maps
        scale = _scale(design, training)

        def batch(runs: Sequence[HeldOut]) -> Batch:
            shown, left = [], []
            for run in runs:
                valid = design.valid(run.aligned)
                rest = maps.T @ (inputs.truth(run) - estimate.predict(run.aligned))
                shown.append(_inputs(design, scale, run.aligned, valid))
                left.append(centred(rest, valid).astype(np.float32))
            return (
                torch.from_numpy(np.concatenate(shown, axis=1)),
                torch.from_numpy(np.concatenate(left, axis=1)),
            )

        network = conv1x1_network(len(scale), maps.shape[1], self.settings.hidden, generator)
        with torch.no_grad():
            list(network.parameters())[-2].zero_()
        errors = train_network(
            network, batch(training), batch(validation), self.settings, generator
        )
        return Correction(design, scale, network, maps, errors)


def train_network(
    network: nn.Module,
    training: Batch,
    validation: Batch,
    settings: MlpSettings,
    generator: torch.Generator,
) -> tuple[float, float]:
    """Train a network; it ends with the weights of the least error on validation data.

    Returns
    -------
    errors : tuple of float
        Mean squared error on validation data before and after.
    """
    optimiser = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    first = best = _error(network, validation)
    kept = deepcopy(network.state_dict())
    inputs, targets = training
    for step in range(1, settings.steps + 1):
        chosen = torch.randint(inputs.shape[1], (settings.frames_per_step,), generator=generator)
        optimiser.zero_grad()
        loss = nn.functional.mse_loss(network(inputs[:, chosen][None])[0], targets[:, chosen])
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % settings.validate_every and step < settings.steps:
            continue
        error = _error(network, validation)
        if error < best:
            best, kept = error, deepcopy(network.state_dict())
    network.load_state_dict(kept)
    return first, best


def _error(network: nn.Module, batch: Batch) -> float:
    """Return the mean squared error."""
    inputs, targets = batch
    with torch.no_grad():
        return float(nn.functional.mse_loss(network(inputs[None])[0], targets))


def _scale(design: Design, runs: Sequence[HeldOut]) -> Float[ndarray, " features"]:
    """Return the sd of each input over the valid frames of runs; 1 where nothing varies."""
    squares, count = 0.0, 0
    for run in runs:
        valid = design.valid(run.aligned)
        squares = squares + np.sum(design.features(run.aligned)[:, valid] ** 2, axis=1)
        count += valid.stop - valid.start
    sds = np.sqrt(np.asarray(squares) / count)
    return np.where(sds > 0, sds, 1.0)


def _inputs(
    design: Design, scale: Float[ndarray, " features"], run: AlignedRun, part: slice
) -> Float[ndarray, "features valid"]:
    """Return scaled inputs in single precision."""
    scaled = design.features(run)[:, part] / scale[:, np.newaxis]
    return np.asarray(scaled.astype(np.float32))
