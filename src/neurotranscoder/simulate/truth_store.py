"""The truth of a simulated study on disk, below ``derivatives/truth``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from pydantic import ValidationError

from neurotranscoder.core.errors import StoreError, WeightsError
from neurotranscoder.core.recording import Events, RunId
from neurotranscoder.io.derivatives import start_derivative
from neurotranscoder.io.events import read_events, write_events
from neurotranscoder.io.manifest import read_manifest, sha256_of
from neurotranscoder.io.nifti import image_of, write_nifti
from neurotranscoder.io.store import read_json, read_table, write_json, write_table, write_text
from neurotranscoder.io.weights import load_tensors, save_tensors
from neurotranscoder.physics.evoked import sampled_evoked
from neurotranscoder.physics.head import head_of_tensors, tensors_of_head
from neurotranscoder.simulate import truth_native
from neurotranscoder.simulate.cohort import Cohort, cohort_of, response_kernels
from neurotranscoder.simulate.contrasts import activation_table
from neurotranscoder.simulate.draw import DrawnSources, draw_sources
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.truth_subjects import LEADFIELD_UNIT, read_heads, write_subjects

KIND = "truth"
_GEOMETRY = "geometry"
_HRF_RATE = 10.0
_NOT_BIDS = (
    "manifest.json",
    "scenario.json",
    "regions.tsv",
    "regions_dseg.nii.gz",
    "activations.tsv",
    "hrf.tsv",
    "evoked.tsv",
    "geometry*",
    "subjects*.tsv",
    "sub-*_geometry*",
    "runs",
)
_REGION_ARRAYS = (
    "labels",
    "weights",
    "oscillatory",
    "mixed",
    "motor",
    "latency",
    "target_gain",
    "centres",
)


def truth_folder(root: Path) -> Path:
    """Return where the truth of a study is."""
    return root / "derivatives" / "truth"


def write_cohort(folder: Path, cohort: Cohort) -> None:
    """Write what all runs share: scenario, regions, responses, heads."""
    scenario, regions = cohort.scenario, cohort.regions
    name = f"Truth of the simulated study '{scenario.name}'"
    start_derivative(folder, name=name, sources=("../..",))
    native = scenario.native is not None
    not_bids = (*_NOT_BIDS, *(truth_native.NOT_BIDS if native else ()))
    write_text(folder / "README", _README + (truth_native.README if native else ""))
    write_text(folder / ".bidsignore", "\n".join(not_bids) + "\n")
    write_json(folder / "scenario.json", scenario.model_dump(mode="json"))
    image: Any = image_of((regions.labels + 1).astype(np.float32), cohort.template.head.grid)
    image.set_data_dtype(np.int16)
    write_nifti(folder / "regions_dseg.nii.gz", image)
    x, y, z = regions.centres.T.tolist()
    table = {
        "index": list(range(1, regions.n_regions + 1)),
        "name": regions.names,
        "kind": regions.kinds,
        "x": x,
        "y": y,
        "z": z,
        "n_voxels": regions.n_voxels.tolist(),
        "latency": np.where(regions.oscillatory, np.nan, regions.latency).tolist(),
        "target_gain": regions.target_gain.tolist(),
        "follows_response": np.where(
            regions.named, "n/a", np.where(regions.motor, "true", "false")
        ).tolist(),
    }
    for column in ("peak_delay", "peak_dispersion", "undershoot_delay", "ratio"):
        table[f"hrf_{column}"] = [getattr(shape, column) for shape in cohort.template.hrfs]
    write_table(folder / "regions.tsv", table)
    if scenario.regions.activations:
        write_table(folder / "activations.tsv", activation_table(cohort))
    response = _mean_response(cohort)
    for name, values, sfreq in (
        ("hrf", response, _HRF_RATE),
        ("evoked", sampled_evoked(scenario.source_rate, scenario.evoked), scenario.source_rate),
    ):
        times = (np.arange(len(values)) / sfreq).tolist()
        write_table(folder / f"{name}.tsv", {"time": times, "value": values.tolist()})
    tensors = {
        f"head.{key}": value for key, value in tensors_of_head(cohort.template.head).items()
    }
    tensors |= {f"regions.{key}": np.asarray(getattr(regions, key)) for key in _REGION_ARRAYS}
    save_tensors(folder, _GEOMETRY, tensors, LEADFIELD_UNIT)
    write_subjects(folder, cohort)
    truth_native.write_spaces(folder, scenario)


def _mean_response(cohort: Cohort) -> ndarray:
    """Return h at 10 Hz, its mean over regions."""
    kernels = response_kernels(cohort.scenario, cohort.template.hrfs)
    lags = np.arange(int(_HRF_RATE * max(kernel.stop for kernel in kernels)) + 1) / _HRF_RATE
    counts = {kernel: kernels.count(kernel) for kernel in dict.fromkeys(kernels)}
    total = sum(count * kernel(lags) for kernel, count in counts.items())
    return np.asarray(total) / len(kernels)


def write_run(
    folder: Path, run: RunId, drawn: DrawnSources, events: Events, *, identity: str
) -> None:
    """Write the design of a run and what tells its sources and files; it is done from then on."""
    write_events(folder / "runs" / f"{run.label}_design.tsv", events)
    write_json(
        _run_path(folder, run),
        {"identity": identity, **_marks(drawn), "files": _files_of(folder, run)},
    )


def has_run(folder: Path, run: RunId, *, identity: str) -> bool:
    """Return whether a run of this very study was completely written and is still there."""
    path = _run_path(folder, run)
    try:
        if not path.is_file():
            return False
        kept = read_json(path)
        files = _files_of(folder, run)
        return bool(kept.get("identity") == identity and files and kept.get("files") == files)
    except StoreError:
        return False


def _files_of(folder: Path, run: RunId) -> dict[str, str]:
    """Return the SHA-256 of all files of a run in the study that a truth belongs to."""
    root = folder.parents[1]
    paths = sorted((root / run.folder).glob(f"*/{run.label}_*"))
    return {path.relative_to(root).as_posix(): sha256_of(path) for path in paths}


def run_files(folder: Path) -> list[Path]:
    """Return the files that say which runs are done."""
    return sorted((folder / "runs").glob("*_sources.json"))


def read_cohort(folder: Path) -> Cohort:
    """Read what all runs share; StoreError when it is incomplete or damaged."""
    read_manifest(folder, kind=KIND)
    try:
        scenario = Scenario.model_validate(read_json(folder / "scenario.json"))
        tensors, _ = load_tensors(folder, _GEOMETRY)
        head = head_of_tensors(_below("head.", tensors))
        names = tuple(read_table(folder / "regions.tsv")["name"])
        regions = Regions(**_below("regions.", tensors), names=names)
        heads = read_heads(folder, scenario, head)
    except (ValidationError, WeightsError, KeyError, TypeError) as error:
        raise StoreError(
            f"{folder}: was written by another version of this package ({error}); simulate the "
            "study again"
        ) from error
    return cohort_of(scenario, head, regions, heads)


def redraw_sources(folder: Path, cohort: Cohort, run: RunId) -> DrawnSources:
    """Draw the sources of a run again, from scenario, seed and design.

    Raises
    ------
    StoreError
        When the run is missing or damaged, or other sources come out than those that the study
        was made from.
    """
    kept = read_json(_run_path(folder, run))
    events = read_events(folder / "runs" / f"{run.label}_design.tsv")
    drawn = draw_sources(cohort, events, *cohort.scenario.numbers_of(run))
    for name, value in _marks(drawn).items():
        if not np.isclose(float(str(kept.get(name, "nan"))), value, rtol=1e-6):
            raise StoreError(
                f"{run}: {name} of its sources is {value!r} when they are drawn again and was "
                f"{kept.get(name)!r}; the study was made by another version of this package or of "
                "NumPy; use that one, or simulate the study again"
            )
    return drawn


def _run_path(folder: Path, run: RunId) -> Path:
    """Return the file that says that a run is done."""
    return folder / "runs" / f"{run.label}_sources.json"


def _marks(drawn: DrawnSources) -> dict[str, float]:
    """Return numbers that tell sources from others; the same to 1e-6 on every machine."""
    marks = {}
    for name, sources in (("electric", drawn.electric), ("hemodynamic", drawn.hemodynamic)):
        marks[f"{name}_impulses"] = float(len(sources.time))
        marks[f"{name}_moment"] = float(np.sum(sources.time * sources.amplitude))
        marks[f"{name}_power"] = float(np.sum(np.abs(sources.waves) ** 2))
    return marks


def _below(prefix: str, tensors: dict[str, ndarray]) -> dict[str, ndarray]:
    """Return the tensors whose names begin with a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


_README = """\
What the simulated study was made from. No step but the evaluation may read it.

scenario.json      every setting and the seed
regions_dseg.nii.gz, regions.tsv   which voxel follows which region (index 0 is outside or
                   silent)
activations.tsv    what regions of anatomy do after stimuli of each condition, if any do
                   (neurotranscoder.simulate.contrasts has their expected time courses)
hrf.tsv            hemodynamic response h (10 Hz), mean over regions; regions.tsv has the
                   parameters of each region's double gamma
evoked.tsv         evoked response d
geometry.json      points at the leadfield G in V/(A m), the orientations and the regions, of
                   the template
sub-*_geometry.json   points at leadfield, orientations and true places of electrodes of a subject
                   whose head is not the template's
subjects.tsv       how subjects differ from the template, where they do: size of the head along
                   x, y and z, conductivity and thickness of the skull (all relative to the
                   template's), delay of all responses h in s, strength of all sources
subjects_regions.tsv   the same by region: strength of its sources (that of all included) and
                   parameters of its double gamma
runs/*_design.tsv  events of each run
runs/*_sources.json   marks of the sources X of each run; X itself is drawn again when it is
                   asked for, from scenario, seed and design
                   (neurotranscoder.simulate.truth.load_truth)
manifest.json      every file with its SHA-256, written last
"""
