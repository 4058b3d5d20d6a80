"""What the balloon model does to small inputs: a linear response, comparable with an HRF."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import expm

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics.balloon import BalloonSettings
from neurotranscoder.physics.kernel import Kernel

_RESPONSE_STEP = 0.02


def linear_response(settings: BalloonSettings, duration: float = 32.0) -> Kernel:
    """Return the response to an infinitely small impulse, scaled to unit area.

    Parameters
    ----------
    settings : BalloonSettings
        Constants of the model; its efficacy scales the response and so does not matter.
    duration : float
        Length of the response, in seconds.

    Returns
    -------
    kernel : Kernel
        Response in 1/s, comparable with a recovered HRF.

    Raises
    ------
    SettingsError
        When the constants let BOLD fall with activity.
    """
    response, area = _response(settings, duration)
    return Kernel(lambda times: response(times) / area, 0.0, duration)


def small_signal_area(settings: BalloonSettings, duration: float = 32.0) -> float:
    """Return the area of the response to an impulse of unit area, were it linear, in s.

    The signal of `balloon_bold` divided by it is comparable with F of Eq. 1.

    Raises
    ------
    SettingsError
        As `linear_response`.
    """
    area = _response(settings, duration)[1]
    return settings.efficacy * settings.volume_fraction * area


def _response(settings: BalloonSettings, duration: float) -> tuple[CubicSpline, float]:
    """Return the response of signal over volume fraction to a kick of 1/s, and its area."""
    decay, feedback = settings.signal_decay, settings.autoregulation
    transit, stiff, rest = settings.transit_time, settings.stiffness, settings.extraction
    uptake = 1 + (1 - rest) * np.log1p(-rest) / rest  # d ln(flow * extraction) / d ln(flow)
    jacobian = np.array(
        [
            [-decay, -feedback, 0, 0],
            [1, 0, 0, 0],
            [0, 1 / transit, -1 / (stiff * transit), 0],
            [0, uptake / transit, (1 - 1 / stiff) / transit, -1 / transit],
        ]
    )
    k1, k2, k3 = settings.coefficients
    lags = np.linspace(0.0, duration, int(np.ceil(duration / _RESPONSE_STEP)) + 1)
    forward = expm(jacobian * lags[1])
    states = [np.array([1.0, 0, 0, 0])]
    for _ in lags[1:]:
        states.append(forward @ states[-1])
    response = CubicSpline(lags, np.array(states) @ [0, 0, k2 - k3, -k1 - k2])
    area = float(response.integrate(0.0, duration))
    if area <= 0:
        raise SettingsError(
            f"the small-signal response has an area of {area:g}, not above zero: BOLD would fall "
            "with activity; lower stiffness or raise echo_time"
        )
    return response, area
