"""Responses by regression and by instruments, joined, with intervals that hold both.

Regression is precise and bent by noise in the source; instruments are not bent, and less precise.
Over the regions of a subject the squared differences of peaks and widths are set beside what the
jackknife says they would be by chance: what is beyond that is how much instruments count, the
positive part of Stein's rule [1]_. Intervals reach from the joined response to both readings, as
the square root of the sum of squares of that distance and of what runs leave open.

References
----------
.. [1] Green, E. J. & Strawderman, W. E. (1991). A James-Stein type estimator for combining
   unbiased and possibly biased estimators. Journal of the American Statistical Association 86,
   1001-1006.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.analyse.crossed_responses import Crossed
from neurotranscoder.analyse.jackknife import Banded, jackknife_variance
from neurotranscoder.analyse.response_shapes import (
    RegionResponses,
    ResponseSettings,
    responses_with_shapes,
    shapes_of,
)

_FINE = 0.01  # s: differences of peaks and widths that do not matter
Curves = Float[ndarray, "regions lags"]


def instrument_share(
    times: Float[ndarray, " lags"],
    direct: Crossed,
    other: Crossed | None,
    settings: ResponseSettings,
) -> float:
    """Return how much instruments count: 0 where they differ from regression by chance alone.

    Parameters
    ----------
    times : array, shape (lags,)
        Lags, in s.
    direct, other : Crossed
        Responses by regression, and by instruments where there are.
    settings : ResponseSettings
        Where peaks are looked for.
    """
    if other is None:
        return 0.0
    pairs = [(direct.curves, other.curves), *zip(direct.without, other.without, strict=True)]
    apart = np.stack(
        [shapes_of(times, a, settings)[:2] - shapes_of(times, b, settings)[:2] for a, b in pairs]
    )
    chance = jackknife_variance(apart[1:])
    known = np.isfinite(chance + apart[0])
    variances = chance[known] + _FINE**2
    found = float(np.sum(apart[0][known] ** 2 / variances))
    return max(0.0, 1 - float(np.sum(chance[known] / variances)) / found) if found > 0 else 0.0


def joined_responses(
    times: Float[ndarray, " lags"],
    direct: Crossed,
    other: Crossed | None,
    share: float,
    settings: ResponseSettings,
    *,
    with_intervals: bool = True,
) -> RegionResponses:
    """Return responses, in the unit of those by regression, with intervals that hold both.

    Parameters
    ----------
    times, direct, other, settings
        See `instrument_share`.
    share : float
        How much instruments count.
    with_intervals : bool
        Whether parts are long enough for intervals.
    """
    early = times <= settings.latest_peak
    others = direct if other is None else other
    scaled = _scaled(others.curves, direct.curves, early)
    curves = direct.curves + share * (scaled - direct.curves)
    without = [
        one + share * (_scaled(two, one, early) - one)
        for one, two in zip(direct.without, others.without, strict=True)
    ]
    found = responses_with_shapes(
        times,
        curves,
        without if with_intervals else [],
        1 - direct.left,
        settings,
        shrinkage=direct.shrinkage,
    )
    joined, *both = (shapes_of(times, one, settings) for one in (curves, direct.curves, scaled))
    apart = _farthest(joined, *both)
    return replace(
        found,
        values=_widened(found.values, _farthest(curves, direct.curves, scaled)),
        peak=_widened(found.peak, apart[0]),
        fwhm=_widened(found.fwhm, apart[1]),
        undershoot=_widened(found.undershoot, apart[2]),
        undershoot_time=_widened(found.undershoot_time, apart[3]),
    )


def _scaled(curves: Curves, like: Curves, early: Bool[ndarray, " lags"]) -> Curves:
    """Return curves as high as others; the others where a curve has no positive peak."""
    heights = curves[:, early].max(axis=1, keepdims=True)
    wanted = like[:, early].max(axis=1, keepdims=True)
    has_peak = heights > 0
    gain = np.divide(wanted, heights, out=np.zeros_like(heights), where=has_peak)
    return np.asarray(np.where(has_peak, gain * curves, like))


def _farthest(joined: ndarray, one: ndarray, two: ndarray) -> ndarray:
    """Return the larger distance to either; 0 to what is not known."""
    return np.asarray(np.nan_to_num(np.fmax(np.abs(joined - one), np.abs(joined - two))))


def _widened(banded: Banded, by: ndarray) -> Banded:
    """Return wider intervals."""
    half = np.hypot(banded.high - banded.value, by)
    return Banded(banded.value, banded.value - half, banded.value + half)
