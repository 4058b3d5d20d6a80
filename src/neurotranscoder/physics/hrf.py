"""The hemodynamic response h of Eq. 1."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import NonNegativeFloat, PositiveFloat, model_validator
from scipy.special import gammainc, ndtr, ndtri
from scipy.stats import gamma

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.physics.kernel import Kernel


class HrfShape(Settings):
    """Shape of a double-gamma response; the defaults are SPM's canonical one."""

    peak_delay: PositiveFloat = 6.0
    """Shape of the first gamma density, in s; the response peaks near ``peak_delay - 1``."""
    undershoot_delay: PositiveFloat = 16.0
    """Shape of the gamma density of the undershoot, in s."""
    peak_dispersion: PositiveFloat = 1.0
    """Scale of the first gamma density, in s."""
    undershoot_dispersion: PositiveFloat = 1.0
    """Scale of the undershoot's gamma density, in s."""
    ratio: float = 1 / 6
    """Area of the undershoot relative to the peak's."""
    duration: PositiveFloat = 32.0
    """Length of the response, in s."""


class HrfSpread(Settings):
    """How much responses differ between regions or subjects.

    Every parameter is normal around the canonical one, cut off where responses stop being
    plausible. The cut at early peaks takes 4 % off the default spread of the peaks.
    """

    peak_delay_sd: NonNegativeFloat = 0.8
    """Standard deviation of ``peak_delay``, in s."""
    peak_range: tuple[PositiveFloat, PositiveFloat] = (3.1, 8.5)
    """Range of the mode of the first gamma density, ``peak_delay - peak_dispersion``, in s; the
    response peaks there, or up to .1 s earlier because of the undershoot."""
    peak_dispersion_sd: NonNegativeFloat = 0.12
    """Standard deviation of ``peak_dispersion``, in s."""
    peak_dispersion_range: tuple[PositiveFloat, PositiveFloat] = (0.6, 1.4)
    """Range of ``peak_dispersion``, in s."""
    undershoot_gap_sd: NonNegativeFloat = 1.2
    """Standard deviation of ``undershoot_delay - peak_delay``, in s."""
    undershoot_gap_range: tuple[PositiveFloat, PositiveFloat] = (6.0, 14.0)
    """Range of ``undershoot_delay - peak_delay``, in s."""
    ratio_sd: NonNegativeFloat = 0.06
    """Standard deviation of ``ratio``."""
    ratio_range: tuple[NonNegativeFloat, PositiveFloat] = (0.0, 0.4)
    """Range of ``ratio``."""

    @model_validator(mode="after")
    def _ranges_increase(self) -> HrfSpread:
        """Refuse ranges that hold nothing."""
        for name in type(self).model_fields:
            if name.endswith("_range"):
                low, high = getattr(self, name)
                if not low < high:
                    raise ValueError(f"{name} is {low}-{high}; need it increasing")
        return self


def draw_hrf_shapes(
    n: int, canonical: HrfShape, spread: HrfSpread, rng: np.random.Generator
) -> tuple[HrfShape, ...]:
    """Draw responses that differ, one per region or subject.

    Parameters
    ----------
    n : int
        Number of responses.
    canonical : HrfShape
        Centre of the distribution; gives ``undershoot_dispersion`` and ``duration`` to all.
    spread : HrfSpread
        How much they differ.
    rng : Generator
        Source of chance.

    Returns
    -------
    shapes : tuple of HrfShape
        Independent draws.

    Raises
    ------
    SettingsError
        When the canonical response lies outside a range of the spread.
    """
    gap = canonical.undershoot_delay - canonical.peak_delay
    mode = canonical.peak_delay - canonical.peak_dispersion
    for name, value, (low, high) in (
        ("peak_delay - peak_dispersion", mode, spread.peak_range),
        ("peak_dispersion", canonical.peak_dispersion, spread.peak_dispersion_range),
        ("undershoot_delay - peak_delay", gap, spread.undershoot_gap_range),
        ("ratio", canonical.ratio, spread.ratio_range),
    ):
        if not low <= value <= high:
            raise SettingsError(
                f"{name} of the canonical response is {value:g}; its spread allows "
                f"{low:g}-{high:g}; change the response or the range"
            )
    chances = rng.random((4, n))
    dispersions = _truncated(
        chances[0],
        canonical.peak_dispersion,
        spread.peak_dispersion_sd,
        spread.peak_dispersion_range,
    )
    gaps = _truncated(chances[1], gap, spread.undershoot_gap_sd, spread.undershoot_gap_range)
    ratios = _truncated(chances[2], canonical.ratio, spread.ratio_sd, spread.ratio_range)
    earliest, latest = spread.peak_range
    allowed = earliest + dispersions, latest + dispersions
    delays = _truncated(chances[3], canonical.peak_delay, spread.peak_delay_sd, allowed)
    return tuple(
        canonical.model_copy(
            update={
                "peak_delay": float(delay),
                "undershoot_delay": float(delay + after),
                "peak_dispersion": float(dispersion),
                "ratio": float(ratio),
            }
        )
        for delay, after, dispersion, ratio in zip(delays, gaps, dispersions, ratios, strict=True)
    )


def _truncated(
    chances: Float[ndarray, " draws"],
    mean: float,
    sd: float,
    allowed: tuple[float | Float[ndarray, " draws"], float | Float[ndarray, " draws"]],
) -> Float[ndarray, " draws"]:
    """Turn uniform numbers of 0-1 into normal ones within a range."""
    low, high = allowed
    if sd == 0:
        return np.asarray(np.clip(np.full(len(chances), mean), low, high))
    below, above = ndtr((low - mean) / sd), ndtr((high - mean) / sd)
    draws = mean + sd * ndtri(below + (above - below) * chances)
    return np.asarray(np.clip(draws, low, high))


def double_gamma_hrf(
    times: Float[ndarray, "*times"], shape: HrfShape | None = None
) -> Float[ndarray, "*times"]:
    """Return the double-gamma response at any times, scaled to unit area.

    Parameters
    ----------
    times : array
        Seconds after the impulse; the response is zero before 0 and after its duration.
    shape : HrfShape, optional
        Parameters of the response; SPM's canonical ones by default.

    Returns
    -------
    hrf : array, shape of ``times``
        Response in 1/s; its integral is 1.
    """
    shape = shape or HrfShape()
    peak = shape.peak_delay / shape.peak_dispersion
    undershoot = shape.undershoot_delay / shape.undershoot_dispersion
    area = gammainc(peak, shape.duration / shape.peak_dispersion) - shape.ratio * gammainc(
        undershoot, shape.duration / shape.undershoot_dispersion
    )
    values = gamma.pdf(times, peak, scale=shape.peak_dispersion)
    values = values - shape.ratio * gamma.pdf(times, undershoot, scale=shape.undershoot_dispersion)
    return np.asarray(np.where((times >= 0) & (times <= shape.duration), values / area, 0.0))


def hrf_kernel(shape: HrfShape | None = None) -> Kernel:
    """Return the response as a kernel that can be convolved at any time."""
    shape = shape or HrfShape()
    return Kernel(lambda times: double_gamma_hrf(times, shape), 0.0, shape.duration)


def sampled_hrf(sfreq: float, shape: HrfShape | None = None) -> Float[ndarray, " lags"]:
    """Return samples of the response, scaled to unit area.

    Parameters
    ----------
    sfreq : float
        Sampling frequency of the source that will be convolved, in Hz.
    shape : HrfShape, optional
        Parameters of the response.

    Returns
    -------
    hrf : array, shape (lags,)
        Kernel with ``hrf.sum() / sfreq == 1``; ``hrf[0]`` is lag 0.
    """
    shape = shape or HrfShape()
    n_lags = int(np.floor(shape.duration * sfreq + 1e-9)) + 1
    hrf = double_gamma_hrf(np.arange(n_lags) / sfreq, shape)
    return np.asarray(hrf * (sfreq / hrf.sum()))
