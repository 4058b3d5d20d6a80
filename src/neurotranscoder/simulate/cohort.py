"""What all runs of a scenario share: regions, levels, and the brains of its subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import GridError
from neurotranscoder.physics.balloon_linear import linear_response
from neurotranscoder.physics.head import Head
from neurotranscoder.physics.hrf import HrfShape, hrf_kernel
from neurotranscoder.physics.kernel import Kernel
from neurotranscoder.simulate.division import divide_brain
from neurotranscoder.simulate.hemodynamics import Hemodynamics
from neurotranscoder.simulate.levels import Levels, expected_levels
from neurotranscoder.simulate.network import Links, draw_links
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.responses import region_hrfs
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator
from neurotranscoder.simulate.subject_heads import subject_heads
from neurotranscoder.simulate.subjects import draw_traits, own_hrfs


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


def make_cohort(
    scenario: Scenario,
    head: Head,
    *,
    heads: Sequence[Head] | None = None,
    map: Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]] = map,
) -> Cohort:
    """Draw what all runs share: regions, brains, and the scales of their signals.

    Parameters
    ----------
    scenario : Scenario
        What is simulated.
    head : Head
        The template, from ``build_head(scenario.head)`` or one's own.
    heads : sequence of Head, optional
        One's own head for each subject, on the voxels and channels of the template. By default
        heads are built as the scenario's ``subjects`` says, or all have the template's.
    map : callable
        Like the built-in; may build heads in several processes.

    Raises
    ------
    SettingsError
        When the scenario varies heads, and the template is a head of one's own.
    GridError
        When there is not one head for each subject, or they do not fit the template.
    """
    if not head.grid.matches(scenario.head.grid):
        raise GridError(
            f"the head lies on a grid of {head.grid.shape} voxels, the scenario on "
            f"{scenario.head.grid.shape}, or elsewhere; set shape, voxel_sizes and centre of "
            "`scenario.head` to those of the head, or bring the head to that grid"
        )
    regions = divide_brain(scenario.regions, head, generator(scenario.seed, Stage.GEOMETRY))
    if heads is None:
        heads = subject_heads(scenario, head, range(scenario.n_subjects), map=map)
    return cohort_of(scenario, head, regions, heads)


def cohort_of_run(scenario: Scenario, head: Head, subject: int, run: int) -> Cohort:
    """Return a cohort for one run alone: of all heads only that of its subject is built.

    Raises
    ------
    SettingsError
        When there is no such run, or the head cannot be varied as the scenario asks.
    """
    scenario.run_id(subject, run)
    heads = [head] * scenario.n_subjects
    [heads[subject]] = subject_heads(scenario, head, [subject])
    return make_cohort(scenario, head, heads=heads)


def cohort_of(
    scenario: Scenario, head: Head, regions: Regions, heads: Sequence[Head] = ()
) -> Cohort:
    """Return what all runs share, given how the brain is divided, and the heads of subjects."""
    hrfs = region_hrfs(scenario, regions.n_regions)
    template = Subject(head, regions.leadfield(head), hrfs, np.ones(regions.n_regions))
    kernels = response_kernels(scenario, hrfs)
    links = None
    if scenario.network is not None:
        rng = generator(scenario.seed, Stage.NETWORK)
        linear = scenario.coupling.mode == "linear"
        links = draw_links(scenario.network, regions, rhythms=linear, rng=rng)
    levels = expected_levels(scenario, regions, template.leadfield, kernels, links)
    heads = heads or (head,) * scenario.n_subjects
    _check_heads(scenario, head, heads)
    subjects = tuple(
        _subject(scenario, template, regions, own, number) for number, own in enumerate(heads)
    )
    return Cohort(scenario, regions, template, subjects, links, levels)


def response_kernels(scenario: Scenario, hrfs: tuple[HrfShape, ...]) -> tuple[Kernel, ...]:
    """Return h of each region, the same object where it is the same.

    With the balloon model it is what that does to small inputs.
    """
    if scenario.balloon is not None:
        return (linear_response(scenario.balloon),) * len(hrfs)
    kernels = {shape: hrf_kernel(shape) for shape in dict.fromkeys(hrfs)}
    return tuple(kernels[shape] for shape in hrfs)


def _subject(
    scenario: Scenario, template: Subject, regions: Regions, head: Head, number: int
) -> Subject:
    """Return the brain of one subject, the template itself where nothing differs."""
    same, spread = head is template.head, scenario.subjects
    if same and spread is None:
        return template
    leadfield = template.leadfield if same else regions.leadfield(head)
    if spread is None:
        return Subject(head, leadfield, template.hrfs, template.strengths)
    traits = draw_traits(spread, scenario.seed, number, regions.n_regions)
    hrfs = own_hrfs(traits, template.hrfs, scenario.hrf_spread)
    return Subject(head, leadfield, hrfs, traits.strengths)


def _check_heads(scenario: Scenario, template: Head, heads: Sequence[Head]) -> None:
    """Refuse heads that do not fit the template."""
    if len(heads) != scenario.n_subjects:
        raise GridError(
            f"{len(heads)} heads for {scenario.n_subjects} subjects of scenario "
            f"{scenario.name!r}; give one for each"
        )
    for number, head in enumerate(heads, start=1):
        if head is template:
            continue
        if not head.grid.matches(template.grid) or np.any(head.brain != template.brain):
            raise GridError(
                f"the head of subject {number} has {head.n_voxels} voxels on a grid of "
                f"{head.grid.shape}, the template {template.n_voxels} on {template.grid.shape}, "
                "or elsewhere; bring all heads to the voxels of one template"
            )
        if head.montage.names != template.montage.names:
            raise GridError(
                f"the head of subject {number} has channels {head.montage.names[:3]}..., the "
                f"template {template.montage.names[:3]}...; give the same channels in one order"
            )
