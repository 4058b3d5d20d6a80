"""What eyes and heart add to the EEG, inside a scanner or not.

Not realistic: eyes only blink, they do not move; a blink's shape is a smooth bump; the head is a
homogeneous conductor without borders; the heart's far field does not turn within a beat.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.settings import Settings
from neurotranscoder.simulate.electrodes import Electrodes
from neurotranscoder.simulate.event_train import EventTrain, add_waves

_EYES = np.array([[-33.0, 62.0, -38.0], [33.0, 62.0, -38.0]])  # seen in the MNI152 T1 template
_HEART_AXIS = np.array([-0.5, 0.3, -0.8])  # electrical axis of the heart: left, forward, down
# wave of the electrocardiogram: seconds after the R peak, width in s, size relative to R; a sum
# of Gaussians as in McSharry et al. 2003, with times of a resting adult
_HEART_WAVES = (
    (-0.16, 0.025, 0.12), (-0.03, 0.010, -0.12), (0.0, 0.011, 1.0), (0.03, 0.011, -0.2),
    (0.25, 0.045, 0.3),
)  # fmt: skip
_HEART_SPAN = (-0.28, 0.48)


class BlinkSettings(Settings):
    """How often and how strongly eyes blink."""

    per_minute: float = Field(default=12.0, ge=0, le=60)
    """Mean number of blinks in a minute; they come at random, and two may overlap."""
    amplitude_uv: float = Field(default=100.0, ge=0)
    """Typical peak at the electrodes over the eyes (Fp1, Fp2), in uV."""
    amplitude_spread: float = Field(default=0.2, ge=0, le=1)
    """Standard deviation of the amplitude's logarithm."""
    duration: float = Field(default=0.3, gt=0, le=2)
    """Typical length of a blink, in seconds."""
    duration_spread: float = Field(default=0.2, ge=0, le=1)
    """Standard deviation of the length's logarithm."""


class EcgSettings(Settings):
    """A channel of the electrocardiogram, from an electrode on the back."""

    amplitude_mv: float = Field(default=1.0, gt=0, le=10)
    """R peak, in mV."""
    noise_uv: float = Field(default=5.0, ge=0)
    """Rms of its white noise, in uV."""
    dead: bool = False
    """Whether its electrode comes off: the channel is flat from a time on that lies between a
    fifth and a half of the run."""


class HeartSettings(Settings):
    """How strongly the electrocardiogram is seen at the scalp, and whether it has a channel."""

    amplitude_uv: float = Field(default=5.0, ge=0)
    """R peak at the electrode that sees it best, in uV."""
    ecg: EcgSettings | None = None
    """A channel 'ECG' beside the EEG; null is none."""


def blink_topography(electrodes: Electrodes) -> Float[ndarray, " channels"]:
    """Return the field of upright dipoles in both eyes; 1 at the electrode that sees it best."""
    away = electrodes.positions[:, np.newaxis] - _EYES
    potential = np.sum(away[..., 2] / np.linalg.norm(away, axis=-1) ** 3, axis=1)
    return _derived(electrodes, potential)


def heart_topography(electrodes: Electrodes) -> Float[ndarray, " channels"]:
    """Return the far field of the heart, a slope along its axis; 1 where it is seen best."""
    return _derived(electrodes, electrodes.positions @ _HEART_AXIS)


def draw_blinks(
    settings: BlinkSettings, start: float, stop: float, rng: np.random.Generator
) -> EventTrain:
    """Draw the blinks of a run, a wave of 1 at the peak of a typical one.

    Parameters
    ----------
    settings : BlinkSettings
        How many, how strong and how long.
    start, stop : float
        Scanner times between which they begin, in seconds.
    rng : Generator
        Source of chance.
    """
    n = rng.poisson(settings.per_minute / 60 * (stop - start))
    phase = np.linspace(0, 1, 513)
    bump = phase**2 * (1 - phase) ** 3  # the lid falls faster than it rises
    return EventTrain(
        np.sort(rng.uniform(start, stop, n)),
        settings.duration * np.exp(settings.duration_spread * rng.standard_normal(n)),
        np.exp(settings.amplitude_spread * rng.standard_normal((1, n))),
        bump[np.newaxis] / bump.max(),
    )


def heart_train(beats: Float[ndarray, " beats"]) -> EventTrain:
    """Return the electrocardiogram of R peaks at some scanner times (s), 1 at the R peak."""
    first, last = _HEART_SPAN
    seconds = np.linspace(first, last, 3801)
    wave = sum(size * np.exp(-0.5 * ((seconds - at) / sd) ** 2) for at, sd, size in _HEART_WAVES)
    wave = np.asarray(wave) / np.max(wave)
    wave[[0, -1]] = 0
    n = len(beats)
    durations = np.full(n, last - first)
    return EventTrain(np.sort(beats) + first, durations, np.ones((1, n)), wave[np.newaxis])


def add_blinks(
    eeg: Float[ndarray, "channels times"],
    times: Float[ndarray, " times"],
    blinks: EventTrain,
    electrodes: Electrodes,
    settings: BlinkSettings,
) -> None:
    """Add blinks to EEG, in place.

    Parameters
    ----------
    eeg : array, shape (channels, times)
        What is added to, in V.
    times : array, shape (times,)
        Scanner times of its samples, in seconds.
    blinks : EventTrain
        From `draw_blinks`.
    electrodes : Electrodes
        Where the channels measure.
    settings : BlinkSettings
        How strong they are.
    """
    mixing = 1e-6 * settings.amplitude_uv * blink_topography(electrodes)
    add_waves(eeg, times, mixing[:, np.newaxis], blinks.sample)


def add_heart(
    eeg: Float[ndarray, "channels times"],
    times: Float[ndarray, " times"],
    beats: Float[ndarray, " beats"],
    electrodes: Electrodes,
    settings: HeartSettings,
) -> None:
    """Add the electrocardiogram to EEG, in place.

    Parameters
    ----------
    eeg : array, shape (channels, times)
        What is added to, in V.
    times : array, shape (times,)
        Scanner times of its samples, in seconds.
    beats : array, shape (beats,)
        Scanner times of the R peaks, in seconds.
    electrodes : Electrodes
        Where the channels measure.
    settings : HeartSettings
        How strong it is.
    """
    mixing = 1e-6 * settings.amplitude_uv * heart_topography(electrodes)
    add_waves(eeg, times, mixing[:, np.newaxis], heart_train(beats).sample)


def _derived(
    electrodes: Electrodes, potential: Float[ndarray, " electrodes"]
) -> Float[ndarray, " channels"]:
    """Return what channels see of a potential whose strongest electrode is 1 off the average."""
    potential = potential - potential.mean()
    return np.asarray(electrodes.derivation @ (potential / np.abs(potential).max()))
