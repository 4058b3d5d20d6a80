"""Averages of trials that overlap: a regression of whole runs on all of their events.

Where the next event comes before a response has ended, a plain average holds parts of its
neighbours, and so does its baseline. Here each condition has a finite impulse response, and all
are estimated at once by least squares (`signal.overlap`), on courses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurotranscoder.analyse.trials import (
    RunOfMovie,
    TrialSettings,
    average_movie,
    nearest_frames,
    shared_movie,
)
from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.signal.overlap import inflation_of, inverse_of, lagged_design, products_of


@dataclass(frozen=True, slots=True, eq=False)
class OverlapCorrected:
    """The response to each condition, what other events add taken off.

    Parameters
    ----------
    conditions : tuple of str
        In the order of the alphabet.
    n_events : tuple of int
        Events of each, those near the ends of a run included.
    movies : tuple of SourceMovie
        Responses less their baseline, times in s after the event.
    inflation : tuple of float
        Standard error of each, over that of a plain average of as many events far apart, in white
        noise: what the correction costs, at the worst frame. Large where the time between events
        hardly varies; then little but the ends of runs tells responses apart.
    """

    conditions: tuple[str, ...]
    n_events: tuple[int, ...]
    movies: tuple[SourceMovie, ...]
    inflation: tuple[float, ...]

    def of(self, condition: str) -> SourceMovie:
        """Return the response to one condition.

        Raises
        ------
        GridError
            When it is not there.
        """
        if condition not in self.conditions:
            raise GridError(
                f"no event of {condition!r}; the runs have "
                f"{', '.join(map(repr, self.conditions))}; choose among these"
            )
        return self.movies[self.conditions.index(condition)]

    def pooled(self) -> SourceMovie:
        """Return the mean response over all events."""
        first = self.movies[0]
        courses = np.average([m.courses for m in self.movies], axis=0, weights=self.n_events)
        return average_movie(first, courses, first.axis)


def overlap_corrected(runs: Sequence[RunOfMovie], settings: TrialSettings) -> OverlapCorrected:
    """Return the responses that, added up over all events, come closest to the runs.

    Each run has a constant besides. What lasts longer than the window is not corrected for; the
    price is noise, the more the less the times between events vary.

    Parameters
    ----------
    runs : sequence of (SourceMovie, Events)
        Runs whose movies share maps, each with its events in s on its scanner clock.
    settings : TrialSettings
        Window of the responses, and the baseline that is taken off them afterwards.

    Raises
    ------
    GridError
        When runs do not share maps, there is no event, or events of one condition always come at
        the same time after those of another.
    """
    movie = shared_movie(runs)
    sfreq = movie.axis.sfreq
    offsets, baseline = settings.offsets(sfreq), settings.baseline(sfreq)
    names = [name for _, events in runs for name in events.trial_type]
    conditions = tuple(sorted(set(names)))
    if not conditions:
        raise GridError("the runs have no events; responses need some; check events.tsv")
    products = []
    for one, events in runs:
        frames = nearest_frames(one.axis, events.onset)
        kinds = np.array(events.trial_type, dtype=object)
        design = lagged_design([frames[kinds == c] for c in conditions], offsets, one.axis.n_times)
        products.append(products_of(design, one.courses))
    gram, cross = (np.sum(part, axis=0) for part in zip(*products, strict=True))
    inverse = inverse_of(gram)
    shape = (len(conditions), len(offsets), movie.n_components)
    solved = (inverse @ cross).reshape(shape)
    responses = (solved - solved[:, baseline].mean(axis=1, keepdims=True)).swapaxes(1, 2)
    axis = TimeAxis(offsets[0] / sfreq, sfreq, len(offsets))
    n_events = tuple(names.count(condition) for condition in conditions)
    return OverlapCorrected(
        conditions,
        n_events,
        tuple(average_movie(movie, response, axis) for response in responses),
        tuple(inflation_of(inverse, n_events).tolist()),
    )
