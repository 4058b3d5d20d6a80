"""The evoked response d of Eq. 2: what one impulse of a source looks like in the EEG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, PositiveFloat, model_validator

from neurotranscoder.core.settings import Settings
from neurotranscoder.physics.kernel import Kernel

_LEAST_AREA = 1e-3


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
    """Peaks, by default like P1, N1, P2 and P3."""
    centred: bool = False
    """Make the negative peaks so much larger or smaller that the mean is zero; needs 'energy'."""
    normalise: Literal["area", "energy"] = "area"
    """Scale to unit 'area', which a mean near zero forbids, or to the 'energy' that the default
    response of unit area has, so that levels of EEG are comparable."""

    @model_validator(mode="after")
    def _can_be_scaled(self) -> EvokedShape:
        """Refuse responses that nothing can scale as asked."""
        above, below = _areas(self)
        if self.centred and not (above > 0 > below):
            raise ValueError(
                f"centred needs positive and negative peaks; got areas {above:g} and {below:g} s; "
                "add a peak of the other sign"
            )
        if self.normalise == "area" and (
            self.centred or abs(above + below) <= _LEAST_AREA * (above - below)
        ):
            raise ValueError(
                "a response whose mean is about zero has no area to scale by; set normalise to "
                "'energy'"
            )
        if above == below:
            raise ValueError("all peaks have amplitude 0; give one of them another")
        return self


def evoked_kernel(shape: EvokedShape | None = None) -> Kernel:
    """Return the evoked response as a kernel of unit area, or of the default one's energy.

    Parameters
    ----------
    shape : EvokedShape, optional
        Length and peaks.

    Returns
    -------
    kernel : Kernel
        Response at any lag, in 1/s. With unit area it hands on slow rhythms unchanged; a centred
        response hands on none of their mean, and has no centre of mass.
    """
    shape = shape or EvokedShape()
    amplitudes = _amplitudes(shape)
    plain = Kernel(lambda times: _waves(times, shape, amplitudes), 0.0, shape.duration)
    if shape.normalise == "energy":
        unit = float(np.sqrt(plain.energy / evoked_kernel().energy))
    else:
        unit = float(np.trapezoid(plain(plain.lags), plain.lags))
    return Kernel(lambda times: plain(times) / unit, 0.0, shape.duration)


def _amplitudes(shape: EvokedShape) -> tuple[float, ...]:
    """Return the amplitudes of the peaks, those below zero scaled if the response is centred."""
    amplitudes = tuple(wave.amplitude for wave in shape.waves)
    if not shape.centred:
        return amplitudes
    above, below = _areas(shape)
    return tuple(value * (-above / below if value < 0 else 1.0) for value in amplitudes)


def _areas(shape: EvokedShape) -> tuple[float, float]:
    """Return the areas of all peaks above and of all below zero, in s."""
    lags = np.linspace(0.0, shape.duration, 8193)
    amplitudes = [wave.amplitude for wave in shape.waves]
    above = _waves(lags, shape, [max(value, 0.0) for value in amplitudes])
    below = _waves(lags, shape, [min(value, 0.0) for value in amplitudes])
    return float(np.trapezoid(above, lags)), float(np.trapezoid(below, lags))


def _waves(
    lags: Float[ndarray, "*lags"], shape: EvokedShape, amplitudes: Sequence[float]
) -> Float[ndarray, "*lags"]:
    """Return the sum of the peaks, tapered to zero at both ends."""
    total = np.zeros_like(lags)
    for wave, amplitude in zip(shape.waves, amplitudes, strict=True):
        total += amplitude * np.exp(-0.5 * ((lags - wave.latency) / wave.width) ** 2)
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
