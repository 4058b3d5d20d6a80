"""Simulated runs in memory, and simulated studies on disk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.recording import Bold, Clock, Eeg, Events, Recording
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.head import Head
from neurotranscoder.physics.hrf import HrfShape, hrf_kernel
from neurotranscoder.physics.kernel import Kernel
from neurotranscoder.simulate.bold import bold_signal
from neurotranscoder.simulate.bold_artefacts import (
    add_noise,
    add_white,
    mean_variance,
    move_head,
    run_bold_noise,
    run_motion,
)
from neurotranscoder.simulate.design import crop_events, draw_oddball
from neurotranscoder.simulate.eeg import EXACT_UP_TO, eeg_signal, long_eeg_signal
from neurotranscoder.simulate.eeg_additions import (
    add_eeg_noise,
    add_eyes_and_heart,
    noise_settings,
)
from neurotranscoder.simulate.levels import Levels, expected_levels
from neurotranscoder.simulate.noise import baseline_image, eeg_noise
from neurotranscoder.simulate.regions import Regions, divide_brain
from neurotranscoder.simulate.responses import region_hrfs
from neurotranscoder.simulate.scanner_additions import (
    add_scanner_artefacts,
    record_ecg,
    run_triggers,
)
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator
from neurotranscoder.simulate.sources import (
    RunSources,
    draw_impulses,
    draw_rhythms,
    rhythm_frequencies,
)


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """What all runs of a scenario share.

    Parameters
    ----------
    scenario : Scenario
        What is simulated.
    head : Head
        Voxels, electrodes and leadfield.
    regions : Regions
        Division of the brain.
    leadfield : array, shape (channels, regions)
        Potential per moment of a region's voxels, in V/(A m).
    hrfs : tuple of HrfShape
        Hemodynamic response h of each region.
    levels : Levels
        Scales of the signals.
    """

    scenario: Scenario
    head: Head
    regions: Regions
    leadfield: Float[ndarray, "channels regions"]
    hrfs: tuple[HrfShape, ...]
    levels: Levels

    @property
    def hrf_kernels(self) -> Kernel | tuple[Kernel, ...]:
        """The response h: one for all regions, or one for each."""
        if len(set(self.hrfs)) == 1:
            return hrf_kernel(self.hrfs[0])
        return tuple(map(hrf_kernel, self.hrfs))


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedRun:
    """One run and the sources it came from.

    Parameters
    ----------
    recording : Recording
        The run, with its true clock.
    sources : RunSources
        X of the run.
    triggers : array of int, shape (triggers,), or None
        EEG samples of volume triggers with faults; None where each volume has its own.
    """

    recording: Recording
    sources: RunSources
    triggers: Int[ndarray, " triggers"] | None = None


def make_cohort(scenario: Scenario, head: Head) -> Cohort:
    """Draw what all runs share: regions and the scales of their signals.

    Parameters
    ----------
    scenario : Scenario
        What is simulated.
    head : Head
        From ``build_head(scenario.head)``.
    """
    regions = divide_brain(scenario.regions, head, generator(scenario.seed, Stage.GEOMETRY))
    return cohort_of(scenario, head, regions)


def cohort_of(scenario: Scenario, head: Head, regions: Regions) -> Cohort:
    """Return what all runs share, given how the brain is divided."""
    leadfield, hrfs = regions.leadfield(head), region_hrfs(scenario, regions.n_regions)
    levels = expected_levels(scenario, regions, leadfield, hrfs)
    return Cohort(scenario, head, regions, leadfield, hrfs, levels)


def simulate_run(
    scenario: Scenario, head: Head, subject: int, run: int, *, events: Events | None = None
) -> SimulatedRun:
    """Simulate one run in memory.

    Parameters
    ----------
    scenario : Scenario
        What is simulated.
    head : Head
        From ``build_head(scenario.head)``.
    subject, run : int
        Which run, both from 0.
    events : Events, optional
        What happens; an auditory oddball is drawn by default.

    Returns
    -------
    run : SimulatedRun
        The recording and its sources; the same bits for the same arguments.
    """
    return simulate_run_of(make_cohort(scenario, head), subject, run, events=events)


def simulate_run_of(
    cohort: Cohort, subject: int, run: int, *, events: Events | None = None
) -> SimulatedRun:
    """Simulate one run of a cohort; arguments and result as for `simulate_run`."""
    scenario = cohort.scenario
    run_id = scenario.run_id(subject, run)
    if events is None:
        rng = generator(scenario.seed, Stage.DESIGN, subject=subject, run=run)
        events = draw_oddball(scenario.oddball, scenario.duration, rng)
    events = crop_events(events, scenario.duration)
    sources = _draw_sources(cohort, events, subject, run)
    clock, n_times = _draw_clock(scenario, subject, run)
    recording = Recording(
        run_id,
        _record_eeg(cohort, sources, clock, n_times, (subject, run)),
        _record_bold(cohort, sources, (subject, run)),
        clock,
        events,
    )
    triggers = run_triggers(scenario, clock, n_times, (subject, run))
    return SimulatedRun(recording, sources, triggers)


def _draw_sources(cohort: Cohort, events: Events, subject: int, run: int) -> RunSources:
    """Draw X of one run."""
    scenario, regions = cohort.scenario, cohort.regions
    impulses = draw_impulses(
        regions,
        scenario.regions,
        events,
        sfreq=scenario.source_rate,
        rng=generator(scenario.seed, Stage.TRAINS, subject=subject, run=run),
    )
    frequencies = rhythm_frequencies(scenario.rhythm_band, scenario.duration)
    rhythm_region = np.flatnonzero(regions.rhythmic)
    waves = draw_rhythms(
        len(rhythm_region),
        frequencies,
        sd=cohort.levels.rhythm_sd,
        rng=generator(scenario.seed, Stage.RHYTHMS, subject=subject, run=run),
    )
    return RunSources(
        regions.n_regions,
        impulses.region,
        impulses.time,
        impulses.amplitude,
        rhythm_region,
        frequencies,
        waves,
    )


def _draw_clock(scenario: Scenario, subject: int, run: int) -> tuple[Clock, int]:
    """Draw when the EEG starts; return its clock and number of samples."""
    rng = generator(scenario.seed, Stage.CLOCK, subject=subject, run=run)
    start = -rng.uniform(*scenario.eeg_lead)
    seconds = scenario.duration + scenario.eeg_tail - start
    rounding = 1 / (scenario.eeg_rate * np.sqrt(12))
    volumes = scenario.volumes.n_volumes
    clock = Clock("measured", start, scenario.drift_ppm, float(rounding), volumes)
    return clock, int(np.ceil(seconds * scenario.eeg_rate))


def _record_eeg(
    cohort: Cohort, sources: RunSources, clock: Clock, n_times: int, which: tuple[int, int]
) -> Eeg:
    """Return the EEG of a run with its noise."""
    scenario = cohort.scenario
    times = clock.scanner_times(n_times, scenario.eeg_rate)
    kernel = evoked_kernel(scenario.evoked)
    signal = eeg_signal if scenario.eeg_rate <= EXACT_UP_TO else long_eeg_signal
    data = signal(sources, cohort.leadfield, kernel, times, moment=cohort.levels.moment)
    if (noise := noise_settings(scenario)) is not None:
        add_eeg_noise(data, scenario, noise, cohort.head, which)
    elif scenario.eeg_snr_db is not None:
        rng = generator(scenario.seed, Stage.EEG_NOISE, subject=which[0], run=which[1])
        data = data + eeg_noise(data, scenario.eeg_snr_db, rng)
    add_eyes_and_heart(data, times, scenario, cohort.head, which)
    add_scanner_artefacts(data, times, scenario, cohort.head, which)
    others = record_ecg(times, scenario, which)
    return Eeg(data, scenario.eeg_rate, cohort.head.montage, others=others)


def _record_bold(cohort: Cohort, sources: RunSources, which: tuple[int, int]) -> Bold:
    """Return the BOLD images of a run with baseline, motion and noise."""
    scenario, head = cohort.scenario, cohort.head
    data = bold_signal(
        sources,
        cohort.regions,
        cohort.hrf_kernels,
        scenario.volumes,
        gain=cohort.levels.bold_gain,
    )
    signal = mean_variance(data, head.brain)
    baseline = baseline_image(head, scenario.bold_baseline)
    data += baseline[..., np.newaxis].astype(np.float32)
    if (motion := run_motion(scenario, *which)) is not None:
        move_head(data, scenario, head, motion)
    if (noise := run_bold_noise(scenario, head, *which)) is not None:
        add_noise(data, scenario, head, noise, signal=signal, baseline=baseline)
    else:
        add_white(data, scenario, which, signal=signal)
    return Bold(data, head.grid, scenario.volumes, head.brain)
