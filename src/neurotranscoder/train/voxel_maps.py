"""Maps of a subject's sources at voxels, every choice made on BOLD that was held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field, NonNegativeFloat

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.settings import Settings
from neurotranscoder.train.voxel_products import VoxelProducts, smooth_in_mask

Maps = Float[ndarray, "voxels features"]


class MapSettings(Settings):
    """Candidates for the maps of a subject; the middle one is where choosing starts."""

    smoothings: tuple[NonNegativeFloat, ...] = Field(default=(0.0, 4.0, 6.0, 8.0), min_length=1)
    """Full widths at half maximum, in mm, of the smoothing of BOLD-feature products."""
    ridges: tuple[NonNegativeFloat, ...] = Field(
        default=(1e-3, 1e-2, 3e-2, 1e-1, 3e-1), min_length=1
    )
    """Ridge weights, relative to the mean power of the features."""
    group_weights: tuple[NonNegativeFloat, ...] = Field(
        default=(0.0, 0.1, 0.25, 0.5, 0.75, 1.0), min_length=1
    )
    """Shares of the group's maps in those of the subject."""
    shrinkages: tuple[NonNegativeFloat, ...] = Field(
        default=(0.0, 0.5, 1.0, 2.0, 4.0), min_length=1
    )
    """Factors of the noise floor, the median energy of all voxels, in the shrinkage of each voxel
    (James-Stein, positive part); 0 leaves out shrinkage, for brains without silent voxels."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen on held-out BOLD.

    Parameters
    ----------
    name : str
        What it is.
    value : float
        The best candidate.
    candidates : tuple of float
        What was tried.
    scores : tuple of float
        Share of the power of held-out BOLD that each explains; empty where it was not chosen.
    """

    name: str
    value: float
    candidates: tuple[float, ...]
    scores: tuple[float, ...]

    @classmethod
    def best(
        cls, name: str, candidates: Sequence[float], score: Callable[[float], float]
    ) -> Choice:
        """Try all candidates; of equal ones the first is best."""
        scores = tuple(score(one) for one in candidates)
        return cls(name, candidates[int(np.argmax(scores))], tuple(candidates), scores)


@dataclass(frozen=True, slots=True)
class MapRecipe:
    """How maps are made from products.

    Parameters
    ----------
    smoothing : float
        Full width at half maximum, in mm.
    ridge, group_weight, shrinkage : float
        See `MapSettings`.
    """

    smoothing: float
    ridge: float
    group_weight: float = 0.0
    shrinkage: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class MapMaker:
    """Makes maps of features from products.

    Parameters
    ----------
    mask : array of bool, shape (x, y, z)
        Voxels; rows of maps are its voxels in C order.
    grid : VoxelGrid
        Where they are.
    prior : array, shape (voxels, features)
        Maps of the group.
    """

    mask: Bool[ndarray, "x y z"]
    grid: VoxelGrid
    prior: Maps

    def smoothed(self, cross: Maps, width: float) -> Maps:
        """Return products smoothed within the mask."""
        return smooth_in_mask(cross, self.mask, self.grid, width)

    def maps(self, products: VoxelProducts, recipe: MapRecipe) -> Maps:
        """Return the maps that products and a recipe give."""
        own = products.weights(self.smoothed(products.cross, recipe.smoothing), recipe.ridge)
        return self.finished(own, products, recipe)

    def finished(self, own: Maps, products: VoxelProducts, recipe: MapRecipe) -> Maps:
        """Blend a subject's maps with those of the group and shrink voxels without a source.

        The group's maps get the scale that explains the products best. A voxel whose energy,
        that of what it predicts, is no larger than the noise floor is set to zero.
        """
        maps, share = own, recipe.group_weight
        if share > 0:
            energy = float(products.energies(self.prior).sum())
            gain = float(np.sum(self.prior * products.cross)) / energy if energy > 0 else 0.0
            maps = (1 - share) * own + share * gain * self.prior
        if recipe.shrinkage == 0:
            return maps
        energies = products.energies(maps)
        floor = recipe.shrinkage * float(np.median(energies))
        tiny = np.finfo(float).tiny
        kept = np.maximum(0.0, 1 - floor / np.maximum(energies, tiny))
        return np.asarray(maps * kept[:, np.newaxis])


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Products of parts of the data, each held out in turn.

    Parameters
    ----------
    parts : sequence of VoxelProducts
        At least two.
    maker : MapMaker
        Makes maps of the others.
    """

    parts: Sequence[VoxelProducts]
    maker: MapMaker

    def score(self, recipe: MapRecipe) -> float:
        """Return the share of the power of held-out BOLD that maps of the others explain."""
        smoothed = [self.maker.smoothed(part.cross, recipe.smoothing) for part in self.parts]
        return self.of_maps(self._own(smoothed, recipe), recipe)

    def _own(self, smoothed: Sequence[Maps], recipe: MapRecipe) -> list[Maps]:
        """Return the subject's maps without each part, from smoothed products of all parts."""
        total, together = reduce(add, self.parts), reduce(add, smoothed)
        return [
            (total - part).weights(together - one, recipe.ridge)
            for part, one in zip(self.parts, smoothed, strict=True)
        ]

    def of_maps(self, own: Sequence[Maps], recipe: MapRecipe) -> float:
        """Return the score of maps that are finished as a recipe says."""
        total = reduce(add, self.parts)
        explained = sum(
            part.explained(self.maker.finished(maps, total - part, recipe))
            for part, maps in zip(self.parts, own, strict=True)
        )
        return explained / float(total.powers.sum())

    def choose(self, settings: MapSettings) -> tuple[MapRecipe, tuple[Choice, ...]]:
        """Return the best recipe, one choice after the other, and how candidates did."""
        start = first_recipe(settings)
        width = Choice.best(
            "smoothing",
            settings.smoothings,
            lambda value: self.score(replace(start, smoothing=value)),
        )
        recipe = replace(start, smoothing=width.value)
        smoothed = [self.maker.smoothed(part.cross, width.value) for part in self.parts]

        def score_ridge(ridge: float) -> float:
            other = replace(recipe, ridge=ridge)
            return self.of_maps(self._own(smoothed, other), other)

        ridge = Choice.best("ridge", settings.ridges, score_ridge)
        recipe = replace(recipe, ridge=ridge.value)
        own = self._own(smoothed, recipe)

        def score_weight(weight: float) -> float:
            return self.of_maps(own, replace(recipe, group_weight=weight))

        weight = Choice.best("group_weight", settings.group_weights, score_weight)
        blended = replace(recipe, group_weight=weight.value)

        def score_shrinkage(factor: float) -> float:
            return self.of_maps(own, replace(blended, shrinkage=factor))

        shrinkage = Choice.best("shrinkage", settings.shrinkages, score_shrinkage)
        best = replace(blended, shrinkage=shrinkage.value)
        return best, (width, ridge, weight, shrinkage)


def first_recipe(settings: MapSettings) -> MapRecipe:
    """Return the recipe that choosing starts from: middle candidates, the subject's own maps."""
    middle = settings.smoothings[len(settings.smoothings) // 2]
    return MapRecipe(middle, settings.ridges[len(settings.ridges) // 2])
