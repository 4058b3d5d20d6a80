"""What the trust map of a subject is worth: does it order voxels by their r with the truth.

    python benchmarks/trust.py [--scenario cohort] [--preset small] [--geometry-seed 100]

Simulates subjects, trains a group model and fits each subject as `benchmarks/subject.py` does.
The trust map is made, blind, from the runs that nothing was fitted on. Printed for each subject:
Spearman's correlation of the map's r with the r of each voxel's movie and true source in these
runs, un-averaged, over voxels with a source; the mean of the latter where voxels are seen and
where they are not; the share of voxels with and without a source that is seen.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import spearmanr
from subject_world import add_world, record, scenario_of, tests_of, train_group, truth_of_subject

from neurotranscoder.analyse.trust import trust_map
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import RunId
from neurotranscoder.evaluate.subject_scores import SubjectTruth
from neurotranscoder.physics.head import build_head
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.simulate.cohort import Cohort, make_cohort
from neurotranscoder.train.subject import SubjectSettings, fit_subject
from neurotranscoder.train.trained import TrainedTranscoder


def r_of_voxels(movies: list[SourceMovie], truth: SubjectTruth) -> Float[ndarray, " voxels"]:
    """Return r of each voxel with its true source over all runs; NaN where there is none."""
    known = np.concatenate([one - one.mean(axis=1, keepdims=True) for one in truth.courses], 1)
    courses = np.concatenate(
        [one.courses - one.courses.mean(axis=1, keepdims=True) for one in movies], axis=1
    ).astype(np.float64)
    maps, true = movies[0].maps.astype(np.float64), truth.maps
    both = np.sum((maps @ (courses @ known.T)) * true, axis=1)
    power = np.sum((maps @ (courses @ courses.T)) * maps, axis=1)
    wanted = np.sum((true @ (known @ known.T)) * true, axis=1)
    r = both / np.sqrt(np.maximum(power * wanted, np.finfo(float).tiny))
    return np.asarray(np.where(wanted > 0, r, np.nan))


def check(cohort: Cohort, group: TrainedTranscoder, tests: list[RunId], n_fit: int) -> str:
    """Return what the trust map of one subject is worth, as a line of a table."""
    subject = cohort.scenario.numbers_of(tests[0])[0]
    trained = fit_subject(
        [record((subject, k), cohort) for k in range(n_fit)], group, SubjectSettings()
    )
    recordings = [record(cohort.scenario.numbers_of(run), cohort) for run in tests]
    trust = trust_map(trained, group, recordings)
    movies = [subject_movie(trained, one) for one in recordings]
    r = r_of_voxels(movies, truth_of_subject(cohort, tests, movies))
    active, seen = np.isfinite(r), trust.seen()
    order = float(spearmanr(trust.r[active], r[active]).statistic)
    inside, outside = active & seen, active & ~seen
    means = [float(r[one].mean()) if one.any() else float("nan") for one in (inside, outside)]
    return (
        f"sub-{tests[0].subject}  Spearman {order:.2f}  r with truth: seen {means[0]:.2f}, not "
        f"seen {means[1]:.2f}  seen of {active.sum()} with a source {seen[active].mean():.2f}, of "
        f"{(~active).sum()} without {seen[~active].mean():.3f}"
    )


def main() -> None:
    """Print a line for each subject."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_world(parser, preset="small")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    scenario = scenario_of(arguments)
    cohort = make_cohort(scenario, build_head(scenario.head))
    group, tests = train_group(cohort, arguments.runs, "sparse"), tests_of(cohort.scenario)
    for own in tests.values():
        print(check(cohort, group, own, arguments.runs), flush=True)


if __name__ == "__main__":
    main()
