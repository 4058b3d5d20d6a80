"""``neurotranscoder simulate``: a BIDS study with known sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from neurotranscoder.cli.common import Workers, progress, say
from neurotranscoder.cluster.pool import pool
from neurotranscoder.io.events import read_events
from neurotranscoder.physics.own_head import read_head
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.session import simulate_study


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Size:
    """How much is simulated, where it differs from the preset."""

    subjects: Annotated[int | None, Parameter(help="Number of subjects.")] = None
    runs: Annotated[int | None, Parameter(help="Runs of each subject.")] = None
    duration: Annotated[float | None, Parameter(help="Length of a run, in s.")] = None

    def changes(self) -> dict[str, object]:
        """Return the fields of a scenario that differ."""
        fields = {
            "n_subjects": self.subjects,
            "runs_per_subject": self.runs,
            "duration": self.duration,
        }
        return {name: value for name, value in fields.items() if value is not None}


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Own:
    """What the user brings."""

    events: Annotated[
        tuple[Path, ...],
        Parameter(
            help="Tables of events in place of the scenario's task, shared out over the runs.",
            negative="",
            consume_multiple=True,
        ),
    ] = ()
    head: Annotated[
        Path | None,
        Parameter(
            help="A head on the voxels of the preset: *-fwd.fif of MNE, or .npz with leadfield, "
            "positions and channels; by default one is built from a template."
        ),
    ] = None


AS_PRESET = Size()
NOTHING = Own()
HERE = Workers()


def simulate(
    out: Path,
    /,
    *,
    preset: str = "small",
    scenario: str | None = None,
    size: Size = AS_PRESET,
    own: Own = NOTHING,
    seed: int | None = None,
    workers: Workers = HERE,
) -> None:
    """Simulate simultaneous EEG-fMRI with known sources and write it as a BIDS study.

    Parameters
    ----------
    out
        Where the study goes; the truth is below derivatives/truth.
    preset
        How many voxels, subjects and runs: small, tiny or paper.
    scenario
        What happens in the brain and how it is measured: one of those in the documentation, or
        a TOML file of your own; by default the preset's own.
    size
        Numbers of subjects and runs, and their length.
    own
        Events and head of your own.
    seed
        Seed of everything random; by default what the scenario says, 0 where it says nothing.
    workers
        Where the runs are simulated.
    """
    chosen = {} if seed is None else {"seed": seed}
    world = named_scenario(scenario, preset=preset, **chosen, **size.changes())
    head = None if own.head is None else read_head(own.head, world.head.grid)
    tables = tuple(read_events(path) for path in own.events)
    with (
        pool(workers.jobs, workers.cluster) as spread,
        progress(f"simulating {world.name!r}") as advance,
    ):
        simulate_study(
            world, out.absolute(), events=tables, head=head, progress=advance, map=spread
        )
    say(f"simulated study in {out}")
