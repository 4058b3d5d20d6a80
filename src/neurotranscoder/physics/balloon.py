"""The balloon model: a hemodynamic response that saturates, where Eq. 1 is linear.

Neural input widens vessels, inflow swells the venous balloon and washes deoxyhemoglobin out
(Friston 2000); the signal has the revised coefficients of Stephan 2007, here for 3 T. Flow,
volume and deoxyhemoglobin are integrated as logarithms, so they stay positive (Stephan 2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.core.settings import Settings

_LEAST_FLOW = 0.05


class BalloonSettings(Settings):
    """Constants of the balloon model: the vessels as in SPM12 (Stephan 2007), the signal at 3 T.

    With the older constants of Friston 2000 (.65, .41, .98, .32, .34) the response to an impulse
    peaks at 3.3 s instead of 4.7 s.
    """

    efficacy: float = Field(default=0.5, gt=0)
    """Kick of the vasodilatory signal by an impulse of unit area, in 1/s."""
    signal_decay: float = Field(default=0.64, gt=0)
    """Rate at which the vasodilatory signal decays, in 1/s."""
    autoregulation: float = Field(default=0.32, gt=0)
    """Feedback of flow on the vasodilatory signal, in 1/s^2."""
    transit_time: float = Field(default=2.0, gt=0.2, le=10)
    """Mean time that blood spends in the balloon at rest, in s."""
    stiffness: float = Field(default=0.32, ge=0.1, le=0.5)
    """Grubb's exponent: volume is flow to this power in a steady state."""
    extraction: float = Field(default=0.4, ge=0.2, le=0.6)
    """Share of oxygen that tissue extracts at rest."""
    volume_fraction: float = Field(default=0.04, gt=0, lt=1)
    """Share of a voxel that is venous blood at rest."""
    echo_time: float = Field(default=0.03, ge=0.01, le=0.06)
    """Echo time of the sequence, in s."""
    frequency_offset: float = Field(default=80.6, gt=0)
    """Frequency offset at the surface of a deoxygenated vessel, in 1/s; 40.3 at 1.5 T."""
    relaxation_slope: float = Field(default=110.0, gt=0)
    """Rise of intravascular relaxation with the oxygen extracted, in 1/s; 25 at 1.5 T."""
    intravascular_ratio: float = Field(default=0.47, ge=0.2, le=1.5)
    """Signal of blood over that of tissue at rest; about 1.4 at 1.5 T."""
    step: float = Field(default=0.05, gt=0, le=0.05)
    """Step of the integration, in s."""

    @property
    def coefficients(self) -> tuple[float, float, float]:
        """k1, k2 and k3 of Stephan 2007: extravascular, intravascular, volume."""
        extracted = self.extraction * self.echo_time
        intravascular = self.intravascular_ratio * self.relaxation_slope * extracted
        return 4.3 * self.frequency_offset * extracted, intravascular, 1 - self.intravascular_ratio


@dataclass(frozen=True, slots=True, eq=False)
class Drive:
    """Input that changes smoothly: sampled, linear in between, 0 one sample beyond its ends.

    Parameters
    ----------
    start : float
        Time of the first sample, in seconds.
    sfreq : float
        Sampling frequency, in Hz.
    values : array, shape (rows, samples)
        Input in 1/s, of the unit in which an impulse has its area.
    """

    start: float
    sfreq: float
    values: Float[ndarray, "rows samples"]

    def __post_init__(self) -> None:
        if self.sfreq <= 0 or not np.all(np.isfinite(self.values)):
            raise GridError(
                f"a drive at {self.sfreq:g} Hz has {int(np.sum(~np.isfinite(self.values)))} "
                "values that are not finite; need a positive rate and finite values"
            )


@dataclass(frozen=True, slots=True, eq=False)
class NeuralInput:
    """What drives each row: ``sum_i amplitude_i delta(t - time_i)``, and a smooth drive.

    Parameters
    ----------
    n_rows : int
        Number of regions or voxels.
    row : array of int, shape (impulses,)
        Row of each impulse.
    time : array, shape (impulses,)
        When, in seconds.
    amplitude : array, shape (impulses,)
        Area of each impulse.
    drive : Drive, optional
        Smooth part, with ``n_rows`` rows.
    """

    n_rows: int
    row: Int[ndarray, " impulses"]
    time: Float[ndarray, " impulses"]
    amplitude: Float[ndarray, " impulses"]
    drive: Drive | None = None

    def __post_init__(self) -> None:
        if len(self.row) and not 0 <= self.row.min() <= self.row.max() < self.n_rows:
            raise GridError(
                f"impulses are in rows {self.row.min()}-{self.row.max()}; need 0-"
                f"{self.n_rows - 1}, as n_rows is {self.n_rows}"
            )
        if not (np.all(np.isfinite(self.time)) and np.all(np.isfinite(self.amplitude))):
            raise GridError("times or amplitudes of impulses are not finite; drop those impulses")
        if self.drive is not None and len(self.drive.values) != self.n_rows:
            raise GridError(
                f"the drive has {len(self.drive.values)} rows; need n_rows, which is {self.n_rows}"
            )

    @property
    def start(self) -> float:
        """When the input begins, in seconds; infinite where there is none."""
        first = float(self.time.min(initial=np.inf))
        if self.drive is not None:
            first = min(first, self.drive.start - 1 / self.drive.sfreq)
        return first


def balloon_bold(
    settings: BalloonSettings, neural: NeuralInput, times: Float[ndarray, " times"]
) -> Float[ndarray, "rows times"]:
    """Return the BOLD signal of the balloon model, at any times.

    Memory is 16 bytes for each row and step; pass many rows in blocks.

    Parameters
    ----------
    settings : BalloonSettings
        Constants of the model.
    neural : NeuralInput
        Input; the model is at rest before it begins, which may be before the first time.
    times : array, shape (times,)
        Increasing times of the signal, in seconds.

    Returns
    -------
    bold : array, shape (rows, times)
        Change of the signal as a fraction of its value at rest. Its error is of second order in
        the step for impulses, and the signal is interpolated by cubics between steps.

    Raises
    ------
    GridError
        When times do not increase.
    SettingsError
        When negative input nearly stops the flow, where the model ends.
    """
    if not len(times) or not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
        raise GridError("times of the signal do not increase; need at least one, sorted, finite")
    start = min(neural.start, float(times[0])) - settings.step
    n_steps = int(np.ceil((times[-1] - start) / settings.step)) + 3
    bold = _integrate(settings, neural, start, n_steps)
    return _interpolate(bold, (times - start) / settings.step)


def _integrate(
    settings: BalloonSettings, neural: NeuralInput, start: float, n_steps: int
) -> Float[ndarray, "steps rows"]:
    """Return the signal at all steps, by the classical Runge-Kutta method."""
    step = settings.step
    kicks = _kicks(neural, start, step, n_steps) * settings.efficacy
    bold = np.empty((n_steps, neural.n_rows))
    state = np.zeros((4, neural.n_rows))
    drive = _HalfSteps(neural, start, settings)
    for index in range(n_steps):
        bold[index] = _signal(settings, state)
        state[0] += kicks[index]
        here, middle, there = (drive(2 * index + half) for half in range(3))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            first = _rates(settings, state, here)
            second = _rates(settings, state + step / 2 * first, middle)
            third = _rates(settings, state + step / 2 * second, middle)
            fourth = _rates(settings, state + step * third, there)
            state += step / 6 * (first + 2 * (second + third) + fourth)
        if not state[1].min() > np.log(_LEAST_FLOW):  # true for NaN as well
            raise SettingsError(
                f"negative input lowers blood flow to under {_LEAST_FLOW:.0%} of rest at "
                f"{start + index * step:.1f} s; the balloon model needs flow; scale the input or "
                f"efficacy ({settings.efficacy:g}) down"
            )
    return bold


def _kicks(
    neural: NeuralInput, start: float, step: float, n_steps: int
) -> Float[ndarray, "steps rows"]:
    """Return the impulses, each split over the two steps around it."""
    kicks = np.zeros((n_steps + 1, neural.n_rows))
    position = (neural.time - start) / step
    within = position < n_steps
    before = np.floor(position[within]).astype(int)
    later = position[within] - before
    row, amplitude = neural.row[within], neural.amplitude[within]
    np.add.at(kicks, (before, row), amplitude * (1 - later))
    np.add.at(kicks, (before + 1, row), amplitude * later)
    return kicks[:-1]


class _HalfSteps:
    """The drive of the vasodilatory signal at multiples of half a step."""

    def __init__(self, neural: NeuralInput, start: float, settings: BalloonSettings) -> None:
        drive = neural.drive or Drive(0.0, 1.0, np.zeros((neural.n_rows, 1)))
        self._samples = np.pad(settings.efficacy * drive.values.T, ((1, 1), (0, 0)))
        self._first = (start - drive.start) * drive.sfreq + 1  # place of the padded samples
        self._stride = drive.sfreq * settings.step / 2

    def __call__(self, index: int) -> Float[ndarray, " rows"]:
        last = len(self._samples) - 1
        position = min(max(self._first + index * self._stride, 0.0), float(last))
        before = min(int(position), last - 1)
        below, above = self._samples[before], self._samples[before + 1]
        return np.asarray(below + (position - before) * (above - below))


def _rates(
    settings: BalloonSettings, state: Float[ndarray, "4 rows"], drive: Float[ndarray, " rows"]
) -> Float[ndarray, "4 rows"]:
    """Return the time derivative of the vasodilatory signal and of ln flow, volume, deoxy-Hb."""
    dilation, log_flow, log_volume, log_deoxy = state
    flow = np.exp(log_flow)
    outflow = np.exp((1 / settings.stiffness - 1) * log_volume)
    extracted = -np.expm1(np.log1p(-settings.extraction) / flow) / settings.extraction
    rates = np.empty_like(state)
    rates[0] = drive - settings.signal_decay * dilation - settings.autoregulation * (flow - 1)
    rates[1] = dilation / flow
    rates[2] = (np.exp(log_flow - log_volume) - outflow) / settings.transit_time
    rates[3] = (np.exp(log_flow - log_deoxy) * extracted - outflow) / settings.transit_time
    return rates


def _signal(settings: BalloonSettings, state: Float[ndarray, "4 rows"]) -> Float[ndarray, " rows"]:
    """Return the change of the signal as a fraction (Stephan 2007)."""
    k1, k2, k3 = settings.coefficients
    volume, deoxy = np.exp(state[2]), np.exp(state[3])
    change = k1 * (1 - deoxy) + k2 * (1 - deoxy / volume) + k3 * (1 - volume)
    return np.asarray(settings.volume_fraction * change)


def _interpolate(
    values: Float[ndarray, "steps rows"], position: Float[ndarray, " times"]
) -> Float[ndarray, "rows times"]:
    """Return values between steps, by the cubic through the four nearest."""
    before = np.floor(position).astype(int)
    x = (position - before)[:, np.newaxis]
    return np.asarray(
        values[before - 1] * (-x * (x - 1) * (x - 2) / 6)
        + values[before] * ((x + 1) * (x - 1) * (x - 2) / 2)
        + values[before + 1] * (-(x + 1) * x * (x - 2) / 2)
        + values[before + 2] * ((x + 1) * x * (x - 1) / 6)
    ).T
