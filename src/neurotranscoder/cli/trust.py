"""Trust maps on the command line: which voxels the model of a subject can see."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from neurotranscoder.analyse.trust import TrustMap, trust_map, write_trust
from neurotranscoder.cli.common import say
from neurotranscoder.cli.subjects import subject_folder
from neurotranscoder.cli.workspace import TRUST, Workspace, is_complete
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.manifest import MANIFEST, sha256_of, write_manifest
from neurotranscoder.io.nifti import array_of, open_image
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject, load_subject

_KIND = "trust map"


def subject_trust(
    space: Workspace, name: str, groups: Mapping[str, TrainedTranscoder]
) -> TrustMap | None:
    """Write the trust map of a subject from all runs that are not in its fit, or read it.

    Parameters
    ----------
    space : Workspace
        Study and results.
    name : str
        Label of the subject, without ``sub-``; it has a model.
    groups : mapping
        Group models by digest.

    Returns
    -------
    trust : TrustMap or None
        None where there can be none, which is said.
    """
    trained = load_subject(subject_folder(space.out, name))
    runs = [r for r in space.study.runs if r.subject == name and r.label not in trained.runs]
    if not runs:
        say(f"NO TRUST MAP: sub-{name}: the model was fitted on all of its runs; it needs another")
        return None
    if trained.group not in groups:
        say(
            f"NO TRUST MAP: sub-{name}: the group model that it was fitted with is not known; "
            "name it with --model"
        )
        return None
    folder = space.out / TRUST / f"sub-{name}"
    identity = _identity(space, trained, runs, name)
    if is_complete(folder, kind=_KIND, identity=identity):
        return _read(space, trained, name)
    (folder / MANIFEST).unlink(missing_ok=True)
    recordings = [space.study.load(run) for run in runs]
    try:
        trust = trust_map(trained, groups[trained.group], recordings)
    except GridError as error:
        say(f"NO TRUST MAP: sub-{name}: {error}")
        return None
    write_trust(folder, name, trust, sources=_sources(space, runs))
    write_manifest(folder, kind=_KIND, settings_hash=identity)
    seen = int(trust.seen().sum())
    say(
        f"sub-{name}: trust map from {len(runs)} runs that are not in the fit: {seen} of "
        f"{len(trust.q)} voxels are seen (q <= .05); {folder}"
    )
    return _read(space, trained, name)  # as on later calls: single precision


def _read(space: Workspace, trained: TrainedSubject, name: str) -> TrustMap:
    """Return a map as it was written."""
    stem = space.out / TRUST / f"sub-{name}" / f"sub-{name}_res-voxel_desc-trust"
    paths = [stem.with_name(f"{stem.name}_{part}.nii.gz") for part in ("r", "z", "q")]
    r, z, q = (
        np.asarray(array_of(open_image(path), path)[trained.mask], dtype=np.float64)
        for path in paths
    )
    return TrustMap(r, z, q, trained.grid, trained.mask)


def _identity(space: Workspace, trained: TrainedSubject, runs: list[RunId], name: str) -> str:
    """Return a hash of the model and of the runs."""
    model = sha256_of(subject_folder(space.out, name) / MANIFEST)
    sizes = [space.study.files[run].bold.stat().st_size for run in runs]
    facts = [model, trained.group, [run.label for run in runs], sizes]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _sources(space: Workspace, runs: list[RunId]) -> list[str]:
    """Return what a map was made from, as BIDS URIs."""
    root = space.study.root
    paths = [
        path for run in runs for path in (space.study.files[run].eeg, space.study.files[run].bold)
    ]
    return [f"bids:raw:{path.relative_to(root).as_posix()}" for path in paths]
