"""What `benchmarks/subject.py` has of each subject so far, so that a stopped one goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

import neurotranscoder
from neurotranscoder.core.errors import StoreError
from neurotranscoder.evaluate.subject_scores import SubjectScores
from neurotranscoder.evaluate.subject_table import SubjectRow
from neurotranscoder.evaluate.table import read_rows, write_rows
from neurotranscoder.io.store import atomic_group, read_json, write_json

ROWS, CHOICES, REGIONS = "subjects.tsv", "choices.tsv", "regions.tsv"
ASKED = "asked.json"


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """How one candidate did on held-out BOLD of a subject."""

    scenario: str
    subject: str
    name: str
    candidate: float
    chosen: int
    score: float


@dataclass(frozen=True, slots=True)
class RegionRow:
    """How near one method is to the truth in one region of a subject, in mm and ms."""

    scenario: str
    subject: str
    method: str
    region: int
    localisation: float
    spread: float
    latency: float


class RegionErrors(NamedTuple):
    """The same of all regions."""

    localisation: Float[ndarray, " regions"]
    latency: Float[ndarray, " regions"]


@dataclass(frozen=True, slots=True)
class Done:
    """All rows of a subject, or of several."""

    rows: tuple[SubjectRow, ...] = ()
    choices: tuple[ChoiceRow, ...] = ()
    regions: tuple[RegionRow, ...] = ()

    def __add__(self, other: Done) -> Done:
        return Done(
            self.rows + other.rows, self.choices + other.choices, self.regions + other.regions
        )

    def errors(self) -> dict[tuple[str, str], RegionErrors]:
        """Return the errors in regions, of each subject and method."""
        found: dict[tuple[str, str], list[RegionRow]] = {}
        for row in self.regions:
            found.setdefault((row.subject, row.method), []).append(row)
        return {
            key: RegionErrors(
                np.array([one.localisation for one in rows]),
                np.array([one.latency for one in rows]),
            )
            for key, rows in found.items()
        }


def region_rows(key: tuple[str, str], method: str, scores: SubjectScores) -> Iterator[RegionRow]:
    """Yield a row for each region."""
    columns = zip(
        scores.localisation.tolist(), scores.spread.tolist(), scores.latency.tolist(), strict=True
    )
    for region, values in enumerate(columns):
        yield RegionRow(*key, method, region, *values)


def save_done(folder: Path, done: Done) -> None:
    """Write the tables of a subject, all or none."""
    with atomic_group(folder, last=ROWS) as temporary:
        write_rows(temporary / CHOICES, done.choices)
        write_rows(temporary / REGIONS, done.regions)
        write_rows(temporary / ROWS, done.rows)


def load_done(folder: Path) -> Done | None:
    """Read the tables of a subject; None when it is not done."""
    if not (folder / ROWS).exists():
        return None
    rows = read_rows(folder / ROWS, SubjectRow)
    return Done(
        tuple(replace(row, unit="" if row.unit == "n/a" else row.unit) for row in rows),
        read_rows(folder / CHOICES, ChoiceRow),
        read_rows(folder / REGIONS, RegionRow),
    )


def check_asked(out: Path, arguments: dict[str, object]) -> None:
    """Say what OUT is for, so that subjects of other arguments or other code are never mixed.

    Raises
    ------
    StoreError
        When OUT holds subjects of another command, or of other code.
    """
    asked = {"arguments": arguments, "code": _digest()}
    if not (out / ASKED).exists():
        write_json(out / ASKED, asked)
        return
    before = read_json(out / ASKED)
    if before != asked:
        other = [name for name, value in asked.items() if before.get(name) != value]
        raise StoreError(
            f"{out}: has subjects of other {' and other '.join(other)}; subjects of one table "
            "need the same; give another OUT, or remove this one"
        )


def _digest() -> str:
    """Return what tells one state of the code from another."""
    package = Path(neurotranscoder.__file__).parent
    files = sorted(package.rglob("*.py")) + sorted(Path(__file__).parent.glob("subject*.py"))
    content = hashlib.sha256()
    for file in files:
        content.update(file.read_bytes())
    return content.hexdigest()
