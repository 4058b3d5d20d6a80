"""A preprocessed run as BIDS derivatives, under the names of fMRIPrep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.derivatives import write_image, write_table_with_sources
from neurotranscoder.io.nifti import image_of
from neurotranscoder.io.store import write_json
from neurotranscoder.preprocess.bold import PreprocessedBold
from neurotranscoder.preprocess.compcor import TissueSignals
from neurotranscoder.preprocess.template import TEMPLATE_SPACE
from neurotranscoder.preprocess.tissues import Tissues


def write_preprocessed(
    root: Path, run: RunId, result: PreprocessedBold, *, sources: Sequence[str]
) -> Path:
    """Write the images, the mask, the table of confounds and the transforms of a run.

    The series comes last, so that it is not there before what belongs to it.

    Parameters
    ----------
    root : Path
        The derivative data set (`io.derivatives.start_derivative`).
    run : RunId
        Which run it is.
    result : PreprocessedBold
        What `preprocess_bold` returned.
    sources : sequence of str
        Files it was made from, as BIDS URI or path.

    Returns
    -------
    path : Path
        The series, ``*_space-MNI152NLin2009aSym_desc-preproc_bold.nii.gz``.
    """
    folder, bold = root / run.folder / "func", result.bold
    stem = f"{run.label}_space-{TEMPLATE_SPACE}"
    table = folder / f"{run.label}_desc-confounds_timeseries.tsv"
    columns = dict(zip(result.confounds.names, result.confounds.values.T.tolist(), strict=True))
    metadata = {"Motion": _MOTION, **_described(result.signals)}
    write_table_with_sources(table, columns, sources=sources, metadata=metadata)
    _write_transforms(folder, run, result, sources)
    mask = image_of(bold.mask.astype(np.float32), bold.grid)
    mask_file = folder / f"{stem}_desc-brain_mask.nii.gz"
    write_image(mask_file, mask, sources=sources, metadata={"Type": "Brain"})
    snr = image_of(np.nan_to_num(result.snr).astype(np.float32), bold.grid)
    write_image(folder / f"{stem}_desc-tsnr_boldmap.nii.gz", snr, sources=sources)
    moment = float(bold.volumes.slice_times[0])
    series = folder / f"{stem}_desc-preproc_bold.nii.gz"
    image = image_of(bold.data, bold.grid, tr=bold.volumes.tr, start=moment)
    metadata = {
        "RepetitionTime": bold.volumes.tr,
        "TaskName": run.task,
        "SkullStripped": True,
        "SliceTimingCorrected": result.slice_timing,
        **_timing(bold.grid.shape[2], moment, corrected=result.slice_timing),
        "Resolution": f"{bold.grid.voxel_sizes[0]:g} mm",
        "Steps": list(result.steps),
        **({"Caution": "; ".join(result.cautions)} if result.cautions else {}),
    }
    write_image(series, image, sources=sources, metadata=metadata)
    return series


def write_anatomy(
    stem: Path, grid: VoxelGrid, tissues: Tissues, *, sources: Sequence[str]
) -> None:
    """Write the brain of an anatomy and the probability of its tissues.

    Parameters
    ----------
    stem : Path
        Name of the T1 image in the derivative, without ``_T1w`` and what follows.
    grid : VoxelGrid
        Where the anatomy is.
    tissues : Tissues
        What was found in it.
    sources : sequence of str
        Files they were found in, as BIDS URI or path.
    """
    brain = image_of(tissues.brain.astype(np.float32), grid)
    name = stem.with_name(f"{stem.name}_desc-brain_mask.nii.gz")
    write_image(name, brain, sources=sources, metadata={"Type": "Brain", "Space": "orig"})
    maps = {"GM": tissues.grey, "WM": tissues.white, "CSF": tissues.fluid}
    for label, share in maps.items():
        image = image_of(share.astype(np.float32), grid)
        name = stem.with_name(f"{stem.name}_label-{label}_probseg.nii.gz")
        write_image(name, image, sources=sources, metadata={"Space": "orig"})


def _described(signals: TissueSignals | None) -> dict[str, object]:
    """Return what the columns of tissues are."""
    if signals is None:
        return {}
    means = {
        name: {"Description": f"mean of {count} voxels deep in it, after resampling"}
        for name, count in zip(("csf", "white_matter"), signals.n_voxels, strict=True)
        if name in signals.names
    }
    named = (name for name in signals.names if name.startswith("a_comp_cor"))
    parts = {
        name: {"Method": "aCompCor", "Mask": "combined", "VarianceExplained": share}
        for name, share in zip(named, signals.explained, strict=True)
    }
    return {**means, **parts}


def _timing(n_slices: int, moment: float, *, corrected: bool) -> dict[str, object]:
    """Return when volumes were acquired, as readers look for it."""
    return {"StartTime": moment} if corrected else {"SliceTiming": [moment] * n_slices}


_MOTION = (
    "trans_x, trans_y, trans_z in mm along right, front, up; rot_x, rot_y, rot_z in rad about "
    "them and the centre of the grid: how the head moved from the reference to the volume"
)


def _write_transforms(
    folder: Path, run: RunId, result: PreprocessedBold, sources: Sequence[str]
) -> None:
    """Write the matrices as JSON and the warp as an image of displacements."""
    matrices = {
        "Description": "4 x 4, RAS mm to RAS mm, applied to points from the left",
        "Sources": list(sources),
        "RotationCentre": result.motion.centre.tolist(),
        "ReferenceToVolume": result.motion.to_volume.tolist(),
        "BoldToT1w": result.epi_to_t1.tolist(),
        "TemplateToT1w": result.normalisation.template_to_t1.matrix.tolist(),
    }
    write_json(folder / f"{run.label}_desc-preproc_transforms.json", matrices)
    warp = result.normalisation.template_to_t1
    image = image_of(warp.displacement.astype(np.float32), warp.grid)
    name = f"{run.label}_from-{TEMPLATE_SPACE}_to-T1w_mode-points_xfm.nii.gz"
    metadata = {"Description": "mm (RAS) added to points after TemplateToT1w", "Type": "Warp"}
    write_image(folder / name, image, sources=sources, metadata=metadata)
