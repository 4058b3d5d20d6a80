"""The numbers of a run that was brought to MNI, by name: what a methods section quotes."""

from __future__ import annotations

import numpy as np

from neurotranscoder.core.recording import Bold
from neurotranscoder.preprocess.bold import PreprocessedBold
from neurotranscoder.preprocess.compcor import TissueSignals
from neurotranscoder.preprocess.step_numbers import Numbers


def image_numbers(run: Bold, result: PreprocessedBold) -> Numbers:
    """Return what a run was, how its head moved, and how it was brought to MNI.

    Parameters
    ----------
    run : Bold
        As the scanner stored it.
    result : PreprocessedBold
        What `preprocess_bold` made of it.

    Returns
    -------
    numbers : dict
        ``tr`` (s), ``volumes``, ``voxel_x``, ``voxel_y``, ``voxel_z`` (mm), mean and largest
        framewise displacement (``displacement_mean``, ``displacement_max``, mm), median temporal
        signal to noise (``snr``), ``method`` of normalisation, ``boundary``: 1 where the place in
        the anatomy was refined on white matter, ``tissues``: 1 where they were found,
        ``components`` of white matter and fluid, and the share of their variance (``explained``).
    """
    moved = result.motion.framewise_displacement[1:]
    snr = result.snr[np.isfinite(result.snr)]
    sizes = zip(("voxel_x", "voxel_y", "voxel_z"), run.grid.voxel_sizes, strict=True)
    return {
        "tr": float(run.volumes.tr),
        "volumes": run.volumes.n_volumes,
        **{name: float(size) for name, size in sizes},
        "displacement_mean": float(np.mean(moved)),
        "displacement_max": float(np.max(moved)),
        "snr": float(np.median(snr)) if snr.size else 0.0,
        "method": result.normalisation.method,
        "boundary": int(result.boundary is not None and not result.boundary.why_not),
        "tissues": int(result.anatomy.tissues is not None),
        **_components(result.signals),
    }


def _components(signals: TissueSignals | None) -> Numbers:
    """Return how many components of white matter and fluid there are, and what they explain."""
    if signals is None or not signals.explained:
        return {}
    return {"components": len(signals.explained), "explained": float(sum(signals.explained))}
