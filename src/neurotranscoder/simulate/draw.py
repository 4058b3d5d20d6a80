"""The sources of a run, drawn from the streams of its scenario: the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neurotranscoder.core.recording import Events
from neurotranscoder.simulate.cohort import Cohort
from neurotranscoder.simulate.design import crop_events, draw_oddball
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.rhythms import draw_rhythms, rhythm_frequencies
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
    """

    electric: RunSources
    hemodynamic: RunSources


def draw_events(
    scenario: Scenario, subject: int, run: int, *, given: Events | None = None
) -> Events:
    """Return the events of a run: those that were given, or the scenario's own task."""
    if given is not None:
        return crop_events(given, scenario.duration)
    rng = generator(scenario.seed, Stage.DESIGN, subject=subject, run=run)
    return crop_events(draw_oddball(scenario.oddball, scenario.duration, rng), scenario.duration)


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
    impulses = _draw_trains(scenario, regions, events, rng)
    frequencies = rhythm_frequencies(scenario.rhythm_band, scenario.duration)
    rhythm_region = np.flatnonzero(regions.rhythmic)
    waves = draw_rhythms(
        len(rhythm_region),
        frequencies,
        sd=cohort.levels.rhythm_sd,
        rng=generator(scenario.seed, Stage.RHYTHMS, subject=subject, run=run),
    )
    sources = RunSources(
        regions.n_regions,
        impulses.region,
        impulses.time,
        impulses.amplitude * strengths[impulses.region],
        rhythm_region,
        frequencies,
        waves * strengths[rhythm_region, np.newaxis],
    )
    return DrawnSources(sources, sources)


def _draw_trains(
    scenario: Scenario, regions: Regions, events: Events, rng: np.random.Generator
) -> Impulses:
    """Draw the impulses of a run, the events of many regions a few at a time."""
    settings, sfreq = scenario.regions, scenario.source_rate
    if settings.timing == "spontaneous":
        span = -scenario.hrf.duration, scenario.duration + scenario.eeg_tail
        return draw_spontaneous(regions, settings, span, sfreq=sfreq, rng=rng)
    step = max(1, _AT_ONCE // regions.n_regions)
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
