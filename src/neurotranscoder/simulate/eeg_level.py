"""How strong the noise of an EEG is that reaches a signal-to-noise ratio."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Events
from neurotranscoder.simulate.cohort import Cohort
from neurotranscoder.simulate.design import is_stimulus
from neurotranscoder.simulate.noise import noise_sd


def run_noise_sd(
    eeg: Float[ndarray, "channels times"],
    times: Float[ndarray, " times"],
    cohort: Cohort,
    events: Events,
) -> float | None:
    """Return the sd of all noise together, in V, or None in a scenario without a ratio.

    The variance of the signal is averaged over channels. It is that of the whole run or of the
    trials alone, as the ``eeg_snr_over`` of the scenario says.

    Parameters
    ----------
    eeg : array, shape (channels, times)
        Noise-free EEG, in V.
    times : array, shape (times,)
        Scanner times of its samples, in seconds.
    cohort : Cohort
        What all runs share.
    events : Events
        What happens in the run.

    Raises
    ------
    SettingsError
        When the trials are asked for, and no stimulus was given while EEG was recorded.
    """
    scenario = cohort.scenario
    if scenario.eeg_snr_db is None:
        return None
    if scenario.eeg_snr_over == "trial":
        inside = in_trials(times, events, trial_length(cohort))
        if not inside.any():
            raise SettingsError(
                f"eeg_snr_over is 'trial', and none of {len(events.onset)} events is a stimulus "
                "during the EEG; set it to 'run' or give events with stimuli"
            )
        eeg = eeg[:, inside]
    signal = float(np.mean([np.var(row, dtype=np.float64) for row in eeg]))
    return noise_sd(signal, scenario.eeg_snr_db)


def trial_length(cohort: Cohort) -> float:
    """Return how long after a stimulus its evoked activity lasts, in s.

    It is the latest latency of the evoked regions plus the length of the evoked response; what
    follows responses counts from the mean response time.
    """
    scenario, regions = cohort.scenario, cohort.regions.background
    response = scenario.task.mean_response
    ends = [
        activation.latency + activation.duration + response * (activation.after == "response")
        for activation in scenario.regions.activations
    ]
    latest = max([*regions.latency[~regions.oscillatory].tolist(), *ends])
    return float(latest + scenario.evoked.duration)


def in_trials(
    times: Float[ndarray, " times"], events: Events, length: float
) -> Bool[ndarray, " times"]:
    """Return which times are at most ``length`` s after the onset of a stimulus."""
    onset = np.sort(events.onset[is_stimulus(events)])
    if len(onset) == 0:
        return np.zeros(len(times), dtype=bool)
    last = np.searchsorted(onset, times, side="right") - 1
    return np.asarray((last >= 0) & (times - onset[last] <= length))
