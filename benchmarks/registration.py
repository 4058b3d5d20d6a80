"""Error of every registration and of slice timing on synthetic heads with known transforms.

Prints one line of JSON for each case: mean and 95th percentile of the error over the brain (mm),
and seconds of one processor core (what the process used, whatever else the machine does). For
tissues of the T1, the overlap with the truth (Dice): of the brain, and of the voxels where each
tissue has the largest share.

    python benchmarks/registration.py             # motion, slices, EPI to T1, T1 to MNI, tissues
    python benchmarks/registration.py --steps normalise --methods fast quality demons syn --seeds 1

`demons` (SimpleITK) and `syn` (dipy) are rivals; all warps start from the same affine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import registration_worlds as worlds
from registration_rivals import RIVALS

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.preprocess.boundary import refine_on_boundary
from neurotranscoder.preprocess.coregister import coregister
from neurotranscoder.preprocess.motion import estimate_motion
from neurotranscoder.preprocess.normalise import NormaliseSettings, find_affine, normalise
from neurotranscoder.preprocess.template import mni_template
from neurotranscoder.preprocess.tissues import Tissues, find_tissues
from neurotranscoder.preprocess.warp import Warp
from neurotranscoder.signal.rigid import apply_matrix, grid_centre, rigid_matrix
from neurotranscoder.signal.slice_timing import correct_slice_timing

STEPS = ("motion", "slices", "coregister", "normalise", "tissues")
HEADS = ((4, "brightness of the template"), (6, "own folds, mixed voxels"))
Row = dict[str, object]


def row(step: str, case: dict[str, object], errors: np.ndarray, seconds: float) -> Row:
    """Return one line of the table."""
    numbers = {
        "error_mm": round(float(errors.mean()), 3),
        "error_mm_p95": round(float(np.quantile(errors, 0.95)), 3),
        "core_seconds": round(seconds, 2),
    }
    return {"step": step, **case, **numbers}


def distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return how far points are from each other, in mm."""
    return np.linalg.norm(first - second, axis=1)


def motion_rows(seed: int, n_volumes: int = 20) -> Iterator[Row]:
    """Realign an EPI of 64 x 64 x 35 voxels that a random walk moves by 1.7 mm on average."""
    rng = np.random.default_rng([seed, 1])
    grid = worlds.epi_grid(rng)
    points, centre = worlds.points_of(grid), grid_centre(grid)
    mask = worlds.brain_at(points).reshape(grid.shape)
    brain = points[mask.ravel()]
    walk = np.cumsum(rng.standard_normal((n_volumes, 6)) * [*[1.0] * 3, *[0.015] * 3], axis=0)
    walk -= walk[0]
    mean = np.mean([distance(apply_matrix(m, brain), brain).mean() for m in rigids(walk, centre)])
    true = rigids(walk * 1.7 / mean, centre)
    bias = worlds.bias_field(grid.shape, rng, 0.15)
    data = np.empty((*grid.shape, n_volumes), dtype=np.float32)
    for volume, matrix in enumerate(true):
        image = worlds.epi_at(apply_matrix(np.linalg.inv(matrix), points)).reshape(grid.shape)
        data[..., volume] = image * bias + 12 * rng.standard_normal(grid.shape)
    start = time.process_time()
    found = estimate_motion(data, grid, mask)
    seconds = (time.process_time() - start) / n_volumes
    errors = [
        distance(apply_matrix(ours, brain), apply_matrix(theirs, brain))
        for ours, theirs in zip(found.to_volume, true, strict=True)
    ]
    moved = [distance(apply_matrix(theirs, brain), brain) for theirs in true]
    case = {"tool": "Gauss-Newton", "seed": seed, "motion_mm": round(float(np.mean(moved)), 2)}
    yield row("motion, per volume", case, np.concatenate(errors), seconds)


def rigids(parameters: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return the matrices of rows of parameters."""
    return np.stack([rigid_matrix(line, centre) for line in parameters])


def slice_rows(seed: int) -> Iterator[Row]:
    """Correlate slices with what they show at the middle of the TR, before and after."""
    rng = np.random.default_rng([seed, 2])
    axis = VolumeAxis(2.0, 300, 2.0 / 35 * rng.permutation(35).astype(np.float64))
    frequency, phase = rng.uniform(0.01, 0.12, 40), rng.uniform(0, 2 * np.pi, 40)

    def signal(times: np.ndarray) -> np.ndarray:
        return np.sin(2 * np.pi * np.outer(times, frequency) + phase).sum(axis=1)

    data = np.stack([signal(axis.times(z)) for z in range(35)])[np.newaxis, np.newaxis]
    start = time.process_time()
    corrected, same = correct_slice_timing(data, axis)
    seconds = time.process_time() - start
    middle = signal(same.times(0))
    r = [np.mean([np.corrcoef(s, middle)[0, 1] for s in d[0, 0]]) for d in (data, corrected)]
    yield {
        "step": "slice timing", "tool": "cubic spline", "seed": seed,
        "r_before": round(r[0], 4), "r_after": round(r[1], 4), "core_seconds": round(seconds, 3),
    }  # fmt: skip


def coregister_rows(seed: int) -> Iterator[Row]:
    """Place an EPI up to 20 mm and .26 rad off in a T1 with skull, then refine it."""
    rng = np.random.default_rng([seed, 3])
    grid, head = worlds.epi_grid(rng), worlds.tissue()
    true = rigid_matrix(worlds.random_pose(rng, 20.0, 0.26), grid_centre(head.grid))
    points = apply_matrix(true, worlds.points_of(grid))
    mask = worlds.brain_at(points).reshape(grid.shape)
    brain = worlds.points_of(grid)[mask.ravel()]
    epi = worlds.epi_at(points).reshape(grid.shape) * worlds.bias_field(grid.shape, rng, 0.15)
    epi += 20 * rng.standard_normal(grid.shape)
    t1 = worlds.anatomy(worlds.points_of(head.grid), rng, skull=True)
    case = {
        "seed": seed,
        "initial_mm": round(float(distance(apply_matrix(true, brain), brain).mean()), 1),
    }
    start = time.process_time()
    place = coregister(epi, grid, mask, t1.image, t1.grid)
    middle = time.process_time()
    fit = refine_on_boundary(epi, grid, t1.white, t1.grid, place.epi_to_t1)
    end = time.process_time()
    there = apply_matrix(true, brain)
    found = distance(apply_matrix(place.epi_to_t1, brain), there)
    yield row("EPI to T1", {"tool": "mutual information", **case}, found, middle - start)
    found = distance(apply_matrix(fit.epi_to_t1, brain), there)
    yield row("EPI to T1", {"tool": "+ boundary of white matter", **case}, found, end - middle)


def normalise_rows(seed: int, methods: list[str]) -> Iterator[Row]:
    """Bring bent heads with skull, another contrast and a bias field to MNI."""
    for stream, kind in HEADS:
        yield from head_rows(seed, stream, {"head": kind, "seed": seed}, methods)


def head_rows(
    seed: int, stream: int, head_case: dict[str, object], methods: list[str]
) -> Iterator[Row]:
    """Bring one kind of head to MNI by each method."""
    from_template, t1 = bent_anatomy(seed, stream)
    inside = worlds.brain_at(from_template)
    points, there = worlds.points_of(t1.grid)[inside], from_template[inside]
    errors = {}
    for method in methods:
        start = time.process_time()
        affine, warp = to_template(t1, method)
        seconds = time.process_time() - start
        linear = float(distance(apply_matrix(affine, there), points).mean())
        case = {"tool": method, **head_case, "affine_mm": round(linear, 2)}
        errors[method] = distance(warp.apply(there), points)
        yield row("T1 to MNI", case, errors[method], seconds)
    for ours, rival in itertools.product(("fast", "quality"), RIVALS):
        if ours in errors and rival in errors:
            ratio = round(float(errors[ours].mean() / errors[rival].mean()), 3)
            yield {"step": "T1 to MNI", **head_case, f"error of {ours} over {rival}": ratio}


def bent_anatomy(seed: int, stream: int) -> tuple[np.ndarray, worlds.Anatomy]:
    """Return a bent head with skull; stream 6 has folds of its own and mixed voxels."""
    rng = np.random.default_rng([seed, stream])
    places = worlds.bent_head(rng)
    if stream == 6:
        places = worlds.with_own_folds(places, rng)
    return places, worlds.anatomy(places, rng, skull=True, mixed=stream == 6)


def to_template(t1: worlds.Anatomy, method: str) -> tuple[np.ndarray, Warp]:
    """Return the affine and the warp by one of our methods, or by a rival."""
    if method in RIVALS:
        affine = find_affine(t1.image, t1.grid, mni_template())
        return affine, RIVALS[method](t1.image, t1.grid, affine)
    found = normalise(t1.image, t1.grid, NormaliseSettings(method=method))
    return found.affine, found.template_to_t1


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A bent head, its T1, and what was found in it."""

    from_template: np.ndarray
    t1: worlds.Anatomy
    tissues: Tissues
    seconds: float


@lru_cache(maxsize=1)
def segmented(seed: int, stream: int) -> Head:
    """Find the tissues of a head with skull (`bent_anatomy`)."""
    places, t1 = bent_anatomy(seed, stream)
    warp = normalise(t1.image, t1.grid).template_to_t1
    start = time.process_time()
    found = find_tissues(t1.image, t1.grid, warp, mni_template())
    return Head(places, t1, found, time.process_time() - start)


def tissue_rows(seed: int) -> Iterator[Row]:
    """Compare tissues with the truth, and place an EPI by the boundary of the white matter."""
    for stream, case in HEADS:
        head = segmented(seed, stream)
        t1, found = head.t1, head.tissues
        brain = worlds.brain_at(head.from_template).reshape(t1.grid.shape)
        true = np.argmax([t1.fluid, t1.grey, t1.white], axis=0)
        ours = np.argmax([found.fluid, found.grey, found.white], axis=0)
        overlaps = {
            name: dice(brain & (true == i), found.brain & (ours == i))
            for i, name in enumerate(("fluid", "grey", "white"))
        }
        yield {
            "step": "tissues", "head": case, "seed": seed, "brain": dice(brain, found.brain),
            **overlaps, "core_seconds": round(head.seconds, 2),
        }  # fmt: skip
        yield from boundary_rows(head, {"head": case, "seed": seed})


def boundary_rows(head: Head, case: dict[str, object]) -> Iterator[Row]:
    """Place an EPI in that T1: by mutual information, then by white matter, true and found."""
    rng = np.random.default_rng([int(str(case["seed"])), 7])
    grid, t1 = worlds.epi_grid(rng), head.t1
    true = rigid_matrix(worlds.random_pose(rng, 20.0, 0.26), grid_centre(t1.grid))
    there = worlds.between(head.from_template, t1.grid, apply_matrix(true, worlds.points_of(grid)))
    mask = worlds.brain_at(there).reshape(grid.shape)
    epi = worlds.epi_at(there).reshape(grid.shape) * worlds.bias_field(grid.shape, rng, 0.15)
    epi += 20 * rng.standard_normal(grid.shape)
    brain = worlds.points_of(grid)[mask.ravel()]
    start = time.process_time()
    place = coregister(epi, grid, mask, t1.image, t1.grid).epi_to_t1
    seconds, right = time.process_time() - start, apply_matrix(true, brain)
    found = distance(apply_matrix(place, brain), right)
    yield row("EPI to bent T1", {"tool": "mutual information", **case}, found, seconds)
    for tool, white in (("true", t1.white), ("found", head.tissues.white)):
        start = time.process_time()
        fit = refine_on_boundary(epi, grid, white, t1.grid, place)
        seconds = time.process_time() - start
        found = distance(apply_matrix(fit.epi_to_t1, brain), right)
        said = {"tool": f"+ boundary of white matter, {tool}", **case, "taken": not fit.why_not}
        said |= {"cost": [round(fit.cost_before, 3), round(fit.cost_after, 3)]}
        yield row("EPI to bent T1", said, found, seconds)


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Return the overlap of two masks, 0 to 1."""
    return round(float(2 * np.sum(first & second) / (first.sum() + second.sum())), 4)


def main() -> None:
    """Print the rows as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    methods = ["fast", "quality", *RIVALS]
    parser.add_argument("--methods", nargs="+", choices=methods, default=methods)
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        made = {
            "motion": lambda seed=seed: motion_rows(seed),
            "slices": lambda seed=seed: slice_rows(seed),
            "coregister": lambda seed=seed: coregister_rows(seed),
            "normalise": lambda seed=seed: normalise_rows(seed, arguments.methods),
            "tissues": lambda seed=seed: tissue_rows(seed),
        }
        for step in arguments.steps:
            for line in made[step]():
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
