"""The EEG of one run, whole or part by part: signal, noise, eyes, heart, scanner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Clock, Eeg, Events
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.head import Head
from neurotranscoder.simulate.cohort import Cohort
from neurotranscoder.simulate.eeg import EXACT_UP_TO, eeg_signal, long_eeg_signal
from neurotranscoder.simulate.eeg_additions import (
    add_eeg_noise,
    add_eyes_and_heart,
    noise_settings,
)
from neurotranscoder.simulate.eeg_level import run_noise_sd
from neurotranscoder.simulate.noise import eeg_noise
from neurotranscoder.simulate.scanner_additions import add_scanner_artefacts, record_ecg
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator
from neurotranscoder.simulate.sources import RunSources

_NOISE = ("white", "brain")
_BODY = ("blinks", "heart")
_SCANNER = {"gradient": "gradient_mv", "pulse": "pulse_uv"}


@dataclass(frozen=True, slots=True, eq=False)
class EegRun:
    """What the EEG of one run consists of.

    Parameters
    ----------
    cohort : Cohort
        What all runs share.
    sources : RunSources
        X of the run.
    events : Events
        What happens in it.
    which : tuple of int
        Subject and run, both from 0.
    """

    cohort: Cohort
    sources: RunSources
    events: Events
    which: tuple[int, int]

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of what is added to the signal."""
        scenario, names = self.cohort.scenario, []
        if (noise := noise_settings(scenario)) is not None:
            names += [name for name in _NOISE if getattr(noise, f"{name}_uv") > 0]
        elif scenario.eeg_snr_db is not None:
            names.append("white")
        names += [name for name in _BODY if getattr(scenario, name) is not None]
        if scenario.scanner is not None:
            names += list(_SCANNER)
        return tuple(names)

    def signal(self) -> Float[ndarray, "channels times"]:
        """Return the noise-free EEG G P (Eq. 3), in V."""
        cohort, times = self.cohort, self._times
        exact = cohort.scenario.eeg_rate <= EXACT_UP_TO
        make = eeg_signal if exact else long_eeg_signal
        leadfield = cohort.subjects[self.which[0]].leadfield
        kernel = evoked_kernel(cohort.scenario.evoked)
        return make(self.sources, leadfield, kernel, times, moment=cohort.levels.moment)

    def record(self) -> Eeg:
        """Return the EEG with all its parts, and the ECG beside it where there is one."""
        scenario, times = self.cohort.scenario, self._times
        data = self.signal()
        sd = run_noise_sd(data, times, self.cohort, self.events)
        data = self._with_noise(data, scenario, sd)
        add_eyes_and_heart(data, times, scenario, self._head, self.which)
        add_scanner_artefacts(data, times, scenario, self._head, self.which)
        others = record_ecg(times, scenario, self.which)
        return Eeg(data, scenario.eeg_rate, self._head.montage, others=others)

    def part(self, name: str) -> Float[ndarray, "channels times"]:
        """Return what one part adds, in V.

        Parameters
        ----------
        name : str
            One of ``parts``.

        Raises
        ------
        SettingsError
            When the run has no such part.
        """
        if name not in self.parts:
            raise SettingsError(
                f"EEG of this run has no part {name!r}; it has {', '.join(self.parts) or 'none'}"
            )
        scenario, times = self.cohort.scenario, self._times
        signal = self.signal()
        nothing = np.zeros_like(signal)
        if name in _NOISE:
            sd = run_noise_sd(signal, times, self.cohort, self.events)
            return self._with_noise(nothing, *_noise_alone(scenario, name, sd))
        if name in _BODY:
            others = {other: None for other in _BODY if other != name}
            alone = scenario.model_copy(update=others)
            add_eyes_and_heart(nothing, times, alone, self._head, self.which)
        elif scenario.scanner is not None:
            off = {field: 0.0 for other, field in _SCANNER.items() if other != name}
            alone = scenario.model_copy(
                update={"scanner": scenario.scanner.model_copy(update=off)}
            )
            add_scanner_artefacts(nothing, times, alone, self._head, self.which)
        return nothing

    @property
    def _head(self) -> Head:
        """The head of the subject."""
        return self.cohort.subjects[self.which[0]].head

    @property
    def _times(self) -> Float[ndarray, " times"]:
        """Scanner times of the samples, in s."""
        clock, n_times = draw_clock(self.cohort.scenario, *self.which)
        return clock.scanner_times(n_times, self.cohort.scenario.eeg_rate)

    def _with_noise(
        self, data: Float[ndarray, "channels times"], scenario: Scenario, sd: float | None
    ) -> Float[ndarray, "channels times"]:
        """Add the noise of a scenario, of one sd together where that is given."""
        if (noise := noise_settings(scenario)) is not None:
            add_eeg_noise(data, scenario, noise, self._head, self.which, sd=sd)
        elif sd is not None:
            subject, run = self.which
            rng = generator(scenario.seed, Stage.EEG_NOISE, subject=subject, run=run)
            average = self._head.reference == "average"
            data = data + eeg_noise(data.shape, sd, rng, average_reference=average)
        return data


def draw_clock(scenario: Scenario, subject: int, run: int) -> tuple[Clock, int]:
    """Draw when the EEG starts; return its clock and number of samples."""
    rng = generator(scenario.seed, Stage.CLOCK, subject=subject, run=run)
    start = -rng.uniform(*scenario.eeg_lead)
    seconds = scenario.duration + scenario.eeg_tail - start
    rounding = 1 / (scenario.eeg_rate * np.sqrt(12))
    volumes = scenario.volumes.n_volumes
    clock = Clock("measured", start, scenario.drift_ppm, float(rounding), volumes)
    return clock, int(np.ceil(seconds * scenario.eeg_rate))


def _noise_alone(scenario: Scenario, name: str, sd: float | None) -> tuple[Scenario, float | None]:
    """Return a scenario with one kind of noise, and its sd if that of both is given."""
    noise = noise_settings(scenario)
    if noise is None:
        return scenario, sd
    alone = noise.model_copy(update={f"{other}_uv": 0.0 for other in _NOISE if other != name})
    if sd is not None:
        both = noise.white_variance + noise.brain_variance
        sd *= float(np.sqrt((alone.white_variance + alone.brain_variance) / both))
    return scenario.model_copy(update={"eeg_noise": alone}), sd
