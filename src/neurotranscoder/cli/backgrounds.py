"""What maps are drawn on: the template where images are in its space, else an image of theirs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.cli.figures import in_mni
from neurotranscoder.cli.workspace import Workspace
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.io.nifti import read_bold
from neurotranscoder.report.cuts import Anatomy, mean_bold_anatomy, mni_anatomy


def mean_bold(space: Workspace, run: AlignedRun) -> Float[ndarray, "x y z"]:
    """Return the mean BOLD image of a run, on the grid of its voxels."""
    files, study = space.study.files[run.run], space.study
    limit = study.settings.max_image_bytes
    bold = read_bold(files.bold, files.bold_metadata, mask_path=files.mask, max_bytes=limit)
    return np.asarray(bold.data.mean(axis=-1), dtype=np.float32)


def background(space: Workspace, run: AlignedRun) -> Anatomy:
    """Return the template where images are in MNI space, else the mean BOLD image of a run."""
    return mni_anatomy() if in_mni(space) else mean_bold_anatomy(mean_bold(space, run), run.blocks)
