"""What all runs of a scenario share: regions, levels, and the brains of its subjects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.physics.head import Head
from neurotranscoder.physics.hrf import HrfShape, hrf_kernel
from neurotranscoder.physics.kernel import Kernel
from neurotranscoder.simulate.levels import Levels, expected_levels
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

    @property
    def hrf_kernels(self) -> Kernel | tuple[Kernel, ...]:
        """The response h: one for all regions, or one for each."""
        first = self.hrfs[0]
        if all(shape is first or shape == first for shape in self.hrfs):
            return hrf_kernel(first)
        return tuple(map(hrf_kernel, self.hrfs))


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
    levels : Levels
        Scales of the signals.
    """

    scenario: Scenario
    regions: Regions
    template: Subject
    subjects: tuple[Subject, ...]
    levels: Levels


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
    levels = expected_levels(scenario, regions, template.leadfield, hrfs)
    return Cohort(scenario, regions, template, (template,) * scenario.n_subjects, levels)
