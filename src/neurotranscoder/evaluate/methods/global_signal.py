"""Controls: how much of a score is the global signal, the mean of BOLD over blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.filters import every_lag
from neurotranscoder.evaluate.methods.inputs import InputScaling
from neurotranscoder.evaluate.methods.normal import NormalEquations, Samples, choose_ridge
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.evaluate.methods.regression import RidgeSettings
from neurotranscoder.evaluate.methods.transcoders import TranscoderMethod
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.reconstruct.fuse import Fusion
from neurotranscoder.train.regression import centred
from neurotranscoder.train.settings import TrainSettings


def global_signal(run: AlignedRun) -> Float[ndarray, " frames"]:
    """Return the mean of BOLD over blocks, without its mean over time."""
    signal = run.bold.mean(axis=0)
    return np.asarray(signal - signal.mean())


def without_global_signal(run: AlignedRun) -> AlignedRun:
    """Return a run whose blocks have no part of the global signal, by regression in the run."""
    signal = global_signal(run)
    energy = signal @ signal
    if not energy > 0:
        return run
    return replace(run, bold=run.bold - np.outer(run.bold @ signal / energy, signal))


class GlobalSignalControl:
    """The global signal, predicted from EEG, with the loading that each block has in training.

    The signal is predicted by ridge regression on the EEG of all channels at all lags, as
    `ridge_lags` predicts every block. All blocks have one time course.

    Parameters
    ----------
    settings : RidgeSettings, optional
        Candidates.
    """

    def __init__(self, settings: RidgeSettings | None = None) -> None:
        self.settings = settings or RidgeSettings()
        self.bank_of = every_lag(self.settings.lag_seconds)

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Fit filter and loadings on training runs; choose the ridge on validation runs."""
        self.scaling = InputScaling.fit(training)
        known = NormalEquations.of(self._samples(run) for run in training)
        unseen = NormalEquations.of(self._samples(run) for run in validation)
        self.weights = choose_ridge(known, unseen, self.settings.ridges).weights
        signals = [global_signal(run) for run in training]
        products = [run.bold @ signal for run, signal in zip(training, signals, strict=True)]
        energy = sum(float(signal @ signal) for signal in signals)
        self.loadings = np.sum(products, axis=0) / (energy + np.finfo(float).tiny)

    def predict(self, run: AlignedRun) -> Prediction:
        """Predict BOLD around its mean from EEG."""
        signal = self.weights.T @ self.bank_of(run).features(self.scaling.rows(run))
        return Prediction(bold_from_eeg=self.loadings[:, np.newaxis] * signal)

    def _samples(self, run: AlignedRun) -> Samples:
        """Return features and global signal of the valid frames of a run."""
        bank = self.bank_of(run)
        valid = bank.valid(run.axis.n_times)
        signal = centred(global_signal(run)[np.newaxis], valid)
        return bank.features(self.scaling.rows(run))[:, valid], signal


class WithoutGlobalSignal(TranscoderMethod):
    """The closed form, where no run has a global signal; scored on BOLD as it was measured."""

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Remove the global signal, then train."""
        known, unseen = ([without_global_signal(run) for run in p] for p in (training, validation))
        super().fit(known, unseen)

    def predict(self, run: AlignedRun) -> Prediction:
        """Return sources and transcoded signals of a run without its global signal."""
        return super().predict(without_global_signal(run))


def control_specs(
    settings: TrainSettings | None = None, *, fusion: Fusion = "joint"
) -> tuple[MethodSpec, ...]:
    """Return the controls as methods; what is regressed out of a run is no linear filter of it.

    Parameters
    ----------
    settings : TrainSettings, optional
        Choices of the closed form; the defaults without.
    fusion : str
        As for `TranscoderMethod`.
    """
    base = TrainSettings() if settings is None else settings
    chosen = base.model_copy(update={"architecture": "closed_form"})
    return (
        MethodSpec("control_global_signal", "control", "linear", _control),
        MethodSpec(
            "closed_form_without_global_signal",
            "control",
            None,
            partial(_without, chosen, fusion),
        ),
    )


def _control(knowledge: Knowledge | None, seed: int) -> GlobalSignalControl:  # noqa: ARG001
    """Make the control; it draws nothing."""
    return GlobalSignalControl()


def _without(
    settings: TrainSettings,
    fusion: Fusion,
    knowledge: Knowledge | None,  # noqa: ARG001, a blind method gets None
    seed: int,  # noqa: ARG001, the closed form draws nothing
) -> WithoutGlobalSignal:
    """Return an untrained closed form."""
    return WithoutGlobalSignal(settings, fusion=fusion)
