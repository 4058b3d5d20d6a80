"""Images of a study on the way from the scanner to MNI, subject by subject."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neurotranscoder import __version__
from neurotranscoder.config import Config
from neurotranscoder.core.errors import Problem, SettingsError, StudyError
from neurotranscoder.core.recording import Bold
from neurotranscoder.io.anatomy import find_t1, read_t1
from neurotranscoder.io.bids import RunFiles
from neurotranscoder.io.nifti import open_image, read_bold, refuse_unplaced
from neurotranscoder.io.scratch import paths_below
from neurotranscoder.io.store import read_json, write_bytes, write_json
from neurotranscoder.preprocess.anatomy import Anatomy, Found
from neurotranscoder.preprocess.bold import PreprocessedBold, preprocess_bold
from neurotranscoder.preprocess.clean_study import RECORDS
from neurotranscoder.preprocess.derivatives import write_anatomy, write_preprocessed
from neurotranscoder.preprocess.image_numbers import image_numbers
from neurotranscoder.preprocess.motion import MOTION_NAMES
from neurotranscoder.report.image_pictures import image_pictures, write_pictures

IMAGES = "_desc-preproc_bold.nii.gz"
MUCH_MOTION = 0.2
"""Mean framewise displacement, in mm, from which on a run is said to move: where studies of rest
begin to leave out volumes (Power et al. 2014)."""


def brings_to_mni(config: Config, bids: Path, runs: Iterable[RunFiles]) -> bool:
    """Return whether images are brought to MNI.

    It is decided for the study, whoever of it is preprocessed, and in whatever order.

    Parameters
    ----------
    config : Config
        Its section ``images``.
    bids : Path
        The study.
    runs : iterable of RunFiles
        All of its runs.

    Raises
    ------
    SettingsError
        When they have to be, and are those of a derivative already.
    """
    wanted = config.images.space
    if wanted == "mni" and config.study.images is not None:
        raise SettingsError(
            f"images.space is 'mni', and study.images names {config.study.images}, whose images "
            "are preprocessed; leave one of them out"
        )
    if wanted == "auto":
        return config.study.images is None and not without_t1(bids, runs)
    return wanted == "mni"


def any_images(clean: Path) -> bool:
    """Return whether a clean study has images that were brought to MNI."""
    return any(
        path.name.endswith(IMAGES)
        for subject in clean.glob("sub-*")
        for path in paths_below(subject)
    )


def without_t1(bids: Path, runs: Iterable[RunFiles]) -> list[Problem]:
    """Return a problem for each subject one of whose runs has no T1 image."""
    without = {files.run.subject for files in runs if find_t1(bids, files.run) is None}
    return [_no_t1(f"sub-{one}") for one in sorted(without)]


def _no_t1(where: str) -> Problem:
    """Return what is wrong where there is no T1 image."""
    needed, cure = "*_T1w.nii.gz in anat/", "add it, or set images.space='stored'"
    return Problem(where, "T1 image", "none", needed, cure)


@dataclass(slots=True)
class SubjectImages:
    """The images of one subject; each T1 image of it is looked at once.

    Parameters
    ----------
    bids, out : Path
        The study and where results go.
    config : Config
        Its section ``images``.
    """

    bids: Path
    out: Path
    config: Config
    anatomies: dict[Path, Found] = field(default_factory=dict)

    def bring(self, files: RunFiles) -> list[str]:
        """Bring a run to MNI unless that was done; return what to say.

        Raises
        ------
        StudyError, GridError
            When images cannot be read or used.
        """
        label, t1 = files.run.label, find_t1(self.bids, files.run)
        if t1 is None:
            raise StudyError([_no_t1(label)])
        if files.bold_events is not None:  # of any time: events may be corrected later
            place = self.out / files.bold_events.relative_to(self.bids)
            write_bytes(place, files.bold_events.read_bytes())
        record, identity = self.out / RECORDS / f"{label}_bold.json", self._identity(files, t1)
        made = (self.out / files.run.folder / "func").glob(f"{label}_*{IMAGES}")
        if any(made) and record.is_file() and read_json(record).get("identity") == identity:
            return [f"{label}: images are there"]
        record.unlink(missing_ok=True)
        anatomy = Anatomy(*read_t1(t1))
        bold, found = self._made(files, t1, anatomy)
        sources = [
            f"bids:raw:{path.relative_to(self.bids).as_posix()}" for path in (files.bold, t1)
        ]
        write_preprocessed(self.out, files.run, found, sources=sources)
        pictures = write_pictures(self.out, files.run, image_pictures(bold, anatomy, found))
        write_json(record, {**self._record(identity, bold, found), "pictures": pictures})
        moved = float(np.mean(found.motion.framewise_displacement[1:]))
        told = f"{label}: images in MNI, mean framewise displacement {moved:.2f} mm"
        moves = much_motion(label, moved, self.config.images.bold.clean.confounds)
        return [told, *(f"{label}: {one}" for one in found.cautions), *moves]

    def _record(self, identity: str, bold: Bold, found: PreprocessedBold) -> dict[str, object]:
        """Return what is kept of a run beside its files."""
        return {
            "identity": identity,
            "steps": [*found.steps, *found.cautions],
            "numbers": image_numbers(bold, found),
            "settings": self.config.images.bold.model_dump(mode="json"),
        }

    def _made(self, files: RunFiles, t1: Path, anatomy: Anatomy) -> tuple[Bold, PreprocessedBold]:
        """Return a run as it was stored, and in MNI."""
        refuse_unplaced(open_image(files.bold), files.bold)
        bold = read_bold(
            files.bold,
            files.bold_metadata,
            mask_path=files.mask,
            max_bytes=self.config.study.max_image_bytes,
        )
        found = preprocess_bold(
            bold, anatomy, self.config.images.bold, found=self.anatomies.get(t1)
        )
        if t1 not in self.anatomies and found.anatomy.tissues:
            source = t1.relative_to(self.bids)
            place = self.out / source.parent / source.name.partition("_T1w.nii")[0]
            sources = [f"bids:raw:{source.as_posix()}"]
            write_anatomy(place, anatomy.grid, found.anatomy.tissues, sources=sources)
        self.anatomies[t1] = found.anatomy
        return bold, found

    def _identity(self, files: RunFiles, t1: Path) -> str:
        """Return a hash of the images and of how they are preprocessed."""
        facts = {
            "version": __version__,
            "images": [print_of(path) for path in (files.bold, t1)],
            "metadata": files.bold_metadata,
            "settings": self.config.images.model_dump(mode="json"),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def print_of(path: Path) -> tuple[str, int, str]:
    """Return name, size and a hash of the header of an image: places may be corrected later."""
    header = open_image(path).header.binaryblock
    return path.name, path.stat().st_size, hashlib.sha256(header).hexdigest()


def much_motion(label: str, moved: float, confounds: Sequence[str]) -> list[str]:
    """Say what a head that moved may do to a transcoder, unless its motion is regressed out.

    Parameters
    ----------
    label : str
        Of the run.
    moved : float
        Mean framewise displacement, in mm.
    confounds : sequence of str
        Columns that are regressed out (`CleanSettings.confounds`).

    Returns
    -------
    words : list of str
        Nothing, or one line.
    """
    regressed = any(fnmatch.filter(MOTION_NAMES, one) for one in confounds)
    if moved < MUCH_MOTION or regressed:
        return []
    return [
        f"THE HEAD MOVED: {label}: {moved:.2f} mm from volume to volume. Motion that EEG and BOLD "
        "share can pass for activity; compare maps with those of images.bold.clean.confounds="
        '["trans_*", "rot_*"], which regresses it out'
    ]
