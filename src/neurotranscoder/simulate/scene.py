"""What lies before the scanner in a run, without activity, motion and noise."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.sparse import csr_array

from neurotranscoder.simulate.cohort import Cohort
from neurotranscoder.simulate.native_head import native_head
from neurotranscoder.simulate.noise import baseline_image
from neurotranscoder.simulate.seen_head import SeenHead


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The head of a subject as its images see it.

    Parameters
    ----------
    head : SeenHead
        Voxels of the images, and tissue.
    baseline : array, shape (x, y, z)
        Mean signal of each voxel.
    active : array of bool, shape (x, y, z)
        Voxels with a source, over which the signal of BOLD is measured.
    mixing : tuple of csr_array, or None
        Activity of the voxels of each slice per activity of each region; None where each voxel
        is of one region, as the division of the brain says.
    """

    head: SeenHead
    baseline: Float[ndarray, "x y z"]
    active: Bool[ndarray, "x y z"]
    mixing: tuple[csr_array, ...] | None


def scene_of(cohort: Cohort, subject: int) -> Scene:
    """Return what images of a subject (from 0) show: the head in MNI, or in its own space."""
    scenario, level = cohort.scenario, cohort.scenario.bold_baseline
    if scenario.native is None:
        head = cohort.subjects[subject].head
        return Scene(head, baseline_image(head, level), cohort.regions.labels >= 0, None)
    own = native_head(scenario, cohort.regions, subject)
    return Scene(own, level * own.contrast, own.active, own.mixing)
