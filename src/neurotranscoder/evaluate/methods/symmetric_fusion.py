"""Rivals: symmetric fusion by Eq. 4 of the paper, given the true G and h."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, PositiveFloat

from neurotranscoder.core.settings import Settings
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.choosing import best_candidate, with_known_sources
from neurotranscoder.evaluate.methods.fusion_solvers import Weights, solve_l1, solve_l2
from neurotranscoder.evaluate.methods.known_forward import KnownForward
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.scoring import HeldOut, Prediction

Answer = Literal["source_from_eeg", "source_from_bold", "source_fused"]
ANSWERS: tuple[Answer, ...] = ("source_from_eeg", "source_from_bold", "source_fused")

Choice = TypeVar("Choice")


class FusionSettings(Settings):
    """What the weights of Eq. 4 are chosen from."""

    snrs: tuple[PositiveFloat, ...] = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
    """Amplitude signal-to-noise ratios of each modality alone."""
    trusts: tuple[PositiveFloat, ...] = (0.3, 1.0, 3.0)
    """How much each modality counts in the fusion, relative to when it is alone."""
    l1_penalties: tuple[PositiveFloat, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)
    """Penalties of the absolute values, relative to that of the squares."""
    l1_steps: int = Field(default=60, ge=1)
    """Steps of the descent with absolute values. They are few because stopping regularises as
    well: further ones lower Eq. 4, and the score of this rival with it."""


@dataclass(frozen=True, slots=True)
class Chosen(Generic[Choice]):
    """What was chosen for each answer."""

    source_from_eeg: Choice
    source_from_bold: Choice
    source_fused: Choice

    def of(self, answer: Answer) -> Choice:
        """Return what was chosen for one answer."""
        found: Choice = getattr(self, answer)
        return found


class SymmetricFusionL2:
    """Eq. 4 with phi the squared norm: a linear filter of both modalities.

    What a run shows is what it answers from: EEG alone (alpha 1) ``source_from_eeg``, a minimum
    norm on blocks; BOLD alone (alpha 0) ``source_from_bold``, a deconvolution; both
    ``source_fused``. The weights of each are those that suit the true sources of the validation
    runs best.

    Parameters
    ----------
    knowledge : Knowledge
        Heads, responses, and the true sources of training and validation runs.
    settings : FusionSettings
        What to choose from.
    """

    def __init__(self, knowledge: Knowledge, settings: FusionSettings | None = None) -> None:
        self._knowledge = knowledge
        self._settings = settings or FusionSettings()

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Learn the gains of the modalities on training runs, weights on validation runs."""
        knowledge = self._knowledge
        self.forward = KnownForward(
            knowledge.truth, with_known_sources(training, knowledge.training)
        )
        held = with_known_sources(validation, knowledge.validation)
        snrs = self._settings.snrs
        power = self._response_power(validation[0])
        eeg = self._choose([Weights(1.0, 1 / snr**2) for snr in snrs], "source_from_eeg", held)
        bold = self._choose(
            [Weights(0.0, power / snr**2) for snr in snrs], "source_from_bold", held
        )
        both = [
            Weights.of_trust(one / eeg.penalty, other / bold.penalty)
            for one, other in itertools.product(self._settings.trusts, repeat=2)
        ]
        self.chosen = Chosen(eeg, bold, self._choose(both, "source_fused", held))

    def predict(self, run: AlignedRun) -> Prediction:
        """Return the one answer that what the run shows allows."""
        answer = answer_of(run)
        if answer is None:
            return Prediction()
        return Prediction(**{answer: self.sources(run, self.chosen.of(answer))})

    def sources(self, run: AlignedRun, weights: Weights) -> Float[ndarray, "blocks frames"]:
        """Return the sources of a run at some weights, in units of the simulation."""
        model, observed = self.forward.model(run.run), self.forward.observed(run)
        return self.forward.scales.source * solve_l2(model, observed, weights)

    def _choose(
        self, candidates: Sequence[Weights], answer: Answer, validation: Sequence[HeldOut]
    ) -> Weights:
        """Return the weights that suit the true sources best."""
        return best_candidate(
            candidates,
            lambda weights, run: Prediction(**{answer: self.sources(run, weights)}),
            answer,
            validation,
        )

    def _response_power(self, run: AlignedRun) -> float:
        """Return the mean of |H|^2 over the frequencies of a run."""
        model = self.forward.model(run.run)
        transfer = model.transfer(model.n_padded(run.axis.n_times))
        return float(np.mean(np.abs(transfer) ** 2))


class SymmetricFusionL1:
    """Eq. 4 with phi the sum of absolute values, from the solution for squares on.

    It answers as `SymmetricFusionL2` does, with the same alpha, and a penalty chosen on the first
    validation run: each try takes seconds.

    Parameters
    ----------
    knowledge : Knowledge
        As there.
    settings : FusionSettings
        What to choose from.
    """

    def __init__(self, knowledge: Knowledge, settings: FusionSettings | None = None) -> None:
        self._knowledge = knowledge
        self._settings = settings or FusionSettings()
        self._squares = SymmetricFusionL2(knowledge, self._settings)

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Learn as with squares, then choose the penalties."""
        self._squares.fit(training, validation)
        first = with_known_sources(validation[:1], self._knowledge.validation)
        self.chosen = Chosen(
            *(
                best_candidate(
                    self._settings.l1_penalties,
                    functools.partial(self._answered, answer),
                    answer,
                    first,
                )
                for answer in ANSWERS
            )
        )

    def predict(self, run: AlignedRun) -> Prediction:
        """Return the one answer that what the run shows allows."""
        answer = answer_of(run)
        return (
            Prediction() if answer is None else self._answered(answer, self.chosen.of(answer), run)
        )

    def _answered(self, answer: Answer, relative: float, run: AlignedRun) -> Prediction:
        """Return an answer at a penalty relative to that of squares."""
        forward, squares = self._squares.forward, self._squares.chosen.of(answer)
        model, observed = forward.model(run.run), forward.observed(run)
        sources = solve_l1(
            model,
            observed,
            Weights(squares.alpha, relative * squares.penalty),
            start=solve_l2(model, observed, squares).astype(np.float32),
            steps=self._settings.l1_steps,
        )
        return Prediction(**{answer: forward.scales.source * sources.astype(np.float64)})


def answer_of(run: AlignedRun) -> Answer | None:
    """Return what can be said about a run by what is shown of it."""
    if not run.bold.any():
        return "source_from_eeg" if run.eeg.any() else None
    return "source_fused" if run.eeg.any() else "source_from_bold"
