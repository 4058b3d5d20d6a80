"""What the methods text says of read-outs and of the paper's subject stage, from results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

from neurotranscoder.cli.places import (
    EXPECTED,
    MAPS,
    MODELS,
    PAPER_SUBJECTS,
    READOUTS,
    REGIONS,
    RESPONSES,
)
from neurotranscoder.io.manifest import MANIFEST
from neurotranscoder.io.store import read_json, read_table
from neurotranscoder.report.methods.facts import MethodsFacts, PaperSubjectFacts, ReadoutFacts
from neurotranscoder.train.trained_paper_subject import load_paper_subject


def of_readouts(facts: MethodsFacts, out: Path) -> MethodsFacts:
    """Add what was read out of the models and movies in a folder of results."""
    groups = [read_table(one / "regions.tsv") for one in _finished(out / READOUTS)]
    courses = _sidecars(out / REGIONS, "*_peaks.json")
    responses = _sidecars(out / RESPONSES, "*_hrf.json")
    maps = _sidecars(out / MAPS, "*.json")
    expected = _sidecars(out / EXPECTED, "*_desc-expected_peaks.json")
    parts = [one for own in maps for one in own]
    regions = [one["region"] for own in expected for file in own for one in file["Expected"]]
    found = ReadoutFacts(
        n_regions=len(groups[0]["region"]) if groups else 0,
        atlases=_distinct(_atlas_of(one) for own in (*courses, *responses) for one in own),
        n_courses=len(courses),
        n_responses=len(responses),
        jackknife=any("jackknife" in one["Intervals"] for own in responses for one in own),
        n_maps=len(maps),
        electrodes=_distinct(one["Electrode"] for one in parts if "Electrode" in one),
        places=_distinct(one["Place"] for one in parts if "Place" in one),
        expected=_distinct(regions),
    )
    return replace(facts, readouts=found)


def of_paper_subjects(facts: MethodsFacts, out: Path) -> MethodsFacts:
    """Add the networks of single subjects, as in the paper."""
    fitted = [load_paper_subject(one) for one in _finished(out / MODELS / PAPER_SUBJECTS)]
    if not fitted:
        return facts
    found = PaperSubjectFacts(
        n_runs=tuple(len(one.runs) for one in fitted),
        averages=_distinct(name for one in fitted for name, _ in one.n_trials),
        steps=tuple(one.steps for one in fitted),
        settings=fitted[0].settings.model_dump(mode="json"),
    )
    return replace(facts, paper_subjects=found)


def _finished(folder: Path) -> list[Path]:
    """Return the folders below one that are whole."""
    return [path.parent for path in sorted(folder.glob(f"*/{MANIFEST}"))]


def _sidecars(folder: Path, names: str) -> list[list[dict[str, Any]]]:
    """Return sidecars of each folder that is whole and has any."""
    files = [sorted(one.glob(names)) for one in _finished(folder)]
    return [
        [cast(dict[str, Any], read_json(path)) for path in own if path.name != MANIFEST]
        for own in files
        if own
    ]


def _atlas_of(sidecar: dict[str, Any]) -> str:
    """Return the name of an atlas's image: it and its table are the last sources."""
    return PurePosixPath(sidecar["Sources"][-2]).name


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Return names, each once."""
    return tuple(dict.fromkeys(names))
