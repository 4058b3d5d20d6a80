"""``neurotranscoder import``: a public data set in its own layout becomes a BIDS study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from neurotranscoder.cli.common import progress, say
from neurotranscoder.io.layouts.plan import ImportSettings, Placing
from neurotranscoder.io.layouts.study import import_study


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Taken:
    """What to take of the data set."""

    participant_label: Annotated[
        tuple[str, ...],
        Parameter(
            help="Subjects to import, without 'sub-'; further ones can be added later.",
            negative="",
            consume_multiple=1,
        ),
    ] = ()
    eeg: Annotated[
        str,
        Parameter(
            help="Which EEG files: cleaned or raw; of ds000116 rereferenced, noGA or raw. By "
            "default the first of these, of natview the raw ones."
        ),
    ] = ""
    images: Annotated[
        Placing,
        Parameter(
            help="link: files that stay as they are get a second name; copy: they are copied."
        ),
    ] = "link"
    skip_faulty: Annotated[
        bool, Parameter(help="Leave out runs with problems, and name them.", negative="")
    ] = False


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Unsaid:
    """What the data set does not say."""

    slice_order: Annotated[
        str,
        Parameter(
            help="ascending, descending, odd-first, even-first, or a file with one slice per "
            "line; by default what the data set states."
        ),
    ] = ""
    clock: Annotated[
        Literal["locked", "declared"],
        Parameter(
            help="ds000116, which marks no volumes: locked marks them at multiples of the TR; "
            "declared marks none."
        ),
    ] = "locked"
    protocol_start: Annotated[
        float,
        Parameter(
            help="ds002336, cleaned: scanner time of the first EEG sample in s, where the raw "
            "markers do not show it."
        ),
    ] = 2.0
    electrodes: Annotated[
        Path | None, Parameter(help="ds000116: its file locations_34_EEG.ced, for their names.")
    ] = None


ALL = Taken()
STATED = Unsaid()


def import_(
    layout: str,
    source: Path,
    out: Path,
    /,
    *,
    taken: Taken = ALL,
    unsaid: Unsaid = STATED,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Turn a public data set in its own layout into a BIDS study; nothing is written to it.

    Parameters
    ----------
    layout
        ds000116, noddi, ds002336 or natview.
    source
        The data set, unpacked.
    out
        Where the study goes; an interrupted import goes on there.
    taken
        What to take of the data set.
    unsaid
        What the data set does not say.
    dry_run
        Look at everything and write nothing.
    """
    settings = ImportSettings(
        participants=taken.participant_label,
        eeg=taken.eeg,
        images=taken.images,
        slice_order=unsaid.slice_order,
        clock=unsaid.clock,
        protocol_start=unsaid.protocol_start,
        electrodes=unsaid.electrodes,
        faulty="skip" if taken.skip_faulty else "refuse",
    )
    with progress(f"importing {layout}") as advance:
        done = import_study(
            layout, source, out, settings=settings, dry_run=dry_run, progress=advance
        )
    for text in done.alone:
        say(text)
    for problem in done.faulty:
        say(f"left out: {problem}")
    for text in done.notes:
        say(f"assumed: {text}")
    if dry_run:
        say("\n".join(["would import", *(f"  {run}" for run in done.runs)]))
    else:
        say(f"{len(done.runs)} runs in {out}")
