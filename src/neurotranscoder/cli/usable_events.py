"""Events of a run that conditions can be made of."""

from __future__ import annotations

from collections.abc import Sequence

from neurotranscoder.cli.common import say
from neurotranscoder.core.recording import Events

_NAMELESS = "n/a"


def usable_events(events: Events, label: str) -> Events:
    """Return events without rows that say the same twice, or not what happened; say how many.

    Where no row says what happened, all do: they are one condition.

    Parameters
    ----------
    events : Events
        Of one table.
    label : str
        The run, for what is said.
    """
    kinds = events.trial_type
    named = any(kind != _NAMELESS for kind in kinds)
    rows = [i for i, kind in enumerate(kinds) if kind != _NAMELESS or not named]
    once = list({(float(events.onset[i]), kinds[i]): i for i in reversed(rows)}.values())
    for n, what in (
        (len(kinds) - len(rows), "without a trial_type, left out"),
        (len(rows) - len(once), "of the onset and trial_type of another, counted once"),
    ):
        if n:
            say(f"{label}: {n} event{'' if n == 1 else 's'} {what}")
    return chosen_events(events, sorted(once))


def chosen_events(events: Events, rows: Sequence[int]) -> Events:
    """Return some rows of a table of events.

    Parameters
    ----------
    events : Events
        All of them.
    rows : sequence of int
        Which.
    """
    kept = list(rows)
    return Events(
        events.onset[kept],
        events.duration[kept],
        tuple(events.trial_type[row] for row in kept),
        events.response_time[kept],
    )
