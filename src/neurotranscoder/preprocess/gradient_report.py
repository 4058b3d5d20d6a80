"""What the removal of a gradient artefact did, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy import fft

from neurotranscoder.preprocess.gradient_grid import ScanGrid

_HIGHEST_LINE = 250.0  # Hz
_MOST_LINES = 20
_HALF_WIDTH = 0.25  # Hz


@dataclass(frozen=True, slots=True, eq=False)
class LineLevels:
    """Root mean square at the lines of the artefact, of each channel.

    Parameters
    ----------
    frequencies : array, shape (lines,)
        Multiples of the slices per second, in Hz (of volumes, where slices are not known).
    before, after : array, shape (channels, lines)
        Within .25 Hz of each line, before and after removal, in V.
    beside : array, shape (channels, lines)
        Midway to the next line, after removal, in V: what ``after`` has where nothing is left.
    """

    frequencies: Float[ndarray, " lines"]
    before: Float[ndarray, "channels lines"]
    after: Float[ndarray, "channels lines"]
    beside: Float[ndarray, "channels lines"]


@dataclass(frozen=True, slots=True, eq=False)
class GradientReport:
    """What was removed, and what had to be repaired.

    Parameters
    ----------
    channels : tuple of str
        Names of the channels that were cleaned.
    rms_before, rms_after : array, shape (channels,)
        Root mean square from the first to the last slice, in V.
    lines : LineLevels
        The same at the lines of the artefact.
    n_slices : int
        Excitations in a volume; 1 where templates are those of volumes.
    n_excitations : int
        Slices (or volumes) whose artefact was removed.
    starts : array, shape (volumes,)
        First excitation of each volume, in samples of the EEG.
    block : array of int, shape (volumes,)
        Scan block of each volume, from 0.
    drift_ppm : float
        How much longer an EEG second lasts on the scanner clock, in parts per million; NaN where
        volumes come at irregular times.
    ratio : float
        Power of the artefact over that of all else, above 70 Hz, in the strongest channel.
    amplitude_sd : array, shape (channels,)
        How much the artefact's amplitude varies from slice to slice, as a share.
    n_components : array of int, shape (channels,)
        Principal components of the residual that were removed.
    notes : tuple of str
        What was found and repaired, in words.
    """

    channels: tuple[str, ...]
    rms_before: Float[ndarray, " channels"]
    rms_after: Float[ndarray, " channels"]
    lines: LineLevels
    n_slices: int
    n_excitations: int
    starts: Float[ndarray, " volumes"]
    block: Int[ndarray, " volumes"]
    drift_ppm: float
    ratio: float
    amplitude_sd: Float[ndarray, " channels"]
    n_components: Int[ndarray, " channels"]
    notes: tuple[str, ...]

    @property
    def shifts(self) -> Float[ndarray, " volumes"]:
        """How far each volume begins from a whole sample, in samples (-.5 to .5)."""
        return np.asarray(self.starts - np.rint(self.starts))

    def __str__(self) -> str:
        before, after = 1e6 * np.median(self.rms_before), 1e6 * np.median(self.rms_after)
        parts = [
            f"gradient artefact removed from {len(self.channels)} channels: {before:.1f} -> "
            f"{after:.1f} uV rms (median)",
            f"{len(self.starts)} volumes, {self.n_slices} excitations each",
            f"drift {self.drift_ppm:.2f} ppm",
            f"{int(np.median(self.n_components))} components (median)",
            *self.notes,
        ]
        return "; ".join(parts)


def line_frequencies(grid: ScanGrid, sfreq: float) -> Float[ndarray, " lines"]:
    """Return the lines of slices (or volumes) up to 250 Hz, 20 at most."""
    period = grid.step * (grid.n_phases if grid.n_slices > 1 else grid.n_row)
    first = sfreq / period
    n = max(1, min(_MOST_LINES, int(_HIGHEST_LINE / first)))
    return np.asarray(first * np.arange(1, n + 1))


def line_levels(
    channel: Float[ndarray, " times"], lines: Float[ndarray, " lines"], sfreq: float
) -> tuple[Float[ndarray, " lines"], Float[ndarray, " lines"]]:
    """Return the rms at lines and midway to the next ones, in the unit of the channel."""
    n_times = fft.prev_fast_len(len(channel), real=True)
    power = 2 * np.abs(fft.rfft(channel[:n_times])) ** 2 / n_times**2
    total = np.append(0.0, np.cumsum(power))
    width = min(_HALF_WIDTH, lines[0] / 4) * n_times / sfreq

    def level(centres: Float[ndarray, " lines"]) -> Float[ndarray, " lines"]:
        """Return the rms within the width around frequencies."""
        low, high = np.rint([centres - width, centres + width + 1]).astype(np.int64)
        within = total[high.clip(0, len(power))] - total[low.clip(0)]
        return np.asarray(np.sqrt(np.maximum(within, 0)))

    at = lines * n_times / sfreq
    return level(at), level(at + at[0] / 2)
