"""What all runs of a scenario share: regions, levels, and the brains of its subjects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.physics.balloon_linear import linear_response
from neurotranscoder.physics.head import Head
from neurotranscoder.physics.hrf import HrfShape, hrf_kernel
from neurotranscoder.physics.kernel import Kernel
from neurotranscoder.simulate.hemodynamics import Hemodynamics
from neurotranscoder.simulate.levels import Levels, expected_levels
from neurotranscoder.simulate.network import Links, draw_links
from neurotranscoder.simulate.regions import Regions, divide_brain
from neurotranscoder.simulate.responses import region_hrfs
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One brain of a study.

    Parameters
    ----------
    head : Head
        Voxels, electrodes and leadfield; the voxels are those of all subjects.
    leadfield : array, shape (channels, regions)
        Potential per moment of a region's voxels, in V/(A m).
    hrfs : tuple of HrfShape
        Hemodynamic response h of each region.
    strengths : array, shape (regions,)
        Sources of each region relative to those of the cohort.
    """

    head: Head
    leadfield: Float[ndarray, "channels regions"]
    hrfs: tuple[HrfShape, ...]
    strengths: Float[ndarray, " regions"]


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """What all runs of a scenario share.

    Parameters
    ----------
    scenario : Scenario
        What is simulated.
    regions : Regions
        Division of the brain, the same for all subjects.
    template : Subject
        The brain that subjects vary around.
    subjects : tuple of Subject
        The brain of each subject.
    links : Links or None
        Which region drives which.
    levels : Levels
        Scales of the signals.
    """

    scenario: Scenario
    regions: Regions
    template: Subject
    subjects: tuple[Subject, ...]
    links: Links | None
    levels: Levels

    def hemodynamics(self, subject: int) -> Hemodynamics:
        """Return how BOLD of a subject (from 0) follows its sources."""
        if self.scenario.balloon is not None:
            return self.scenario.balloon
        kernels = response_kernels(self.scenario, self.subjects[subject].hrfs)
        return kernels[0] if len(set(kernels)) == 1 else kernels


def make_cohort(scenario: Scenario, head: Head) -> Cohort:
    """Draw what all runs share: regions, brains, and the scales of their signals.

    Parameters
    ----------
    scenario : Scenario
        What is simulated.
    head : Head
        From ``build_head(scenario.head)``.
    """
    regions = divide_brain(scenario.regions, head, generator(scenario.seed, Stage.GEOMETRY))
    return cohort_of(scenario, head, regions)


def cohort_of(scenario: Scenario, head: Head, regions: Regions) -> Cohort:
    """Return what all runs share, given how the brain is divided."""
    hrfs = region_hrfs(scenario, regions.n_regions)
    template = Subject(head, regions.leadfield(head), hrfs, np.ones(regions.n_regions))
    kernels = response_kernels(scenario, hrfs)
    links = None
    if scenario.network is not None:
        rng = generator(scenario.seed, Stage.NETWORK)
        linear = scenario.coupling.mode == "linear"
        links = draw_links(scenario.network, regions, rhythms=linear, rng=rng)
    levels = expected_levels(scenario, regions, template.leadfield, kernels, links)
    return Cohort(scenario, regions, template, (template,) * scenario.n_subjects, links, levels)


def response_kernels(scenario: Scenario, hrfs: tuple[HrfShape, ...]) -> tuple[Kernel, ...]:
    """Return h of each region, the same object where it is the same.

    With the balloon model it is what that does to small inputs.
    """
    if scenario.balloon is not None:
        return (linear_response(scenario.balloon),) * len(hrfs)
    kernels = {shape: hrf_kernel(shape) for shape in dict.fromkeys(hrfs)}
    return tuple(kernels[shape] for shape in hrfs)
