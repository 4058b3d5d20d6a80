"""One simulated run in memory: its sources, its EEG and its BOLD."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Int
from numpy import ndarray

from neurotranscoder.core.recording import Events, Recording
from neurotranscoder.physics.head import Head
from neurotranscoder.simulate.bold_run import BoldRun
from neurotranscoder.simulate.cohort import Cohort, cohort_of_run
from neurotranscoder.simulate.draw import DrawnSources, draw_events, draw_sources
from neurotranscoder.simulate.eeg_run import EegRun, draw_clock
from neurotranscoder.simulate.scanner_additions import run_triggers
from neurotranscoder.simulate.scenario import Scenario
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
        EegRun(cohort, drawn.electric, events, (subject, run)).record(),
        BoldRun(cohort, drawn.hemodynamic, (subject, run)).record(),
        clock,
        events,
    )
    triggers = run_triggers(scenario, clock, n_times, (subject, run))
    return SimulatedRun(recording, drawn, triggers)
