"""How much the subjects of a scenario differ: leadfields, responses, strengths.

Leadfields are compared by the relative difference measure of each voxel's pattern (RDM: 0 for the
same pattern, 2 for the opposite) and the ratio of their sizes, over all pairs of subjects. With
``--parts`` each property of the head is varied alone too, which builds as many heads again for
each.

    python benchmarks/cohort_spread.py [--preset small] [--scenario cohort] [--parts]
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.physics.head import build_head
from neurotranscoder.physics.hrf import double_gamma_hrf
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import Cohort, make_cohort
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.subject_heads import subject_heads

OF_HEADS = (
    "scale_sd",
    "skull_conductivity_log_sd",
    "skull_thickness_log_sd",
    "electrode_jitter",
    "orientation_jitter",
)
Leadfield = Float[ndarray, "channels sources"]


def of_pairs(leadfields: Sequence[Leadfield]) -> dict[str, list[float]]:
    """Return the 5, 50 and 95 % points of RDM and size ratio over sources and pairs."""
    sizes = [np.linalg.norm(one, axis=0) for one in leadfields]
    patterns = [one / size for one, size in zip(leadfields, sizes, strict=True)]
    pairs = list(itertools.combinations(range(len(leadfields)), 2))
    rdm = [np.linalg.norm(patterns[i] - patterns[j], axis=0) for i, j in pairs]
    ratio = [np.exp(np.abs(np.log(sizes[i] / sizes[j]))) for i, j in pairs]
    return {"rdm": points(np.array(rdm)), "size_ratio": points(np.array(ratio))}


def points(values: ndarray) -> list[float]:
    """Return the 5, 50 and 95 % points of some values."""
    return np.round(np.percentile(values, [5, 50, 95]), 3).tolist()


def spread_of(cohort: Cohort) -> dict[str, object]:
    """Return how much the subjects of a cohort differ."""
    times = np.arange(0.0, 20.0, 0.01)
    peaks = np.array(
        [
            [times[double_gamma_hrf(times, shape).argmax()] for shape in subject.hrfs]
            for subject in cohort.subjects
        ]
    )
    strengths = np.log([subject.strengths for subject in cohort.subjects])
    return {
        "voxels": of_pairs([subject.head.leadfield for subject in cohort.subjects]),
        "regions": of_pairs([subject.leadfield for subject in cohort.subjects]),
        "hrf_peak_of_subjects_s": np.round(np.sort(peaks.mean(axis=1)), 2).tolist(),
        "hrf_peak_sd_between_subjects_s": round(float(peaks.mean(axis=1).std(ddof=1)), 3),
        "log_strength_sd": round(float(strengths.std(ddof=1)), 3),
    }


def of_parts(scenario: Scenario) -> dict[str, object]:
    """Return how much heads differ when one property is varied at a time."""
    template, found = build_head(scenario.head), {}
    for name in OF_HEADS:
        others = dict.fromkeys([part for part in OF_HEADS if part != name], 0.0)
        assert scenario.subjects is not None
        alone = scenario.subjects.model_copy(update=others)
        varied = scenario.model_copy(update={"subjects": alone})
        heads = subject_heads(varied, template, range(scenario.n_subjects))
        found[name] = of_pairs([head.leadfield for head in heads])
    return found


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--scenario", default="cohort")
    parser.add_argument("--subjects", type=int, default=6)
    parser.add_argument("--parts", action="store_true", help="vary each property alone, too")
    arguments = parser.parse_args()
    scenario = named_scenario(
        arguments.scenario, preset=arguments.preset, n_subjects=arguments.subjects
    )
    cohort = make_cohort(scenario, build_head(scenario.head))
    found = {"scenario": scenario.name, "preset": arguments.preset, **spread_of(cohort)}
    if arguments.parts:
        found["one_property_alone"] = of_parts(scenario)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
