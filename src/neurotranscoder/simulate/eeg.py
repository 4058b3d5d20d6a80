"""EEG of a run: E = G (X * d) at the samples of the EEG's own clock (Eqs. 2 and 3)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from neurotranscoder.physics.kernel import Kernel
from neurotranscoder.simulate.interpolation import OFFSETS, upsampled
from neurotranscoder.simulate.sources import RunSources
from neurotranscoder.simulate.waves import sum_of_waves

EXACT_UP_TO = 500.0
"""Sampling frequency above which EEG is made by `long_eeg_signal`, in Hz."""

_CHUNK = 8192
_PER_CYCLE = 16  # samples of the grid in the fastest cycle: interpolation errs by 7e-7


def eeg_signal(
    sources: RunSources,
    leadfield: Float[ndarray, "channels regions"],
    evoked: Kernel,
    times: Float[ndarray, " times"],
    *,
    moment: float,
) -> Float[ndarray, "channels times"]:
    """Return the noise-free EEG, in V.

    Parameters
    ----------
    sources : RunSources
        X of the run.
    leadfield : array, shape (channels, regions)
        Potential per moment of a region's voxels, in V/(A m); G and d commute.
    evoked : Kernel
        Evoked response d.
    times : array, shape (times,)
        Scanner times of the EEG's samples, in seconds.
    moment : float
        Dipole moment of a voxel per unit of P, in A m s.
    """
    return sources.respond_mixed(moment * leadfield, evoked, times)


def long_eeg_signal(
    sources: RunSources,
    leadfield: Float[ndarray, "channels regions"],
    evoked: Kernel,
    times: Float[ndarray, " times"],
    *,
    moment: float,
) -> Float32[ndarray, "channels times"]:
    """Return what `eeg_signal` does, to 2e-6 of the largest value, with little memory and time.

    Each impulse adds a finely tabulated d at the true times of the samples that it reaches, a
    chunk of time after the other. Rhythms are mixed to channels, summed at every so many samples
    and interpolated.

    Parameters
    ----------
    sources, leadfield, evoked, moment
        As for `eeg_signal`.
    times : array, shape (times,)
        At equal distances, as samples of a clock are, drift included.
    """
    mixing = moment * leadfield
    of_rhythms = mixing[:, sources.rhythm_region]
    waves = of_rhythms @ (sources.waves * evoked.transfer(sources.frequencies))
    out = _interpolated_waves(waves, sources.frequencies, times)
    _add_impulses(out, times, sources, mixing, evoked)
    return out


def _interpolated_waves(
    waves: ndarray, frequencies: Float[ndarray, " waves"], times: Float[ndarray, " times"]
) -> Float32[ndarray, "channels times"]:
    """Sum waves at as few times as the fastest of them allows, and interpolate."""
    step = float(times[-1] - times[0]) / (len(times) - 1)
    factor = max(1, int(1 / (_PER_CYCLE * frequencies[-1] * step)))
    places = np.arange(-(-len(times) // factor) + len(OFFSETS) - 1) + OFFSETS[0]
    coarse = sum_of_waves(waves, frequencies, times[0] + factor * step * places)
    return upsampled(coarse, factor, len(times))


def _add_impulses(
    eeg: Float32[ndarray, "channels times"],
    times: Float[ndarray, " times"],
    sources: RunSources,
    mixing: Float[ndarray, "channels regions"],
    evoked: Kernel,
) -> None:
    """Add the responses to all impulses, in place."""
    order = np.argsort(sources.time, kind="stable")
    onsets = sources.time[order]
    gains = (mixing[:, sources.region[order]] * sources.amplitude[order]).astype(np.float32)
    lags, values = evoked.lags, evoked(evoked.lags)
    for start in range(0, len(times), _CHUNK):
        now = times[start : start + _CHUNK]
        first = int(np.searchsorted(onsets, now[0] - evoked.stop, side="left"))
        last = int(np.searchsorted(onsets, now[-1] - evoked.start, side="right"))
        responses = np.zeros((last - first, len(now)), dtype=np.float32)
        begins = np.searchsorted(now, onsets[first:last] + evoked.start, side="left")
        ends = np.searchsorted(now, onsets[first:last] + evoked.stop, side="right")
        for i, (begin, end) in enumerate(zip(begins, ends, strict=True)):
            lag = now[begin:end] - onsets[first + i]
            responses[i, begin:end] = np.interp(lag, lags, values)
        eeg[:, start : start + _CHUNK] += gains[:, first:last] @ responses
