"""Coders that see one modality alone: what a transcoder is without its cross losses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.train.components import bold_components
from neurotranscoder.train.settings import TrainSettings


class PcaAutoencoders:
    """The linear autoencoder of each modality: principal components (Baldi & Hornik 1989).

    It is what is left of the linear recipe when each modality is to be rebuilt from itself
    alone: nothing then asks for a response or a leadfield, and of all linear coders of a given
    width these have the least squared error. Their latent courses have no place in the brain, so
    no source is predicted; as the components are orthonormal, what share a noise has of the
    latent courses is what it has of both cycles.

    Parameters
    ----------
    n_components : int
        Width, such as that of the linear transcoder on the same runs.
    """

    def __init__(self, n_components: int) -> None:
        self.n_components = n_components

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:  # noqa: ARG002
        """Find the components; nothing is chosen."""
        self._eeg, self._bold = (
            bold_components([_centred(signal) for signal in signals], self.n_components)
            for signals in ([run.eeg for run in training], [run.bold for run in training])
        )

    def predict(self, run: AlignedRun) -> Prediction:
        """Return both cycles."""
        return Prediction(
            eeg_from_eeg=self._eeg @ (self._eeg.T @ _centred(run.eeg)),
            bold_from_bold=self._bold @ (self._bold.T @ _centred(run.bold)),
        )


def autoencoder_settings(settings: TrainSettings) -> TrainSettings:
    """Return the paper's networks with the two transcoding losses off: two autoencoders."""
    losses = settings.paper.losses.model_copy(update={"bold_from_eeg": 0.0, "eeg_from_bold": 0.0})
    paper = settings.paper.model_copy(update={"losses": losses})
    return settings.model_copy(update={"architecture": "paper", "paper": paper})


def _centred(signal: Float[ndarray, "rows frames"]) -> Float[ndarray, "rows frames"]:
    """Return rows without their means."""
    return np.asarray(signal - signal.mean(axis=1, keepdims=True))
