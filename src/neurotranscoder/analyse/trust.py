"""Which voxels the model of a subject can see: those whose held-out BOLD its sources predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.stats import false_discovery_control, norm

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.core.recording import Recording
from neurotranscoder.io.derivatives import write_image
from neurotranscoder.io.nifti import image_of
from neurotranscoder.train.subject import SubjectSettings
from neurotranscoder.train.subject_signals import SliceRegressors, subject_signals
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject

_SHORTEST_SHIFT = 20.0  # s; BOLD of filtered runs is no longer alike to itself
_FEWEST_SHIFTS = 10


@dataclass(frozen=True, slots=True, eq=False)
class TrustMap:
    """What held-out BOLD says about each voxel of a subject's model.

    Parameters
    ----------
    r : array, shape (voxels,)
        Correlation of BOLD with what the model predicts of it from EEG alone, both filtered as
        in the fit; 0 where the maps are zero.
    z : array, shape (voxels,)
        Its distance from what circular shifts of the same prediction reach, in their standard
        deviations.
    q : array, shape (voxels,)
        Smallest false discovery rate at which the voxel is seen (Benjamini and Hochberg 1995),
        one-sided; 1 where the maps are zero.
    grid : VoxelGrid
        Where the voxels are.
    mask : array of bool, shape (x, y, z)
        Voxels of the brain; rows in C order.
    """

    r: Float[ndarray, " voxels"]
    z: Float[ndarray, " voxels"]
    q: Float[ndarray, " voxels"]
    grid: VoxelGrid
    mask: Bool[ndarray, "x y z"]

    def seen(self, rate: float = 0.05) -> Bool[ndarray, " voxels"]:
        """Return which voxels are seen at a false discovery rate."""
        return np.asarray(self.q <= rate)

    def image(self, rows: Float[ndarray, " voxels"]) -> Float[ndarray, "x y z"]:
        """Return values of voxels on the whole grid, zero outside the brain."""
        full = np.zeros(self.mask.shape, dtype=np.float32)
        full[self.mask] = rows
        return full


@dataclass(frozen=True, slots=True, eq=False)
class _Likeness:
    """Products of BOLD and its prediction, and of shifted ones; they add up over runs."""

    cross: Float[ndarray, " voxels"]
    predicted: Float[ndarray, " voxels"]
    measured: Float[ndarray, " voxels"]
    shifted_mean: Float[ndarray, " voxels"]
    shifted_variance: Float[ndarray, " voxels"]

    def __add__(self, other: _Likeness) -> _Likeness:
        return _Likeness(*(getattr(self, n) + getattr(other, n) for n in self.__slots__))


def trust_map(
    trained: TrainedSubject, group: TrainedTranscoder, recordings: Sequence[Recording]
) -> TrustMap:
    """Return which voxels a subject's model can see, blind, on runs that it was not fitted on.

    Parameters
    ----------
    trained : TrainedSubject
        The model.
    group : TrainedTranscoder
        The group model that it was fitted with: its response and scales.
    recordings : sequence of Recording
        Other runs of the subject, with both modalities.

    Returns
    -------
    trust : TrustMap
        r, z and q of each voxel.

    Raises
    ------
    SettingsError
        When there is no run, or the model was fitted on one of them.
    GridError
        When a run has another grid, or is too short for shifts of 20 s and more.
    """
    if not recordings:
        raise SettingsError("got no run; a trust map needs one that the model was not fitted on")
    total = reduce(add, (_likeness(trained, group, one) for one in recordings))
    tiny = np.finfo(float).tiny
    alive = (total.predicted > 0) & (total.measured > 0) & (total.shifted_variance > 0)
    r = total.cross / np.sqrt(np.maximum(total.predicted * total.measured, tiny))
    z = (total.cross - total.shifted_mean) / np.sqrt(np.maximum(total.shifted_variance, tiny))
    q = np.ones(len(r))
    if alive.any():
        q[alive] = false_discovery_control(norm.sf(z[alive]))
    nothing = np.zeros(len(r))
    return TrustMap(
        np.where(alive, r, nothing), np.where(alive, z, nothing), q, trained.grid, trained.mask
    )


def write_trust(
    folder: Path, subject: str, trust: TrustMap, *, sources: Sequence[str] = ()
) -> None:
    """Write ``sub-XX_res-voxel_desc-trust_{r,z,q}.nii.gz`` and the mask of voxels that are seen.

    Parameters
    ----------
    folder : Path
        Where they go, each with its JSON sidecar.
    subject : str
        Label, without ``sub-``.
    trust : TrustMap
        What to write; the mask is that of a false discovery rate of .05.
    sources : sequence of str
        Runs that it was made from.
    """
    words = {
        "r": "Correlation of held-out BOLD with its prediction from EEG; 0 outside the brain",
        "z": "Its distance from circular shifts of the prediction, in standard deviations",
    }
    for name, text in words.items():
        image = image_of(trust.image(getattr(trust, name)), trust.grid)
        path = folder / f"sub-{subject}_res-voxel_desc-trust_{name}.nii.gz"
        write_image(path, image, sources=sources, metadata={"Description": text})
    outside = 1 - trust.mask.astype(np.float32)
    text = "False discovery rate at which a voxel is seen; 1 outside the brain"
    path = folder / f"sub-{subject}_res-voxel_desc-trust_q.nii.gz"
    image = image_of(trust.image(trust.q) + outside, trust.grid)
    write_image(path, image, sources=sources, metadata={"Description": text})
    path = folder / f"sub-{subject}_res-voxel_desc-trust_mask.nii.gz"
    image = image_of(trust.image(trust.seen().astype(float)), trust.grid)
    text = "1 where the model predicts held-out BOLD, at a false discovery rate of .05"
    write_image(path, image, sources=sources, metadata={"Description": text})


def _likeness(
    trained: TrainedSubject, group: TrainedTranscoder, recording: Recording
) -> _Likeness:
    """Return how like one run's BOLD is to its prediction, and to shifts of it."""
    if recording.run.label in trained.runs:
        raise SettingsError(
            f"{recording.run.label} is one of the {len(trained.runs)} runs that the model was "
            "fitted on; a trust map needs others, such as the test runs of the group model"
        )
    settings = SubjectSettings.model_validate(dict(trained.settings))
    run = subject_signals(
        recording,
        group=group,
        mask=trained.mask,
        rate=trained.rate,
        whitening=settings.whitening,
    )
    step = max(1, round(settings.rate / settings.fit_rate))
    courses = trained.coder.courses(run.eeg, settings.rate, step=step)
    start = run.axis.start + (step // 2) / settings.rate
    frames = TimeAxis(start, settings.rate / step, courses.shape[1])
    regressors = run.regressors(courses, frames, group.response)
    shifts = _shifts(run.bold.shape[1], run.volumes.tr)
    parts = np.empty((5, len(run.slices)))
    for index in np.unique(run.slices):
        rows = run.slices == index
        parts[:, rows] = _of_slice(regressors, int(index), trained.maps[rows], shifts)
    return _Likeness(*parts)


def _of_slice(
    regressors: SliceRegressors,
    index: int,
    maps: Float[ndarray, "voxels components"],
    shifts: slice,
) -> Float[ndarray, "5 voxels"]:
    """Return the products of the voxels of a slice; all shifts at once, by Fourier transform."""
    run = regressors.run
    bold = run.bold[run.slices == index].astype(np.float64)
    predicted = maps @ regressors(index)
    spectra = np.fft.rfft(bold, axis=1) * np.fft.rfft(predicted, axis=1).conj()
    lagged = np.fft.irfft(spectra, bold.shape[1], axis=1)
    null = lagged[:, shifts]
    return np.stack(
        [
            lagged[:, 0],
            np.sum(predicted**2, axis=1),
            np.sum(bold**2, axis=1),
            null.mean(axis=1),
            null.var(axis=1, ddof=1),
        ]
    )


def _shifts(n_volumes: int, tr: float) -> slice:
    """Return circular shifts by 20 s and more to both sides.

    Raises
    ------
    GridError
        When there are fewer than ten.
    """
    least = int(np.ceil(_SHORTEST_SHIFT / tr))
    if n_volumes - 2 * least + 1 < _FEWEST_SHIFTS:
        needed = (2 * least + _FEWEST_SHIFTS) * tr
        raise GridError(
            f"a run keeps {n_volumes * tr:g} s after the response of the group; a trust map needs "
            f"{needed:g} s; use longer runs"
        )
    return slice(least, n_volumes - least + 1)
