"""Eq. 4 of the paper solved for given forward models, with phi = l2 or l1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float
from numpy import ndarray
from scipy.fft import irfft, next_fast_len, rfft


@dataclass(frozen=True, slots=True, eq=False)
class ForwardModel:
    """What sources do to both modalities, in the units of the data that it is used with.

    Parameters
    ----------
    leadfield : array, shape (channels, blocks)
        G: EEG is ``G @ S``.
    responses : array, shape (1, lags) or (blocks, lags)
        h, of all blocks or of each: BOLD is ``h * S``.
    """

    leadfield: Float[ndarray, "channels blocks"]
    responses: Float[ndarray, "responses lags"]

    def n_padded(self, n_frames: int) -> int:
        """Return the length at which a convolution does not reach round to the start."""
        return int(next_fast_len(n_frames + self.responses.shape[1], real=True))

    def transfer(self, n_padded: int) -> Complex[ndarray, "responses frequencies"]:
        """Return h at the frequencies of that length."""
        return np.asarray(rfft(self.responses, n_padded, axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """What was measured, without its means.

    Parameters
    ----------
    eeg : array, shape (channels, frames)
        E.
    bold : array, shape (blocks, frames)
        F.
    """

    eeg: Float[ndarray, "channels frames"]
    bold: Float[ndarray, "blocks frames"]


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of Eq. 4: ``alpha`` between the modalities, ``penalty`` (lambda) of phi."""

    alpha: float
    penalty: float

    @classmethod
    def of_trust(cls, eeg: float, bold: float) -> Weights:
        """Return the weights at which each modality counts as much, relative to phi."""
        return cls(eeg / (eeg + bold), 1 / (eeg + bold))


def solve_l2(
    model: ForwardModel, observed: Observed, weights: Weights
) -> Float[ndarray, "blocks frames"]:
    """Return the sources that minimise Eq. 4 with phi the half squared norm.

    ``alpha/2 |E - G S|^2 + (1 - alpha)/2 |F - h * S|^2 + lambda/2 |S|^2`` falls apart by
    frequency. In each, ``(alpha G'G + D) S = alpha G'E + (1 - alpha) conj(H) F`` with D diagonal,
    ``D = (1 - alpha) |H|^2 + lambda``, is solved among channels (Woodbury). Data go on as zeros
    beyond the end of the run for as long as h lasts.

    Parameters
    ----------
    model : ForwardModel
        G and h.
    observed : Observed
        E and F.
    weights : Weights
        The penalty above 0.
    """
    gain, alpha = model.leadfield, weights.alpha
    n_frames = observed.eeg.shape[1]
    n_padded = model.n_padded(n_frames)
    damping = (1 - alpha) * np.abs(model.transfer(n_padded)) ** 2 + weights.penalty
    explained = _back_projected(model, observed, alpha, n_padded) / damping
    if alpha > 0:
        same = damping[:1] if alpha == 1 else damping
        solve = _solve_alike if len(same) == 1 else _solve_each
        explained -= alpha * (gain.T @ solve(gain, same / alpha, gain @ explained)) / damping
    return np.asarray(irfft(explained, n_padded, axis=1)[:, :n_frames])


def _solve_alike(
    gain: Float[ndarray, "channels blocks"],
    damping: Float[ndarray, "1 frequencies"],
    values: Complex[ndarray, "channels frequencies"],
) -> Complex[ndarray, "channels frequencies"]:
    """Return ``(I + G G' / D)^-1 values`` for each frequency, D being the same in all blocks."""
    power, axes = np.linalg.eigh(gain @ gain.T)
    return np.asarray(axes @ ((axes.T @ values) / (1 + power[:, np.newaxis] / damping)))


def _solve_each(
    gain: Float[ndarray, "channels blocks"],
    damping: Float[ndarray, "blocks frequencies"],
    values: Complex[ndarray, "channels frequencies"],
) -> Complex[ndarray, "channels frequencies"]:
    """Return ``(I + G D^-1 G')^-1 values`` for each frequency."""
    identity = np.eye(len(gain))
    solved = [
        np.linalg.solve(identity + (gain / damp) @ gain.T, value)
        for damp, value in zip(damping.T, values.T, strict=True)
    ]
    return np.stack(solved, axis=1)


def solve_l1(
    model: ForwardModel,
    observed: Observed,
    weights: Weights,
    *,
    start: Float[ndarray, "blocks frames"],
    steps: int,
) -> Float[ndarray, "blocks frames"]:
    """Return sources after some steps of FISTA on Eq. 4 with phi the sum of absolute values.

    Beck and Teboulle 2009, with the constant step of the largest curvature. The number of steps
    is fixed, so that results do not depend on the machine; it is no test of convergence.

    Parameters
    ----------
    model : ForwardModel
        G and h.
    observed : Observed
        E and F.
    weights : Weights
        Weights of Eq. 4, which is halved as in `solve_l2`.
    start : array, shape (blocks, frames)
        Where to start; its precision is that of the result.
    steps : int
        Number of steps.
    """
    alpha, n_frames = weights.alpha, start.shape[1]
    n_padded = model.n_padded(n_frames)
    gain = model.leadfield.astype(start.dtype)
    power = (1 - alpha) * np.abs(model.transfer(n_padded)) ** 2
    curvature = float(alpha * np.linalg.norm(model.leadfield, 2) ** 2 + power.max())
    target = irfft(_back_projected(model, observed, alpha, n_padded), n_padded, axis=1)
    target, power = target.astype(start.dtype), power.astype(start.dtype)
    now = np.pad(start, ((0, 0), (0, n_padded - n_frames)))
    ahead, momentum = now, 1.0
    for _ in range(steps):
        slope = alpha * (gain.T @ (gain @ ahead)) - target
        if alpha < 1:
            slope += irfft(power * rfft(ahead, axis=1), n_padded, axis=1)
        following = _shrunk(ahead - slope / curvature, weights.penalty / curvature)
        grown = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead = following + (momentum - 1) / grown * (following - now)
        now, momentum = following, grown
    return np.asarray(now[:, :n_frames])


def _shrunk(
    values: Float[ndarray, "blocks frames"], threshold: float
) -> Float[ndarray, "blocks frames"]:
    """Return values nearer to 0 by the threshold: the proximal operator of l1."""
    return np.asarray(values - np.clip(values, -threshold, threshold))


def _back_projected(
    model: ForwardModel, observed: Observed, alpha: float, n_padded: int
) -> Complex[ndarray, "blocks frequencies"]:
    """Return ``alpha G'E + (1 - alpha) conj(H) F`` at each frequency."""
    of_eeg = model.leadfield.T @ rfft(observed.eeg, n_padded, axis=1)
    of_bold = np.conj(model.transfer(n_padded)) * rfft(observed.bold, n_padded, axis=1)
    return np.asarray(alpha * of_eeg + (1 - alpha) * of_bold)
