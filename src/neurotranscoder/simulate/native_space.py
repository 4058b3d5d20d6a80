"""Where a subject's images are in MNI: the pose in the scanner and the warp of the anatomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.ndimage import map_coordinates

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics.template_head import random_displacement, template_head
from neurotranscoder.signal.rigid import apply_matrix, rigid_matrix
from neurotranscoder.simulate.native import NativeSettings
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator
from neurotranscoder.simulate.subjects import draw_traits

_NODE = 4.0  # mm
_FWHM_PER_SD = 2 * np.sqrt(2 * np.log(2))


@dataclass(frozen=True, slots=True, eq=False)
class NativeSpace:
    """Takes points of a subject's images to MNI.

    Parameters
    ----------
    epi_grid : VoxelGrid
        Voxels of the EPI, in RAS mm of the scanner, whose centre is 0.
    epi_to_t1 : array, shape (4, 4)
        Rigid: a point of the EPI (RAS mm of the scanner), of a head at its mean place, to the
        same point of the head in the T1 image.
    t1_to_mni : array, shape (4, 4)
        A point of the T1 image to MNI, but for the displacement.
    nodes : VoxelGrid
        Where the displacement is known, in the T1 image.
    displacement : array, shape (3, x, y, z)
        What is added, in mm of MNI; linear between nodes, beyond them that of the nearest.
    """

    epi_grid: VoxelGrid
    epi_to_t1: Float[ndarray, "4 4"]
    t1_to_mni: Float[ndarray, "4 4"]
    nodes: VoxelGrid
    displacement: Float[ndarray, "3 x y z"]

    def from_t1(self, points: Float[ndarray, "points 3"]) -> Float[ndarray, "points 3"]:
        """Return where points of the T1 image are in MNI."""
        places = apply_matrix(np.linalg.inv(self.nodes.voxel_to_world), points).T
        added = [map_coordinates(f, places, order=1, mode="nearest") for f in self.displacement]
        return np.asarray(apply_matrix(self.t1_to_mni, points) + np.stack(added, axis=-1))

    def from_epi(self, points: Float[ndarray, "points 3"]) -> Float[ndarray, "points 3"]:
        """Return where points of the EPI are in MNI."""
        return self.from_t1(apply_matrix(self.epi_to_t1, points))


def native_of(scenario: Scenario) -> NativeSettings:
    """Return the section ``native`` of a scenario.

    Raises
    ------
    SettingsError
        When it has none: its images are in MNI.
    """
    if scenario.native is None:
        raise SettingsError(
            f"scenario {scenario.name!r} has no section 'native': its images lie in MNI and there "
            "are no T1 images; need native = {} at least"
        )
    return scenario.native


def _epi_grid(scenario: Scenario) -> VoxelGrid:
    """Return the voxels of the EPI in RAS mm of the scanner, whose centre is 0."""
    affine = scenario.head.grid.voxel_to_world.copy()
    affine[:3, 3] = -affine[:3, :3] @ ((np.asarray(scenario.head.shape) - 1) / 2)
    return VoxelGrid(scenario.head.shape, affine)


def draw_space(scenario: Scenario, subject: int) -> NativeSpace:
    """Draw where a subject's images are in MNI; the same whatever other subjects there are.

    The middle of the MNI grid lies at the centre of the scanner, but for shift and rotation. The
    T1 image lies straight.

    Parameters
    ----------
    scenario : Scenario
        With a section ``native``.
    subject : int
        Which subject, from 0.
    """
    settings = native_of(scenario)
    rng = generator(scenario.seed, Stage.POSE, subject=subject)
    pose = rng.uniform(-1, 1, 6) * np.repeat([settings.shift, np.deg2rad(settings.turn)], 3)
    scale = np.ones(3)
    if scenario.subjects is not None:
        scale = draw_traits(scenario.subjects, scenario.seed, subject, n_regions=0).scale
    to_centre = np.eye(4)
    to_centre[:3, 3] = scale * np.asarray(scenario.head.centre)
    epi_to_t1 = to_centre @ np.linalg.inv(rigid_matrix(pose, np.zeros(3)))
    rng = generator(scenario.seed, Stage.WARP, subject=subject)
    nodes = covering_grid(_NODE)
    smoothness = settings.smoothness / _FWHM_PER_SD / _NODE
    field = random_displacement(nodes.shape, rng, smoothness=smoothness, size=settings.warp)
    return NativeSpace(_epi_grid(scenario), epi_to_t1, np.diag([*(1 / scale), 1.0]), nodes, field)


def covering_grid(size: float) -> VoxelGrid:
    """Return voxels of an edge in mm over all of the template."""
    template = template_head().grid
    x, y, z = (int(np.ceil(n / size)) for n in template.shape)
    return VoxelGrid((x, y, z), template.voxel_to_world @ np.diag([size, size, size, 1.0]))
