"""Shares of tissues in voxels: what mixed voxels look like, where tissues are, how coils shade."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.polynomial.chebyshev import chebvander

from neurotranscoder.core.errors import GridError

_PARTS = np.array([0.25, 0.5, 0.75])  # of the first tissue in a voxel that holds two
_LEAST_SPREAD = 0.02  # of brightness: an image without noise does no harm
_LEAST = 1e-9
_DARKEST = 0.05  # brightness that is told from the field, at least
_RIDGE = 1e-6
_SETTLED = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Brightness of tissues and of what is none, and the field that lies over it.

    Parameters
    ----------
    means, spreads : array, shape (tissues + others,)
        Of brightness without the field.
    others : array, shape (others,)
        Shares of the kinds of what is no tissue; they come last in ``means``.
    field : array, shape (terms,)
        The logarithm of the field by `field_terms`.
    """

    means: Float[ndarray, " kinds"]
    spreads: Float[ndarray, " kinds"]
    others: Float[ndarray, " others"]
    field: Float[ndarray, " terms"]

    @property
    def recipes(self) -> Float[ndarray, "classes kinds"]:
        """What a voxel of each class is made of: one kind, or two tissues."""
        return _recipes(len(self.means) - len(self.others), len(self.others))

    def classes(
        self,
        bright: Float[ndarray, " points"],
        priors: Float[ndarray, "points tissues"],
        terms: Float[ndarray, "points terms"],
    ) -> Float[ndarray, "points classes"]:
        """Return the probability of each class at each point."""
        recipes, flat = self.recipes, bright * np.exp(-terms @ self.field)
        spreads = np.sqrt(recipes @ self.spreads**2)
        z = (flat[:, np.newaxis] - recipes @ self.means) / spreads
        chances = np.log(_class_priors(priors, self.others) + _LEAST)
        chances -= 0.5 * z**2 + np.log(spreads)
        chances -= chances.max(axis=1, keepdims=True)
        chances = np.exp(chances)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def field_terms(places: Float[ndarray, "points 3"], degree: int) -> Float[ndarray, "points terms"]:
    """Return products of Chebyshev polynomials of three coordinates, without the constant.

    Parameters
    ----------
    places : array, shape (points, 3)
        Coordinates, from -1 to 1.
    degree : int
        Largest sum of the three degrees.
    """
    x, y, z = chebvander(np.clip(places, -1, 1), degree).transpose(1, 0, 2)
    powers = [one for one in product(range(degree + 1), repeat=3) if 0 < sum(one) <= degree]
    columns = [x[:, i] * y[:, j] * z[:, k] for i, j, k in powers]
    return np.stack(columns, axis=1) if columns else np.zeros((len(places), 0))


def fit_mixture(
    bright: Float[ndarray, " points"],
    priors: Float[ndarray, "points tissues"],
    terms: Float[ndarray, "points terms"],
    *,
    n_others: int,
    max_iterations: int,
) -> Mixture:
    """Fit brightness and field in turns, by expectation and maximisation.

    Tissues are known from the start by their place (Ashburner and Friston 2005, NeuroImage
    26:839). A voxel holds one tissue or two (Shattuck 2001, NeuroImage 13:856), as two draws from
    the prior of its place would have it. The field is the least-squares fit to what voxels differ
    from their classes, weighted by precision (Van Leemput 1999, IEEE Trans Med Imaging 18:885).

    Parameters
    ----------
    bright : array, shape (points,)
        Brightness, about 1 in the brain.
    priors : array, shape (points, tissues)
        Probability of each tissue by the place alone; what is left of 1 is none.
    terms : array, shape (points, terms)
        `field_terms` there.
    n_others : int
        Kinds of what is no tissue, told from each other by brightness alone.
    max_iterations : int
        Most turns.

    Raises
    ------
    GridError
        When a tissue, or what is none, has no place at all.
    """
    outside = np.clip(1 - priors.sum(axis=1), 0, 1)
    if not (np.all(priors.sum(axis=0) > 1) and outside.sum() > 1):
        raise GridError(
            f"tissues have {np.round(priors.sum(axis=0), 1).tolist()} points, and what is none "
            f"{outside.sum():.1f}; each needs more than 1; the template does not lie over the "
            "head: check the registration"
        )
    mixture = _start(bright, priors, outside, terms.shape[1], n_others)
    for _ in range(max_iterations):
        before = mixture
        mixture = _turn(before, bright, priors, terms)
        if np.max(np.abs(mixture.means - before.means)) < _SETTLED:
            break
    return mixture


def _start(
    bright: Float[ndarray, " points"],
    priors: Float[ndarray, "points tissues"],
    outside: Float[ndarray, " points"],
    n_terms: int,
    n_others: int,
) -> Mixture:
    """Return brightness by place alone; what is no tissue in parts of equal size."""
    cuts = np.quantile(bright[outside > 0.5 * outside.max()], np.arange(1, n_others) / n_others)
    which = np.searchsorted(cuts, bright)[:, np.newaxis] == np.arange(n_others)
    kinds = np.concatenate([priors**2, outside[:, np.newaxis] * which], axis=1)
    means, spreads = _moments(bright, kinds)
    return Mixture(means, spreads, np.full(n_others, 1 / n_others), np.zeros(n_terms))


def _moments(
    bright: Float[ndarray, " points"], weights: Float[ndarray, "points kinds"]
) -> tuple[Float[ndarray, " kinds"], Float[ndarray, " kinds"]]:
    """Return weighted means and standard deviations."""
    total = weights.sum(axis=0) + _LEAST
    means = bright @ weights / total
    variances = np.square(bright[:, np.newaxis] - means) * weights
    return means, np.maximum(np.sqrt(variances.sum(axis=0) / total), _LEAST_SPREAD)


def _turn(
    mixture: Mixture,
    bright: Float[ndarray, " points"],
    priors: Float[ndarray, "points tissues"],
    terms: Float[ndarray, "points terms"],
) -> Mixture:
    """Return a mixture that explains the points better."""
    recipes = mixture.recipes
    chances = mixture.classes(bright, priors, terms)
    flat = bright * np.exp(-terms @ mixture.field)
    precisions = chances / (recipes @ mixture.spreads**2)
    normal = recipes.T @ (precisions.sum(axis=0)[:, np.newaxis] * recipes)
    means = np.linalg.solve(normal + _LEAST * np.eye(len(normal)), (flat @ precisions) @ recipes)
    squares = np.square(flat[:, np.newaxis] - recipes @ means) * chances
    held = chances @ recipes
    spreads = np.sqrt((squares.sum(axis=0) @ recipes) / (held.sum(axis=0) + _LEAST))
    others = held[:, priors.shape[1] :].sum(axis=0) + _LEAST
    field = _field(bright, precisions, recipes @ means, terms)
    return Mixture(means, np.maximum(spreads, _LEAST_SPREAD), others / others.sum(), field)


def _field(
    bright: Float[ndarray, " points"],
    precisions: Float[ndarray, "points classes"],
    means: Float[ndarray, " classes"],
    terms: Float[ndarray, "points terms"],
) -> Float[ndarray, " terms"]:
    """Return the smooth field that explains by what factor points differ from their classes."""
    shown = np.maximum(means, _DARKEST)
    weight = precisions @ shown**2  # of a relative difference
    expected = precisions @ shown**3 / weight
    left = np.log(np.maximum(bright, _DARKEST) / expected)
    weighted = terms * weight[:, np.newaxis]
    normal = terms.T @ weighted
    normal += _RIDGE * np.trace(normal) * np.eye(len(normal))
    return np.asarray(np.linalg.solve(normal, weighted.T @ left))


def _recipes(n_tissues: int, n_others: int) -> Float[ndarray, "classes kinds"]:
    """Return what a voxel of each class is made of."""
    pure = np.eye(n_tissues + n_others)
    pairs = [
        part * pure[i] + (1 - part) * pure[j]
        for i, j in combinations(range(n_tissues), 2)
        for part in _PARTS
    ]
    return np.concatenate([pure[:n_tissues], np.reshape(pairs, (-1, len(pure))), pure[n_tissues:]])


def _class_priors(
    priors: Float[ndarray, "points tissues"], others: Float[ndarray, " others"]
) -> Float[ndarray, "points classes"]:
    """Return the probability of one tissue, of two in each mixture, and of none, by place."""
    inside = np.clip(priors.sum(axis=1, keepdims=True), _LEAST, 1.0)
    share = priors / np.maximum(priors.sum(axis=1, keepdims=True), _LEAST)
    pairs = [
        np.repeat(2 * share[:, [i]] * share[:, [j]] / len(_PARTS), len(_PARTS), axis=1)
        for i, j in combinations(range(priors.shape[1]), 2)
    ]
    return np.concatenate([inside * np.hstack([share**2, *pairs]), (1 - inside) * others], axis=1)
