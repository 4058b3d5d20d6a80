"""Event-related potentials: averages of EEG around events, per condition."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.recording import Clock, Eeg, Events

LEAST_EVENTS = 8
MOST_CONDITIONS = 6
BEFORE, AFTER = 0.2, 0.8  # s around an event


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """Events of one kind: its name, and their onsets in s."""

    name: str
    onset: Float[ndarray, " events"]


@dataclass(frozen=True, slots=True, eq=False)
class EvokedPotential:
    """The average of the trials of one condition.

    Parameters
    ----------
    condition : str
        Which events.
    times : array, shape (times,)
        Seconds from the event.
    average : array, shape (channels, times)
        Mean over trials, without the mean before the event, in V.
    alternating : array, shape (channels, times)
        The same with alternating signs: what noise alone leaves.
    spread : array, shape (channels, times)
        Standard deviation over trials, in V.
    n_trials : int
        How many trials.
    """

    condition: str
    times: Float[ndarray, " times"]
    average: Float[ndarray, "channels times"]
    alternating: Float[ndarray, "channels times"]
    spread: Float[ndarray, "channels times"]
    n_trials: int

    @property
    def peak(self) -> int:
        """The sample after the event at which the field over the scalp is strongest."""
        after = np.flatnonzero(self.times >= 0)
        return int(after[np.argmax(field_power(self.average)[after])])

    @property
    def trial_snr_db(self) -> float:
        """Squared mean over variance across trials, at the peak's strongest channel, in dB."""
        values = self.average[:, self.peak]
        channel = int(np.argmax(np.abs(values)))
        ratio = values[channel] / self.spread[channel, self.peak]
        return float(20 * np.log10(np.abs(ratio)))


def field_power(average: Float[ndarray, "channels times"]) -> Float[ndarray, " times"]:
    """Return the standard deviation over channels (the magnitude where there is only one)."""
    if len(average) == 1:
        return np.asarray(np.abs(average[0]))
    return np.asarray(average.std(axis=0))


def conditions_of(events: Events) -> tuple[Condition, ...]:
    """Return the conditions that occur often enough, the rarest last.

    Parameters
    ----------
    events : Events
        Of one run.
    """
    names = np.array(events.trial_type)
    counts = Counter(events.trial_type).most_common(MOST_CONDITIONS)
    often = (name for name, count in counts if count >= LEAST_EVENTS)
    return tuple(Condition(name, events.onset[names == name]) for name in often)


def evoked_potential(eeg: Eeg, clock: Clock, condition: Condition) -> EvokedPotential | None:
    """Average the trials that lie within the recording; None where they are too few.

    Parameters
    ----------
    eeg : Eeg
        Signals.
    clock : Clock
        From EEG time to scanner time.
    condition : Condition
        When events came, on the scanner clock.
    """
    step = (1 + clock.drift_ppm * 1e-6) / eeg.sfreq
    offsets = np.arange(-round(BEFORE * eeg.sfreq), round(AFTER * eeg.sfreq) + 1)
    first = np.rint((condition.onset - clock.eeg_start) / step).astype(np.int64)
    whole = (first + offsets[0] >= 0) & (first + offsets[-1] < eeg.data.shape[1])
    if whole.sum() < LEAST_EVENTS:
        return None
    trials = eeg.data[:, first[whole, np.newaxis] + offsets].swapaxes(0, 1)
    trials = trials - trials[..., offsets < 0].mean(axis=2, keepdims=True)
    signs = np.resize([1.0, -1.0], len(trials))
    return EvokedPotential(
        condition.name,
        offsets / eeg.sfreq,
        trials.mean(axis=0),
        np.tensordot(signs, trials, axes=1) / len(trials),
        trials.std(axis=0, ddof=1),
        len(trials),
    )
