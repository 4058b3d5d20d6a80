"""Linear regressions whose sufficient statistics add up over runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def centred(series: Float[ndarray, "rows times"], part: slice) -> Float[ndarray, "rows valid"]:
    """Return a part of each row with its mean removed: both sides of a fit are treated alike."""
    return np.asarray(series[:, part] - series[:, part].mean(axis=1, keepdims=True))


def ridge_solve(
    cross: Float[ndarray, "out inp"], gram: Float[ndarray, "inp inp"], ridge: float
) -> Float[ndarray, "out inp"]:
    """Return ``cross (gram + ridge * mean(diag(gram)) I)^-1``."""
    size = len(gram)
    damped = gram + (ridge * np.trace(gram) / size + np.finfo(float).tiny) * np.eye(size)
    return np.asarray(np.linalg.solve(damped, cross.T).T)


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """Products of targets and inputs of a regression, summed over times; they add up over runs.

    Parameters
    ----------
    cross : array, shape (targets, inputs)
        Targets with inputs.
    gram : array, shape (inputs, inputs)
        Inputs with inputs.
    powers : array, shape (targets,)
        Squares of the targets.
    """

    cross: Float[ndarray, "out inp"]
    gram: Float[ndarray, "inp inp"]
    powers: Float[ndarray, " out"]

    @classmethod
    def of(
        cls, targets: Float[ndarray, "out times"], inputs: Float[ndarray, "inp times"]
    ) -> Products:
        """Return the products of one run."""
        return cls(targets @ inputs.T, inputs @ inputs.T, np.sum(targets**2, axis=1))

    def __add__(self, other: Products) -> Products:
        return Products(
            self.cross + other.cross, self.gram + other.gram, self.powers + other.powers
        )

    def scaled(self, factors: Float[ndarray, " inp"]) -> Products:
        """Return the products of inputs times factors."""
        return Products(self.cross * factors, self.gram * np.outer(factors, factors), self.powers)

    def weights(self, ridge: float) -> Float[ndarray, "out inp"]:
        """Return the weights of inputs that predict the targets best, shrunk by a ridge."""
        return ridge_solve(self.cross, self.gram, ridge)

    def errors(self, weights: Float[ndarray, "out inp"]) -> Float[ndarray, " out"]:
        """Return the squared error of each target where inputs are weighed so."""
        explained = 2 * self.cross - weights @ self.gram
        return np.asarray(self.powers - np.sum(weights * explained, axis=1))

    def best(
        self, unseen: Products, ridges: Sequence[float]
    ) -> tuple[Float[ndarray, "out inp"], float]:
        """Return the weights, and their ridge, with the smallest error in runs of a choice."""
        fits = [self.weights(ridge) for ridge in ridges]
        best = int(np.argmin([unseen.errors(fit).sum() for fit in fits]))
        return fits[best], ridges[best]
