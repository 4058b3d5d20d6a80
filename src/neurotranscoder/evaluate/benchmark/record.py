"""``benchmark.json``: what the tables of a benchmark come from."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from neurotranscoder.core.errors import StoreError
from neurotranscoder.evaluate.methods.registry import MethodClass, Role
from neurotranscoder.io.store import read_json, write_json

RECORD = "benchmark.json"


class _Part(BaseModel):
    """Part of the record; what later versions add is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PlanRecord(_Part):
    """What of the plan a reader has to know."""

    preset: str
    duration: float
    """Length of a run, in s."""


class RunsRecord(_Part):
    """Runs of each world."""

    fit: int
    choose: int
    test: int


class CodeRecord(_Part):
    """Code that made results."""

    version: str
    code: str
    commit: str
    libraries: str = ""


class MethodRecord(_Part):
    """What a method is."""

    name: str
    role: Role
    bound: MethodClass | None
    informed: bool


class OutsideRecord(_Part):
    """Where a method of others comes from: address or folder, and a hash of it."""

    origin: str
    sha256: str


class WorldRecord(_Part):
    """A world, the SHA-256 of the time courses that are kept, and methods of others."""

    scenario: str
    seed: int
    test_run: str
    traces: dict[str, str]
    outside: dict[str, OutsideRecord] = {}


class FailureRecord(_Part):
    """A method that failed in a world."""

    world: str
    method: str
    message: str


class Record(_Part):
    """The whole of ``benchmark.json``."""

    plan: PlanRecord
    runs: RunsRecord
    made_by: tuple[CodeRecord, ...]
    methods: tuple[MethodRecord, ...]
    worlds: tuple[WorldRecord, ...]
    failures: tuple[FailureRecord, ...]
    day: str
    """On which the rest of the record last changed, UTC."""


def write_record(out: Path, content: Mapping[str, object]) -> None:
    """Write the record, and the day on which it last changed.

    Parameters
    ----------
    out : Path
        Folder of the benchmark.
    content : mapping
        All of the record but ``day``; equal content keeps the day that stands there.
    """
    path = out / RECORD
    before = _known(path) if path.is_file() else {}
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    if {**before, "day": ""} == {**content, "day": ""}:
        day = str(before.get("day", day))
    write_json(path, {**content, "day": day})


def _known(path: Path) -> dict[str, object]:
    """Return a record that is there; a damaged one counts as none."""
    try:
        return read_json(path)
    except StoreError:
        return {}


def read_record(out: Path) -> Record:
    """Read the record of a benchmark.

    Raises
    ------
    StoreError
        When there is none, or it is of an older version.
    """
    path = out / RECORD
    try:
        return Record.model_validate(read_json(path))
    except ValidationError as error:
        lines = [": ".join([*map(str, one["loc"]), one["msg"]]) for one in error.errors()]
        raise StoreError(
            f"{path}: is no record of this version ({'; '.join(lines[:3])}); give the command "
            "benchmark again"
        ) from error
