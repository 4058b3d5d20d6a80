"""What is no brain activity: tables of confounds, and runs without it."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from jaxtyping import Bool, Float
from nilearn.image import clean_img, smooth_img
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError, Problem, StudyError
from neurotranscoder.core.settings import Settings
from neurotranscoder.io.nifti import image_of
from neurotranscoder.io.store import read_table
from neurotranscoder.preprocess.checks import refuse_not_finite
from neurotranscoder.preprocess.motion import MOTION_NAMES, HeadMotion
from neurotranscoder.preprocess.quality import dvars

MOTION_CONFOUNDS = (*MOTION_NAMES, *(f"{name}_derivative1" for name in MOTION_NAMES))
"""Motion and its steps, by the names of fMRIPrep."""
_MISSING = {"n/a": "nan", "": "nan"}


class CleanSettings(Settings):
    """What is taken out of a run."""

    fwhm: float = Field(default=0.0, ge=0, le=20)
    """Smoothing in space, in mm. 0 for none: models of this package average blocks or voxels
    themselves."""
    longest_period: float = Field(default=100.0, ge=0)
    """Slower change is taken out, in s; 0 leaves it."""
    confounds: tuple[str, ...] = ()
    """Columns that are regressed out, together with the slow change; empty for none. ``*`` stands
    for any letters: ``trans_*`` and ``rot_*`` are motion and its steps, ``a_comp_cor_*`` are
    components of white matter and fluid. Each column also takes what neurons share with it.
    Estimated motion follows activity: after realignment it costs more than it brings."""

    @property
    def does_nothing(self) -> bool:
        """Whether a run stays as it is."""
        return not (self.fwhm or self.longest_period or self.confounds)


@dataclass(frozen=True, slots=True, eq=False)
class Confounds:
    """Named time courses of one run.

    Parameters
    ----------
    names : tuple of str
        As fMRIPrep names them.
    values : array, shape (volumes, names)
        NaN where there is none, as for differences at the first volume.
    """

    names: tuple[str, ...]
    values: Float[ndarray, "volumes names"]

    def select(self, names: tuple[str, ...]) -> Float[ndarray, "volumes chosen"]:
        """Return some columns for a regression; a missing first value counts as 0.

        ``*`` in a name stands for any letters.

        Raises
        ------
        GridError
            When a column is not there, or lacks values after the first.
        """
        matches = {name: fnmatch.filter(self.names, name) for name in names}
        unknown = [name for name, found in matches.items() if not found]
        if unknown:
            raise GridError(
                f"confounds {unknown} are not in the table; it has {', '.join(self.names)}; "
                "correct the names, or leave them out"
            )
        columns = dict.fromkeys(name for found in matches.values() for name in found)
        chosen = self.values[:, [self.names.index(name) for name in columns]].copy()
        chosen[0] = np.nan_to_num(chosen[0])
        refuse_not_finite("the confounds", chosen)
        return chosen

    def beside(self, names: tuple[str, ...], values: Float[ndarray, "volumes more"]) -> Confounds:
        """Return a table with further columns."""
        return Confounds((*self.names, *names), np.concatenate([self.values, values], axis=1))


def confounds_of(
    motion: HeadMotion,
    data: Float[ndarray, "x y z volumes"],
    mask: Bool[ndarray, "x y z"],
) -> Confounds:
    """Return motion, its derivatives, framewise displacement, DVARS and the global signal.

    Parameters
    ----------
    motion : HeadMotion
        Where the head was.
    data : array, shape (x, y, z, volumes)
        The run, resampled but not yet cleaned.
    mask : array of bool, shape (x, y, z)
        The brain.
    """
    parameters = motion.parameters
    first = np.full((1, 6), np.nan)
    columns = [
        parameters,
        np.concatenate([first, np.diff(parameters, axis=0)]),
        motion.framewise_displacement[:, np.newaxis],
        dvars(data, mask)[:, np.newaxis],
        data[mask].mean(axis=0, dtype=np.float64)[:, np.newaxis],
    ]
    names = (*MOTION_CONFOUNDS, "framewise_displacement", "dvars", "global_signal")
    return Confounds(names, np.concatenate(columns, axis=1))


def read_confounds(path: Path) -> Confounds:
    """Read a ``*_desc-confounds_timeseries.tsv``, ours or fMRIPrep's; n/a becomes NaN.

    Raises
    ------
    StudyError
        When the file is no table, or holds words.
    """
    table = read_table(path)
    try:
        columns = [[float(_MISSING.get(cell, cell)) for cell in cells] for cells in table.values()]
    except ValueError as error:
        problem = Problem(str(path), "cells", f"{error}", "numbers, or n/a", "restore the table")
        raise StudyError([problem]) from error
    return Confounds(tuple(table), np.array(columns).T)


def clean_run(
    data: Float[ndarray, "x y z volumes"],
    grid: VoxelGrid,
    mask: Bool[ndarray, "x y z"],
    *,
    tr: float,
    confounds: Confounds | None = None,
    settings: CleanSettings | None = None,
) -> Float[ndarray, "x y z volumes"]:
    """Smooth a run, and take slow change and confounds out of it in one regression (nilearn).

    Parameters
    ----------
    data : array, shape (x, y, z, volumes)
        The run.
    grid : VoxelGrid
        Where the voxels are.
    mask : array of bool, shape (x, y, z)
        The brain; the rest becomes 0.
    tr : float
        Time from one volume to the next, in s.
    confounds : Confounds, optional
        Where the columns of ``settings.confounds`` are; without it slow change goes alone.
    settings : CleanSettings, optional
        What is taken out.

    Returns
    -------
    cleaned : array, shape (x, y, z, volumes)
        Single precision, in the unit of ``data``; the mean of each voxel is kept.

    Raises
    ------
    GridError
        When a column is missing, numbers are not finite, or the confounds have another length.
    """
    options = settings or CleanSettings()
    refuse_not_finite("the run", data)
    image: Any = image_of(np.asarray(data, dtype=np.float32), grid, tr=tr)
    if options.fwhm > 0:
        image = smooth_img(image, options.fwhm)
    columns = confounds.select(options.confounds) if confounds and options.confounds else None
    if columns is not None and len(columns) != data.shape[3]:
        raise GridError(
            f"the table has {len(columns)} rows, the run {data.shape[3]} volumes; need one row a "
            "volume; take the table of the same run"
        )
    where: Any = nib.Nifti1Image(mask.astype(np.uint8), grid.voxel_to_world)  # type: ignore[no-untyped-call]
    values = np.asarray(image.dataobj, dtype=np.float64)
    mean = values.mean(axis=-1, keepdims=True)  # apart: it is a thousand times what stays
    centred = image_of((values - mean).astype(np.float32), grid, tr=tr)
    cleaned = clean_img(
        centred, detrend=False, standardize=None, confounds=columns, t_r=tr,
        high_pass=1 / options.longest_period if options.longest_period else None,
        mask_img=where, filter="cosine" if options.longest_period else False,
    )  # fmt: skip
    changed = np.asarray(cleaned.dataobj, dtype=np.float64)
    changed += mean - changed.mean(axis=-1, keepdims=True)
    return np.where(mask[..., np.newaxis], changed, 0.0).astype(np.float32)
