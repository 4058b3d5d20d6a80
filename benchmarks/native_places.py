"""How far from their true place the chain takes voxels of simulated native images.

    python benchmarks/native_places.py STUDY PREPROCESSED

STUDY was simulated with a section ``native``; PREPROCESSED is what ``preprocess`` (or ``run``, in
OUT/preprocessed) made of it. Prints a table: over the brain of each run, the mean and the 95th
percentile of the distance (mm) from the true place in the T1 image, and from that of MNI; and how
far the EPI was from MNI at first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.store import read_json
from neurotranscoder.preprocess.warp import Warp
from neurotranscoder.signal.rigid import apply_matrix
from neurotranscoder.simulate.native_head import native_head
from neurotranscoder.simulate.native_space import draw_space
from neurotranscoder.simulate.truth import load_truth


@dataclass(frozen=True, slots=True)
class PlaceErrors:
    """Distances of voxels of the brain from their true places, in mm, shape (voxels,) each."""

    run: RunId
    at_first: np.ndarray
    in_t1: np.ndarray
    in_mni: np.ndarray


def place_errors(study: Path, preprocessed: Path) -> Iterator[PlaceErrors]:
    """Yield the distances of each run that was brought to MNI."""
    truth = load_truth(study)
    for run in truth.runs:
        folder = preprocessed / run.folder / "func"
        transforms = folder / f"{run.label}_desc-preproc_transforms.json"
        if not transforms.is_file():
            continue
        found = read_json(transforms)
        image = nib.load(next(folder.glob(f"{run.label}_from-*_xfm.nii.gz")))
        grid = VoxelGrid(image.shape[:3], np.asarray(image.affine, dtype=np.float64))
        warp = Warp(np.array(found["TemplateToT1w"]), grid, np.asarray(image.get_fdata()))
        to_t1 = np.array(found["BoldToT1w"])
        subject, _ = truth.cohort.scenario.numbers_of(run)
        space = draw_space(truth.cohort.scenario, subject)
        voxels = native_head(truth.cohort.scenario, truth.regions, subject).places
        there = space.from_epi(voxels)
        back = apply_matrix(np.linalg.inv(to_t1), warp.apply(there))
        placed = apply_matrix(to_t1, voxels) - apply_matrix(space.epi_to_t1, voxels)
        yield PlaceErrors(run, *(np.linalg.norm(d, axis=1)
                                 for d in (there - voxels, placed, back - voxels)))  # fmt: skip


def places_table(errors: Iterator[PlaceErrors]) -> str:
    """Return the distances as a table."""
    lines = ["| run | EPI from MNI at first | EPI to T1 | EPI to MNI |", "|---|---|---|---|"]
    for one in errors:
        cells = [
            f"{values.mean():.1f} ({np.quantile(values, 0.95):.1f})"
            for values in (one.at_first, one.in_t1, one.in_mni)
        ]
        lines.append(f"| {one.run.label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("preprocessed", type=Path)
    given = parser.parse_args()
    print(places_table(place_errors(given.study, given.preprocessed)))


if __name__ == "__main__":
    main()
