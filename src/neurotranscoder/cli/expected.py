"""``analyse --stage subject``: what the regions that an experiment expects do, and when."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neurotranscoder.analyse.conditions import Question
from neurotranscoder.analyse.expected import RegionMeans, group_means, region_rows, subject_means
from neurotranscoder.analyse.expected_store import read_region_means, write_region_means
from neurotranscoder.cli.common import say
from neurotranscoder.cli.cut_subjects import CutSubject
from neurotranscoder.cli.figures import in_mni
from neurotranscoder.cli.places import EXPECTED
from neurotranscoder.cli.workspace import Workspace, clear, is_complete
from neurotranscoder.core.errors import InputError
from neurotranscoder.io.manifest import MANIFEST, sha256_of, write_manifest
from neurotranscoder.report.expected import write_regions_picture

_KIND = "courses of expected regions"
_FILES = "*_desc-expected_*"


def expects(space: Workspace) -> bool:
    """Return whether regions are named and images are in MNI space; say where they are not."""
    named = bool(space.config.analyse.expected)
    mni = in_mni(space)
    if named and not mni:
        say(
            "NO EXPECTED REGIONS: images are not named as in MNI space, where regions have their "
            "places; left out (if they are in it, analyse.space='mni' says so)"
        )
    return named and mni


def write_expected(subject: CutSubject, asked: Sequence[Question]) -> None:
    """Write courses of expected regions of a subject, unless they are there; the manifest is last.

    Parameters
    ----------
    subject : CutSubject
        In MNI space.
    asked : sequence of Question
        Means among them are looked at.
    """
    expected = subject.space.config.analyse.expected
    if not expected:
        return
    name, folder = f"sub-{subject.name}", subject.space.out / EXPECTED / f"sub-{subject.name}"
    identity = _identity(subject.space, [subject.identity])
    if is_complete(folder, kind=_KIND, identity=identity):
        return
    clear(folder, _FILES)
    means = _means_of(subject, asked)
    if means:
        _write(folder, means, subject.space, "units of trials", subject.sources)
    write_manifest(folder, kind=_KIND, settings_hash=identity)
    say(f"{name}: expected regions of {len(means)} conditions in {folder}")


def _means_of(subject: CutSubject, asked: Sequence[Question]) -> dict[str, RegionMeans]:
    """Return what regions do in each condition that has enough trials; say what is lost."""
    config, trials = subject.space.config.analyse, subject.trials
    names = list(dict.fromkeys(one.region for one in config.expected))
    seen = trials.mask if subject.visible.mask is None else subject.visible.mask & trials.mask
    rows = region_rows(names, trials.grid, trials.mask, seen)
    if lost := [name for name in names if name not in rows]:
        say(f"NOT SEEN: sub-{subject.name}: the model sees no voxel of {', '.join(lost)}")
    means = {}
    for question in asked:
        if question.second is not None:
            continue
        try:
            units = question.samples(trials, config.trials.units)
            rng = np.random.default_rng(config.trials.seed)
            means[question.name] = subject_means(units, rows, config.figures.until, rng)
        except InputError as error:
            say(f"NO EXPECTED REGIONS: sub-{subject.name}, {question.label}: {error}")
    return means


def write_expected_of_group(space: Workspace, subjects: Sequence[CutSubject]) -> None:
    """Write courses of expected regions across subjects, from those of each."""
    folders = [space.out / EXPECTED / f"sub-{one.name}" for one in subjects]
    folder, seed = space.out / EXPECTED / "group", space.config.analyse.trials.seed
    identity = _identity(space, [sha256_of(one / MANIFEST) for one in folders])
    if is_complete(folder, kind=_KIND, identity=identity):
        return
    clear(folder, _FILES)
    known = [
        read_region_means(one, f"{one.name}_desc-expected")
        for one in folders
        if any(one.glob(_FILES))
    ]
    means = {}
    for condition in dict.fromkeys(name for one in known for name in one):
        parts = [one[condition] for one in known if condition in one]
        try:
            means[condition] = group_means(parts, np.random.default_rng(seed))
        except InputError as error:
            say(f"NO EXPECTED REGIONS: across subjects, {condition}: {error}")
    if not means:
        return
    sources = [f"{EXPECTED}/{one.name}/{one.name}_desc-expected_courses.tsv" for one in folders]
    _write(folder, means, space, f"{len(known)} subjects", sources)
    write_manifest(folder, kind=_KIND, settings_hash=identity)
    say(f"group: expected regions of {len(means)} conditions in {folder}")


def _write(
    folder: Path,
    means: dict[str, RegionMeans],
    space: Workspace,
    over: str,
    sources: Sequence[str],
) -> None:
    """Write tables and a picture."""
    config, stem = space.config.analyse, f"{folder.name}_desc-expected"
    facts = {"Over": over, "Expected": [one.model_dump(mode="json") for one in config.expected]}
    write_region_means(folder, stem, means, config.expected, sources=sources, metadata=facts)
    wanted = config.figures.conditions or tuple(name for name in means if name != "all")
    drawn = {name: means[name] for name in wanted if name in means} or means
    write_regions_picture(folder, stem, drawn, config.expected, name=folder.name, over=over)


def _identity(space: Workspace, facts: Sequence[str]) -> str:
    """Return a hash of what courses are of, and of how they are looked at."""
    config = space.config.analyse
    expected = [one.model_dump(mode="json") for one in config.expected]
    text = json.dumps([*facts, expected, config.figures.until, config.figures.conditions])
    return hashlib.sha256(text.encode()).hexdigest()
