"""The evoked response d of Eq. 2: what one impulse of a source looks like in the EEG."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, PositiveFloat

from neurotranscoder.core.settings import Settings
from neurotranscoder.physics.kernel import Kernel


class Wave(Settings):
    """One peak of the response, a Gaussian."""

    latency: PositiveFloat
    """Time of the peak, in s."""
    width: PositiveFloat
    """Standard deviation, in s."""
    amplitude: float
    """Height relative to the other peaks; negative for N1."""


class EvokedShape(Settings):
    """Shape of the response; the paper gives its length only (about 470 ms)."""

    duration: PositiveFloat = 0.47
    """Length of the response, in s."""
    taper: PositiveFloat = 0.05
    """Length of the cosine at either end that makes the response smooth, in s."""
    waves: tuple[Wave, ...] = Field(
        default=(
            Wave(latency=0.08, width=0.018, amplitude=0.35),
            Wave(latency=0.13, width=0.022, amplitude=-0.6),
            Wave(latency=0.20, width=0.028, amplitude=0.6),
            Wave(latency=0.32, width=0.055, amplitude=1.0),
        ),
        min_length=1,
    )
    """Peaks, by default like P1, N1, P2 and P3. Their mean must not be zero."""


def evoked_kernel(shape: EvokedShape | None = None) -> Kernel:
    """Return the evoked response as a kernel of unit area.

    Parameters
    ----------
    shape : EvokedShape, optional
        Length and peaks.

    Returns
    -------
    kernel : Kernel
        Response at any lag, in 1/s; its integral is 1, so it hands on slow rhythms unchanged.
    """
    shape = shape or EvokedShape()
    lags = np.linspace(0.0, shape.duration, 8193)
    area = float(np.trapezoid(_waves(lags, shape), lags))
    return Kernel(lambda times: _waves(times, shape) / area, 0.0, shape.duration)


def _waves(lags: Float[ndarray, "*lags"], shape: EvokedShape) -> Float[ndarray, "*lags"]:
    """Return the sum of the peaks, tapered to zero at both ends."""
    total = np.zeros_like(lags)
    for wave in shape.waves:
        total += wave.amplitude * np.exp(-0.5 * ((lags - wave.latency) / wave.width) ** 2)
    to_end = np.clip(np.minimum(lags, shape.duration - lags) / shape.taper, 0.0, 1.0)
    return np.asarray(total * 0.5 * (1 - np.cos(np.pi * to_end)))


def sampled_evoked(sfreq: float, shape: EvokedShape | None = None) -> Float[ndarray, " lags"]:
    """Return samples of the response at ``sfreq`` Hz; ``evoked[0]`` is lag 0."""
    shape = shape or EvokedShape()
    n_lags = int(np.floor(shape.duration * sfreq + 1e-9)) + 1
    return evoked_kernel(shape)(np.arange(n_lags) / sfreq)


def surviving_share(kernel: Kernel, width: float) -> float:
    """Return the share of sd of random impulse trains that averaging over frames keeps.

    Parameters
    ----------
    kernel : Kernel
        Response to each impulse of a Poisson train.
    width : float
        Length of a frame, in seconds.

    Returns
    -------
    share : float
        Standard deviation after averaging over that before (Campbell's theorem).
    """
    return float(np.sqrt(kernel.averaged(width).energy / kernel.energy))
