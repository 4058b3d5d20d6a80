"""What the subject stage reads from fast EEG: sparse sources, learnt anew at its own rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from neurotranscoder.model.expectation_propagation import Posterior
from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.train.sparse import Prior, improved_prior, regular, rest_of

_SD = 1 / np.sqrt(8 * np.log(2))  # of a Gaussian whose full width at half maximum is 1
_REACH = 4.0  # standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class SubjectCoder:
    """From fast EEG to the courses of a movie.

    Parameters
    ----------
    smoothing : float
        Full width at half maximum of a Gaussian that the EEG is smoothed with first, in s.
    sparse : SparseSources or None
        The courses are their posterior means; the smoothed EEG itself where there are none.
    causal : bool
        Smooth with the earlier half of the Gaussian alone: nothing looks ahead, and courses are
        late by `causal_delay`. All weights stay those of the symmetric one.
    """

    smoothing: float
    sparse: SparseSources | None
    causal: bool = False

    def courses(
        self, eeg: Float[ndarray, "channels frames"], rate: float, *, step: int = 1
    ) -> Float[ndarray, "components taken"]:
        """Return the courses of scaled EEG.

        Parameters
        ----------
        eeg : array, shape (channels, frames)
            Around its means, in units of the group's scale.
        rate : float
            Frames per second.
        step : int
            Only every so many frames, from the middle of the first of them on.
        """
        smooth = smoothed_causally if self.causal else smoothed
        return self.of_smoothed(smooth(eeg, rate, self.smoothing)[:, step // 2 :: step])

    def of_smoothed(
        self, taken: Float[ndarray, "channels taken"]
    ) -> Float[ndarray, "components taken"]:
        """Return the courses of EEG that was smoothed already; each frame is read by itself."""
        if self.sparse is None:
            return taken
        with torch.inference_mode():
            found = self.sparse.around_mean(torch.from_numpy(np.ascontiguousarray(taken))[None])
        return np.asarray(found[0].numpy())


def smoothed(
    eeg: Float[ndarray, "channels frames"], rate: float, width: float
) -> Float[ndarray, "channels frames"]:
    """Return EEG smoothed with a Gaussian of some full width at half maximum (s)."""
    return np.asarray(gaussian_filter1d(np.float64(eeg), max(width * rate * _SD, 1e-3), axis=1))


def smoothed_causally(
    eeg: Float[ndarray, "channels frames"], rate: float, width: float
) -> Float[ndarray, "channels frames"]:
    """Return EEG smoothed by what came before alone; zeros before the start."""
    return np.asarray(lfilter(causal_kernel(rate, width), 1.0, np.float64(eeg), axis=1))


def causal_kernel(rate: float, width: float) -> Float[ndarray, " lags"]:
    """Return the weights of this frame and of those before it: half a Gaussian of sum one."""
    sd = max(width * rate * _SD, 1e-3)
    weights = np.exp(-0.5 * (np.arange(int(np.ceil(_REACH * sd)) + 1) / sd) ** 2)
    return np.asarray(weights / weights.sum())


def causal_delay(rate: float, width: float) -> float:
    """Return the mean delay of `smoothed_causally`, in s."""
    kernel = causal_kernel(rate, width)
    return float(kernel @ np.arange(len(kernel))) / rate


@torch.no_grad()
def relearnt(
    sparse: SparseSources,
    frames: Float[ndarray, "frames channels"],
    *,
    rounds: int,
    loyalty: float,
) -> SparseSources:
    """Learn sparse sources of one subject from its EEG alone, those of the group as the start.

    Frames of the movie are shorter than those of the group: they hold more noise, and sources
    that are not averaged. Prior and noise are learnt by expectation-maximisation, as those of the
    group were; after the first rounds the leadfield is as well, as if the group's had been seen
    in ``loyalty`` times as many frames: heads differ, and the subject's EEG says how.

    Parameters
    ----------
    sparse : SparseSources
        Of the group.
    frames : array, shape (frames, channels)
        Smoothed EEG around its means, in units of the group's scale.
    rounds : int
        Rounds of expectation-maximisation.
    loyalty : float
        Weight of the group's leadfield.
    """
    covariance = frames.T @ frames / len(frames)
    powers, start = sparse.prior_variance.numpy(), sparse.leadfield.numpy()
    noise = regular(covariance - (start * powers) @ start.T, covariance)
    prior = Prior(*(one.numpy() for one in (sparse.weights, sparse.means, sparse.variances)))
    field = start
    for number in range(rounds):
        learning = _sources(sparse, field, noise, prior)
        seen = torch.from_numpy(frames) + learning.mean_eeg
        posterior = learning.posterior(seen)
        prior = improved_prior(posterior, powers)
        if number >= rounds // 4:
            field = _improved_field(seen.numpy(), posterior, start, loyalty)
        rest = rest_of(seen, posterior, torch.from_numpy(field)).numpy()
        noise = regular(0.5 * (noise + rest), covariance)
    return _sources(sparse, field, noise, prior)


def _improved_field(
    frames: Float[ndarray, "frames channels"],
    posterior: Posterior,
    start: Float[ndarray, "channels sources"],
    loyalty: float,
) -> Float[ndarray, "channels sources"]:
    """Return the leadfield that explains frames best, drawn to where it started."""
    mean = posterior.mean.numpy()
    second = mean.T @ mean + np.diag(posterior.variance.sum(0).numpy())
    drawn = loyalty * np.diag(np.diag(second))
    return np.asarray(np.linalg.solve(second + drawn, (frames.T @ mean + start @ drawn).T).T)


def _sources(
    like: SparseSources,
    field: Float[ndarray, "channels sources"],
    noise: Float[ndarray, "channels channels"],
    prior: Prior,
) -> SparseSources:
    """Return sources that are inferred as others are."""
    values = (field, noise, prior.weights, prior.means, prior.variances)
    return SparseSources(*values, rounds=like.rounds, damping=like.damping)


def spread_frames(
    eegs: Sequence[Float[ndarray, "channels _"]], rate: float, width: float, wanted: int
) -> Float[ndarray, "taken channels"]:
    """Return evenly spread frames of smoothed EEG of several runs."""
    total = sum(eeg.shape[1] for eeg in eegs)
    step = max(1, total // wanted)
    parts = [smoothed(eeg, rate, width)[:, step // 2 :: step] for eeg in eegs]
    return np.ascontiguousarray(np.concatenate(parts, axis=1).T)
