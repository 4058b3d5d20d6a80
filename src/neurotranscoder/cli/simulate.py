"""``neurotranscoder simulate``: a BIDS study with known sources."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from pydantic import ValidationError

from neurotranscoder.cli.common import progress, say
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.io.events import read_events
from neurotranscoder.simulate.scenario import PRESETS, Scenario
from neurotranscoder.simulate.session import simulate_study


def simulate(
    out: Path,
    /,
    *,
    preset: str = "small",
    subjects: int | None = None,
    runs: int | None = None,
    duration: float | None = None,
    events: Annotated[tuple[Path, ...], Parameter(negative="", consume_multiple=True)] = (),
    seed: int = 0,
) -> None:
    """Simulate simultaneous EEG-fMRI with known sources and write it as a BIDS study.

    Parameters
    ----------
    out
        Where the study goes; the truth is below derivatives/truth.
    preset
        Scenario to start from: small or tiny.
    subjects
        Number of subjects.
    runs
        Runs of each subject.
    duration
        Length of a run, in s.
    events
        Tables of events that replace the built-in oddball, shared out over the runs in order.
    seed
        Seed of everything random.
    """
    scenario = scenario_of(preset, subjects=subjects, runs=runs, duration=duration, seed=seed)
    tables = tuple(read_events(path) for path in events)
    with progress(f"simulating {scenario.name!r}") as advance:
        simulate_study(scenario, out, events=tables, progress=advance)
    say(f"simulated study in {out}")


def scenario_of(
    preset: str,
    *,
    subjects: int | None = None,
    runs: int | None = None,
    duration: float | None = None,
    seed: int = 0,
) -> Scenario:
    """Return a preset with changes.

    Raises
    ------
    SettingsError
        When the preset is unknown or the changes are impossible.
    """
    if preset not in PRESETS:
        raise SettingsError(f"preset is {preset!r}; known presets are {', '.join(PRESETS)}")
    changes = {"n_subjects": subjects, "runs_per_subject": runs, "duration": duration}
    known = {name: value for name, value in changes.items() if value is not None}
    try:
        return Scenario.model_validate(PRESETS[preset].model_dump() | known | {"seed": seed})
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"preset {preset!r}: " + "; ".join(lines)) from None
