"""Sources that are quiet most of the time: what is learnt about them, blindly.

BOLD says where the regions are and, below .2 Hz, how each projects to the EEG. The EEG itself, at
its whole bandwidth, says how often each is active and how strongly, and what is noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, PositiveFloat
from torch import Tensor

from neurotranscoder.core.settings import Settings
from neurotranscoder.core.spread import each, summed
from neurotranscoder.model.expectation_propagation import Posterior
from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.signal.fir import apply_fir, valid_slice
from neurotranscoder.train.alternating import whiten
from neurotranscoder.train.regression import centred
from neurotranscoder.train.signals import Signals, n_frames_of

_QUIET = 0  # the first state


class SparseSettings(Settings):
    """Choices of the sparse sources."""

    whitening: float = Field(default=0.1, gt=0)
    """eps of 1 / sqrt(|H|^2 + eps) for the leadfield. Larger than for the spatial map: noise of
    BOLD outside the band of the response hurts more than what is lost of it."""
    frames: int = Field(default=2000, ge=100)
    """Training frames that the prior is learnt from, evenly spread."""
    prior_rounds: int = Field(default=4, ge=1)
    """Rounds of expectation-maximisation of the prior, with the noise that BOLD leaves."""
    noise_rounds: int = Field(default=8, ge=0)
    """Rounds of it in which the noise is learnt as well."""
    rounds: int = Field(default=6, ge=1)
    """Rounds of expectation propagation in each frame."""
    damping: float = Field(default=0.7, gt=0, le=1)
    """How far each of them goes towards its new approximation."""
    share_active: float = Field(default=0.15, gt=0, lt=1)
    """Share of frames in which a source is active, at the start."""
    gains: tuple[PositiveFloat, ...] = Field(default=(0.03, 0.1, 0.3, 1.0), min_length=1)
    """Candidate factors of sparse sources beside EEG in the spatial map: a ridge of their own."""
    bold_undecided: float = Field(default=0.01, ge=0, lt=1)
    """Share of the squared error in BOLD of validation runs by which sparse sources may be worse
    than none where their EEG asks for them; BOLD is slow, and tells them apart by little."""
    eeg_decides: float = Field(default=0.5, ge=0)
    """Nats by which a frame of the EEG of validation runs then has to be likelier than were
    sources normal, of the same moments."""
    power_gains: tuple[PositiveFloat, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)
    """The same for band power of the EEG; none leaves it out."""
    power_pays: float = Field(default=0.05, ge=0, lt=1)
    """Share of the squared error in BOLD of validation runs that band power has to take away to
    be read: where BOLD does not follow power, that adds noise to each frame for nothing."""
    filter_ridges: tuple[PositiveFloat, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
    """Candidate weights of how far responses and decoders of single components may be from the
    shared ones; none leaves all components with the shared ones."""


@dataclass(frozen=True, slots=True, eq=False)
class LeadfieldStatistics:
    """Covariances of one or more runs, per frame, that a leadfield is found from.

    EEG and components are filtered alike: by ``h / sqrt(|h|^2 + eps)`` as seen from the source.

    Parameters
    ----------
    eeg : array, shape (channels, channels)
        EEG as it is, at its whole bandwidth.
    slow_eeg : array, shape (channels, channels)
        Filtered EEG.
    cross : array, shape (channels, components)
        Filtered EEG with filtered components.
    components : array, shape (components, components)
        Filtered components.
    rest : float
        Power of filtered BOLD outside the components, per dimension.
    """

    eeg: Float[ndarray, "channels channels"]
    slow_eeg: Float[ndarray, "channels channels"]
    cross: Float[ndarray, "channels components"]
    components: Float[ndarray, "components components"]
    rest: float


def leadfield_statistics(
    runs: Sequence[Signals],
    maps: Float[ndarray, "blocks components"],
    hrf: Float[ndarray, " lags"],
    eps: float,
) -> LeadfieldStatistics:
    """Sum the statistics of runs, in their order.

    Parameters
    ----------
    runs : sequence of Signals
        The training runs.
    maps : array, shape (blocks, components)
        Orthonormal components of BOLD.
    hrf : array, shape (lags,)
        Response at the group rate.
    eps : float
        Of the whitening.
    """
    found = summed(partial(_Covariances.of, maps=maps, hrf=hrf, eps=eps), runs)
    n_frames, (n_blocks, n_components) = found.n_frames, maps.shape
    components = found.components / n_frames
    rest = found.bold / n_frames - float(np.trace(components))
    return LeadfieldStatistics(
        found.eeg / n_frames,
        found.slow_eeg / n_frames,
        found.cross / n_frames,
        components,
        max(0.0, rest) / max(1, n_blocks - n_components),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Covariances:
    """What `LeadfieldStatistics` is made of, summed over frames; it adds up over runs."""

    eeg: Float[ndarray, "channels channels"]
    slow_eeg: Float[ndarray, "channels channels"]
    cross: Float[ndarray, "channels components"]
    components: Float[ndarray, "components components"]
    bold: float
    n_frames: int

    @classmethod
    def of(
        cls,
        run: Signals,
        maps: Float[ndarray, "blocks components"],
        hrf: Float[ndarray, " lags"],
        eps: float,
    ) -> _Covariances:
        """Return those of one run."""
        gain = float(np.abs(np.fft.rfft(hrf, 8 * len(hrf))).max())
        valid = valid_slice(run.eeg.shape[1], len(hrf))
        eeg = centred(run.eeg, valid)
        slow = centred(whiten(apply_fir(run.eeg, hrf), hrf, eps), valid) / gain
        bold = centred(whiten(run.bold, hrf, eps), valid) / gain
        components = maps.T @ bold
        return cls(
            eeg @ eeg.T,
            slow @ slow.T,
            slow @ components.T,
            components @ components.T,
            float(np.sum(bold**2)),
            eeg.shape[1],
        )

    def __add__(self, other: _Covariances) -> _Covariances:
        return _Covariances(
            self.eeg + other.eeg,
            self.slow_eeg + other.slow_eeg,
            self.cross + other.cross,
            self.components + other.components,
            self.bold + other.bold,
            self.n_frames + other.n_frames,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Slow:
    """What BOLD tells: leadfield, power of each source and noise, at the whole bandwidth."""

    leadfield: Float[ndarray, "channels components"]
    powers: Float[ndarray, " components"]
    noise: Float[ndarray, "channels channels"]


def _slow_part(found: LeadfieldStatistics) -> _Slow:
    """Return leadfield, powers and noise from covariances below .2 Hz.

    The noise of the components is that of BOLD outside of them. How much more EEG there is at
    the whole bandwidth is taken to be the same for sources and noise; the EEG then decides.
    """
    sources = _at_least(found.components - found.rest * np.eye(len(found.components)), 0.02)
    leadfield = np.linalg.solve(sources, found.cross.T).T
    wider = float(np.trace(found.eeg) / np.trace(found.slow_eeg))
    noise = wider * (found.slow_eeg - leadfield @ sources @ leadfield.T)
    return _Slow(leadfield, wider * np.diag(sources), regular(noise, found.eeg))


def _at_least(matrix: Float[ndarray, "n n"], share: float) -> Float[ndarray, "n n"]:
    """Return a symmetric matrix without eigenvalues below a share of its largest."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, share * values.max())) @ vectors.T)


def regular(noise: Float[ndarray, "c c"], eeg: Float[ndarray, "c c"]) -> Float[ndarray, "c c"]:
    """Return a positive definite noise covariance: none of its directions is nearly silent.

    Those that are, such as the one that an average reference takes away, get .3 of the median,
    and no less than a thousandth of the EEG.
    """
    values, vectors = np.linalg.eigh(noise)
    least = max(0.3 * float(np.median(values)), 1e-3 * float(np.trace(eeg)) / len(eeg))
    return np.asarray((vectors * np.maximum(values, least)) @ vectors.T)


def fit_sparse_sources(
    runs: Sequence[Signals],
    maps: Float[ndarray, "blocks components"],
    hrf: Float[ndarray, " lags"],
    settings: SparseSettings,
) -> SparseSources:
    """Learn leadfield, prior and noise of sparse sources.

    Parameters
    ----------
    runs : sequence of Signals
        The training runs.
    maps : array, shape (blocks, components)
        Orthonormal components of BOLD. They should be regional (see `train.components.regional`),
        as sources are independent in the prior.
    hrf : array, shape (lags,)
        Response at the group rate.
    settings : SparseSettings
        Choices.

    Returns
    -------
    sparse : SparseSources
        Everything fixed.
    """
    found = leadfield_statistics(runs, maps, hrf, settings.whitening)
    slow = _slow_part(found)
    active = settings.share_active
    prior = Prior(
        weights=np.tile([1 - active, active], (len(slow.powers), 1)),
        means=np.zeros((len(slow.powers), 2)),
        variances=slow.powers[:, np.newaxis] * [0.2, 5.0],
    )
    sparse = _sources(slow.leadfield, slow.noise, prior, settings)
    frames = spread_frames(runs, settings.frames)
    for number in range(settings.prior_rounds + settings.noise_rounds):
        posterior = sparse.posterior(frames + sparse.mean_eeg)
        prior = improved_prior(posterior, slow.powers)
        noise = sparse.noise.numpy()
        if number >= settings.prior_rounds:
            rest = rest_of(frames + sparse.mean_eeg, posterior, sparse.leadfield).numpy()
            noise = regular(0.5 * (noise + rest), found.eeg)
        sparse = _sources(slow.leadfield, noise, prior, settings)
    return sparse


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Mixture of each source."""

    weights: Float[ndarray, "sources states"]
    means: Float[ndarray, "sources states"]
    variances: Float[ndarray, "sources states"]


def _sources(
    leadfield: Float[ndarray, "channels sources"],
    noise: Float[ndarray, "channels channels"],
    prior: Prior,
    settings: SparseSettings,
) -> SparseSources:
    """Return the sources of a prior."""
    values = (leadfield, noise, prior.weights, prior.means, prior.variances)
    return SparseSources(*values, rounds=settings.rounds, damping=settings.damping)


def spread_frames(runs: Sequence[Signals], wanted: int) -> Float[Tensor, "frames channels"]:
    """Return evenly spread frames of the EEG of all runs."""
    ends = np.cumsum([0, *each(n_frames_of, runs)])
    picked = np.linspace(0, ends[-1] - 1, min(wanted, ends[-1])).round().astype(int)
    own = [picked[(picked >= start) & (picked < end)] - start for start, end in pairwise(ends)]
    chosen = [run.eeg[:, frames] for run, frames in zip(runs, own, strict=True)]
    return torch.from_numpy(np.concatenate(chosen, axis=1).T)


def improved_prior(posterior: Posterior, powers: Float[ndarray, " sources"]) -> Prior:
    """Return the prior that explains posteriors best; a quiet source is zero in the mean."""
    activity = posterior.activity
    counts = activity.sum(0)
    means = (activity * posterior.state_mean).sum(0) / counts.clamp(min=1e-3)
    means[:, _QUIET] = 0.0
    squares = posterior.state_variance + (posterior.state_mean - means) ** 2
    variances = ((activity * squares).sum(0) / counts.clamp(min=1e-3)).numpy()
    weights = (counts + 0.5) / (counts.sum(1, keepdim=True) + 1.0)
    least = 1e-3 * powers[:, np.newaxis]
    return Prior(weights.numpy(), means.numpy(), np.maximum(variances, least))


def rest_of(
    frames: Float[Tensor, "frames channels"],
    posterior: Posterior,
    leadfield: Float[Tensor, "channels sources"],
) -> Float[Tensor, "channels channels"]:
    """Return the expected covariance of what is no source."""
    rest = frames - posterior.mean @ leadfield.T
    unsure = (leadfield * posterior.variance.mean(0)) @ leadfield.T
    return rest.T @ rest / len(frames) + unsure
