"""One simulated run in memory: its sources, its EEG and its BOLD."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from neurotranscoder.core.recording import Clock, Eeg, Events, Recording
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.head import Head
from neurotranscoder.simulate.bold_run import BoldRun
from neurotranscoder.simulate.cohort import Cohort, cohort_of_run
from neurotranscoder.simulate.draw import DrawnSources, draw_events, draw_sources
from neurotranscoder.simulate.eeg import EXACT_UP_TO, eeg_signal, long_eeg_signal
from neurotranscoder.simulate.eeg_additions import (
    add_eeg_noise,
    add_eyes_and_heart,
    noise_settings,
)
from neurotranscoder.simulate.eeg_level import run_noise_sd
from neurotranscoder.simulate.noise import eeg_noise
from neurotranscoder.simulate.scanner_additions import (
    add_scanner_artefacts,
    record_ecg,
    run_triggers,
)
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator
from neurotranscoder.simulate.sources import RunSources


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedRun:
    """One run and the sources it came from.

    Parameters
    ----------
    recording : Recording
        EEG, BOLD, clock and events.
    drawn : DrawnSources
        Its sources, as each modality sees them.
    triggers : array of int, shape (triggers,), or None
        EEG samples of volume triggers with faults; None where each volume has its own.
    """

    recording: Recording
    drawn: DrawnSources
    triggers: Int[ndarray, " triggers"] | None = None

    @property
    def sources(self) -> RunSources:
        """X of Eq. 2."""
        return self.drawn.electric


def simulate_run(
    scenario: Scenario, head: Head, subject: int, run: int, *, events: Events | None = None
) -> SimulatedRun:
    """Simulate one run in memory.

    Parameters
    ----------
    scenario : Scenario
        What is simulated.
    head : Head
        From ``build_head(scenario.head)``; of heads that differ from it, that of the subject
        alone is built.
    subject, run : int
        Which run, both from 0.
    events : Events, optional
        What happens; the scenario's own task is drawn by default.

    Returns
    -------
    run : SimulatedRun
        The recording and its sources; the same bits for the same arguments.
    """
    cohort = cohort_of_run(scenario, head, subject, run)
    return simulate_run_of(cohort, subject, run, events=events)


def simulate_run_of(
    cohort: Cohort, subject: int, run: int, *, events: Events | None = None
) -> SimulatedRun:
    """Simulate one run of a cohort; arguments and result as for `simulate_run`."""
    scenario = cohort.scenario
    run_id = scenario.run_id(subject, run)
    events = draw_events(scenario, subject, run, given=events)
    drawn = draw_sources(cohort, events, subject, run)
    clock, n_times = draw_clock(scenario, subject, run)
    recording = Recording(
        run_id,
        _record_eeg(cohort, drawn.electric, events, clock, n_times, (subject, run)),
        BoldRun(cohort, drawn.hemodynamic, (subject, run)).record(),
        clock,
        events,
    )
    triggers = run_triggers(scenario, clock, n_times, (subject, run))
    return SimulatedRun(recording, drawn, triggers)


def draw_clock(scenario: Scenario, subject: int, run: int) -> tuple[Clock, int]:
    """Draw when the EEG starts; return its clock and number of samples."""
    rng = generator(scenario.seed, Stage.CLOCK, subject=subject, run=run)
    start = -rng.uniform(*scenario.eeg_lead)
    seconds = scenario.duration + scenario.eeg_tail - start
    rounding = 1 / (scenario.eeg_rate * np.sqrt(12))
    volumes = scenario.volumes.n_volumes
    clock = Clock("measured", start, scenario.drift_ppm, float(rounding), volumes)
    return clock, int(np.ceil(seconds * scenario.eeg_rate))


def _record_eeg(
    cohort: Cohort,
    sources: RunSources,
    events: Events,
    clock: Clock,
    n_times: int,
    which: tuple[int, int],
) -> Eeg:
    """Return the EEG of a run with its noise."""
    scenario, subject = cohort.scenario, cohort.subjects[which[0]]
    times = clock.scanner_times(n_times, scenario.eeg_rate)
    kernel = evoked_kernel(scenario.evoked)
    signal = eeg_signal if scenario.eeg_rate <= EXACT_UP_TO else long_eeg_signal
    data = signal(sources, subject.leadfield, kernel, times, moment=cohort.levels.moment)
    sd = run_noise_sd(data, times, cohort, events)
    if (noise := noise_settings(scenario)) is not None:
        add_eeg_noise(data, scenario, noise, subject.head, which, sd=sd)
    elif sd is not None:
        rng = generator(scenario.seed, Stage.EEG_NOISE, subject=which[0], run=which[1])
        data = data + eeg_noise(data.shape, sd, rng)
    add_eyes_and_heart(data, times, scenario, subject.head, which)
    add_scanner_artefacts(data, times, scenario, subject.head, which)
    others = record_ecg(times, scenario, which)
    return Eeg(data, scenario.eeg_rate, subject.head.montage, others=others)
