"""Zero-phase filters with explicit transition bands, and the response that they really have."""

from __future__ import annotations

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, PositiveFloat, model_validator

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.passband import Passband
from neurotranscoder.core.settings import Settings

_N_IMPULSES = 16
_N_FREQUENCIES = 240
_TAPS = 3.3  # length of a Hamming window's filter times its transition band


class FilterSettings(Settings):
    """A chain of filters: slow drift, band-pass, notches. The default is for transcoding."""

    drift_period: float = Field(default=200.0, ge=0)
    """Means, slopes and cosines that take longer than this (s) are fitted and taken out; 0
    leaves them. The hemodynamic response lives below .1 Hz: what goes here, BOLD cannot be told
    from."""
    low_cut: PositiveFloat | None = None
    """Lowest frequency that the high-pass lets through whole, in Hz; none has no high-pass."""
    low_transition: PositiveFloat | None = None
    """Width of the transition band below it, in Hz; by default it reaches down to 0."""
    high_cut: PositiveFloat | None = None
    """Highest frequency that the low-pass lets through whole, in Hz."""
    high_transition: PositiveFloat | None = None
    """Width of the transition band above it, in Hz; by default a quarter of the cut-off."""
    notches: tuple[PositiveFloat, ...] = ()
    """Lines to take out, in Hz, such as those of the mains."""
    notch_width: float = Field(default=1.0, gt=0)
    """Width of each stop band, in Hz; transitions on both sides are as wide."""

    @model_validator(mode="after")
    def _bands_in_order(self) -> FilterSettings:
        if self.low_cut and self.high_cut and self.low_cut >= self.high_cut:
            raise ValueError(
                f"low_cut is {self.low_cut:g} Hz and high_cut {self.high_cut:g} Hz; need a lower "
                "low_cut"
            )
        if self.low_cut and (self.low_transition or 0) > self.low_cut:
            raise ValueError(
                f"low_transition is {self.low_transition:g} Hz below {self.low_cut:g} Hz; it "
                "would reach below 0 Hz; need at most the cut-off"
            )
        return self

    @property
    def low_width(self) -> float:
        """Width of the transition band of the high-pass, in Hz."""
        return self.low_transition or self.low_cut or 0.0

    @property
    def high_width(self) -> float:
        """Width of the transition band of the low-pass, in Hz."""
        return self.high_transition or 0.25 * (self.high_cut or 0.0)

    @property
    def does_nothing(self) -> bool:
        """Whether no filter is asked for."""
        return not (self.drift_period or self.low_cut or self.high_cut or self.notches)


def apply_filters(
    data: Float[ndarray, "channels times"], sfreq: float, settings: FilterSettings
) -> Float[ndarray, "channels times"]:
    """Return signals after a chain of filters, all zero-phase.

    Parameters
    ----------
    data : array, shape (channels, times)
        Signals.
    sfreq : float
        Samples per second.
    settings : FilterSettings
        The chain.

    Raises
    ------
    SettingsError
        When a band is not within the sampling, or a filter is longer than the signals.
    """
    _check(data.shape[1], sfreq, settings)
    out = np.array(data, dtype=np.float64)
    if settings.drift_period:
        out = without_drift(out, sfreq, settings.drift_period)
    if settings.low_cut:
        out = mne.filter.filter_data(
            out, sfreq, settings.low_cut, None,
            l_trans_bandwidth=settings.low_width, phase="zero", verbose="error",
        )  # fmt: skip
    if settings.high_cut:
        out = mne.filter.filter_data(
            out, sfreq, None, settings.high_cut,
            h_trans_bandwidth=settings.high_width, phase="zero", verbose="error",
        )  # fmt: skip
    if settings.notches:
        out = mne.filter.notch_filter(
            out, sfreq, list(settings.notches), notch_widths=settings.notch_width,
            trans_bandwidth=settings.notch_width, phase="zero", verbose="error",
        )  # fmt: skip
    return np.asarray(out)


def without_drift(
    data: Float[ndarray, "channels times"], sfreq: float, period: float
) -> Float[ndarray, "channels times"]:
    """Return signals without their mean, slope and cosines of a period or longer.

    Parameters
    ----------
    data : array, shape (channels, times)
        Signals.
    sfreq : float
        Samples per second.
    period : float
        Shortest cosine that is fitted, in s.
    """
    n_times = data.shape[1]
    place = (np.arange(n_times) + 0.5) / n_times
    n_cosines = int(2 * n_times / sfreq / period)
    rows = [np.ones(n_times), place - 0.5]
    rows += [np.cos(np.pi * k * place) for k in range(1, n_cosines + 1)]
    basis = np.linalg.qr(np.stack(rows, axis=1))[0]
    return np.asarray(data - (data @ basis) @ basis.T)


def measured_passband(n_times: int, sfreq: float, settings: FilterSettings) -> Passband:
    """Return what a chain really lets through of signals of a length.

    The chain is applied to impulses at places all over the signal; the gain at a frequency is
    the root mean square over them.

    Parameters
    ----------
    n_times : int
        Samples of the signals.
    sfreq : float
        Samples per second.
    settings : FilterSettings
        The chain.
    """
    places = ((np.arange(_N_IMPULSES) + 0.5) / _N_IMPULSES * n_times).astype(np.int64)
    impulses = np.zeros((_N_IMPULSES, n_times))
    impulses[np.arange(_N_IMPULSES), places] = 1.0
    spectra = np.abs(np.fft.rfft(apply_filters(impulses, sfreq, settings), axis=1))
    gains = np.sqrt(np.mean(spectra**2, axis=0))
    spaced = np.geomspace(1, len(gains) - 1, _N_FREQUENCIES)
    edges = [one for one in (settings.low_cut, settings.high_cut, *settings.notches) if one]
    exact = np.array(edges) * n_times / sfreq
    bins = np.unique(np.round(np.concatenate([[0], spaced, exact])).astype(np.int64))
    return Passband(bins * sfreq / n_times, gains[bins])


def _check(n_times: int, sfreq: float, settings: FilterSettings) -> None:
    """Refuse filters that the sampling or the length of signals does not allow."""
    tops = [(settings.high_cut or 0.0) + settings.high_width, settings.low_cut or 0.0]
    tops += [one + 1.5 * settings.notch_width for one in settings.notches]
    if max(tops) > sfreq / 2:
        raise SettingsError(
            f"filters reach up to {max(tops):g} Hz, transitions included; signals of {sfreq:g} "
            f"samples per second need at most {sfreq / 2:g} Hz; lower high_cut or leave notches "
            "out"
        )
    widths = [w for w in (settings.low_width, settings.high_width) if w]
    widths += [settings.notch_width] * bool(settings.notches)
    longest = max((_TAPS / w for w in widths), default=0.0)
    if longest > n_times / sfreq:
        raise SettingsError(
            f"a filter is {longest:.1f} s long and the signals {n_times / sfreq:.1f} s; need "
            "signals that are longer, or wider transition bands; slow drift is better taken out "
            "by drift_period"
        )
