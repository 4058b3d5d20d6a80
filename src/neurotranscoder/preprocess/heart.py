"""When the heart beats: R peaks of the ECG, or what the pulse leaves in the EEG itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import mne
import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field
from scipy.signal import butter, sosfiltfilt

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.core.settings import PositiveSpan, Settings
from neurotranscoder.signal.beats import (
    between_samples,
    matched_score,
    periodicity,
    pulse_delay,
    track_beats,
)
from neurotranscoder.signal.lines import without_lines

_RATE = 200.0  # Hz: beats are tracked at this rate, and placed between its samples
_ECG_BAND = (5.0, 35.0)  # of the R peak: waves of flowing blood are slower, gradients faster
_EEG_BAND = (0.5, 8.0)
_R_HALF = 0.12  # s around an R peak that its average holds
_ALIVE = 0.1  # of the usual size of an ECG: less is a lost electrode
_SHORTEST = 10.0  # s
_N_COMPONENTS = 5
_ROUNDS = 4
_SAME = 0.1  # s: beats that are closer are one


class BeatSettings(Settings):
    """How beats are searched for."""

    rates: PositiveSpan = (35.0, 150.0)
    """Slowest and fastest heart, in beats per minute."""
    least_periodicity: float = Field(default=0.25, gt=0, lt=1)
    """Autocorrelation at the period of the heart that EEG without a living ECG needs; less is no
    heartbeat."""


@dataclass(frozen=True, slots=True, eq=False)
class Beats:
    """The beats of a recording.

    Parameters
    ----------
    times : array, shape (beats,)
        Seconds from the first sample: R peaks, or the same moment of every pulse where there is
        no R peak (``source`` 'eeg').
    source : {'ecg', 'ecg and eeg', 'eeg'}
        What they were found in.
    n_inserted, n_dropped : int
        Beats that MNE's detector missed, and its detections that are no beats.
    dead_seconds : float
        Time without a living ECG.
    """

    times: Float[ndarray, " beats"]
    source: Literal["ecg", "ecg and eeg", "eeg"]
    n_inserted: int = 0
    n_dropped: int = 0
    dead_seconds: float = 0.0

    @property
    def per_minute(self) -> float:
        """Median heart rate."""
        return float(60 / np.median(np.diff(self.times)))


def find_beats(raw: mne.io.BaseRaw, *, settings: BeatSettings | None = None) -> Beats:
    """Find every heartbeat of a recording.

    R peaks come from the ECG (`mne.preprocessing.find_ecg_events`); their average is then a
    matched filter, and the sequence of beats that fits it best fills what the detector missed and
    drops what it took for a beat. Where the ECG is dead, the average pulse in the EEG takes its
    place; where it is dead throughout, the most periodic of the first spatial components of the
    EEG begins the search.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        EEG, with an ECG channel or without.
    settings : BeatSettings, optional
        How beats are searched for.

    Returns
    -------
    beats : Beats
        In order.

    Raises
    ------
    CleaningError
        When there is no heartbeat, or less than 10 s of data.
    """
    settings = settings or BeatSettings()
    if (seconds := len(raw.times) / raw.info["sfreq"]) < _SHORTEST:
        raise CleaningError(
            f"the recording lasts {seconds:.1f} s; finding beats needs {_SHORTEST:g} s or more"
        )
    ecg = _at_rate(raw, "ecg")[:1]
    alive, peaks = np.zeros(round(seconds * _RATE), dtype=bool), np.zeros(0)
    if len(ecg):
        ecg = without_lines(ecg[0], _RATE)[np.newaxis]  # those of gradients
        whole, ecg = ecg, _band_passed(ecg, _ECG_BAND)
        alive = living(ecg[0])
        peaks = _r_peaks(whole, alive, settings)
    if len(peaks) < _SHORTEST * settings.rates[0] / 60:
        alive, peaks = np.zeros_like(alive), np.zeros(0)
    dead = float(np.sum(~alive) / _RATE)
    of_eeg = np.zeros(0) if len(peaks) else _beats_of_eeg(raw, settings)  # may find no heart
    if dead:
        _warn(dead, seconds, has_channel="ecg" in raw)
    if not len(peaks):
        return Beats(of_eeg, "eeg", dead_seconds=dead)
    score, period = _score(ecg, peaks, _R_HALF), float(np.median(np.diff(peaks)))
    beats = _tracked(score, period)
    if dead:
        eeg, known = _band_passed(_at_rate(raw, "eeg"), _EEG_BAND), peaks
        for _ in range(_ROUNDS):
            beats = _tracked(np.where(alive, score, _pulse_score(eeg, known, period)), period)
            known = beats
    return Beats(
        beats,
        "ecg and eeg" if dead else "ecg",
        n_inserted=_n_alone(beats[alive[_samples(beats, alive)]], peaks),
        n_dropped=_n_alone(peaks, beats),
        dead_seconds=dead,
    )


def living(ecg: Float[ndarray, " times"]) -> Bool[ndarray, " times"]:
    """Return where an ECG, at 200 Hz, is no lost electrode: stretches of at least 10 s."""
    n = int(_RATE)
    n_seconds = len(ecg) // n
    spread = np.ptp(ecg[: n_seconds * n].reshape(n_seconds, n), axis=1)
    usual = float(np.quantile(spread, 0.9))
    if usual <= 0:
        return np.zeros(len(ecg), dtype=bool)
    good = spread > _ALIVE * usual
    # a slow heart leaves single seconds without an R peak
    good[1:-1] |= good[:-2] & good[2:]
    alive = np.repeat(good, n)
    alive = np.concatenate([alive, np.full(len(ecg) - len(alive), alive[-1])])
    for start, stop in _stretches(alive):
        if stop - start < _SHORTEST * _RATE:
            alive[start:stop] = False
    return alive


def _warn(dead: float, seconds: float, *, has_channel: bool) -> None:
    """Say that the ECG does not serve."""
    why = (
        f"the ECG is dead for {dead:.0f} of {seconds:.0f} s; there,"
        if has_channel
        else "there is no ECG channel;"
    )
    warnings.warn(
        f"{why} beats are those of the pulse in the EEG itself",
        RuntimeWarning,
        stacklevel=3,
    )


def _at_rate(raw: mne.io.BaseRaw, kind: str) -> Float[ndarray, "channels times"]:
    """Return the channels of a kind at 200 Hz; ones that say nothing are left out."""
    n_times = round(len(raw.times) * _RATE / raw.info["sfreq"])
    rows = []
    for pick in mne.pick_types(raw.info, **{"meg": False, kind: True}):
        one = mne.filter.resample(raw.get_data(picks=[pick]), _RATE, raw.info["sfreq"])
        one = np.pad(one[:, :n_times], [(0, 0), (0, max(0, n_times - one.shape[1]))], mode="edge")
        if np.ptp(one) > 0:
            rows.append(one - one.mean())
    return np.concatenate(rows) if rows else np.zeros((0, n_times))


def _band_passed(
    data: Float[ndarray, "channels times"], band: tuple[float, float]
) -> Float[ndarray, "channels times"]:
    """Return signals at 200 Hz in a band."""
    sections = butter(3, band, "bandpass", fs=_RATE, output="sos")
    return np.asarray(sosfiltfilt(sections, data, axis=1)) if len(data) else data


def _r_peaks(
    ecg: Float[ndarray, "one times"], alive: Bool[ndarray, " times"], settings: BeatSettings
) -> Float[ndarray, " beats"]:
    """Return what MNE's detector finds in the living parts of an ECG at 200 Hz, in s."""
    info = mne.create_info(["ECG"], _RATE, "ecg", verbose="error")
    found = [np.zeros(0)]
    for start, stop in _stretches(alive):
        part = mne.io.RawArray(ecg[:, start:stop], info, verbose="error")
        events, _, rate = mne.preprocessing.find_ecg_events(part, verbose="error")
        if settings.rates[0] <= rate <= settings.rates[1]:
            found.append((events[:, 0] + start) / _RATE)
    return np.concatenate(found)


def _beats_of_eeg(raw: mne.io.BaseRaw, settings: BeatSettings) -> Float[ndarray, " beats"]:
    """Return the beats that the EEG itself shows, in s."""
    eeg = _band_passed(_at_rate(raw, "eeg"), _EEG_BAND)
    if not len(eeg):
        raise CleaningError("the recording has neither a living ECG nor EEG; it needs one of them")
    components = np.linalg.svd(eeg, full_matrices=False)[2][:_N_COMPONENTS]
    span = (60 / settings.rates[1], 60 / settings.rates[0])
    best, period, signal = max(
        ((*periodicity(one, _RATE, span), one) for one in components), key=lambda one: one[0]
    )
    if best < settings.least_periodicity:
        raise CleaningError(
            f"no heartbeat was found: there is no living ECG, and no component of the EEG repeats "
            f"{settings.rates[0]:g} to {settings.rates[1]:g} times a minute (autocorrelation "
            f"{best:.2f}; need {settings.least_periodicity:g}); record an ECG, give beats of your "
            "own as nt.Beats, or leave the pulse in"
        )
    skew = np.sign(np.mean(signal**3))
    score = skew * signal / np.quantile(skew * signal, 0.97)
    for _ in range(_ROUNDS):
        beats = _tracked(score, period)
        period = float(np.median(np.diff(beats)))
        score = _score(eeg, beats, period / 2)
    return _tracked(score, period)


def _score(
    data: Float[ndarray, "channels times"], beats: Float[ndarray, " beats"], half: float
) -> Float[ndarray, " times"]:
    """Return how much each moment looks like the average of beats (s)."""
    return matched_score(data, _samples(beats, data[0]), round(half * _RATE))


def _pulse_score(
    eeg: Float[ndarray, "channels times"], beats: Float[ndarray, " beats"], period: float
) -> Float[ndarray, " times"]:
    """Return how much each moment looks like one that an average pulse follows."""
    delay = pulse_delay(eeg, _samples(beats, eeg[0]), round(period * _RATE))
    return np.roll(_score(eeg, beats + delay / _RATE, period / 2), -delay)


def _tracked(score: Float[ndarray, " times"], period: float) -> Float[ndarray, " beats"]:
    """Return the sequence of beats that a score tells, in s."""
    beats = track_beats(score, _RATE, period=period)
    return between_samples(score, beats, round(0.02 * _RATE)) / _RATE


def _samples(beats: Float[ndarray, " beats"], of: ndarray) -> ndarray:
    """Return the samples of beats in a signal."""
    return np.clip(np.round(beats * _RATE).astype(np.int64), 0, len(of) - 1)


def _stretches(alive: Bool[ndarray, " times"]) -> list[tuple[int, int]]:
    """Return begin and end of each stretch that is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], alive, [False]])))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _n_alone(these: Float[ndarray, " beats"], those: Float[ndarray, " others"]) -> int:
    """Return how many beats have no other within 0.1 s."""
    nearest = np.abs(these[:, np.newaxis] - those).min(axis=1)
    return int(np.sum(nearest > _SAME))
