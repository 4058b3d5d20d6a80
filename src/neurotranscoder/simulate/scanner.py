"""What the scanner does to the EEG: gradient and pulse artefact, at the amplifier's own rate.

Gradients switch in the same way for every slice, so the first artefact has lines at the multiples
of slices per TR; it is evaluated at the true scanner time of every EEG sample, so a clock that
drifts makes its templates jitter by parts of a sample. The head that the pulse moves in the static
field makes the second one. Numbers of the amplifier (5 kHz, low-pass 250 Hz, +-16 mV at 0.5 uV a
step) are those of headers of a BrainAmp MR of the public data set "EEG, fMRI and NODDI at rest"
(Deligianni et al. 2014).

Not realistic: topographies are smooth functions of the electrode's place, not solutions of
induction in cables and head; gradient lobes are those of a made-up echo-planar sequence; no
vibration of the cold head, no saturation, no high-pass filter of the amplifier, no radio-frequency
pulse; the pulse artefact has the same latency and length at every beat and at every electrode.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field
from scipy import signal

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.settings import Settings
from neurotranscoder.simulate.electrodes import Electrodes
from neurotranscoder.simulate.event_train import EventTrain, add_waves

Motion = Callable[[Float[ndarray, " times"]], Float[ndarray, "6 times"]]
"""Scanner times (s) to shifts along x, y, z (mm) and turns around x, y, z (rad)."""

_ISOCENTRE = np.array([0.0, -16.0, 5.0])  # RAS mm of MNI152, about the middle of the head
_TABLE_RATE = 200_000.0  # of waveforms, in Hz: linear interpolation errs by 1e-5 at 250 Hz
_LONGEST_SLICE = 0.1
_SAMPLES_PER_CYCLE = 4.0  # at the low-pass, which lets through -30 dB at twice its frequency
_ECG_GAINS = np.array([0.4, -0.7, 1.0])  # of a wire from the back along the body
_RAMP = 0.005
# (start, end, strength) of gradient lobes along x, y, z; times are shares of the slice's time
_READOUT = tuple((0.3 + 0.0135 * i, 0.307 + 0.0135 * i, (-1.0) ** i) for i in range(40))
_LOBES: tuple[tuple[tuple[float, float, float], ...], ...] = (
    ((0.02, 0.08, 0.8), (0.24, 0.27, -1.0), *_READOUT),
    ((0.03, 0.09, 0.7), (0.23, 0.27, -0.9), (0.88, 0.95, 0.8)),
    ((0.12, 0.20, 1.0), (0.205, 0.24, -1.0), (0.86, 0.96, 0.9)),
)


class ScannerSettings(Settings):
    """How strong the scanner's artefacts are."""

    gradient_mv: float = Field(default=5.0, ge=0, le=1000)
    """Peak of the gradient artefact in the channel that has most of it, in mV."""
    low_pass: float = Field(default=250.0, ge=20, le=2000)
    """Low-pass of the amplifier (Butterworth of order 5), in Hz."""
    pulse_uv: float = Field(default=100.0, ge=0)
    """Pulse artefact, peak to peak of a typical beat in the strongest channel, in uV."""
    pulse_delay: float = Field(default=0.2, ge=0, le=1)
    """From the R peak to its begin, in seconds."""
    pulse_duration: float = Field(default=0.7, gt=0, le=3)
    """Its length, in seconds; the artefacts of faster beats overlap."""
    pulse_spread: float = Field(default=0.15, ge=0, le=1)
    """Standard deviation of the logarithm of each pattern's strength from beat to beat."""
    ecg_gradient: float = Field(default=0.8, ge=0, le=100)
    """Peak of the gradient artefact in an ECG channel, as a share of ``gradient_mv``."""
    ecg_flow_uv: float = Field(default=300.0, ge=0)
    """Wave that blood which flows in the field adds to an ECG channel after a typical beat, peak
    to peak, in uV."""

    @property
    def least_rate(self) -> float:
        """Lowest sampling frequency of EEG with these artefacts, in Hz."""
        return _SAMPLES_PER_CYCLE * self.low_pass if self.gradient_mv > 0 else 0.0


def excitations(volumes: VolumeAxis) -> Float[ndarray, " excitations"]:
    """Return when slices were excited, in seconds; slices excited together count once."""
    starts = volumes.tr * np.arange(volumes.n_volumes)[:, np.newaxis]
    times = np.sort((starts + volumes.slice_times).ravel())
    return np.asarray(times[np.diff(times, prepend=-np.inf) > 1e-6])


def gradient_train(volumes: VolumeAxis, low_pass: float) -> EventTrain:
    """Return the voltages that gradients along x, y and z induce, each with a peak of 1.

    A slice lasts until the next excitation at the earliest one, at most 0.1 s; the ringing of the
    low-pass filter reaches into the next slice.
    """
    starts = excitations(volumes)
    length = min(_LONGEST_SLICE, float(np.min(np.diff(starts))))
    n_slice, n_ringing = round(_TABLE_RATE * length), round(_TABLE_RATE * 7.5 / low_pass)
    share = np.arange(n_slice + 1) / n_slice
    fields = np.array([_gradient(share, lobes) for lobes in _LOBES])
    slopes = np.pad(np.diff(fields, axis=1), ((0, 0), (1, n_ringing)))
    filtered = signal.sosfilt(
        signal.butter(5, low_pass, fs=_TABLE_RATE, output="sos"), slopes, axis=1
    )
    table = filtered / np.abs(filtered).max(axis=1, keepdims=True)
    table[:, -1] = 0
    durations = np.full(len(starts), (n_slice + n_ringing) / n_slice * length)
    return EventTrain(starts, durations, np.ones((3, len(starts))), table)


def add_gradient_artefact(
    eeg: Float[ndarray, "channels times"],
    times: Float[ndarray, " times"],
    volumes: VolumeAxis,
    electrodes: Electrodes,
    settings: ScannerSettings,
    *,
    motion: Motion | None = None,
) -> None:
    """Add the gradient artefact to EEG, in place.

    Parameters
    ----------
    eeg : array, shape (channels, times)
        What is added to, in V.
    times : array, shape (times,)
        Scanner times of its samples, in seconds.
    volumes : VolumeAxis
        When slices were excited.
    electrodes : Electrodes
        Where the channels measure.
    settings : ScannerSettings
        How strong it is.
    motion : callable, optional
        Where the head is; the artefact of an electrode follows its place to first order.
    """
    train = gradient_train(volumes, settings.low_pass)
    at_rest = electrodes.derivation @ gradient_gains(electrodes.positions)
    volts = 1e-3 * settings.gradient_mv / np.abs(at_rest @ train.table).max()
    if motion is None:
        add_waves(eeg, times, volts * at_rest, train.sample)
        return
    moved = [electrodes.derivation @ slope for slope in _gain_slopes(electrodes.positions)]

    def sample(part: Float[ndarray, " times"]) -> Float[ndarray, "21 times"]:
        """Return the waveforms, and those multiplied by each motion parameter."""
        waves = train.sample(part)
        return np.concatenate([waves, *(waves * parameter for parameter in motion(part))])

    add_waves(eeg, times, volts * np.hstack([at_rest, *moved]), sample)


def gradient_gains(positions: Float[ndarray, "electrodes 3"]) -> Float[ndarray, "electrodes 3"]:
    """Return what an electrode picks up of the x, y and z gradients, by its place (RAS mm)."""
    place = (positions - _ISOCENTRE) / 100
    return np.asarray(place + 0.5 * np.roll(place, 1, axis=1) * np.roll(place, 2, axis=1))


def pulse_patterns(positions: Float[ndarray, "electrodes 3"]) -> Float[ndarray, "electrodes 3"]:
    """Return the patterns of nodding, of expanding arteries and of flowing blood.

    A head that nods (around x) in a field along z has an inner field along x that grows with
    height: ``x z``. Arteries push at the temples. Blood that flows along y in that field has a
    Hall voltage along x. Nodding is the largest (Mullinger et al. 2013).
    """
    x, y, z = ((positions - _ISOCENTRE) / 100).T
    temples = np.exp(-0.5 * ((np.abs(x) - 0.7) ** 2 + (y - 0.1) ** 2 + z**2) / 0.4**2)
    return np.asarray(np.stack([x * z + 0.3 * x, 0.25 * temples, 0.3 * x], axis=1))


def draw_pulses(
    beats: Float[ndarray, " beats"], settings: ScannerSettings, rng: np.random.Generator
) -> EventTrain:
    """Draw the strength of every pulse; three waveforms as in `pulse_patterns`.

    Parameters
    ----------
    beats : array, shape (beats,)
        Scanner times of the R peaks, in seconds.
    settings : ScannerSettings
        Delay, length and spread.
    rng : Generator
        Source of chance.
    """
    n, spread = len(beats), settings.pulse_spread
    phase = np.linspace(0, 1, 2001)
    window = np.sin(np.pi * phase) ** 2
    table = np.stack(
        [
            window * np.sin(3 * np.pi * phase),
            window * phase**2 * (1 - phase),
            window * (np.exp(-0.5 * ((phase - 0.3) / 0.08) ** 2) - 0.3 * phase),
        ]
    )
    table /= np.abs(table).max(axis=1, keepdims=True)
    return EventTrain(
        np.sort(beats) + settings.pulse_delay,
        np.full(n, settings.pulse_duration),
        np.exp(spread * rng.standard_normal((3, n)) - spread**2 / 2),
        table,
    )


def add_pulse_artefact(
    eeg: Float[ndarray, "channels times"],
    times: Float[ndarray, " times"],
    pulses: EventTrain,
    electrodes: Electrodes,
    settings: ScannerSettings,
) -> None:
    """Add the pulse artefact to EEG, in place.

    Parameters
    ----------
    eeg : array, shape (channels, times)
        What is added to, in V.
    times : array, shape (times,)
        Scanner times of its samples, in seconds.
    pulses : EventTrain
        From `draw_pulses`.
    electrodes : Electrodes
        Where the channels measure.
    settings : ScannerSettings
        How strong it is.
    """
    mixing = electrodes.derivation @ pulse_patterns(electrodes.positions)
    beat = np.ptp(mixing @ pulses.table, axis=1).max()
    add_waves(eeg, times, 1e-6 * settings.pulse_uv / beat * mixing, pulses.sample)


def add_artefacts_to_ecg(
    ecg: Float[ndarray, " times"],
    times: Float[ndarray, " times"],
    volumes: VolumeAxis,
    pulses: EventTrain,
    settings: ScannerSettings,
) -> None:
    """Add to an ECG channel, in place, what gradients and flowing blood induce in it.

    Parameters
    ----------
    ecg : array, shape (times,)
        What is added to, in V.
    times : array, shape (times,)
        Scanner times of its samples, in seconds.
    volumes : VolumeAxis
        When slices were excited.
    pulses : EventTrain
        From `draw_pulses`; the third waveform is that of flow.
    settings : ScannerSettings
        How strong they are.
    """
    train = gradient_train(volumes, settings.low_pass)
    peak = np.abs(_ECG_GAINS @ train.table).max()
    gradient = 1e-3 * settings.ecg_gradient * settings.gradient_mv / peak * _ECG_GAINS
    add_waves(ecg[np.newaxis], times, gradient[np.newaxis], train.sample)
    flow = 1e-6 * settings.ecg_flow_uv / np.ptp(pulses.table[2])
    add_waves(ecg[np.newaxis], times, np.array([[0.0, 0.0, flow]]), pulses.sample)


def _gradient(
    share: Float[ndarray, " phases"], lobes: tuple[tuple[float, float, float], ...]
) -> Float[ndarray, " phases"]:
    """Return the strength of a gradient at shares of a slice: a sum of trapezoids."""
    field = np.zeros_like(share)
    for start, end, strength in lobes:
        corners = (start, start + _RAMP, end, end + _RAMP)
        field += strength * np.interp(share, corners, (0, 1, 1, 0))
    return field


def _gain_slopes(positions: Float[ndarray, "electrodes 3"]) -> Float[ndarray, "6 electrodes 3"]:
    """Return how gains change with each motion parameter; exact, as gains are quadratic."""
    steps = [np.broadcast_to(axis, positions.shape) for axis in np.eye(3)]
    steps += [np.cross(axis, positions - _ISOCENTRE) for axis in np.eye(3)]
    return np.stack(
        [(gradient_gains(positions + s) - gradient_gains(positions - s)) / 2 for s in steps]
    )
