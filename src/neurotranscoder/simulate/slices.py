"""When each slice of a volume is acquired: the orders that scanners offer."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from pydantic import NonNegativeFloat, PositiveInt, model_validator

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings


class SliceOrder(Settings):
    """The order of slices; index 0 is the first along the third axis of the image."""

    order: Literal["sequential", "descending", "interleaved", "odd_even", "philips", "custom"] = (
        "interleaved"
    )
    """'sequential' is 0, 1, 2, ..; 'descending' its reverse; 'interleaved' 0, k, 2k, .., 1,
    k + 1, ..; 'odd_even' that of Siemens: every other slice, from 0 for an odd and from 1 for an
    even number of slices, then the rest; 'philips' interleaved with the rounded square root of
    the number of slices as step; 'custom' whatever ``times`` says."""
    step: PositiveInt = 5
    """The k of 'interleaved'; 1 is sequential."""
    multiband: PositiveInt = 1
    """Slices taken at once, equally spaced through the volume; divides the number of slices."""
    times: tuple[NonNegativeFloat, ...] = ()
    """Time of each slice after the start of the volume, for 'custom', in s."""
    gap: NonNegativeFloat = 0.0
    """Silence at the end of the TR, as of sparse sampling, in s."""

    @model_validator(mode="after")
    def _times_belong_to_custom(self) -> SliceOrder:
        """Refuse times without the order that uses them, and the other way round."""
        if (self.order == "custom") != bool(self.times):
            raise ValueError(
                f"order is {self.order!r} with {len(self.times)} times; need times for 'custom', "
                "and for it alone"
            )
        return self


def slice_times(settings: SliceOrder, n_slices: int, tr: float) -> Float[ndarray, " slices"]:
    """Return when each slice is acquired.

    Parameters
    ----------
    settings : SliceOrder
        The order.
    n_slices : int
        Number of slices.
    tr : float
        Repetition time, in seconds.

    Returns
    -------
    times : array, shape (slices,)
        Seconds after the start of the volume. Excitations are equally spaced in
        ``tr - gap``, except for 'custom'.

    Raises
    ------
    SettingsError
        When the order does not fit the number of slices or the TR.
    """
    if settings.gap >= tr:
        raise SettingsError(
            f"gap is {settings.gap:g} s of a TR of {tr:g} s; need it shorter than the TR"
        )
    if settings.order == "custom":
        return _custom_times(settings, n_slices, tr)
    if n_slices % settings.multiband:
        divisors = [factor for factor in range(1, n_slices + 1) if n_slices % factor == 0]
        raise SettingsError(
            f"multiband is {settings.multiband} for {n_slices} slices; it needs to divide them: "
            f"set one of {', '.join(map(str, divisors))}"
        )
    n_excitations = n_slices // settings.multiband
    order = _order(settings, n_excitations)
    times = np.empty(n_excitations)
    times[order] = np.arange(n_excitations) * (tr - settings.gap) / n_excitations
    return np.tile(times, settings.multiband)


def _order(settings: SliceOrder, n: int) -> Int[ndarray, " slices"]:
    """Return the slices of one band in the order in which they are taken."""
    if settings.order == "sequential":
        return np.arange(n)
    if settings.order == "descending":
        return np.arange(n)[::-1]
    if settings.order == "odd_even":
        first = 1 - n % 2
        return np.concatenate([np.arange(first, n, 2), np.arange(1 - first, n, 2)])
    step = settings.step if settings.order == "interleaved" else round(n**0.5)
    return np.concatenate([np.arange(first, n, step) for first in range(min(step, n))])


def _custom_times(settings: SliceOrder, n_slices: int, tr: float) -> Float[ndarray, " slices"]:
    """Return the times that were given, if they fit."""
    times = np.array(settings.times)
    if settings.multiband > 1:
        raise SettingsError(
            f"multiband is {settings.multiband} with order 'custom'; need 1: give each slice its "
            "time, equal ones for slices taken at once"
        )
    if len(times) != n_slices:
        raise SettingsError(
            f"'custom' has {len(times)} times for {n_slices} slices; need one for each slice"
        )
    if times.max() >= tr - settings.gap:
        raise SettingsError(
            f"the last slice is taken at {times.max():g} s; need all before {tr - settings.gap:g} "
            f"s (TR {tr:g} s less gap {settings.gap:g} s); check the unit (ms written as s?)"
        )
    return times
