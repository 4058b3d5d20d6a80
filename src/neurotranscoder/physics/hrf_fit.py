"""The double-gamma response that is closest to a measured one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.optimize import least_squares

from neurotranscoder.core.errors import GridError
from neurotranscoder.physics.hrf import HrfShape, double_gamma_hrf

_FREE = ("peak_delay", "undershoot_delay", "peak_dispersion", "ratio")
_START = (5.0, 14.0, 0.8, 0.2)
_BOUNDS = ((3.0, 8.0, 0.3, 0.0), (8.0, 20.0, 2.0, 0.9))


@dataclass(frozen=True, slots=True)
class FittedHrf:
    """A member of the family, and how close it is.

    Parameters
    ----------
    shape : HrfShape
        Its parameters.
    r : float
        Correlation of its samples with the measured ones.
    """

    shape: HrfShape
    r: float


def fit_hrf_shape(times: Float[ndarray, " lags"], response: Float[ndarray, " lags"]) -> FittedHrf:
    """Return the double-gamma response with the smallest squared difference, at unit areas.

    Delays of both lobes, width of the first and the ratio of areas are free; the width of the
    undershoot is that of `HrfShape`.

    Parameters
    ----------
    times : array, shape (lags,)
        Evenly spaced, in s after the impulse.
    response : array, shape (lags,)
        A response whose first lobe is positive, of any unit.

    Raises
    ------
    GridError
        When its area is not positive, or numbers are not finite.
    """
    area = float(np.sum(response) * (times[1] - times[0])) if len(times) > 1 else 0.0
    if not (np.all(np.isfinite(response)) and area > 0):
        raise GridError(
            f"a response of {len(response)} samples has an area of {area:g}; need finite samples "
            "and a positive area; turn the sign of a response that falls"
        )

    def member(free: Float[ndarray, " parameters"]) -> HrfShape:
        """Return the shape of some parameters."""
        known = dict(zip(_FREE, free.tolist(), strict=True))
        return HrfShape(**known, duration=float(times[-1]))

    def misfit(free: Float[ndarray, " parameters"]) -> Float[ndarray, " lags"]:
        """Return what they miss."""
        return double_gamma_hrf(times, member(free)) - response / area

    shape = member(least_squares(misfit, _START, bounds=_BOUNDS).x)
    r = float(np.corrcoef(double_gamma_hrf(times, shape), response)[0, 1])
    return FittedHrf(shape, r)
