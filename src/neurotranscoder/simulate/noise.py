"""What is added to the signals: white noise and a baseline image."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.physics.head import Head

_WHITE_CONTRAST = 0.9


def noise_sd(variance: float, snr_db: float) -> float:
    """Return the sd of noise that leaves a signal of some variance at a ratio in dB."""
    return float(np.sqrt(variance * 10 ** (-snr_db / 10)))


def ratio_in_db(name: str, ratio: object) -> float:
    """Return a ratio of variances in dB.

    Raises
    ------
    ValueError
        When it is no ratio; ``name`` is what it is called.
    """
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not ratio > 0:
        raise ValueError(
            f"{name} is {ratio!r}; a ratio of variances needs to be above 0 (1 is as much "
            f"noise as signal); for no noise set {name}_db to none"
        )
    return 10 * math.log10(ratio)


def eeg_noise(
    shape: tuple[int, int], sd: float, rng: np.random.Generator, *, average_reference: bool = True
) -> Float[ndarray, "channels times"]:
    """Return white noise of every channel.

    Parameters
    ----------
    shape : tuple of int
        Numbers of channels and of times.
    sd : float
        Standard deviation of the noise of each channel.
    rng : Generator
        Source of chance.
    average_reference : bool
        Whether the mean over channels is taken from the noise; each keeps its sd.
    """
    noise = rng.standard_normal(shape)
    if not average_reference:
        return noise * sd
    noise -= noise.mean(axis=0)
    return np.asarray(noise * (sd / np.sqrt(1 - 1 / shape[0])))


def baseline_image(head: Head, level: float) -> Float[ndarray, "x y z"]:
    """Return the mean BOLD signal of a brain, 0 outside: grey matter is brightest."""
    image = np.zeros(head.grid.shape)
    total = head.grey + head.white
    image[head.brain] = level * (head.grey + _WHITE_CONTRAST * head.white) / total
    return image


def add_white_noise(
    bold: Float[ndarray, "x y z volumes"], sd: float, rng: np.random.Generator
) -> None:
    """Add white noise of equal sd to all voxels, in place, slice by slice.

    Parameters
    ----------
    bold : array, shape (x, y, z, volumes)
        Noise-free images.
    sd : float
        Standard deviation of the noise.
    rng : Generator
        Source of chance.
    """
    for z in range(bold.shape[2]):
        bold[:, :, z] += sd * rng.standard_normal(bold[:, :, z].shape, dtype=np.float32)
