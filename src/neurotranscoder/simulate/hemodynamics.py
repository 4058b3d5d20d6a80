"""What BOLD makes of the sources that it follows: Eq. 1, or the balloon model in its place."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.sparse import csr_array

from neurotranscoder.physics.balloon import BalloonSettings, Drive, NeuralInput, balloon_bold
from neurotranscoder.physics.balloon_linear import small_signal_area
from neurotranscoder.physics.kernel import Kernel
from neurotranscoder.simulate.sources import MANY_REGIONS, Mixing, RunSources
from neurotranscoder.simulate.waves import sum_of_waves

Hemodynamics: TypeAlias = Kernel | tuple[Kernel, ...] | BalloonSettings
"""One response h for all regions, one for each, or the balloon model."""

_LEAD = 40.0  # s that the balloon is driven before the run, to forget its rest
_PER_STEP = 2  # samples of a smooth drive in a step of the balloon


def follow(
    sources: RunSources, hemodynamics: Hemodynamics, times: Float[ndarray, " times"]
) -> Float[ndarray, "regions times"]:
    """Return F of each region at any increasing times.

    Parameters
    ----------
    sources : RunSources
        What BOLD follows.
    hemodynamics : Kernel, tuple of Kernel, or BalloonSettings
        How.
    times : array, shape (times,)
        Seconds on the scanner clock; some may be equal.

    Returns
    -------
    response : array, shape (regions, times)
        F of Eq. 1; that of the balloon model is in the unit in which small inputs have the F of
        its linear response.
    """
    if not isinstance(hemodynamics, BalloonSettings):
        return sources.respond(hemodynamics, times)
    distinct, place = np.unique(times, return_inverse=True)
    bold = balloon_bold(hemodynamics, _neural(sources, hemodynamics, distinct[-1]), distinct)
    return np.asarray(bold[:, place] / small_signal_area(hemodynamics))


def follow_mixed(
    sources: RunSources,
    mixing: Mixing,
    hemodynamics: Hemodynamics,
    times: Float[ndarray, " times"],
) -> Float[ndarray, "rows times"]:
    """Return a mixture of regions' F at any increasing times; see `follow`.

    ``mixing`` is a matrix of shape (rows, regions), such as the shares of blocks.
    """
    if isinstance(hemodynamics, BalloonSettings):
        return np.asarray(mixing @ follow(sources, hemodynamics, times))
    return sources.respond_mixed(mixing, hemodynamics, times)


def follow_slice(
    sources: RunSources,
    shares: csr_array,
    hemodynamics: Hemodynamics,
    times: Float[ndarray, " times"],
) -> Float[ndarray, "cells times"]:
    """Return F of the cells of a slice, from the regions that they hold alone; see `follow`.

    ``shares`` is a matrix of shape (cells, regions).
    """
    if sources.n_regions <= MANY_REGIONS:
        return follow_mixed(sources, shares, hemodynamics, times)
    shown = np.unique(shares.indices)
    if isinstance(hemodynamics, tuple):
        hemodynamics = tuple(hemodynamics[region] for region in shown)
    return follow_mixed(sources.of(shown), shares[:, shown], hemodynamics, times)


def _neural(sources: RunSources, settings: BalloonSettings, last: float) -> NeuralInput:
    """Return sources as the balloon model reads them, rhythms sampled finely."""
    drive = None
    if len(sources.rhythm_region):
        sfreq = _PER_STEP / settings.step
        times = -_LEAD + np.arange(int(np.ceil((last + _LEAD) * sfreq)) + 2) / sfreq
        values = np.zeros((sources.n_regions, len(times)))
        values[sources.rhythm_region] = sum_of_waves(sources.waves, sources.frequencies, times)
        drive = Drive(-_LEAD, sfreq, values)
    return NeuralInput(sources.n_regions, sources.region, sources.time, sources.amplitude, drive)
