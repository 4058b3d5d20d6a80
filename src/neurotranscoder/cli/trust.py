"""Trust maps on the command line: which voxels the model of a subject can see."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurotranscoder.analyse.trust import TrustMap, trust_map, write_trust
from neurotranscoder.cli.common import say
from neurotranscoder.cli.estimates import sources_of
from neurotranscoder.cli.places import TRUST
from neurotranscoder.cli.workspace import Workspace, clear, is_complete
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.manifest import MANIFEST, sha256_of, write_manifest
from neurotranscoder.io.nifti import array_of, open_image
from neurotranscoder.report.trust_picture import write_trust_picture
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject, load_subject

_KIND = "trust map"


@dataclass(frozen=True, slots=True, eq=False)
class TrustInUse:
    """The trust map of a subject, or why there is none.

    Parameters
    ----------
    trust : TrustMap or None
        As it was written.
    identity : str
        SHA-256 of its manifest, which knows what it was made from; empty where there is none.
    runs : tuple of str
        Labels of the runs that it was made from.
    reason : str
        Why there is none.
    """

    trust: TrustMap | None
    identity: str = ""
    runs: tuple[str, ...] = ()
    reason: str = ""


def subject_trust(
    space: Workspace, name: str, groups: Mapping[str, TrainedTranscoder]
) -> TrustInUse:
    """Write the trust map of a subject from all runs that are not in its fit, or read it.

    One that was made from other files is removed. Where there can be none, that is said.

    Parameters
    ----------
    space : Workspace
        Study and results.
    name : str
        Label of the subject, without ``sub-``; it has a model.
    groups : mapping
        Group models by digest; a map that is there needs none.
    """
    trained = load_subject(space.model_of(name))
    runs = [r for r in space.study.runs if r.subject == name and r.label not in trained.runs]
    folder = space.out / TRUST / f"sub-{name}"
    identity = _identity(space, trained, runs, name)
    if runs and is_complete(folder, kind=_KIND, identity=identity):
        return _read(folder, trained, runs)
    clear(folder, "*_desc-trust_*")
    if not runs:
        return _none(
            name, "no run of it has both EEG and BOLD and is not in the fit; it needs one"
        )
    if trained.group not in groups:
        return _none(
            name, "the group model that it was fitted with is not known; name it with --model"
        )
    recordings = [space.study.load(run) for run in runs]
    try:
        trust = trust_map(trained, groups[trained.group], recordings)
    except GridError as error:
        return _none(name, str(error))
    write_trust(folder, name, trust, sources=_sources(space, runs))
    path = folder / f"sub-{name}_res-voxel_desc-trust_r.png"
    anatomy = recordings[0].bold.data.mean(axis=-1)
    write_trust_picture(path, trust, anatomy, name=f"sub-{name}")
    write_manifest(folder, kind=_KIND, settings_hash=identity)
    seen = int(trust.seen().sum())
    say(
        f"sub-{name}: trust map from {len(runs)} runs that are not in the fit: {seen} of "
        f"{len(trust.q)} voxels are seen (q <= .05); {folder}"
    )
    return _read(folder, trained, runs)  # as on later calls: single precision


def _none(name: str, reason: str) -> TrustInUse:
    """Say that there is no map."""
    say(f"NO TRUST MAP: sub-{name}: {reason}")
    return TrustInUse(None, reason=reason)


def _read(folder: Path, trained: TrainedSubject, runs: list[RunId]) -> TrustInUse:
    """Return a map as it was written."""
    paths = [folder / f"{folder.name}_res-voxel_desc-trust_{part}.nii.gz" for part in "rzq"]
    r, z, q = (
        np.asarray(array_of(open_image(path), path)[trained.mask], dtype=np.float64)
        for path in paths
    )
    trust = TrustMap(r, z, q, trained.grid, trained.mask)
    return TrustInUse(trust, sha256_of(folder / MANIFEST), tuple(run.label for run in runs))


def _identity(space: Workspace, trained: TrainedSubject, runs: list[RunId], name: str) -> str:
    """Return a hash of the model, of the runs' files, and of how these are read."""
    model = sha256_of(space.model_of(name) / MANIFEST)
    files = [space.study.files[run] for run in runs]
    inputs = [
        [[path.name, sha256_of(path)] for path in one.recordings()]
        + [dict(one.eeg_sidecars.metadata), one.bold_metadata]
        for one in files
    ]
    reading = space.config.study.model_dump(mode="json", exclude={"participants", "images"})
    facts = [model, trained.group, [run.label for run in runs], inputs, reading]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _sources(space: Workspace, runs: list[RunId]) -> list[str]:
    """Return what a map was made from, as BIDS URIs."""
    return [one for run in runs for one in sources_of(space.study, run, "eeg", "bold")]
