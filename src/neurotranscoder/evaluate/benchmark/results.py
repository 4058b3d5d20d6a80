"""What one method reached in one world, and its place on disk."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from neurotranscoder.core.errors import StoreError
from neurotranscoder.evaluate.benchmark.entrants import Entrant
from neurotranscoder.evaluate.benchmark.plan import BenchmarkPlan, WorldPlan
from neurotranscoder.evaluate.benchmark.provenance import Provenance
from neurotranscoder.evaluate.benchmark.rows import RunRow
from neurotranscoder.evaluate.benchmark.traces import are_kept, traces_path
from neurotranscoder.evaluate.table import MeasureRow, MetricRow
from neurotranscoder.io.store import read_json, write_json

_FORMAT = 1
_NAN = float("nan")
Row = TypeVar("Row", MetricRow, MeasureRow, RunRow)


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What one method reached in one world.

    Parameters
    ----------
    method : str
        Its name.
    identity : str
        Hash of everything that was asked for (see `identity_of`).
    provenance : Provenance
        The code that made it.
    failure : str
        Why there are no rows; empty where there are.
    seconds : float
        Time to fit, on one core.
    traces : str
        SHA-256 of its example time courses; empty where none are kept.
    metrics, measures, runs : tuple of row
        Its scores.
    """

    method: str
    identity: str
    provenance: Provenance
    failure: str = ""
    seconds: float = _NAN
    traces: str = ""
    metrics: tuple[MetricRow, ...] = ()
    measures: tuple[MeasureRow, ...] = ()
    runs: tuple[RunRow, ...] = ()


def identity_of(plan: BenchmarkPlan, world: WorldPlan, entrant: Entrant) -> str:
    """Return a hash of everything but the code that a result depends on."""
    parts = {
        "format": _FORMAT,
        "scenario": world.scenario.digest(),
        "split": asdict(world.split),
        "align": plan.align.digest(),
        "train": plan.train.digest(),
        "fusion": plan.fusion,
        "method": entrant.name,
        "fingerprint": entrant.fingerprint,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def result_path(folder: Path, method: str) -> Path:
    """Return the file of a method in the folder of a world."""
    return folder / f"{method.replace(':', '--')}.json"


def save_result(folder: Path, result: MethodResult) -> None:
    """Write the result of a method; the file is whole or absent.

    Equal results give equal bytes, but for ``seconds``, which stands there once.
    """
    content = {name: getattr(result, name) for name in ("method", "identity")}
    content["provenance"] = asdict(result.provenance)
    content["failure"] = result.failure
    content["seconds"] = _plain(result.seconds)
    content["traces"] = result.traces
    for name in ("metrics", "measures", "runs"):
        rows = getattr(result, name)
        content[name] = [
            {key: _plain(value) for key, value in asdict(row).items() if key != "seconds"}
            for row in rows
        ]
    write_json(result_path(folder, result.method), content)


def load_result(folder: Path, method: str) -> MethodResult:
    """Read the result of a method.

    Raises
    ------
    StoreError
        When there is none, or it is no result of ours.
    """
    path = result_path(folder, method)
    content = cast(dict[str, Any], read_json(path))
    try:
        seconds = _number(content["seconds"])
        metrics = [row | {"seconds": seconds} for row in content["metrics"]]
        return MethodResult(
            content["method"],
            content["identity"],
            Provenance(**content["provenance"]),
            content["failure"],
            seconds,
            content.get("traces", ""),  # results of older code keep none
            _rows(MetricRow, metrics),
            _rows(MeasureRow, content["measures"]),
            _rows(RunRow, content["runs"]),
        )
    except (KeyError, TypeError) as error:
        raise StoreError(
            f"{path}: is no result of this version ({type(error).__name__}: {error}); remove it "
            "and run the benchmark again"
        ) from error


def is_done(folder: Path, wanted: MethodResult, *, keep_older: bool) -> bool:
    """Return whether a result is there already, with the time courses that it names.

    Parameters
    ----------
    folder : Path
        Of the world.
    wanted : MethodResult
        Method, identity and provenance of what is asked for.
    keep_older : bool
        Whether one that other code made counts.
    """
    if not result_path(folder, wanted.method).is_file():
        return False
    try:
        found = load_result(folder, wanted.method)
    except StoreError:
        return False
    if found.traces and not are_kept(traces_path(folder, wanted.method), found.traces):
        return False
    same_code = (found.provenance.version, found.provenance.code) == (
        wanted.provenance.version,
        wanted.provenance.code,
    )
    return not found.failure and found.identity == wanted.identity and (same_code or keep_older)


def with_seconds(rows: Sequence[MetricRow], seconds: float) -> tuple[MetricRow, ...]:
    """Return rows with the time that fitting took."""
    return tuple(replace(row, seconds=seconds) for row in rows)


def _plain(value: object) -> object:
    """Return a value as JSON can hold it."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None) -> float:
    """Return a number that `_plain` wrote."""
    return _NAN if value is None else float(value)


def _rows(kind: type[Row], rows: Sequence[Mapping[str, Any]]) -> tuple[Row, ...]:
    """Return rows that were read."""
    floats = {field.name for field in fields(kind) if field.type == "float"}
    values: list[dict[str, Any]] = [
        {name: _number(row[name]) if name in floats else row[name] for name in row} for row in rows
    ]
    return tuple(kind(**row) for row in values)
