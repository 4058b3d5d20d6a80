"""Expectation propagation: what frames of EEG say about sources that are each in some state."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

_LEAST_SEEN = 1e-6  # precision that the EEG adds, relative to the prior's: it is no less
_LEAST_LEFT = 1e-6  # variance that is left, relative to the prior's: it is no less
_LEAST_PRECISION = 1e-2  # of a site, relative to the largest prior variance


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """What frames of EEG say about sources.

    Parameters
    ----------
    mean, variance : tensor, shape (frames, sources)
        Moments of each source.
    activity : tensor, shape (frames, sources, states)
        Probability of each state.
    state_mean, state_variance : tensor, shape (frames, sources, states)
        Moments of each source, were it in a state.
    """

    mean: Float[Tensor, "frames sources"]
    variance: Float[Tensor, "frames sources"]
    activity: Float[Tensor, "frames sources states"]
    state_mean: Float[Tensor, "frames sources states"]
    state_variance: Float[Tensor, "frames sources states"]


@dataclass(frozen=True, slots=True, eq=False)
class StatePrior:
    """Sources that each are in one of a few states, normal in each.

    Parameters
    ----------
    weights, means, variances : tensor, shape (sources, states)
        Probability of each state, and moments in it.
    """

    weights: Float[Tensor, "sources states"]
    means: Float[Tensor, "sources states"]
    variances: Float[Tensor, "sources states"]

    @property
    def mean(self) -> Float[Tensor, " sources"]:
        """Mean of each source before any EEG is seen."""
        return (self.weights * self.means).sum(1)

    @property
    def variance(self) -> Float[Tensor, " sources"]:
        """Variance of each source before any EEG is seen."""
        second = (self.weights * (self.variances + self.means**2)).sum(1)
        return second - self.mean**2

    def log_likelihood(
        self, mean: Float[Tensor, "frames sources"], variance: Float[Tensor, "frames sources"]
    ) -> Float[Tensor, "frames sources"]:
        """Return how likely a normal observation is, up to a constant, in nats."""
        spread = variance[..., None] + self.variances
        away = mean[..., None] - self.means
        return torch.logsumexp(
            torch.log(self.weights) - 0.5 * torch.log(spread) - 0.5 * away**2 / spread, -1
        )

    def tilted(
        self, mean: Float[Tensor, "frames sources"], variance: Float[Tensor, "frames sources"]
    ) -> Posterior:
        """Return the moments of the prior times a normal likelihood of given moments."""
        spread = variance[..., None] + self.variances
        away = mean[..., None] - self.means
        activity = torch.softmax(
            torch.log(self.weights) - 0.5 * torch.log(spread) - 0.5 * away**2 / spread, -1
        )
        state_variance = variance[..., None] * self.variances / spread
        state_mean = self.means + away * self.variances / spread
        expected = (activity * state_mean).sum(-1)
        second = (activity * (state_variance + state_mean**2)).sum(-1)
        return Posterior(expected, second - expected**2, activity, state_mean, state_variance)


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """What frames, and the sites of all other sources, say of each source.

    Parameters
    ----------
    precision, pull : tensor, shape (frames, sources)
        One over the variance of a normal likelihood, and that times its mean.
    rest : tensor, shape (frames, channels)
        Frames less what sites expect, whitened.
    factor : tensor, shape (frames, channels, channels)
        What it was whitened by: the Cholesky factor of the covariance that sites expect.
    """

    precision: Float[Tensor, "#frames sources"]
    pull: Float[Tensor, "frames sources"]
    rest: Float[Tensor, "frames channels"]
    factor: Float[Tensor, "#frames channels channels"]

    @property
    def log_likelihood(self) -> Float[Tensor, " frames"]:
        """Of frames, were sources as their sites; up to a constant, in nats."""
        size = torch.log(torch.diagonal(self.factor, dim1=-2, dim2=-1)).sum(1)
        return -0.5 * (self.rest**2).sum(1) - size


class Propagation:
    """Rounds of expectation propagation (see `SparseSources` for the model and the source).

    Parameters
    ----------
    leadfield : tensor, shape (channels, sources)
        EEG of each source.
    noise : tensor, shape (channels, channels)
        Covariance of what is no source.
    prior : StatePrior
        What is known of the sources before.
    rounds : int
        How many.
    damping : float
        How far each goes towards its new approximation.
    """

    def __init__(
        self,
        leadfield: Float[Tensor, "channels sources"],
        noise: Float[Tensor, "channels channels"],
        prior: StatePrior,
        *,
        rounds: int,
        damping: float,
    ) -> None:
        self.leadfield, self.noise, self.prior = leadfield, noise, prior
        self.rounds, self.damping = rounds, damping
        # with the products of the leadfields of all pairs of channels, covariances of all
        # frames, and the variances that they leave, are one product
        self._pairs = rearrange(
            leadfield[:, None] * leadfield[None], "one two sources -> (one two) sources"
        )

    def posterior(
        self,
        frames: Float[Tensor, "frames channels"],
        hint: Float[Tensor, "*frames sources"],
        precision: Float[Tensor, " sources"],
    ) -> Posterior:
        """Return the posterior of a few frames.

        Each prior is approximated by a normal distribution, its site, of variance ``width`` about
        ``centre``; a round makes each site such that, in the field of all else that is known, it
        gives the moments that the true prior would. Hints are known beside the EEG.
        """
        return self._converged(frames, hint, precision)[0]

    def evidence(self, frames: Float[Tensor, "frames channels"]) -> Float[Tensor, " frames"]:
        """Return how much likelier frames are than if the sources were normal, in nats.

        The normal sources have the moments of the prior. Of both the logarithm of the marginal
        likelihood is taken, of the prior by expectation propagation (Minka 2001).
        """
        nothing = torch.zeros_like(self.prior.mean)
        normal = self._field(frames, *self._widest(), nothing, nothing)
        _, width, centre = self._converged(frames, nothing, nothing)
        last = self._field(frames, width, centre, nothing, nothing)
        mean, variance = last.pull / last.precision, 1 / last.precision
        spread = variance + width
        sites = -0.5 * torch.log(spread) - 0.5 * (mean - centre) ** 2 / spread
        true = self.prior.log_likelihood(mean, variance.expand_as(mean))
        return last.log_likelihood + (true - sites).sum(1) - normal.log_likelihood

    def _converged(
        self,
        frames: Float[Tensor, "frames channels"],
        hint: Float[Tensor, "*frames sources"],
        precision: Float[Tensor, " sources"],
    ) -> tuple[Posterior, Float[Tensor, "frames sources"], Float[Tensor, "frames sources"]]:
        """Return the posterior after all rounds, and width and centre of the sites."""
        width, centre = self._widest()
        for _ in range(self.rounds):
            field = self._field(frames, width, centre, hint, precision)
            mean = field.pull / field.precision
            found = self.prior.tilted(mean, (1 / field.precision).expand_as(mean))
            width, centre = self._improved(found, field, width, centre)
        return found, width, centre

    def _widest(self) -> tuple[Float[Tensor, "one sources"], Float[Tensor, "one sources"]]:
        """Return the sites of the first round, those of all frames: the moments of the prior."""
        return self.prior.variance[None], self.prior.mean[None]

    def _field(
        self,
        frames: Float[Tensor, "frames channels"],
        width: Float[Tensor, "#frames sources"],
        centre: Float[Tensor, "#frames sources"],
        hint: Float[Tensor, "*frames sources"],
        precision: Float[Tensor, " sources"],
    ) -> _Field:
        """Return what is known of each source beside its own prior, given the sites of others."""
        n_channels, own = frames.shape[1], self.prior.variance
        spread = 1 / (1 / width + precision)
        middle = spread * (centre / width + precision * hint)
        total = (spread @ self._pairs.T).reshape(-1, n_channels, n_channels) + self.noise
        factor = torch.linalg.cholesky(total)
        whiten = partial(torch.linalg.solve_triangular, factor, upper=False)
        columns = whiten(self.leadfield.expand(len(total), -1, -1))
        rest = whiten((frames - middle @ self.leadfield.T)[..., None])[..., 0]
        seen = torch.clamp((columns**2).sum(1), min=_LEAST_SEEN / own)
        from_eeg = seen / torch.clamp(1 - spread * seen, min=_LEAST_LEFT)
        eeg_mean = middle + (rest[:, None] @ columns)[:, 0] / seen
        return _Field(from_eeg + precision, from_eeg * eeg_mean + precision * hint, rest, factor)

    def _improved(
        self,
        found: Posterior,
        field: _Field,
        width: Float[Tensor, "#frames sources"],
        centre: Float[Tensor, "#frames sources"],
    ) -> tuple[Float[Tensor, "frames sources"], Float[Tensor, "frames sources"]]:
        """Return sites that give, in the field, the moments that the true prior gives."""
        own = self.prior.variance
        sharpness = 1 / torch.maximum(found.variance, _LEAST_LEFT * own)
        least = _LEAST_PRECISION / own.max()
        wanted = torch.clamp(sharpness - field.precision, min=least)
        new = (1 - self.damping) / width + self.damping * wanted
        push = found.mean * sharpness - field.pull
        moved = ((1 - self.damping) * centre / width + self.damping * push) / new
        return 1 / new, moved
