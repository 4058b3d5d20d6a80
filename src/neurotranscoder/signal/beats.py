"""Beats in a signal: an average beat as a matched filter, and the sequence that fits it best."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.signal import fftconvolve

_RIDGE = 1e-3  # of the mean power of a channel: data may be average referenced
_RANK = 3


def average_beat(
    data: Float[ndarray, "channels times"],
    centres: Int[ndarray, " beats"],
    half: int,
    *,
    alternate: bool = False,
) -> Float[ndarray, "channels lags"]:
    """Return the mean of what lies from ``half`` before to ``half`` samples after each beat.

    Parameters
    ----------
    data : array, shape (channels, times)
        Signals.
    centres : array of int, shape (beats,)
        Samples; those whose surroundings are cut are left out.
    half : int
        Samples before and after.
    alternate : bool
        Turn the sign of every other beat: what all beats share is gone, and what is left is as
        strong as noise in the mean.
    """
    whole = whole_beats(centres, half, data.shape[1])
    total = np.zeros((len(data), 2 * half + 1))
    for number, centre in enumerate(whole):
        sign = -1.0 if alternate and number % 2 else 1.0
        total += sign * data[:, centre - half : centre + half + 1]
    return total / max(1, len(whole))


def whole_beats(
    centres: Int[ndarray, " beats"], half: int, n_times: int
) -> Int[ndarray, " whole"]:
    """Return the beats that have ``half`` samples before and after them."""
    return centres[(centres >= half) & (centres < n_times - half)]


def matched_score(
    data: Float[ndarray, "channels times"], beats: Int[ndarray, " beats"], half: int
) -> Float[ndarray, " times"]:
    """Return how much each moment looks like the average beat: about 1 at a beat.

    The average over beats is weighted by the inverse covariance of the channels, so that what
    is strong without any relation to the beats counts little, and reduced to three components in
    space and time.

    Parameters
    ----------
    data : array, shape (channels, times)
        Signals without their mean.
    beats : array of int, shape (beats,)
        Samples of some beats.
    half : int
        Samples before and after a beat that its average holds.
    """
    average = average_beat(data, beats, half)
    covariance = data @ data.T / data.shape[1]
    ridge = _RIDGE * np.trace(covariance) / len(data) * np.eye(len(data))
    weights = np.linalg.solve(covariance + ridge, average)
    space, sizes, time = np.linalg.svd(weights, full_matrices=False)
    score = np.zeros(data.shape[1])
    for k in range(min(_RANK, len(sizes))):
        component = sizes[k] * space[:, k] @ data
        score += fftconvolve(component, time[k, ::-1], mode="same")
    score -= np.median(score)
    return np.asarray(score / np.median(score[beats]))


def pulse_delay(
    data: Float[ndarray, "channels times"], beats: Int[ndarray, " beats"], period: int
) -> int:
    """Return how many samples after a beat the middle of the average pulse lies.

    The middle is the circular mean of its power over one period. A pulse belongs to the beat
    before it or after it: to the one that it keeps its distance to, whose average is stronger.

    Parameters
    ----------
    data : array, shape (channels, times)
        Signals without their mean.
    beats : array of int, shape (beats,)
        Samples of the beats.
    period : int
        Usual interval, in samples.
    """
    half = period // 2
    power = np.sum(average_beat(data, beats + half, half) ** 2, axis=0)
    turns = np.sum(power * np.exp(2j * np.pi * np.arange(len(power)) / len(power)))
    after = round(float(np.angle(turns)) / (2 * np.pi) % 1 * len(power))
    sizes = {d: np.sum(average_beat(data, beats + d, half) ** 2) for d in (after, after - period)}
    return max(sizes, key=lambda delay: float(sizes[delay]))


def track_beats(
    score: Float[ndarray, " times"], sfreq: float, *, period: float, tightness: float = 2.0
) -> Int[ndarray, " beats"]:
    """Return the sequence of beats with the largest sum of scores.

    Each interval costs ``tightness * log(interval / period)^2``; intervals lie between half the
    period and twice as much. Found by dynamic programming (Ellis 2007, "Beat tracking by dynamic
    programming").

    Parameters
    ----------
    score : array, shape (times,)
        How much a moment looks like a beat: about 1 at beats, about 0 elsewhere.
    sfreq : float
        Samples per second.
    period : float
        Usual interval, in s.
    tightness : float
        How much even intervals count beside the score.

    Returns
    -------
    beats : array of int, shape (beats,)
        Samples, ascending.
    """
    lags = np.arange(int(0.5 * period * sfreq), int(2 * period * sfreq) + 1)[::-1]
    cost = tightness * np.log(lags / (period * sfreq)) ** 2
    n_before = lags[0]
    total = np.concatenate([np.full(n_before, -np.inf), score])
    last = np.full(len(score), -1)
    for time in range(len(score)):
        before = total[time : time + len(lags)] - cost
        best = int(np.argmax(before))
        if before[best] > 0:  # else the sequence begins here
            total[time + n_before] += before[best]
            last[time] = time - lags[best]
    total = total[n_before:]
    end = max(0, len(score) - int(n_before))
    beat = end + int(np.argmax(total[end:]))
    beats = []
    while beat >= 0:
        beats.append(beat)
        beat = int(last[beat])
    return np.asarray(beats[::-1])


def between_samples(
    score: Float[ndarray, " times"], beats: Int[ndarray, " beats"], reach: int
) -> Float[ndarray, " beats"]:
    """Return beats moved to the largest score within ``reach`` samples, by a parabola there."""
    found = np.empty(len(beats))
    for number, beat in enumerate(beats):
        start = max(1, beat - reach)
        top = start + int(np.argmax(score[start : min(len(score) - 1, beat + reach + 1)]))
        before, at, after = score[top - 1 : top + 2]
        bend = before - 2 * at + after
        found[number] = top + (0.5 * (before - after) / bend if bend < 0 else 0.0)
    return found


def periodicity(
    signal: Float[ndarray, " times"], sfreq: float, periods: tuple[float, float]
) -> tuple[float, float]:
    """Return the largest autocorrelation at lags between two periods (s), and its lag in s."""
    centred = signal - signal.mean()
    full = fftconvolve(centred, centred[::-1])[len(centred) - 1 :]
    lags = np.arange(int(periods[0] * sfreq), int(periods[1] * sfreq) + 1)
    best = int(np.argmax(full[lags] / (len(centred) - lags)))
    return float(full[lags[best]] / full[0]), float(lags[best] / sfreq)
