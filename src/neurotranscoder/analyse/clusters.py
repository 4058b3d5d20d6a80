"""Clusters over space and time, and how often chance makes one as large [1]_.

Under a permutation only a weighted sum of the samples changes: the sum of their squares stays, so
that t of each permutation costs one product with the maps. Voxels are kept where t exceeds the
threshold alone; memory holds one block of frames, and these.

References
----------
.. [1] Maris, E. & Oostenveld, R. (2007). Nonparametric statistical testing of EEG- and MEG-data.
   Journal of Neuroscience Methods 164, 177-190.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from numpy import ndarray
from pydantic import Field
from scipy.stats import t as student

from neurotranscoder.analyse.neighbours import Neighbours, label_neighbours
from neurotranscoder.analyse.zmaps import Samples, Significant, frame_blocks
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.settings import Settings

_ROUNDING = 1e-6  # of a sum of squares in single precision


class ClusterSettings(Settings):
    """How clusters are made and tested."""

    forming_p: float = Field(default=0.001, gt=0, lt=1)
    """Two-sided p of t that a voxel needs at a frame to be in a cluster."""
    neighbours: Neighbours = 6
    """Voxels around a voxel that belong to its cluster in the same frame: those that share a
    face, or also an edge or corner. In time, the same voxel one frame before and after does."""
    n_permutations: int = Field(default=1000, ge=19)
    """Sign flips, or orders of the labels, that are drawn."""
    level: float = Field(default=0.05, gt=0, lt=1)
    """Share of maps without effect that may hold a cluster."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Neighbours in space and time that exceed the threshold with one sign.

    Parameters
    ----------
    mass : float
        Sum of t over voxels and frames; negative for a deactivation.
    p : float
        Share of permutations whose largest cluster has as much mass, of either sign.
    size : int
        Number of voxels times frames.
    start, stop : float
        First and last frame, in s after the event.
    peak_time : float
        Where |t| is largest, in s after the event.
    peak : tuple of float
        Where |t| is largest, in RAS mm.
    """

    mass: float
    p: float
    size: int
    start: float
    stop: float
    peak_time: float
    peak: tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class ClusterTest:
    """All clusters of a map, largest mass first, and what chance gives.

    Parameters
    ----------
    clusters : tuple of Cluster
        Whether significant or not.
    rows, frames, labels : array of int, shape (points,)
        Voxel, frame and number of the cluster (from 0) of each point of a cluster.
    shape : tuple of int
        Number of voxels and of frames.
    largest : array, shape (permutations,)
        Largest |mass| in each permutation.
    level : float
        Of the settings.
    """

    clusters: tuple[Cluster, ...]
    rows: Int[ndarray, " points"]
    frames: Int[ndarray, " points"]
    labels: Int[ndarray, " points"]
    shape: tuple[int, int]
    largest: Float[ndarray, " permutations"]
    level: float

    @property
    def significant(self) -> Significant:
        """Where and when clusters with ``p <= level`` are.

        The claim is that there is an effect in each cluster, not that it is in all of its voxels
        and frames, nor that it begins where the cluster does.
        """
        seen = np.zeros(self.shape, dtype=bool)
        good = np.array([cluster.p <= self.level for cluster in self.clusters], dtype=bool)
        if good.any():
            chosen = good[self.labels]
            seen[self.rows[chosen], self.frames[chosen]] = True
        return Significant(seen, "cluster", self.level)


@dataclass(frozen=True, slots=True, eq=False)
class _Design:
    """What is permuted: the weights of samples, such that the combination is the effect."""

    weights: Float[ndarray, " samples"]
    paired: bool

    def draw(self, rng: np.random.Generator) -> Float[ndarray, " samples"]:
        """Return weights after sign flips, or after the labels change places."""
        if self.paired:
            return np.asarray(self.weights * rng.choice([-1.0, 1.0], len(self.weights)))
        return np.asarray(rng.permutation(self.weights))

    @property
    def dof(self) -> int:
        """Degrees of freedom of t."""
        return len(self.weights) - (1 if self.paired else 2)

    @property
    def n_effective(self) -> float:
        """Variance of a sample over that of the effect."""
        return float(1 / np.sum(self.weights**2))

    @property
    def n_distinct(self) -> float:
        """Number of permutations that give a different |t|, at least."""
        n = len(self.weights)
        arrangements = 2**n if self.paired else comb(n, int(np.sum(self.weights > 0)))
        return arrangements / 2


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """Voxels and frames where t exceeds the threshold, and their clusters."""

    rows: Int[ndarray, " points"]
    frames: Int[ndarray, " points"]
    t: Float[ndarray, " points"]
    labels: Int[ndarray, " points"]

    @property
    def masses(self) -> Float[ndarray, " clusters"]:
        """Sum of t of each cluster."""
        return np.bincount(self.labels, weights=self.t).astype(np.float64)


def cluster_test(
    samples: Samples,
    settings: ClusterSettings,
    rng: np.random.Generator,
    *,
    first: Bool[ndarray, " samples"] | None = None,
) -> ClusterTest:
    """Return the clusters of a mean over samples, or of a difference between two groups of them.

    Signs are flipped, which needs samples that are symmetric around no effect; or labels change
    places, with Student's pooled t, which needs groups that are alike but for their means.
    Either way samples need to be independent of each other: trials whose window reaches the
    baseline of the next are not, and conditions in a fixed order are then seen far too often.

    Parameters
    ----------
    samples : Trials or SubjectMeans
        What is permuted: trials within a subject, subjects across subjects.
    settings : ClusterSettings
        Threshold, neighbourhood and number of permutations.
    rng : Generator
        Draws the permutations.
    first : array of bool, shape (samples,), optional
        Samples of the first group, for a contrast (``trials.which("face")``).

    Raises
    ------
    GridError
        When so few samples or permutations can never reach the level.
    """
    design = _design(samples.n, first)
    _check(design, settings)
    blocks = list(frame_blocks(samples.axis.n_times))
    squares = np.concatenate(
        [samples.squares(f, centred=not design.paired).astype(np.float32) for f in blocks], axis=1
    )
    finder = _Finder(samples, design, settings, squares)
    found = finder.find(design.weights)
    largest = np.array(
        [
            np.abs(finder.find(design.draw(rng)).masses).max(initial=0.0)
            for _ in range(settings.n_permutations)
        ]
    )
    order = np.argsort(-np.abs(found.masses), kind="stable")
    clusters = tuple(_cluster(samples, found, int(number), largest) for number in order)
    labels = np.argsort(order)[found.labels]
    return ClusterTest(
        clusters, found.rows, found.frames, labels, squares.shape, largest, settings.level
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Finder:
    """Finds the clusters of a permutation."""

    samples: Samples
    design: _Design
    settings: ClusterSettings
    squares: Float32[ndarray, "voxels frames"]

    def find(self, weights: Float[ndarray, " samples"]) -> _Points:
        """Return the points above the threshold, with their clusters."""
        dof, n = self.design.dof, self.design.n_effective
        threshold = student.isf(self.settings.forming_p / 2, dof)
        rows, frames, values = [], [], []
        for block in frame_blocks(self.squares.shape[1]):
            effect = self.samples.combine(weights, block)
            squares = self.squares[:, block].astype(np.float64)
            rest = np.maximum(squares - n * effect**2, _ROUNDING * squares)
            t = np.divide(effect, np.sqrt(rest / (n * dof)), out=0 * effect, where=squares > 0)
            row, frame = np.nonzero(np.abs(t) >= threshold)
            rows.append(row)
            frames.append(frame + block.start)
            values.append(t[row, frame])
        row, frame, t = np.concatenate(rows), np.concatenate(frames), np.concatenate(values)
        neighbours = self.settings.neighbours
        labels = label_neighbours(row, frame, t > 0, mask=self.samples.mask, neighbours=neighbours)
        return _Points(row, frame, t, labels)


def _design(n: int, first: Bool[ndarray, " samples"] | None) -> _Design:
    """Return the weights of a mean, or of a difference of means."""
    if first is None:
        return _Design(np.full(n, 1 / n), paired=True)
    n_first = int(first.sum())
    if len(first) != n or not 2 <= n_first <= n - 2:
        raise GridError(
            f"the first group has {n_first} of {n} samples, by {len(first)} labels; each group "
            "needs at least 2 samples, and each sample a label"
        )
    return _Design(np.where(first, 1 / n_first, -1 / (n - n_first)), paired=False)


def _check(design: _Design, settings: ClusterSettings) -> None:
    """Refuse a test that cannot find anything."""
    least = max(1 / design.n_distinct, 1 / (1 + settings.n_permutations))
    if least > settings.level:
        raise GridError(
            f"{len(design.weights)} samples and {settings.n_permutations} permutations give no p "
            f"below {least:.2g}; the level is {settings.level:g}; add samples or permutations, or "
            "use the false discovery rate"
        )


def _cluster(samples: Samples, points: _Points, number: int, largest: ndarray) -> Cluster:
    """Return what is said of one cluster."""
    own = np.flatnonzero(points.labels == number)
    mass = float(points.t[own].sum())
    # sums of the same numbers in another order are equal
    p = (1 + np.sum(largest >= abs(mass) * (1 - 1e-9))) / (1 + len(largest))
    times = samples.axis.times[points.frames[own]]
    top = own[np.abs(points.t[own]).argmax()]
    voxel = np.argwhere(samples.mask)[points.rows[top]]
    x, y, z = samples.grid.world(voxel[np.newaxis])[0].tolist()
    peak_time = float(samples.axis.times[points.frames[top]])
    return Cluster(
        mass, float(p), len(own), float(times.min()), float(times.max()), peak_time, (x, y, z)
    )
