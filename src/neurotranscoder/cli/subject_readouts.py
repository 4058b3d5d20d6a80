"""What models of subjects have learnt, on the command line: responses and maps of places."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from jaxtyping import Bool
from numpy import ndarray

from neurotranscoder.analyse.places import Place, place_at, region_place
from neurotranscoder.analyse.subject_maps import SubjectMaps
from neurotranscoder.analyse.subject_maps_store import label_of, write_electrode, write_place
from neurotranscoder.analyse.subject_responses import region_hrfs
from neurotranscoder.analyse.subject_responses_store import intervals_of, write_region_hrfs
from neurotranscoder.cli.common import say
from neurotranscoder.cli.estimates import sources_of
from neurotranscoder.cli.places import MAPS, MODELS, RESPONSES, SUBJECTS, TRUST
from neurotranscoder.cli.regions import AtlasFiles, AtlasInUse
from neurotranscoder.cli.workspace import Workspace, group_models, is_complete
from neurotranscoder.config import Config
from neurotranscoder.core.errors import GridError, InputError, SettingsError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.manifest import MANIFEST, sha256_of, write_manifest
from neurotranscoder.io.nifti import array_of, open_image
from neurotranscoder.report.subject_readouts import write_place_picture, write_region_hrfs_picture
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject, load_subject

_OF_RESPONSES = "responses of regions"
_OF_MAPS = "maps of places"


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class PlacesAsked(AtlasFiles):
    """Where models of subjects are, an atlas, and whose forward and inverse maps are wanted."""

    subject_models: Annotated[
        Path | None,
        Parameter(
            help="Folder with the model of each subject, as sub-01; default: OUT/models/subjects."
        ),
    ] = None

    electrode: Annotated[
        tuple[str, ...],
        Parameter(help="Channels to map to voxels.", negative="", consume_multiple=True),
    ] = ()
    place: Annotated[
        tuple[tuple[float, float, float], ...],
        Parameter(
            help="Position to map to channels, x y z in mm (RAS) of the images; may be repeated.",
            negative="",
            consume_multiple=False,
        ),
    ] = ()
    region: Annotated[
        tuple[str, ...],
        Parameter(
            help="Regions of the atlas to map to channels.", negative="", consume_multiple=True
        ),
    ] = ()
    place_width: Annotated[
        float, Parameter(help="Full width at half maximum around each --place, in mm.")
    ] = 0.0

    @property
    def files(self) -> AtlasFiles:
        """The files of the atlas alone."""
        return AtlasFiles(self.atlas, self.labels)

    def check_regions(self, used: AtlasInUse | None) -> None:
        """Refuse regions that no atlas has, and names of files that would be one.

        Raises
        ------
        SettingsError
            When there are such.
        """
        if self.region and used is None:
            raise SettingsError("--region names regions of an atlas; add --atlas and --labels")
        known = [] if used is None else list(used.atlas.names.values())
        if unknown := [name for name in self.region if name not in known]:
            raise SettingsError(
                f"the atlas has no region {unknown[0]!r}; it has {', '.join(known[:5])}, ...; "
                "name one"
            )
        labels = [label_of(name) for name in self.region]
        if len(set(labels)) < len(labels):
            raise SettingsError(
                f"regions {', '.join(self.region)} would be written to files of one name; name "
                "them in calls of their own, or rename them in the table"
            )

    def places(self, trained: TrainedSubject, used: AtlasInUse | None) -> list[Place]:
        """Return the places in a subject's brain."""
        found = [place_at(trained, one, width=self.place_width) for one in self.place]
        if used is not None:
            found += [region_place(trained, used.atlas, name) for name in self.region]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class SubjectReadouts:
    """What is read out of the models of subjects."""

    space: Workspace
    groups: Mapping[str, TrainedTranscoder]
    used: AtlasInUse | None
    asked: PlacesAsked

    def of(self, name: str) -> None:
        """Write what is asked for of one subject; what cannot be made is said.

        Raises
        ------
        SettingsError
            When the model has no such electrode.
        """
        trained = load_subject(self.space.model_of(name))
        runs = [run for run in self.space.study.runs if run.subject == name]
        try:
            self._responses(name, trained, runs)
        except InputError as error:
            say(f"NO RESPONSES: sub-{name}: {error}")
        try:
            self._maps(name, trained, runs)
        except GridError as error:
            say(f"NO MAPS: sub-{name}: {error}")

    def _responses(self, name: str, trained: TrainedSubject, runs: list[RunId]) -> None:
        """Write responses of regions, unless they are there; the manifest is last."""
        if self.used is None:
            return
        if trained.group not in self.groups:
            raise SettingsError("its group model is not known; name it with --model")
        settings = self.space.config.analyse.responses
        identity = self._identity(name, runs, settings.digest(), *self.used.hashes)
        folder = self.space.out / RESPONSES / f"sub-{name}"
        if is_complete(folder, kind=_OF_RESPONSES, identity=identity):
            return
        _clear(folder)
        group, stem = self.groups[trained.group], f"sub-{name}_res-voxel"
        recordings = [self.space.study.load(run) for run in runs]
        seen = self._seen(name, trained)
        found = region_hrfs(trained, group, recordings, self.used.atlas, settings, seen=seen)
        facts = {"RunsThatTheModelWasFittedOn": [one for one in found.runs if one in trained.runs]}
        write_region_hrfs(
            folder, stem, found, sources=[*self._sources(runs), *self.used.sources], metadata=facts
        )
        write_region_hrfs_picture(
            folder / f"{stem}_hrf.png", found, group.response, name=f"sub-{name}"
        )
        write_manifest(folder, kind=_OF_RESPONSES, settings_hash=identity)
        say(
            f"sub-{name}: responses of {len(found.names)} regions ({intervals_of(found)}), "
            f"{_words_of_seen(found.trusted, seen)}; {folder}"
        )

    def _maps(self, name: str, trained: TrainedSubject, runs: list[RunId]) -> None:
        """Write maps of electrodes and places, unless they are there; the manifest is last."""
        asked = self.asked
        if not (asked.electrode or asked.place or asked.region):
            return
        hashes = self.used.hashes if self.used is not None and asked.region else ()
        identity = self._identity(name, runs, repr(asked), *hashes)
        folder, stem = self.space.out / MAPS / f"sub-{name}", f"sub-{name}_res-voxel"
        if is_complete(folder, kind=_OF_MAPS, identity=identity):
            return
        fitted = [run for run in runs if run.label in trained.runs]
        needed = fitted if trained.coder.sparse is None else []
        maps = SubjectMaps.of(trained, [self.space.study.load(run) for run in needed])
        places, seen = asked.places(trained, self.used), self._seen(name, trained)
        for electrode in asked.electrode:
            maps.sensitivity(electrode)  # refused before anything is removed
        _clear(folder)
        sources = [(Path(MODELS) / SUBJECTS / f"sub-{name}").as_posix(), *self._sources(needed)]
        for electrode in asked.electrode:
            write_electrode(folder, stem, maps, electrode, sources=sources)
        for place in places:
            share = None if seen is None else round(float(place.weights @ seen), 6)
            write_place(folder, stem, maps, place, sources=sources, metadata={"SeenShare": share})
            path = folder / f"{stem}_place-{label_of(place.name)}_topography.png"
            write_place_picture(path, maps, place, name=f"sub-{name}")
            if not maps.topography(place).any():
                say(f"NO MAP: sub-{name}: the model has no source at {place.name}; zeros there")
        write_manifest(folder, kind=_OF_MAPS, settings_hash=identity)
        say(f"sub-{name}: maps of {len(asked.electrode) + len(places)} places in {folder}")

    def _seen(self, name: str, trained: TrainedSubject) -> Bool[ndarray, " voxels"] | None:
        """Return which voxels the trust map on disk calls seen, or None."""
        folder = self.space.out / TRUST / f"sub-{name}"
        if not (folder / MANIFEST).is_file():
            return None
        path = folder / f"sub-{name}_res-voxel_desc-trust_mask.nii.gz"
        return np.asarray(array_of(open_image(path), path)[trained.mask] > 0)

    def _identity(self, name: str, runs: list[RunId], *facts: str) -> str:
        """Return a hash of the model, its trust map, the runs and further facts."""
        manifests = (
            self.space.model_of(name) / MANIFEST,
            self.space.out / TRUST / f"sub-{name}" / MANIFEST,
        )
        known = [sha256_of(path) if path.is_file() else "" for path in manifests]
        sizes = [self.space.study.files[run].bold.stat().st_size for run in runs]
        text = json.dumps([known, [run.label for run in runs], sizes, *facts])
        return hashlib.sha256(text.encode()).hexdigest()

    def _sources(self, runs: list[RunId]) -> list[str]:
        """Return the files of runs, as BIDS URIs."""
        study = self.space.study
        return [one for run in runs for one in sources_of(study, run, "eeg", "bold")]


def _clear(folder: Path) -> None:
    """Remove earlier read-outs of a subject, the manifest first."""
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in sorted(folder.glob("sub-*_res-voxel_*")):
        path.unlink()


def _words_of_seen(
    trusted: Bool[ndarray, " regions"], seen: Bool[ndarray, " voxels"] | None
) -> str:
    """Return how many regions are seen, in words."""
    if seen is None:
        return "no trust map says which are seen"
    return f"{int(trusted.sum())} of them seen"


def read_out_subjects(
    bids: Path,
    out: Path,
    config: Config,
    *,
    asked: PlacesAsked,
    model: Path | None = None,
) -> None:
    """Write responses of regions and maps of places for each subject that has a model.

    Parameters
    ----------
    bids, out : Path
        Study and results.
    config : Config
        Settings.
    asked : PlacesAsked
        Responses are of the regions of its atlas; whose maps are wanted.
    model : Path or None
        The group model; those in OUT/models by default.
    """
    if asked == PlacesAsked(subject_models=asked.subject_models):
        return
    used = asked.files.read()
    asked.check_regions(used)
    space = Workspace.list(bids, out, config)
    if space.study.runs:
        space = Workspace.open(bids, out, config)
    space = replace(space, models_of_subjects=asked.subject_models)
    readouts = SubjectReadouts(space, group_models(out, model), used, asked)
    names = sorted({run.subject for run in (*space.study.runs, *space.study.alone)})
    with space.started():
        for name in names:
            if (space.model_of(name) / MANIFEST).is_file():
                readouts.of(name)
