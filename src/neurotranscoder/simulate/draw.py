"""The sources of a run, drawn from the streams of its scenario: the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from neurotranscoder.core.recording import Events
from neurotranscoder.simulate.activation_trains import draw_activations, joined
from neurotranscoder.simulate.activations import check_conditions, check_own_conditions
from neurotranscoder.simulate.cohort import Cohort
from neurotranscoder.simulate.coupling import power_of_impulses
from neurotranscoder.simulate.design import crop_events, stimulus_labels
from neurotranscoder.simulate.levels import region_bands
from neurotranscoder.simulate.network import follow_impulses, follow_rhythms
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.rhythms import (
    Waves,
    draw_banded,
    draw_rhythms,
    rhythm_frequencies,
)
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator
from neurotranscoder.simulate.sources import RunSources
from neurotranscoder.simulate.trains import Impulses, draw_impulses, draw_spontaneous

_AT_ONCE = 2_000_000  # pairs of an event and a region


@dataclass(frozen=True, slots=True, eq=False)
class DrawnSources:
    """The sources of one run, as each modality sees them.

    Parameters
    ----------
    electric : RunSources
        X of Eq. 2, which the EEG sees through the evoked response.
    hemodynamic : RunSources
        What BOLD follows through the hemodynamic response: X itself (Eq. 1) where the coupling is
        linear.
    events : Events
        What happened in the run.
    """

    electric: RunSources
    hemodynamic: RunSources
    events: Events


def draw_events(
    scenario: Scenario, subject: int, run: int, *, given: Events | None = None
) -> Events:
    """Return the events of a run: those that were given, or the scenario's own task.

    Raises
    ------
    SettingsError
        When none of them is of a condition that the scenario's activations know.
    GridError
        When none begins within the run.
    """
    task = scenario.task
    labels = task.labels if given is None else stimulus_labels(given)
    check_conditions(scenario.regions.activations, labels)
    if given is None:
        check_own_conditions(scenario.regions.activations, labels)
        rng = generator(scenario.seed, Stage.DESIGN, subject=subject, run=run)
        given = task.draw(scenario.duration, rng)
    return crop_events(given, scenario.duration)


def draw_sources(cohort: Cohort, events: Events, subject: int, run: int) -> DrawnSources:
    """Draw the sources of one run.

    Parameters
    ----------
    cohort : Cohort
        What all runs share.
    events : Events
        What happens in the run, from `draw_events`.
    subject, run : int
        Which run, both from 0.
    """
    scenario, regions = cohort.scenario, cohort.regions
    strengths = cohort.subjects[subject].strengths
    rng = generator(scenario.seed, Stage.TRAINS, subject=subject, run=run)
    impulses = _draw_trains(scenario, regions.background, events, rng)
    if cohort.links is not None and scenario.network is not None:
        rng = generator(scenario.seed, Stage.FOLLOWERS, subject=subject, run=run)
        impulses = follow_impulses(
            impulses, cohort.links, scenario.network, sfreq=scenario.source_rate, rng=rng
        )
    rng = generator(scenario.seed, Stage.ACTIVATIONS, subject=subject, run=run)
    activations = draw_activations(
        regions, scenario.regions.activations, events, sfreq=scenario.source_rate, rng=rng
    )
    impulses = joined((impulses, *activations))
    electric, powers = _draw_waves(cohort, subject, run)
    rhythm_region = np.flatnonzero(regions.rhythmic)
    own = strengths[rhythm_region, np.newaxis]
    sources = RunSources(
        regions.n_regions,
        impulses.region,
        impulses.time,
        impulses.amplitude * strengths[impulses.region],
        rhythm_region,
        electric.frequencies,
        electric.waves * own,
    )
    if scenario.coupling.mode == "linear":
        return DrawnSources(sources, sources, events)
    follows = replace(sources, frequencies=powers.frequencies, waves=powers.waves * own**2)
    if scenario.coupling.evoked_power:
        power = power_of_impulses(sources.amplitude, scenario.regions.amplitude_log_sd)
        follows = replace(follows, amplitude=power)
    return DrawnSources(sources, follows, events)


def _draw_waves(cohort: Cohort, subject: int, run: int) -> tuple[Waves, Waves]:
    """Draw the rhythms of a run, and what BOLD follows of them where that is their power."""
    scenario = cohort.scenario
    electric, powers = _draw_own_waves(cohort, subject, run)
    if cohort.links is not None and scenario.network is not None:
        rows = np.flatnonzero(cohort.regions.rhythmic)
        linked = follow_rhythms(
            electric.waves, electric.frequencies, rows, cohort.links, scenario.network
        )
        electric = replace(electric, waves=linked)
    return electric, powers


def _draw_own_waves(cohort: Cohort, subject: int, run: int) -> tuple[Waves, Waves]:
    """Draw the rhythms that regions have by themselves, and their power."""
    scenario, levels = cohort.scenario, cohort.levels
    rng = generator(scenario.seed, Stage.RHYTHMS, subject=subject, run=run)
    rhythmic = np.flatnonzero(cohort.regions.rhythmic)
    if not scenario.rhythm_bands and scenario.envelope is None:
        frequencies = rhythm_frequencies(scenario.rhythm_band, scenario.duration)
        waves = draw_rhythms(len(rhythmic), frequencies, sd=levels.rhythm_sd, rng=rng)
        return Waves(frequencies, waves), Waves(np.empty(0), waves[:, :0])
    bands, gains = region_bands(scenario, cohort.regions)
    rhythms, powers = draw_banded(
        [bands[r] for r in rhythmic], scenario.envelope, scenario.duration, rng
    )
    gain = levels.power_gain * gains[rhythmic, np.newaxis]
    return (
        replace(rhythms, waves=levels.rhythm_sd * rhythms.waves),
        replace(powers, waves=gain * powers.waves),
    )


def _draw_trains(
    scenario: Scenario, regions: Regions, events: Events, rng: np.random.Generator
) -> Impulses:
    """Draw the impulses of a run, the events of many regions a few at a time."""
    settings, sfreq = scenario.regions, scenario.source_rate
    if settings.timing == "spontaneous":
        span = -scenario.hrf.duration, scenario.duration + scenario.eeg_tail
        return draw_spontaneous(regions, settings, span, sfreq=sfreq, rng=rng)
    step = max(1, _AT_ONCE // max(regions.n_regions, 1))
    parts = [
        draw_impulses(regions, settings, some_events, sfreq=sfreq, rng=rng)
        for some_events in _in_parts(events, step)
    ]
    arrays = ([getattr(part, name) for part in parts] for name in ("region", "time", "amplitude"))
    return Impulses(*map(np.concatenate, arrays))


def _in_parts(events: Events, step: int) -> Iterator[Events]:
    """Give a few events after the other."""
    for start in range(0, len(events.onset), step):
        part = slice(start, start + step)
        yield Events(
            events.onset[part],
            events.duration[part],
            events.trial_type[part],
            events.response_time[part],
        )
