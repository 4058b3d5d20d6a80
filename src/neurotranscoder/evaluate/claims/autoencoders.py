"""Coders that see one modality alone: what a transcoder is without its cross losses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.train.components import bold_components
from neurotranscoder.train.network import NetworkSettings, build_network
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.training import Training
from neurotranscoder.train.windows import ScaledRun


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


class NetworkAutoencoders:
    """The paper's coders without the two transcoding losses: an autoencoder of each modality.

    First weights, order of windows and steps are those of 'paper'. Weights are those of the last
    step: those of 'paper' are chosen by its loss of BOLD from EEG, which nothing here improves.

    Parameters
    ----------
    settings : NetworkSettings
        Of 'paper'; its weights of the transcoding losses are not used.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        alone = {"bold_from_eeg": 0.0, "eeg_from_bold": 0.0}
        losses = settings.losses.model_copy(update=alone)
        self.settings = settings.model_copy(update={"losses": losses})

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Train to the last step; nothing is chosen."""
        self._scaling = Scaling.fit(training)
        known, held_out = (
            [ScaledRun.of(run, self._scaling) for run in runs] for runs in (training, validation)
        )
        first = training[0]
        model = build_network(len(first.eeg), first.blocks.mask, self.settings)
        state = Training(model, known, held_out, self.settings, None)
        state.start()
        while not state.finished:
            state.advance()
        self._model = state.model.eval()

    @torch.inference_mode()
    def predict(self, run: AlignedRun) -> Prediction:
        """Return both sources and both cycles."""
        scaled = ScaledRun.of(run, self._scaling)
        eeg, bold = (torch.from_numpy(x).float()[None] for x in (scaled.eeg, scaled.bold))
        from_eeg, from_bold = self._model.source_from_eeg(eeg), self._model.source_from_bold(bold)
        return Prediction(
            source_from_eeg=_array(from_eeg),
            eeg_from_eeg=_array(self._model.eeg_from_source(from_eeg)),
            source_from_bold=_array(from_bold),
            bold_from_bold=_array(self._model.bold_from_source(from_bold)),
        )


def _array(values: Float[Tensor, "1 rows frames"]) -> Float[ndarray, "rows frames"]:
    """Return the only member of a batch."""
    return np.asarray(values[0].double().numpy())


def _centred(signal: Float[ndarray, "rows frames"]) -> Float[ndarray, "rows frames"]:
    """Return rows without their means."""
    return np.asarray(signal - signal.mean(axis=1, keepdims=True))
