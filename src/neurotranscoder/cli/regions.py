"""Regions of a user's own atlas on the command line: courses, peaks and correlations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from neurotranscoder.analyse.atlas import region_courses, write_region_courses
from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.conditions import Question
from neurotranscoder.cli.common import say
from neurotranscoder.cli.cut_subjects import CutSubject
from neurotranscoder.cli.workspace import clear, is_complete
from neurotranscoder.core.errors import InputError, SettingsError
from neurotranscoder.io.atlas import Atlas, read_atlas
from neurotranscoder.io.manifest import sha256_of, write_manifest

_KIND = "regions of an atlas"


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class AtlasFiles:
    """The files of an atlas."""

    atlas: Annotated[
        Path | None,
        Parameter(help="Image of numbers of regions, in the space of the images; with --labels."),
    ] = None
    labels: Annotated[
        Path | None, Parameter(help="Table of their names: columns index and name (*_dseg.tsv).")
    ] = None

    def check(self) -> None:
        """Refuse one of the files without the other.

        Raises
        ------
        SettingsError
            When one is named alone.
        """
        if (self.atlas is None) != (self.labels is None):
            raise SettingsError("an atlas is an image and a table; name --atlas and --labels both")

    def read(self) -> AtlasInUse | None:
        """Return the atlas, or None where none is named.

        Raises
        ------
        StudyError
            When one of the files cannot be read.
        """
        if self.atlas is None or self.labels is None:
            return None
        files = self.atlas, self.labels
        hashes = tuple(sha256_of(path) for path in files if path.is_file())
        return AtlasInUse(read_atlas(*files), tuple(path.as_posix() for path in files), hashes)


@dataclass(frozen=True, slots=True, eq=False)
class AtlasInUse:
    """An atlas, the files that it was read from, and their SHA-256."""

    atlas: Atlas
    sources: tuple[str, ...]
    hashes: tuple[str, ...]


def write_regions(
    folder: Path,
    subject: CutSubject,
    used: AtlasInUse,
    asked: Sequence[Question],
    settings: TrialAnalysisSettings,
) -> None:
    """Write the regions of a subject for each mean, unless they are there; the manifest is last.

    Regions are of voxels that the model sees; those without one are left out, which is said.

    Parameters
    ----------
    folder : Path
        Of the subject.
    subject : CutSubject
        Its trials.
    used : AtlasInUse
        Whose regions.
    asked : sequence of Question
        Contrasts among them are left out.
    settings : TrialAnalysisSettings
        For the seed of the bootstrap.

    Raises
    ------
    GridError
        When the atlas is elsewhere than the movies.
    """
    facts = hashlib.sha256(json.dumps([subject.identity, *used.hashes]).encode()).hexdigest()
    if is_complete(folder, kind=_KIND, identity=facts):
        return
    clear(folder, "*_contrast-*")
    placed, lost = used.atlas.on(subject.trials.grid), tuple[str, ...]()
    for question in asked:
        if question.second is not None:
            continue
        try:
            rng, seen = np.random.default_rng(settings.seed), subject.visible.mask
            units = question.samples(subject.trials, settings.units)
            found = region_courses(units, placed, rng, seen=seen)
        except InputError as error:
            say(f"NO REGIONS: sub-{subject.name}, {question.label}: {error}")
            continue
        lost = found.not_seen
        stem = f"sub-{subject.name}_contrast-{question.label}"
        write_region_courses(
            folder,
            stem,
            found,
            sources=[*subject.sources, *used.sources],
            metadata={**subject.metadata, "Voxels": subject.visible.words},
        )
    if lost:
        names = ", ".join(lost)
        say(f"NOT SEEN: sub-{subject.name}: the model sees no voxel of {names}; left out")
    write_manifest(folder, kind=_KIND, settings_hash=facts)
    say(f"sub-{subject.name}: regions in {folder}")
