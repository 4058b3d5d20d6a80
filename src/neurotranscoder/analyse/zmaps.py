"""Maps of z for each frame: whether sources differ from the baseline, or between conditions.

Within a subject the samples are units of trials; across subjects they are the averages of
subjects (random effects). What a map of z alone says is uncorrected for the number of voxels and
frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float32
from numpy import ndarray
from scipy.special import stdtr
from scipy.stats import false_discovery_control, norm

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError

FRAMES_AT_ONCE = 25
"""Frames that are materialised at a time, so that memory does not grow with the window."""
FEWEST_FOR_FDR = 5
"""Units or subjects below which the false discovery rate is refused: t then has under 4 degrees
of freedom, and standard errors are off by 40 % or more: t is largest where they are too small."""
_ROUNDING = 1e-24
"""Share of a squared mean below which a variance is rounding alone."""


Factors = tuple[Float32[ndarray, "voxels components"], Float[ndarray, "components frames"]]


@runtime_checkable
class Samples(Protocol):
    """Units of one subject's trials, or averages of subjects: what errors are taken over.

    Single trials are none: they are not independent of each other.
    """

    @property
    def n(self) -> int:
        """Number of samples."""

    @property
    def grid(self) -> VoxelGrid:
        """Where the voxels are."""

    @property
    def mask(self) -> Bool[ndarray, "x y z"]:
        """Voxels that all samples have."""

    @property
    def axis(self) -> TimeAxis:
        """When the frames are, in s after the event."""

    def within(self, mask: Bool[ndarray, "x y z"]) -> Samples:
        """Return the samples of some voxels alone."""

    def mean(
        self, signs: Float[ndarray, " samples"], frames: slice
    ) -> Float[ndarray, "voxels frames"]:
        """Return the (weighted) mean over samples, each times a sign, at some frames."""

    def parts(self, signs: Float[ndarray, " samples"]) -> list[Factors]:
        """Return maps and courses whose products add up to that mean, linear in the signs."""

    def squares(self, frames: slice, *, centred: bool) -> Float[ndarray, "voxels frames"]:
        """Return the (weighted) sum over samples of squares, less the mean or not."""


Correction = Literal["uncorrected", "fdr", "cluster"]


@dataclass(frozen=True, slots=True, eq=False)
class Significant:
    """Where and when an effect was found, and by which standard.

    Parameters
    ----------
    seen : array of bool, shape (voxels, frames)
        The finding.
    correction : {'uncorrected', 'fdr', 'cluster'}
        What was done about the number of voxels and frames; show it beside the picture.
    level : float
        Of p or q.
    """

    seen: Bool[ndarray, "voxels frames"]
    correction: Correction
    level: float

    def __str__(self) -> str:
        letter = "q" if self.correction == "fdr" else "p"
        share = f"{self.seen.mean():.2%} of voxels and frames"
        return f"{letter} <= {self.level:g} ({self.correction}): {share}"


@dataclass(frozen=True, slots=True, eq=False)
class ZMap:
    """An effect and its z at each voxel and frame.

    Parameters
    ----------
    effect : array of float32, shape (voxels, frames)
        Mean, or difference of means, in the unit of the movies.
    z : array of float32, shape (voxels, frames)
        Standard normal if there is no effect; 0 where nothing varies. It ends at 37.5.
    tested : array of bool, shape (voxels,)
        Voxels whose samples vary; where all maps are zero, none do.
    grid, mask, axis
        Where the voxels are, and when the frames, in s after the event.
    """

    effect: Float32[ndarray, "voxels frames"]
    z: Float32[ndarray, "voxels frames"]
    tested: Bool[ndarray, " voxels"]
    grid: VoxelGrid
    mask: Bool[ndarray, "x y z"]
    axis: TimeAxis

    @property
    def p(self) -> Float[ndarray, "voxels frames"]:
        """Two-sided, uncorrected: how often |z| is as large by chance at one voxel and frame."""
        return np.asarray(2 * norm.sf(np.abs(self.z.astype(np.float64))))

    def uncorrected(self, level: float = 0.001) -> Significant:
        """Return where ``p <= level``; of all voxels and frames, that share is so by chance."""
        return Significant(self.p <= level, "uncorrected", level)

    def fdr(self, level: float = 0.05, *, n: int | None = None) -> Significant:
        """Return where the false discovery rate over voxels and frames is controlled [1]_.

        Of what is found, a share of ``level`` is false, on average. Voxels that were not tested
        do not count.

        Parameters
        ----------
        level : float
            Of q.
        n : int, optional
            Number of samples; when it is not given, the caller has seen to it that they are many.

        Raises
        ------
        GridError
            When there are fewer than 5 samples.

        References
        ----------
        .. [1] Benjamini, Y. & Hochberg, Y. (1995). Controlling the false discovery rate. Journal
           of the Royal Statistical Society B 57, 289-300.
        """
        if n is not None and n < FEWEST_FOR_FDR:
            raise GridError(
                f"got {n} samples, so t has {n - 1} degrees of freedom and p is as good as its "
                f"tails; the false discovery rate needs {FEWEST_FOR_FDR} samples or more; add "
                "runs (or subjects), or make units of trials shorter"
            )
        seen = np.zeros(self.z.shape, dtype=bool)
        if self.tested.any():
            p = self.p[self.tested]
            seen[self.tested] = false_discovery_control(p, axis=None).reshape(p.shape) <= level
        return Significant(seen, "fdr", level)

    def unmask(self, rows: ndarray) -> Float32[ndarray, "x y z ..."]:
        """Return rows of the mask on the whole grid, zero outside."""
        full = np.zeros((*self.mask.shape, *rows.shape[1:]), dtype=np.float32)
        full[self.mask] = rows
        return full


def z_map(samples: Samples) -> ZMap:
    """Return the z of the mean over samples at each voxel and frame.

    t is the mean over its standard error, with n - 1 degrees of freedom; z has the same p. For a
    contrast the samples are differences: `contrast_units` of one subject's trials, `difference`
    of averages across subjects.

    Raises
    ------
    GridError
        When there are less than two samples.
    """
    if samples.n < 2:
        raise GridError(
            f"got {samples.n} sample; a standard error needs at least 2 units of trials (or "
            "subjects); add runs, pool conditions, or make units shorter"
        )
    n, shape = samples.n, (int(samples.mask.sum()), samples.axis.n_times)
    effects, z = np.empty(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    for frames in frame_blocks(shape[1]):
        effect = samples.mean(np.ones(n), frames)
        variance = samples.squares(frames, centred=True) / (n - 1) / n
        varies = variance > _ROUNDING * effect**2
        t = np.divide(effect, np.sqrt(variance), out=np.zeros_like(effect), where=varies)
        effects[:, frames], z[:, frames] = effect, z_of_t(t, n - 1.0)
    return ZMap(effects, z, np.any(z != 0, axis=1), samples.grid, samples.mask, samples.axis)


def frame_blocks(n_frames: int) -> Iterator[slice]:
    """Return the blocks of frames that are materialised one after the other."""
    for start in range(0, n_frames, FRAMES_AT_ONCE):
        yield slice(start, min(start + FRAMES_AT_ONCE, n_frames))


def z_of_t(t: Float[ndarray, "*shape"], dof: float) -> Float[ndarray, "*shape"]:
    """Return the z with the p of a t; it ends at 37.5, where p cannot be represented."""
    tail = np.maximum(stdtr(dof, -np.abs(t)), np.finfo(np.float64).tiny)
    return np.asarray(np.sign(t) * norm.isf(tail))
