"""Waveforms that follow events, evaluated at any time and added to long EEG in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import GridError

CHUNK = 16_384
"""Samples that are worked on at once: 64 channels of them fit into a cache."""


@dataclass(frozen=True, slots=True, eq=False)
class EventTrain:
    """Events that each start the same waveforms, stretched and scaled; overlaps add up.

    Parameters
    ----------
    starts : array, shape (events,)
        When the waveforms begin, ascending, in seconds.
    durations : array, shape (events,)
        How long they last, in seconds.
    gains : array, shape (waves, events)
        Factor of each waveform at each event.
    table : array, shape (waves, phases)
        Waveforms from phase 0 to 1, 0 at both ends; values between are interpolated linearly.
    """

    starts: Float[ndarray, " events"]
    durations: Float[ndarray, " events"]
    gains: Float[ndarray, "waves events"]
    table: Float[ndarray, "waves phases"]

    def __post_init__(self) -> None:
        if np.any(np.diff(self.starts) < 0) or np.any(self.durations <= 0):
            raise GridError("a train of events needs ascending starts and positive durations")

    @property
    def n_overlapping(self) -> int:
        """Largest number of events that can be under way at once."""
        if not len(self.starts):
            return 0
        ended = np.searchsorted(self.starts, self.starts - self.durations.max(), side="right")
        return int(np.max(np.arange(len(self.starts)) - ended)) + 1

    def sample(self, times: Float[ndarray, " times"]) -> Float[ndarray, "waves times"]:
        """Return the sum of all waveforms at some times, in seconds."""
        waves = np.zeros((len(self.table), len(times)))
        latest = np.searchsorted(self.starts, times, side="right") - 1
        for back in range(self.n_overlapping):
            event = latest - back
            phase = (times - self.starts[event]) / self.durations[event]
            now = np.flatnonzero((event >= 0) & (phase < 1))
            place = phase[now] * (self.table.shape[1] - 1)
            low = place.astype(np.intp)
            value = self.table[:, low]
            value += (place - low) * (self.table[:, low + 1] - value)
            waves[:, now] += self.gains[:, event[now]] * value
        return waves


def add_waves(
    eeg: Float[ndarray, "channels times"],
    times: Float[ndarray, " times"],
    mixing: Float[ndarray, "channels waves"],
    sample: Callable[[Float[ndarray, " chunk"]], Float[ndarray, "waves chunk"]],
) -> None:
    """Add a mixture of waveforms to EEG, in place and a chunk of time after the other.

    Parameters
    ----------
    eeg : array, shape (channels, times)
        What is added to, in V.
    times : array, shape (times,)
        Scanner times of its samples, in seconds.
    mixing : array, shape (channels, waves)
        Part of each waveform in each channel, in V.
    sample : callable
        Gives the waveforms at some times, such as `EventTrain.sample`.
    """
    mixing = mixing.astype(eeg.dtype)
    for start in range(0, len(times), CHUNK):
        part = slice(start, start + CHUNK)
        eeg[:, part] += mixing @ sample(times[part]).astype(eeg.dtype)
