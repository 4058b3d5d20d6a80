"""Where native images are in MNI, in the truth of a simulated study on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurotranscoder.io.nifti import image_of, write_nifti
from neurotranscoder.io.store import write_json
from neurotranscoder.simulate.native_space import draw_space
from neurotranscoder.simulate.scenario import Scenario

NOT_BIDS = ("sub-*_spaces.json", "sub-*_from-T1w_to-MNI_mode-points_xfm.nii.gz")
README = """\

Images of this study lie in each subject's own space; all of the above is in MNI.

sub-*_spaces.json  matrices from the voxels of the EPI to the T1 image and on to MNI
sub-*_from-T1w_to-MNI_mode-points_xfm.nii.gz   what is added to points in MNI, in mm, at nodes in
                   the T1 image, linear between them
"""
_HOW = (
    "4 x 4, applied to points from the left: EPI voxel (of a head at its mean place) -> "
    "EpiVoxelToEpi -> RAS mm of the scanner -> EpiToT1w -> RAS mm of the T1 image -> T1wToMni, "
    "plus the displacement at the place in the T1 image -> RAS mm of MNI"
)


def write_spaces(folder: Path, scenario: Scenario) -> None:
    """Write how voxels of each subject map to MNI; nothing where images lie there."""
    if scenario.native is None:
        return
    for number in range(scenario.n_subjects):
        label, space = f"sub-{scenario.run_id(number, 0).subject}", draw_space(scenario, number)
        matrices = {
            "Description": _HOW,
            "EpiVoxelToEpi": space.epi_grid.voxel_to_world.tolist(),
            "EpiToT1w": space.epi_to_t1.tolist(),
            "T1wToMni": space.t1_to_mni.tolist(),
        }
        write_json(folder / f"{label}_spaces.json", matrices)
        field = np.moveaxis(space.displacement, 0, -1).astype(np.float32)
        image = image_of(field, space.nodes)
        write_nifti(folder / f"{label}_from-T1w_to-MNI_mode-points_xfm.nii.gz", image)
