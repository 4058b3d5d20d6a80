"""A map of z on 10 mm voxels of MNI with bumps of known places and times."""

import numpy as np

from neurotranscoder.analyse.stored_maps import StoredMap
from neurotranscoder.core.axes import TimeAxis, VoxelGrid

SHAPE = (16, 20, 16)
AFFINE = np.diag([10.0, 10.0, 10.0, 1.0])
AFFINE[:3, 3] = -75.0, -105.0, -65.0
AXIS = TimeAxis(-0.2, 50.0, 60)


def map_of(*bumps, found=4.0, tested=None, affine=AFFINE):
    """Return a map; a bump is its z, place in mm, time in s, and for how long it lasts."""
    grid = VoxelGrid(SHAPE, affine)
    places = grid.world(np.indices(SHAPE).reshape(3, -1).T)
    brain = (np.linalg.norm(places - (0, -15, 5), axis=1) < 70).reshape(SHAPE)
    z = np.zeros((*SHAPE, AXIS.n_times), dtype=np.float32)
    for height, place, time, lasts in bumps:
        near = np.exp(-0.5 * (np.linalg.norm(places - place, axis=1) / 8) ** 2).reshape(SHAPE)
        late = np.maximum(np.abs(AXIS.times - time) - lasts / 2, 0)
        z += height * near[..., np.newaxis] * np.exp(-0.5 * (late / 0.03) ** 2).astype(np.float32)
    z[brain] += np.float32(1e-6)  # as a value of a voxel that varies
    z[~brain] = 0
    seen = brain if tested is None else tested
    words = "19 subjects", "q <= 0.05 (fdr)", "all voxels"
    strong = np.abs(z) > found
    grid_and_time = (VoxelGrid(SHAPE, affine), AXIS)
    return StoredMap("oddball", "oddball", z / 2, z, strong, brain, seen, *grid_and_time, *words)
