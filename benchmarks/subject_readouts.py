"""What read-outs of subjects at voxels are worth: responses of regions and maps of places.

    python benchmarks/subject_readouts.py [--scenario benchmarks/cohort_responses.toml]
        [--preset small] [--geometry-seed 100] [--subjects 2]

Simulates subjects, trains a group model and fits each subject as `benchmarks/subject.py` does.
The true regions are the atlas; all else is blind. Printed for each subject, over regions: r with
the true peak, width and undershoot, median errors, and the share of true values within their
intervals, of all regions and of those that the trust map sees; r of topographies with the true
leadfields, the topography of a region and that of the single voxel at its centre; how far the
peak of a point spread is from there.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from subject_world import add_world, record, scenario_of, tests_of, train_group, truth_of_runs

from neurotranscoder.analyse.places import Place, place_at
from neurotranscoder.analyse.response_shapes import ResponseSettings, shapes_of
from neurotranscoder.analyse.subject_maps import SubjectMaps
from neurotranscoder.analyse.subject_responses import SubjectResponses, region_hrfs
from neurotranscoder.analyse.trust import trust_map
from neurotranscoder.core.recording import RunId
from neurotranscoder.evaluate.region_readouts import over_regions
from neurotranscoder.evaluate.subject_scores import SubjectTruth
from neurotranscoder.io.atlas import Atlas
from neurotranscoder.physics.head import build_head
from neurotranscoder.signal.correlation import correlate_rows
from neurotranscoder.simulate.cohort import Cohort, make_cohort
from neurotranscoder.simulate.truth import Truth
from neurotranscoder.train.subject import SubjectSettings, fit_subject
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject

SHAPES = ("peak", "fwhm", "undershoot", "undershoot_time")
TIMES = np.arange(0.0, 32.0, 0.01)


def atlas_of(truth: Truth, trained: TrainedSubject) -> Atlas:
    """Return the true regions as an atlas."""
    labels = truth.regions.labels.astype(np.int64) + 1
    names = {number: f"region {number}" for number in range(1, truth.regions.n_regions + 1)}
    return Atlas(labels, trained.grid, names)


def of_responses(
    found: SubjectResponses, true: Float[ndarray, "4 regions"], chosen: Bool[ndarray, " regions"]
) -> list[str]:
    """Return a line for each shape: r, median error and coverage over regions."""
    lines = []
    for name, values in zip(SHAPES, true, strict=True):
        banded = getattr(found.responses, name)
        known = chosen & np.isfinite(banded.value) & np.isfinite(values)
        error = banded.value[known] - values[known]
        covered = (banded.low <= values) & (values <= banded.high)
        r = over_regions(banded.value[known], values[known]) if np.ptp(values) > 0 else None
        words = "all alike" if r is None else f"r {r.mean:.2f} [{r.low:.2f}, {r.high:.2f}]"
        lines.append(
            f"  {name:16s} {words}, error {np.median(np.abs(error)):.3f} (bias "
            f"{np.median(error):+.3f}), true {values.min():.2f}-{values.max():.2f}, within the "
            f"interval {covered[known].mean():.2f}; n {known.sum()}"
        )
    return lines


def of_maps(
    truth: Truth,
    trained: TrainedSubject,
    run: RunId,
    maps: SubjectMaps,
    trusted: Bool[ndarray, " regions"],
) -> list[str]:
    """Return r of topographies with true leadfields, and where point spreads peak."""
    shares = SubjectTruth(truth, (run,), (), trained.mask).maps
    true = truth.subject(run).leadfield.T
    centres = trained.grid.world(np.argwhere(trained.mask))
    middle = [centres[int(np.argmax(one))] for one in shares.T]
    regions = [Place("", one / one.sum()) for one in shares.T]
    voxels = [place_at(trained, tuple(float(x) for x in one)) for one in middle]
    lines = []
    for name, places in (("region", regions), ("centre voxel", voxels)):
        found = np.stack([maps.topography(one) for one in places])
        r = correlate_rows(found - found.mean(axis=1, keepdims=True), true)
        low, median, high = np.nanquantile(r, (0.1, 0.5, 0.9))
        seen = np.nanquantile(r[trusted], (0.1, 0.5))
        peaks = [centres[int(np.argmax(np.abs(maps.point_spread(one))))] for one in places]
        away = np.linalg.norm(np.stack(peaks) - np.stack(middle), axis=1)
        lines.append(
            f"  topography, {name:12s} r with the true leadfield {median:.3f} (10-90 %: {low:.2f}"
            f"-{high:.2f}), of the {trusted.sum()} seen {seen[1]:.3f} (10 %: {seen[0]:.2f}); "
            f"point spread peaks {np.median(away):.1f} mm (mean {away.mean():.1f}) "
            "from its centre"
        )
    return lines


def check(cohort: Cohort, group: TrainedTranscoder, tests: list[RunId], n_fit: int) -> list[str]:
    """Return what the read-outs of one subject are worth, as lines."""
    subject = cohort.scenario.numbers_of(tests[0])[0]
    fitted = [record((subject, k), cohort) for k in range(n_fit)]
    trained = fit_subject(fitted, group, SubjectSettings())
    others = [record(cohort.scenario.numbers_of(run), cohort) for run in tests]
    seen = trust_map(trained, group, others).seen()
    truth = truth_of_runs(cohort, tests)
    curves = truth.region_hrfs(TIMES + truth.evoked.delay, truth.subject(tests[0]))
    true, atlas = shapes_of(TIMES, curves, ResponseSettings()), atlas_of(truth, trained)
    lines = [f"sub-{tests[0].subject}"]
    for what, runs in (("all runs", [*fitted, *others]), ("one run", fitted[:1])):
        found = region_hrfs(trained, group, runs, atlas, seen=seen)
        everywhere = np.ones(len(found.names), dtype=bool)
        share = f"instruments {found.instrument_share:.2f}"
        lines += [
            f" responses, {what}, all regions, {share}",
            *of_responses(found, true, everywhere),
        ]
        if what == "all runs":
            trusted = found.trusted
            lines += [
                " responses, regions that are seen",
                *of_responses(found, true, trusted),
            ]
    maps = SubjectMaps.of(trained, fitted if trained.coder.sparse is None else ())
    return [*lines, " maps", *of_maps(truth, trained, tests[0], maps, trusted)]


def main() -> None:
    """Print lines for each subject."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_world(parser, preset="small")
    parser.add_argument("--architecture", default="sparse", help="of the group model")
    parser.set_defaults(scenario="benchmarks/cohort_responses.toml", subjects=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    scenario = scenario_of(arguments)
    cohort = make_cohort(scenario, build_head(scenario.head))
    group = train_group(cohort, arguments.runs, arguments.architecture)
    tests = tests_of(cohort.scenario)
    shared = shapes_of(group.response.times, group.response.values[np.newaxis], ResponseSettings())
    print("the group's response:", dict(zip(SHAPES, np.round(shared[:, 0], 2), strict=True)))
    for own in tests.values():
        print("\n".join(check(cohort, group, own, arguments.runs)), flush=True)


if __name__ == "__main__":
    main()
