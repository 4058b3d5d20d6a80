"""The latent source X: impulses and rhythms of regions, exact at any time, never dense."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int
from numpy import ndarray

from neurotranscoder.physics.kernel import Kernel, transfers
from neurotranscoder.simulate.waves import sum_of_waves

_PAIRS = 2_000_000  # of an impulse and a time, at once


@dataclass(frozen=True, slots=True, eq=False)
class RunSources:
    """X of one run: ``sum_i amplitude_i delta(t - time_i)`` plus sums of waves.

    Parameters
    ----------
    n_regions : int
        Number of regions.
    region : array of int, shape (impulses,)
        Region of each impulse.
    time : array, shape (impulses,)
        When, in seconds on the scanner clock.
    amplitude : array, shape (impulses,)
        Area of each impulse.
    rhythm_region : array of int, shape (rhythms,)
        Region of each rhythm.
    frequencies : array, shape (waves,)
        Of the waves that the rhythms consist of, in Hz.
    waves : array of complex, shape (rhythms, waves)
        A rhythm is the real part of ``sum_k waves_k exp(2 pi i frequencies_k t)``.
    """

    n_regions: int
    region: Int[ndarray, " impulses"]
    time: Float[ndarray, " impulses"]
    amplitude: Float[ndarray, " impulses"]
    rhythm_region: Int[ndarray, " rhythms"]
    frequencies: Float[ndarray, " waves"]
    waves: Complex[ndarray, "rhythms waves"]

    def respond(
        self, kernel: Kernel | tuple[Kernel, ...], times: Float[ndarray, " times"]
    ) -> Float[ndarray, "regions times"]:
        """Return X convolved with a kernel, at any increasing times.

        Parameters
        ----------
        kernel : Kernel or tuple of Kernel
            Response to a unit impulse, in 1/s: one for all regions, or one for each.
        times : array, shape (times,)
            Seconds on the scanner clock.

        Returns
        -------
        response : array, shape (regions, times)
            ``(X * kernel)(times)``, exact: no grid of samples is involved.
        """
        if isinstance(kernel, Kernel):
            out = self._impulse_response(kernel, times)
            transferred = self.waves * kernel.transfer(self.frequencies)
        else:
            out = np.empty((self.n_regions, len(times)))
            for region, own in enumerate(kernel):
                out[region] = self._impulses_of(region)._impulse_response(own, times)[0]
            own_of_rhythms = [kernel[region] for region in self.rhythm_region]
            transferred = self.waves * transfers(own_of_rhythms, self.frequencies)
        out[self.rhythm_region] += sum_of_waves(transferred, self.frequencies, times)
        return out

    def _impulses_of(self, region: int) -> RunSources:
        """Return the impulses of one region alone, without its rhythms."""
        mine = self.region == region
        nothing = np.empty((0, len(self.frequencies)), dtype=np.complex128)
        return RunSources(
            1,
            np.zeros(mine.sum(), dtype=np.int64),
            self.time[mine],
            self.amplitude[mine],
            np.empty(0, dtype=np.int64),
            self.frequencies,
            nothing,
        )

    def _impulse_response(self, kernel: Kernel, times: ndarray) -> ndarray:
        """Add the kernel at each impulse, only at the times that it reaches."""
        first = np.searchsorted(times, self.time + kernel.start, side="left")
        counts = np.searchsorted(times, self.time + kernel.stop, side="right") - first
        flat = np.zeros(self.n_regions * len(times))
        bounds = np.searchsorted(np.cumsum(counts), np.arange(0, counts.sum(), _PAIRS), "left")
        for start, stop in itertools.pairwise([*np.unique(bounds), len(counts)]):
            part = slice(start, stop)
            which = start + np.repeat(np.arange(stop - start), counts[part])
            begin = np.cumsum(counts[part]) - counts[part] - first[part]
            column = np.arange(len(which)) - np.repeat(begin, counts[part])
            values = self.amplitude[which] * kernel(times[column] - self.time[which])
            place = self.region[which] * len(times) + column
            flat += np.bincount(place, values, len(flat))
        return flat.reshape(self.n_regions, len(times))
