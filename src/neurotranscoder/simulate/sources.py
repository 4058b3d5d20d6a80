"""The latent source X: impulses and rhythms of regions, exact at any time, never dense."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Complex, Float, Int
from numpy import ndarray
from scipy.sparse import csc_array, csr_array

from neurotranscoder.physics.kernel import Kernel, transfers
from neurotranscoder.simulate.waves import sum_of_waves

Mixing: TypeAlias = ndarray | csr_array
"""A matrix of shape (rows, regions): from sources of regions to those of channels or blocks."""

_PAIRS = 2_000_000  # of an impulse and a time, at once
MANY_REGIONS = 1000
"""More regions than these never have their responses held all at once."""


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
            for region, (own, alone) in enumerate(zip(kernel, self._by_region(), strict=True)):
                out[region] = alone._impulse_response(own, times)[0]
            own_of_rhythms = [kernel[region] for region in self.rhythm_region]
            transferred = self.waves * transfers(own_of_rhythms, self.frequencies)
        out[self.rhythm_region] += sum_of_waves(transferred, self.frequencies, times)
        return out

    def respond_mixed(
        self, mixing: Mixing, kernel: Kernel | tuple[Kernel, ...], times: Float[ndarray, " times"]
    ) -> Float[ndarray, "rows times"]:
        """Return a mixture of regions convolved with a kernel, at any increasing times.

        Mixing and convolution commute; with more than 1,000 regions the mixture comes first, and
        nothing of the size of regions by times is ever made.

        Parameters
        ----------
        mixing : array or csr_array, shape (rows, regions)
            Leadfield, or shares of blocks.
        kernel : Kernel or tuple of Kernel
            As in `respond`; where it is one for each region, convolution comes first.
        times : array, shape (times,)
            Seconds on the scanner clock.
        """
        if self.n_regions <= MANY_REGIONS or not isinstance(kernel, Kernel):
            return np.asarray(mixing @ self.respond(kernel, times))
        return self.mixed_first(mixing, kernel, times)

    def mixed_first(
        self, mixing: Mixing, kernel: Kernel, times: Float[ndarray, " times"]
    ) -> Float[ndarray, "rows times"]:
        """Return what `respond_mixed` does, always mixing before convolution."""
        instants, impulses = self.by_instant
        mixed = mixing @ impulses @ kernel_matrix(kernel, instants, times)
        out = np.asarray(mixed.toarray() if isinstance(mixed, csr_array | csc_array) else mixed)
        if len(self.rhythm_region):
            waves = (mixing[:, self.rhythm_region] @ self.waves) * kernel.transfer(
                self.frequencies
            )
            out += sum_of_waves(waves, self.frequencies, times)
        return out

    @property
    def by_instant(self) -> tuple[Float[ndarray, " instants"], csr_array]:
        """The times at which there are impulses, and their sums per region and time."""
        instants, which = np.unique(self.time, return_inverse=True)
        shape = (self.n_regions, len(instants))
        return instants, csr_array((self.amplitude, (self.region, which)), shape=shape)

    def of(self, regions: Int[ndarray, " chosen"]) -> RunSources:
        """Return the sources of some regions, numbered anew in their order."""
        place = np.full(self.n_regions, -1)
        place[regions] = np.arange(len(regions))
        mine, rhythms = place[self.region] >= 0, place[self.rhythm_region] >= 0
        return RunSources(
            len(regions),
            place[self.region[mine]],
            self.time[mine],
            self.amplitude[mine],
            place[self.rhythm_region[rhythms]],
            self.frequencies,
            self.waves[rhythms],
        )

    def _by_region(self) -> Iterator[RunSources]:
        """Give the impulses of one region after the other, without rhythms."""
        order = np.argsort(self.region, kind="stable")
        bounds = np.searchsorted(self.region[order], np.arange(self.n_regions + 1))
        none = np.empty(0, dtype=np.int64)
        for start, stop in itertools.pairwise(bounds):
            mine = order[start:stop]
            zeros, time, amplitude = np.zeros_like(mine), self.time[mine], self.amplitude[mine]
            yield RunSources(1, zeros, time, amplitude, none, self.frequencies, self.waves[:0])

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


def kernel_matrix(
    kernel: Kernel, instants: Float[ndarray, " instants"], times: Float[ndarray, " times"]
) -> csr_array:
    """Return what a unit impulse at each instant does at increasing times, as a sparse matrix."""
    first = np.searchsorted(times, instants + kernel.start, side="left")
    counts = np.searchsorted(times, instants + kernel.stop, side="right") - first
    pointers = np.concatenate([[0], np.cumsum(counts)])
    column = np.arange(pointers[-1]) - np.repeat(pointers[:-1] - first, counts)
    values = kernel.tabulated(times[column] - np.repeat(instants, counts))
    return csr_array((values, column, pointers), shape=(len(instants), len(times)))
