"""``analyse --stage subject``: moments of what trials show, drawn from the maps as written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from neurotranscoder.analyse.conditions import Question
from neurotranscoder.analyse.moments import SIGNS, FigureSettings, moments_of, write_moments_table
from neurotranscoder.analyse.stored_maps import StoredMap, read_map, stored_labels
from neurotranscoder.cli.common import overheard, progress, say
from neurotranscoder.cli.cut_subjects import CutSubject, mean_anatomy
from neurotranscoder.cli.places import FIGURES, STATISTICS
from neurotranscoder.cli.workspace import Workspace, clear, is_complete
from neurotranscoder.cluster.pool import Map
from neurotranscoder.io.manifest import MANIFEST, sha256_of, write_manifest
from neurotranscoder.report.cuts import Anatomy, image_anatomy, mni_anatomy
from neurotranscoder.report.moments import MomentsFigure, write_moments

_KIND = "figures of trials"


def in_mni(space: Workspace) -> bool:
    """Return whether images are in MNI space: as settings say, or by the names of all of them."""
    if space.config.analyse.space != "auto":
        return space.config.analyse.space == "mni"
    study = space.study
    names = [one.bold.name for one in study.files.values()]
    names += [one.path.name for one in study.alone.values() if one.modality == "bold"]
    return bool(names) and all("_space-MNI" in name for name in names)


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """What is drawn of every subject and of the group.

    Parameters
    ----------
    space : Workspace
        Study and results.
    labels : frozenset of str
        Of the means and contrasts.
    mni : bool
        Whether images are in MNI space.
    """

    space: Workspace
    labels: frozenset[str]
    mni: bool

    @classmethod
    def of(cls, space: Workspace, asked: Sequence[Question]) -> Drawing:
        """Return what settings ask for, as far as it is tested; say what is not drawn."""
        settings: FigureSettings = space.config.analyse.figures
        known = {question.name: question.label for question in asked}
        unknown = [name for name in settings.conditions if name not in known]
        if unknown:
            say(
                f"NOT DRAWN: analyse.figures.conditions has {', '.join(map(repr, unknown))}; the "
                f"means and contrasts are {', '.join(map(repr, known))}; choose among these"
            )
        chosen = [name for name in known if name in (settings.conditions or known)]
        return cls(space, frozenset(known[name] for name in chosen), in_mni(space))

    def all(self, subjects: Sequence[CutSubject], spread: Map) -> None:
        """Draw what is not there: the group, and each subject."""
        with progress("drawing moments") as advance:
            for done, lines in enumerate(spread(partial(_draw_one, drawing=self), subjects), 1):
                for line in lines:
                    say(line)
                advance(done, len(subjects))
        self.draw("group", subjects)

    def draw(self, name: str, subjects: Sequence[CutSubject]) -> None:
        """Draw all of one folder of statistics, where it is whole; the manifest comes last."""
        statistics, folder = (self.space.out / part / name for part in (STATISTICS, FIGURES))
        if not (statistics / MANIFEST).is_file():
            clear(folder, "*_contrast-*")
            return
        identity = self._identity(statistics)
        if is_complete(folder, kind=_KIND, identity=identity):
            return
        clear(folder, "*_contrast-*")
        anatomy: Anatomy | None = None
        for label in stored_labels(statistics):
            if label in self.labels:
                found = read_map(statistics, label)
                anatomy = anatomy or self._anatomy(found, subjects)
                self._write(folder, found, anatomy)
        write_manifest(folder, kind=_KIND, settings_hash=identity)
        if anatomy is not None:
            say(f"{name}: moments of {', '.join(sorted(self.labels))} in {folder}")

    def _write(self, folder: Path, found: StoredMap, anatomy: Anatomy) -> None:
        """Write one picture and its table."""
        settings: FigureSettings = self.space.config.analyse.figures
        moments = tuple(one for sign in SIGNS for one in moments_of(found, sign, settings))
        stem = f"{folder.name}_contrast-{found.label}"
        image = Path(STATISTICS, folder.name, f"{stem}_stat-z_statmap.nii.gz")
        write_moments_table(
            folder / f"{stem}_moments.tsv",
            moments,
            sources=[image.as_posix()],
            metadata={
                "Settings": settings.model_dump(mode="json"),
                "Correction": found.standard,
                "Voxels": found.voxels,
            },
        )
        figure = MomentsFigure(folder.name, found, moments, anatomy, settings)
        write_moments(folder, stem, figure)

    def _anatomy(self, found: StoredMap, subjects: Sequence[CutSubject]) -> Anatomy:
        """Return the template, or the mean BOLD image of subjects."""
        if self.mni:
            return mni_anatomy()
        image = mean_anatomy([(replace(one).anatomy, one.imaged) for one in subjects])
        words = "mean BOLD image" if any(one.imaged for one in subjects) else "brain mask"
        return image_anatomy(image, found.brain, found.grid.voxel_to_world, words)

    def _identity(self, statistics: Path) -> str:
        """Return a hash of all that the figures depend on."""
        settings: FigureSettings = self.space.config.analyse.figures
        facts = [sha256_of(statistics / MANIFEST), settings.digest(), sorted(self.labels)]
        return hashlib.sha256(json.dumps([*facts, self.mni]).encode()).hexdigest()


def _draw_one(subject: CutSubject, drawing: Drawing) -> list[str]:
    """Draw one subject; return what was said."""
    with overheard() as lines:
        drawing.draw(f"sub-{subject.name}", [subject])
    return lines
