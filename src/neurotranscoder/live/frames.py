"""Frames of EEG from samples as they arrive, cleaned by what came before alone."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import GridError, SettingsError

_TINY = 1e-9
"""Share of a sample by which edges of frames may miss it through rounding."""


class CausalFrames:
    """Means of samples over frames, without the running mean of each channel.

    Frame k holds the samples from k to k + 1 frames after the first, as those of
    `signal.frames.frame_means` do. What is taken off it is the mean of all frames so far, itself
    included, and after ``memory`` seconds one that forgets exponentially: a high-pass of first
    order. Artefacts of the scanner have to be gone already.

    Parameters
    ----------
    n_channels : int
        Channels of the EEG.
    sfreq : float
        Sampling frequency, in Hz; at least ``rate``.
    rate : float
        Frames per second.
    memory : float
        Time constant of the running mean, in s.

    Raises
    ------
    SettingsError
        When a frame would hold no sample, or nothing would be remembered.
    """

    def __init__(
        self, n_channels: int, sfreq: float, *, rate: float = 100.0, memory: float = 30.0
    ) -> None:
        if not 0 < rate <= sfreq or not memory * rate > 1:
            raise SettingsError(
                f"live frames got {sfreq:g} samples and {rate:g} frames per second and a memory "
                f"of {memory:g} s; they need at least one sample in a frame, and a memory of more "
                "than a frame"
            )
        self.sfreq, self.rate, self.memory = sfreq, rate, memory
        self.n_frames = 0
        """Frames that were returned so far."""
        self._mean = np.zeros(n_channels)
        self._waiting = np.empty((n_channels, 0))

    def push(
        self, samples: Float[ndarray, "channels samples"]
    ) -> Float[ndarray, "channels frames"]:
        """Return the frames that samples complete.

        Parameters
        ----------
        samples : array, shape (channels, samples)
            The next ones, in V; any number of them.

        Raises
        ------
        GridError
            When the number of channels is another, or samples are not finite; they are not taken.
        """
        expected = len(self._mean)
        if len(samples) != expected:
            raise GridError(f"live EEG got {len(samples)} channels; it needs {expected}")
        if not np.all(np.isfinite(samples)):
            bad = np.flatnonzero(~np.isfinite(samples).all(axis=1)).tolist()
            raise GridError(
                f"live EEG holds NaN or infinite values in channels {bad}; interpolate them from "
                "the others, and push again"
            )
        self._waiting = np.hstack([self._waiting, samples])
        frames = []
        while (end := self._edge(self.n_frames + 1) - self._edge(self.n_frames)) <= (
            self._waiting.shape[1]
        ):
            frames.append(self._cleaned(self._waiting[:, :end].mean(axis=1)))
            self._waiting = self._waiting[:, end:]
        return np.stack(frames, axis=1) if frames else np.empty((expected, 0))

    def _edge(self, frame: int) -> int:
        """Return the first sample of a frame."""
        return int(np.ceil(frame * self.sfreq / self.rate - _TINY))

    def _cleaned(self, frame: Float[ndarray, " channels"]) -> Float[ndarray, " channels"]:
        """Return a frame around the running mean, which it becomes part of."""
        self.n_frames += 1
        share = max(1 / self.n_frames, -np.expm1(-1 / (self.memory * self.rate)))
        self._mean += share * (frame - self._mean)
        return frame - self._mean
