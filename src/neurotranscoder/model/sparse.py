"""Sources that are quiet most of the time, estimated from one frame of EEG at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor, nn

from neurotranscoder.core.errors import GridError
from neurotranscoder.model.expectation_propagation import Posterior, Propagation, StatePrior
from neurotranscoder.model.joint import JointEegToSource, OwnShare
from neurotranscoder.model.linear import parameter

_FRAMES_PER_PIECE = 128  # what a piece needs stays in the cache


class SparseSources(nn.Module):
    """Posterior mean of sources that each are in one of a few states, such as quiet and active.

    ``eeg = leadfield source + noise``; a source in state j is normal with mean ``means[:, j]`` and
    variance ``variances[:, j]``, and in that state with probability ``weights[:, j]``. Where
    few sources are active at once their posterior mean is far better than any linear estimate:
    it can use that the others are quiet. It has no closed form, and is approximated by
    expectation propagation [1]_: a fixed number of rounds, each one a layer of a network whose
    weights are the leadfield and the prior. Rounds amplify rounding errors, so all is computed
    in double precision.

    Parameters
    ----------
    leadfield : array, shape (channels, sources)
        EEG of each source.
    noise : array, shape (channels, channels)
        Covariance of what is no source, positive definite.
    weights, means, variances : array, shape (sources, states)
        The prior of each source.
    rounds : int
        Rounds of expectation propagation.
    damping : float
        How far each round goes towards its new approximation.

    References
    ----------
    .. [1] Minka, T. P. (2001). Expectation propagation for approximate Bayesian inference. UAI.
    """

    leadfield: Tensor
    noise: Tensor
    weights: Tensor
    means: Tensor
    variances: Tensor

    def __init__(
        self,
        leadfield: Float[ndarray, "channels sources"] | Float[Tensor, "channels sources"],
        noise: Float[ndarray, "channels channels"] | Float[Tensor, "channels channels"],
        weights: Float[ndarray, "sources states"] | Float[Tensor, "sources states"],
        means: Float[ndarray, "sources states"] | Float[Tensor, "sources states"],
        variances: Float[ndarray, "sources states"] | Float[Tensor, "sources states"],
        *,
        rounds: int = 6,
        damping: float = 0.7,
    ) -> None:
        super().__init__()
        self.rounds, self.damping = rounds, damping
        for name, values in (
            ("leadfield", leadfield),
            ("noise", noise),
            ("weights", weights),
            ("means", means),
            ("variances", variances),
        ):
            kept = torch.as_tensor(values, dtype=torch.float64)
            # rows in order, as they are read from disk: the same bytes come out
            self.register_buffer(name, kept.clone(memory_format=torch.contiguous_format))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> SparseSources:
        """Move to another device; weights stay in double precision whatever the module is in."""
        before = dict(self._buffers)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, values in before.items():
            if values is not None and (now := self._buffers[name]) is not None:
                self._buffers[name] = values.to(now.device)
        return self

    def forward(
        self,
        eeg: Float[Tensor, "batch channels time"],
        hint: Float[Tensor, "batch sources time"] | None = None,
        precision: Float[Tensor, " sources"] | None = None,
    ) -> Float[Tensor, "batch sources time"]:
        """Return the posterior mean of the sources.

        Parameters
        ----------
        eeg : tensor, shape (batch, channels, time)
            EEG.
        hint : tensor, shape (batch, sources, time), optional
            What something else than the EEG says that the sources are.
        precision : tensor, shape (sources,), optional
            One over the variance of its errors.

        Raises
        ------
        GridError
            When the EEG is not finite.
        """
        frames = rearrange(eeg.double(), "batch channels time -> (batch time) channels")
        if not bool(torch.isfinite(frames).all()):
            raise GridError(
                "the EEG holds NaN or infinite values; sources need finite ones in every channel; "
                "interpolate bad channels and cut bad stretches first"
            )
        if hint is None or precision is None:
            precision = torch.zeros_like(self.prior_mean)
            known = precision.expand(len(frames), -1)
        else:
            known = rearrange(hint.double(), "batch sources time -> (batch time) sources")
        parts = zip(*(torch.split(x, _FRAMES_PER_PIECE) for x in (frames, known)), strict=True)
        rounds = self._propagation()
        means = [rounds.posterior(part, says, precision).mean for part, says in parts]
        return rearrange(
            torch.cat(means), "(batch time) sources -> batch sources time", batch=len(eeg)
        ).to(eeg.dtype)

    def posterior(self, frames: Float[Tensor, "frames channels"]) -> Posterior:
        """Return everything that the EEG says about the sources of its frames."""
        rounds, nothing = self._propagation(), torch.zeros_like(self.prior_mean)
        parts = [
            rounds.posterior(part, nothing, nothing)
            for part in torch.split(frames, _FRAMES_PER_PIECE)
        ]
        return Posterior(
            *(
                torch.cat([getattr(part, name) for part in parts])
                for name in ("mean", "variance", "activity", "state_mean", "state_variance")
            )
        )

    def evidence(self, frames: Float[Tensor, "frames channels"]) -> Float[Tensor, " frames"]:
        """Return how much likelier frames are than were sources normal, of the same moments.

        In nats; what it is about is the shape of the prior alone.
        """
        rounds = self._propagation()
        return torch.cat([rounds.evidence(x) for x in torch.split(frames, _FRAMES_PER_PIECE)])

    def around_mean(
        self,
        eeg: Float[Tensor, "batch channels time"],
        hint: Float[Tensor, "batch sources time"] | None = None,
        precision: Float[Tensor, " sources"] | None = None,
    ) -> Float[Tensor, "batch sources time"]:
        """Return `forward` where EEG, hint and result are around their means over a run.

        Sources that are quiet most of the time are above 0 in the mean; a recording without its
        mean has them below 0 when they are quiet.
        """
        mean = self.prior_mean[:, None]
        shifted = None if hint is None else hint.double() + mean
        sources: Tensor = self(eeg.double() + self.mean_eeg[:, None], shifted, precision)
        return (sources - mean).to(eeg.dtype)

    @property
    def mean_eeg(self) -> Float[Tensor, " channels"]:
        """EEG of the sources in the mean."""
        return self.leadfield @ self.prior_mean

    @property
    def prior_mean(self) -> Float[Tensor, " sources"]:
        """Mean of each source before any EEG is seen."""
        return self._prior.mean

    @property
    def prior_variance(self) -> Float[Tensor, " sources"]:
        """Variance of each source before any EEG is seen."""
        return self._prior.variance

    @property
    def _prior(self) -> StatePrior:
        """What is known of the sources before any EEG is seen."""
        return StatePrior(self.weights, self.means, self.variances)

    def _propagation(self) -> Propagation:
        """Return the rounds with the weights of this moment."""
        return Propagation(
            self.leadfield, self.noise, self._prior, rounds=self.rounds, damping=self.damping
        )


@dataclass(frozen=True, slots=True, eq=False)
class BoldTrust:
    """How far the sources that BOLD gives can be trusted, beside those that the EEG gives.

    Parameters
    ----------
    gain, precision : array, shape (components,)
        The source b that BOLD gives is ``gain s`` and an error; one over the variance of the
        error, relative to the gain.
    """

    gain: Float[ndarray, " components"]
    precision: Float[ndarray, " components"]


class SparseEegToSource(JointEegToSource):
    """Linear in the EEG and in sparse sources: ``maps (weights eeg + sparse_weights s(eeg))``.

    Parameters
    ----------
    maps : array, shape (blocks, components)
        Orthonormal spatial maps.
    weights : array, shape (components, channels)
        How strongly each channel drives each map.
    own : OwnShare
        What the source that it gives is worth; only `joint` needs it.
    sparse_weights : array, shape (components, components)
        How strongly each sparse source does.
    sparse : SparseSources
        The sparse sources s of the EEG, one for each component.
    trust : BoldTrust
        What sources from EEG and BOLD are together; only `joint` needs it.
    """

    bold_gain: Tensor
    bold_precision: Tensor

    def __init__(
        self,
        maps: Float[Tensor, "blocks components"] | Float[ndarray, "blocks components"],
        weights: Float[Tensor, "components channels"] | Float[ndarray, "components channels"],
        own: OwnShare,
        sparse_weights: Float[Tensor, "components components"]
        | Float[ndarray, "components components"],
        sparse: SparseSources,
        trust: BoldTrust,
    ) -> None:
        super().__init__(maps, weights, own)
        self.sparse_weights = parameter(sparse_weights)
        self.sparse = sparse
        self.register_buffer("bold_gain", torch.as_tensor(trust.gain).float())
        self.register_buffer("bold_precision", torch.as_tensor(trust.precision).float())

    def forward(
        self, eeg: Float[Tensor, "batch channels time"]
    ) -> Float[Tensor, "batch blocks time"]:
        """Return the source that explains the EEG."""
        components: Tensor = self.weights @ eeg + self.sparse_weights @ self.sparse.around_mean(
            eeg
        )
        return self.maps @ components

    def together(
        self,
        eeg: Float[Tensor, "batch channels time"],
        from_eeg: Float[Tensor, "batch components time"],
        from_bold: Float[Tensor, "batch components time"],
    ) -> Float[Tensor, "batch components time"]:
        """Return the component sources that EEG and BOLD give together.

        The posterior mean of the sparse sources given the EEG and what BOLD says of them knows
        nothing of what the estimate from EEG adds to sparse sources: it is the mean of that
        and of the same with that added.
        """
        hint = from_bold.double() / self.bold_gain.double()[:, None]
        posterior = self.sparse.around_mean(eeg, hint, self.bold_precision.double())
        added = from_eeg - self.sparse.around_mean(eeg)
        return posterior + added / 2
