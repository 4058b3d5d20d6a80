"""A warp of few frequencies that costs bending energy, by Gauss-Newton steps.

Ashburner and Friston 1999, Hum Brain Mapp 7:254: cosines as basis, bending energy as prior. The
images are compared by their local contrast, with the mean of both gradients (Vercauteren 2009) and
weights that fall where they do not match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.ndimage import binary_dilation, gaussian_filter
from scipy.sparse.linalg import LinearOperator, cg
from threadpoolctl import threadpool_limits

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.preprocess.cosines import RIM, CosineBasis, CosineBox, least_volume
from neurotranscoder.preprocess.lookup import look_up, thin_image
from neurotranscoder.preprocess.template import Template
from neurotranscoder.preprocess.warp import Warp
from neurotranscoder.signal.rigid import apply_matrix

_NEIGHBOURS = 3.0  # mm: standard deviation of the neighbourhood of a voxel
_BLURS = (6.0, 3.0, 1.4)  # mm: standard deviations by which both images are smoothed, in turn
_STILL = 0.02  # mm: a step that is smaller on average is the last
_LEAST_SPREAD = 0.2  # of contrast: no two heads differ by less
_HALF = 2.0  # spreads: such differences count half
_CG_STEPS, _CG_TOLERANCE = 25, 0.01
_FLATTEST = 0.1  # volumes that shrink to less are folds, or near them
_STIFFER = 4.0  # times the weight of bending where space folds
_ATTEMPTS = 5


def bending_warp(
    t1: Float[ndarray, "i j k"],
    t1_grid: VoxelGrid,
    affine: Float[ndarray, "4 4"],
    templates: Sequence[Template],
    *,
    iterations: tuple[int, int, int],
    weight: float,
) -> Warp:
    """Return the warp from a template to an anatomy, one that does not fold.

    Parameters
    ----------
    t1, t1_grid : array, shape (i, j, k), and VoxelGrid
        Anatomy.
    affine : array, shape (4, 4)
        From the template to the anatomy.
    templates : sequence of Template
        The template; after it the same on finer voxels along the same axes, where the warp is to
        go on.
    iterations : tuple of int
        Most steps on images smoothed by 6, 3 and 1.4 mm; on finer voxels the last.
    weight : float
        Of the bending energy, in mm^4: multiplied by 4, up to four times, where space would fold.

    Returns
    -------
    warp : Warp
        On the voxels of the first template.

    Raises
    ------
    GridError
        When space folds with the largest of these, or the anatomy does not reach the brain.
    """
    box = CosineBox.of(templates[0])
    views = [_View.of(one, box, t1, t1_grid, affine) for one in templates]
    for attempt in range(_ATTEMPTS):
        prior = weight * _STIFFER**attempt * box.bending
        with threadpool_limits(limits=1):  # the same bytes in whatever process
            field = views[0].basis.fields(_coefficients(views, prior, iterations))
        if least_volume(field, views[0].sizes) > _FLATTEST:
            return Warp(affine, templates[0].grid, box.whole(field) @ views[0].to_anatomy.T)
    raise GridError(
        "the warp to the template folds space, however much bending costs; it needs a T1 image "
        "like that of the template; look at its orientation, and whether the brain is in it"
    )


def _coefficients(
    views: Sequence[_View], prior: Float[ndarray, "k l m"], iterations: tuple[int, int, int]
) -> Float[ndarray, "3 k l m"]:
    """Return the cosines of a warp: on smoothed images first, on finer voxels at the end."""
    found = np.zeros((3, *prior.shape), dtype=np.float32)
    for blur, most in zip(_BLURS, iterations, strict=True):
        found = views[0].fitted(found, prior, blur, most)
    for view in views[1:]:
        found = view.fitted(found, prior, _BLURS[-1], iterations[-1])
    return found


def local_contrast(
    image: Float[ndarray, "x y z"],
    mask: Bool[ndarray, "x y z"],
    sizes: Sequence[float],
) -> Float[ndarray, "x y z"]:
    """Return an image less its mean in a neighbourhood, over its spread there; 0 off the mask.

    What coils and sequences do to brightness is gone then, and two T1 can be subtracted.
    ``sizes`` are those of the voxels, in mm.
    """
    near = [_NEIGHBOURS / size for size in sizes]
    share = gaussian_filter(mask.astype(np.float32), near) + 1e-6
    inside = np.where(mask, image, 0).astype(np.float32)
    inside = inside / np.float32(np.std(inside[mask]) + 1e-12)
    mean = gaussian_filter(inside, near) / share
    variance = gaussian_filter(inside**2, near) / share - mean**2
    least = 1e-3 * variance[mask].mean() + 1e-12
    return np.where(mask, (inside - mean) / np.sqrt(np.maximum(variance, least)), np.float32(0))


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A template at one size of voxels, cut to a box, and the anatomy that is brought to it.

    ``points`` is where the affine has them in the anatomy, and ``to_anatomy`` takes displacements
    along the axes of voxels there.
    """

    contrast: Float[ndarray, "x y z"]
    mask: Bool[ndarray, "x y z"]
    basis: CosineBasis
    sizes: tuple[float, ...]
    share: float
    points: Float[ndarray, "voxels 3"]
    to_anatomy: Float[ndarray, "3 3"]
    anatomy: Float[ndarray, "i j k"]
    anatomy_grid: VoxelGrid

    @classmethod
    def of(
        cls,
        template: Template,
        box: CosineBox,
        t1: Float[ndarray, "i j k"],
        t1_grid: VoxelGrid,
        affine: Float[ndarray, "4 4"],
    ) -> _View:
        """Return the part of a template in a box; its axes are those of the box's template."""
        sizes = template.grid.voxel_sizes
        to_box = np.linalg.inv(box.grid.voxel_to_world) @ template.grid.voxel_to_world
        places = [
            to_box[axis, axis] * np.arange(n) + to_box[axis, 3]
            for axis, n in enumerate(template.grid.shape)
        ]
        kept = [
            np.flatnonzero((at > first - 0.5) & (at < first + n - 0.5))
            for at, first, n in zip(places, box.first, box.extent, strict=True)
        ]
        part = np.ix_(*kept)
        rim = int(np.ceil(RIM / min(sizes)))
        mask = np.asarray(binary_dilation(template.brain, iterations=rim))[part]
        voxels = np.stack(np.meshgrid(*kept, indexing="ij"), axis=-1).reshape(-1, 3)
        return cls(
            local_contrast(template.image[part], mask, sizes),
            mask,
            box.basis([at[some] for at, some in zip(places, kept, strict=True)]),
            sizes,
            float(np.prod(sizes) / np.prod(box.grid.voxel_sizes)),
            apply_matrix(affine, template.grid.world(voxels)),
            affine[:3, :3] @ (template.grid.voxel_to_world[:3, :3] / sizes),
            *thin_image(t1, t1_grid, min(sizes)),
        )

    def fitted(
        self,
        coefficients: Float[ndarray, "3 k l m"],
        prior: Float[ndarray, "k l m"],
        blur: float,
        most: int,
    ) -> Float[ndarray, "3 k l m"]:
        """Return coefficients after Gauss-Newton steps on images smoothed by a width in mm."""
        for _ in range(most):
            step = self._step(coefficients, prior, blur)
            coefficients = coefficients + step
            moved = np.linalg.norm(self.basis.fields(step), axis=0)[self.mask]
            if moved.mean() < _STILL:
                break
        return coefficients

    def _step(
        self,
        coefficients: Float[ndarray, "3 k l m"],
        prior: Float[ndarray, "k l m"],
        blur: float,
    ) -> Float[ndarray, "3 k l m"]:
        """Return one Gauss-Newton step."""
        moving, known = self._bent(coefficients)
        still, moving = (self._smooth(one, known, blur) for one in (self.contrast, moving))
        difference = np.where(known, still - moving, 0)
        slopes = [
            np.where(known, (ours + theirs) / 2, 0)
            for ours, theirs in zip(
                np.gradient(still, *self.sizes), np.gradient(moving, *self.sizes), strict=True
            )
        ]
        spread = 1.4826 * np.median(np.abs(difference[known]))
        spread = max(float(spread), _LEAST_SPREAD * float(np.std(still[known])))
        trust = self.share * known / (spread**2 * (1 + (difference / (_HALF * spread)) ** 2))
        power = [np.mean(trust * slope**2, dtype=np.float64) / self.share for slope in slopes]
        diagonal = np.stack([one + prior for one in power]).astype(np.float32)
        return _solved(self.basis, slopes, difference, trust, coefficients, prior, diagonal)

    def _bent(
        self, coefficients: Float[ndarray, "3 k l m"]
    ) -> tuple[Float[ndarray, "x y z"], Bool[ndarray, "x y z"]]:
        """Return the local contrast of the anatomy on these voxels, and which of them it has."""
        field = self.basis.fields(coefficients).reshape(3, -1).T
        points = self.points + field @ self.to_anatomy.T
        values = look_up(self.anatomy, self.anatomy_grid, points, order=1).reshape(self.mask.shape)
        known = self.mask & np.isfinite(values)
        if not known.any():
            raise GridError(
                "no voxel of the template's brain lies in the anatomy; it needs to show the "
                "brain; check that the header of the T1 image is right"
            )
        return local_contrast(values, known, self.sizes), known

    def _smooth(
        self, image: Float[ndarray, "x y z"], known: Bool[ndarray, "x y z"], blur: float
    ) -> Float[ndarray, "x y z"]:
        """Return an image smoothed by a width in mm, 0 where the anatomy is not known."""
        smooth = gaussian_filter(image * known, [blur / size for size in self.sizes])
        return np.where(known, smooth, np.float32(0))


def _solved(
    basis: CosineBasis,
    slopes: list[Float[ndarray, "x y z"]],
    difference: Float[ndarray, "x y z"],
    trust: Float[ndarray, "x y z"],
    coefficients: Float[ndarray, "3 k l m"],
    prior: Float[ndarray, "k l m"],
    diagonal: Float[ndarray, "3 k l m"],
) -> Float[ndarray, "3 k l m"]:
    """Return the change of coefficients that explains a difference and costs little bending."""
    shape = coefficients.shape
    slopes = [slope.astype(np.float32) for slope in slopes]
    trust = trust.astype(np.float32)

    def hessian(flat: Float[ndarray, " n"]) -> Float[ndarray, " n"]:
        change = flat.reshape(shape)
        said = sum(s * basis.field(one) for s, one in zip(slopes, change, strict=True)) * trust
        told = np.stack([basis.products(s * said) for s in slopes])
        return np.ravel(told + prior * change)

    def scaled(flat: Float[ndarray, " n"]) -> Float[ndarray, " n"]:
        return np.ravel(flat.reshape(shape) / diagonal)

    told = np.stack([basis.products(s * trust * difference) for s in slopes])
    size = int(np.prod(shape))
    found, _ = cg(
        LinearOperator((size, size), matvec=hessian, dtype=np.float32),
        (told - prior * coefficients).astype(np.float32).ravel(),
        rtol=_CG_TOLERANCE,
        maxiter=_CG_STEPS,
        M=LinearOperator((size, size), matvec=scaled, dtype=np.float32),
    )
    return np.asarray(found, dtype=np.float32).reshape(shape)
