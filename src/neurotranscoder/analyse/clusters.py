"""Clusters over space and time, and how often chance makes one as large [1]_.

Samples change signs. Under a permutation only their mean changes: the sum of their squares stays,
so that t of each permutation costs one product with the maps, in single precision: it tells which
points are surely below the threshold. Of the others, t is computed in double precision. Memory
holds two numbers for each voxel and frame, and one block of frames.

References
----------
.. [1] Maris, E. & Oostenveld, R. (2007). Nonparametric statistical testing of EEG- and MEG-data.
   Journal of Neuroscience Methods 164, 177-190.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int
from numpy import ndarray
from pydantic import Field
from scipy.stats import t as student

from neurotranscoder.analyse.neighbours import Neighbours, label_neighbours
from neurotranscoder.analyse.zmaps import Factors, Samples, Significant, frame_blocks
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
    """Sign flips that are drawn."""
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

    @property
    def by_cluster(self) -> list[Int[ndarray, " own"]]:
        """Points of each cluster, in their order."""
        ends = np.cumsum(np.bincount(self.labels))
        return np.split(np.argsort(self.labels, kind="stable"), ends[:-1])


def cluster_test(
    samples: Samples, settings: ClusterSettings, rng: np.random.Generator
) -> ClusterTest:
    """Return the clusters of a mean over samples, and how often chance makes one as large.

    Signs are flipped, which needs samples that are independent of each other, and as likely to
    lie above as below zero where there is no effect.

    Parameters
    ----------
    samples : Units or SubjectMeans
        What changes signs: units of trials within a subject, subjects across subjects.
    settings : ClusterSettings
        Threshold, neighbourhood and number of permutations.
    rng : Generator
        Draws the permutations.

    Raises
    ------
    GridError
        When so few samples or permutations can never reach the level.
    """
    _check(samples.n, settings)
    blocks = list(frame_blocks(samples.axis.n_times))
    squares = np.concatenate(
        [samples.squares(f, centred=False).astype(np.float32) for f in blocks], axis=1
    )
    finder = _Finder(samples, settings, squares, _least_means(samples, settings, squares))
    found = finder.find(np.ones(samples.n))
    largest = np.array(
        [
            np.abs(finder.find(rng.choice([-1.0, 1.0], samples.n)).masses).max(initial=0.0)
            for _ in range(settings.n_permutations)
        ]
    )
    order = np.argsort(-np.abs(found.masses), kind="stable")
    voxels, own = np.argwhere(samples.mask), found.by_cluster
    clusters = tuple(_cluster(samples, found, own[n], voxels, largest) for n in order.tolist())
    labels = np.argsort(order)[found.labels]
    return ClusterTest(
        clusters, found.rows, found.frames, labels, squares.shape, largest, settings.level
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Finder:
    """Finds the clusters of a permutation."""

    samples: Samples
    settings: ClusterSettings
    squares: Float32[ndarray, "voxels frames"]
    least: Float32[ndarray, "voxels frames"]

    def find(self, signs: Float[ndarray, " samples"]) -> _Points:
        """Return the points above the threshold, with their clusters."""
        parts = self.samples.parts(signs)
        row, frame = self._candidates(parts)
        effect = np.zeros(len(row))
        for maps, courses in parts:
            effect += np.einsum("pc,cp->p", maps[row].astype(np.float64), courses[:, frame])
        n, dof = self.samples.n, self.samples.n - 1
        squares = self.squares[row, frame].astype(np.float64)
        rest = np.maximum(squares - n * effect**2, _ROUNDING * squares)
        t = effect / np.sqrt(rest / (n * dof))
        kept = np.abs(t) >= student.isf(self.settings.forming_p / 2, dof)
        row, frame, t = row[kept], frame[kept], t[kept]
        neighbours = self.settings.neighbours
        labels = label_neighbours(row, frame, t > 0, mask=self.samples.mask, neighbours=neighbours)
        return _Points(row, frame, t, labels)

    def _candidates(
        self, parts: list[Factors]
    ) -> tuple[Int[ndarray, " points"], Int[ndarray, " points"]]:
        """Return rows and frames of all points that may exceed the threshold, and few others."""
        single = [(maps, courses.astype(np.float32)) for maps, courses in parts]
        rows, frames = [], []
        for block in frame_blocks(self.squares.shape[1]):
            mean = np.asarray(sum(maps @ courses[:, block] for maps, courses in single))
            near = np.flatnonzero(np.abs(mean, out=mean) >= self.least[:, block])
            row, frame = np.divmod(near, mean.shape[1])
            rows.append(row)
            frames.append(frame + block.start)
        return np.concatenate(rows), np.concatenate(frames)


def _least_means(
    samples: Samples, settings: ClusterSettings, squares: Float32[ndarray, "voxels frames"]
) -> Float32[ndarray, "voxels frames"]:
    """Return the least mean, computed in single precision, that may be above the threshold.

    ``t^2 = n (n - 1) mean^2 / (squares - n mean^2)`` grows with the mean, which has a least value
    therefore. What rounding does to a sum of products is bounded [1]_ by the lengths of its
    factors, those of the courses by the sum over samples, whatever their signs.

    References
    ----------
    .. [1] Higham, N. J. (2002). Accuracy and stability of numerical algorithms. Section 3.1.
    """
    n = samples.n
    ratio = float(student.isf(settings.forming_p / 2, n - 1)) ** 2 / (n - 1)
    share = min(ratio / (1 + ratio), 1 - 2 * _ROUNDING) / n
    reach: list[Float[ndarray, " frames"]] = []
    for one in np.eye(n):
        lengths = [np.linalg.norm(courses, axis=0) for _, courses in samples.parts(one)]
        reach = [a + b for a, b in zip(reach, lengths, strict=True)] if reach else lengths
    lengths = [np.linalg.norm(maps, axis=1) for maps, _ in samples.parts(np.ones(n))]
    n_products = sum(maps.shape[1] for maps, _ in samples.parts(np.ones(n)))
    least = np.empty_like(squares)
    for block in frame_blocks(squares.shape[1]):
        lost = sum(np.outer(a, b[block]) for a, b in zip(lengths, reach, strict=True))
        exact = np.sqrt(share * squares[:, block].astype(np.float64))
        safe = (exact - (n_products + 4) * np.finfo(np.float32).eps * lost) * (1 - _ROUNDING)
        least[:, block] = np.where(squares[:, block] > 0, np.maximum(safe, 0), np.inf)
    return least


def _check(n: int, settings: ClusterSettings) -> None:
    """Refuse a test that cannot find anything."""
    least = max(2 / 2.0**n, 1 / (1 + settings.n_permutations))
    if least > settings.level:
        raise GridError(
            f"{n} samples and {settings.n_permutations} permutations give no p below {least:.2g}; "
            f"the level is {settings.level:g}; add runs (or subjects) or permutations, make units "
            "of trials shorter, or use the false discovery rate (5 samples or more)"
        )


def _cluster(
    samples: Samples,
    points: _Points,
    own: Int[ndarray, " own"],
    voxels: Int[ndarray, "voxels 3"],
    largest: Float[ndarray, " permutations"],
) -> Cluster:
    """Return what is said of one cluster, given its points and all voxels of the mask."""
    mass = float(points.t[own].sum())
    # sums of the same numbers in another order are equal
    p = (1 + np.sum(largest >= abs(mass) * (1 - 1e-9))) / (1 + len(largest))
    times = samples.axis.times[points.frames[own]]
    top = own[np.abs(points.t[own]).argmax()]
    x, y, z = samples.grid.world(voxels[points.rows[[top]]])[0].tolist()
    peak_time = float(samples.axis.times[points.frames[top]])
    return Cluster(
        mass, float(p), len(own), float(times.min()), float(times.max()), peak_time, (x, y, z)
    )
