"""Results of `run` whose study has other subjects by now: what differs, and the way on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import cast

from neurotranscoder.cli.common import say
from neurotranscoder.cli.places import MODELS
from neurotranscoder.cli.preprocess_records import runs_alone
from neurotranscoder.cli.recordings import joined, study_identity
from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.folder_locks import held, others, shared_files, words_of
from neurotranscoder.io.output_folder import MARKER
from neurotranscoder.io.store import FOLDER_LOCK, read_json


@dataclass(frozen=True, slots=True)
class Difference:
    """What a clean study has that results are not of, and the other way round.

    Parameters
    ----------
    known : tuple of str
        Runs that the results are of; empty where no model was trained yet.
    added, gone : tuple of str
        Runs that came, and runs that are not there any more.
    """

    known: tuple[str, ...]
    added: tuple[str, ...]
    gone: tuple[str, ...]

    def __str__(self) -> str:
        if not self.known:
            return "they are of other recordings"
        parts = [f"they are of {_counted(self.known)}"]
        parts += [f"added since: {_counted(self.added)}"] if self.added else []
        parts += [f"not there any more: {_counted(self.gone)}"] if self.gone else []
        same = not (self.added or self.gone)
        other = "recordings of the same names have other sizes now, or EEG alone came or went"
        parts += [other] if same else []
        return "; ".join(parts)


def settle_results(
    results: Path, clean: Path, *, fresh: bool, subjects: Sequence[str] = ()
) -> None:
    """Refuse results of other recordings than those that are clean now, or set them aside.

    Nothing is thrown away. Results of single subjects take in those of others.

    Parameters
    ----------
    results, clean : Path
        The folders of `run`.
    fresh : bool
        Whether results are set aside.
    subjects : sequence of str
        Labels of those whose recordings are looked at, as others may be at work on others; empty
        for all.

    Raises
    ------
    StoreError
        When they are not, or another process writes to them or to other subjects.
    """
    marker = results / MARKER
    if not marker.is_file():
        return
    found = read_json(marker)
    identity, facts = str(found.get("identity")), found.get("facts")
    if identity == study_identity(clean):
        return
    if isinstance(facts, dict) and joined(facts, root=clean, results=results, subjects=subjects):
        return
    if not fresh:
        raise StoreError(
            f"{results}: has results, and {clean} has changed since: "
            f"{difference(results, clean)}; results are of the recordings that they were made of; "
            f"add --fresh, which sets these aside ({_aside(results).name}) and makes new ones of "
            "all subjects; or give another OUT (with --model, participants can start from the "
            f"group model in {results / MODELS})"
        )
    with shared_files(results.parent):
        if at_work := others(results.parent, subjects):
            raise StoreError(
                f"{results}: --fresh sets results aside, and others are writing there: "
                f"{words_of(at_work)}; need all subjects at once; wait until these commands are "
                "done"
            )
        aside = _aside(results)
        with held(results):
            results.rename(aside)
    (aside / FOLDER_LOCK).unlink(missing_ok=True)
    say(f"earlier results are set aside in {aside}: {difference(aside, clean)}")


def difference(results: Path, clean: Path) -> Difference:
    """Return how the runs of models differ from those that are clean."""
    known = known_runs(results)
    now = {path.name.partition("_desc-")[0] for path in clean.glob("sub-*/**/*_eeg.vhdr")}
    now -= runs_alone(clean)  # models are not made of them
    return Difference(_in_order(known), _in_order(now - known), _in_order(known - now))


def known_runs(results: Path) -> set[str]:
    """Return the runs that the group models of results are of, also those to test on."""
    known: set[str] = set()
    for path in (results / MODELS).glob("*/split.json"):
        for labels in read_json(path).values():
            known |= set(cast(list[str], labels))
    return known


def name_the_gone(bids: Path, clean: Path) -> None:
    """Say which subjects are clean and not in the study any more."""
    there = {path.name for path in bids.glob("sub-*")}
    for path in sorted(clean.glob("sub-*")):
        if path.name not in there:
            say(
                f"{path.name} is not in {bids} any more; its clean recordings are used; remove "
                f"{path} to leave it out"
            )


def _in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Return labels in order."""
    return tuple(sorted(labels))


def _counted(labels: tuple[str, ...]) -> str:
    """Return the subjects of runs, and how many runs there are."""
    subjects = dict.fromkeys(label.partition("_")[0] for label in labels)
    return f"{', '.join(subjects)} ({len(labels)} run{'s' if len(labels) > 1 else ''})"


def _aside(results: Path) -> Path:
    """Return the first name that is free."""
    names = (results.with_name(f"{results.name}-earlier-{number}") for number in count(1))
    return next(path for path in names if not path.exists())
