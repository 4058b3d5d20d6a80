"""The hemodynamic response h of Eq. 1."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import PositiveFloat
from scipy.special import gammainc
from scipy.stats import gamma

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
