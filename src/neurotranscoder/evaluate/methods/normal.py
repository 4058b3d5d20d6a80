"""Ridge regression from sums over runs: all weights from one eigen-decomposition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

Samples = tuple[Float[ndarray, "features _"], Float[ndarray, "targets _"]]
"""Features and targets of one run at the same times, means removed from both."""

Part = slice | Int[ndarray, " _"]
"""Some of the targets."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalEquations:
    """All that a linear regression, and its squared error, need to know of data.

    Parameters
    ----------
    gram : array, shape (features, features)
        Sum over runs of ``features @ features.T``.
    cross : array, shape (features, targets)
        Sum over runs of ``features @ targets.T``.
    energies : array, shape (targets,)
        Sum of each squared target.
    """

    gram: Float[ndarray, "features features"]
    cross: Float[ndarray, "features targets"]
    energies: Float[ndarray, " targets"]

    @property
    def energy(self) -> float:
        """Sum of all squared targets."""
        return float(self.energies.sum())

    @classmethod
    def of(cls, runs: Iterable[Samples]) -> NormalEquations:
        """Sum over runs in their order; only one run is looked at at a time."""
        gram, cross, energies = np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0)
        for features, targets in runs:
            if not gram.size:
                gram = np.zeros((len(features), len(features)))
                cross = np.zeros((len(features), len(targets)))
                energies = np.zeros(len(targets))
            gram += features @ features.T
            cross += features @ targets.T
            energies += np.sum(targets**2, axis=1)
        return cls(gram, cross, energies)

    def scaled(self, factors: Float[ndarray, " features"]) -> NormalEquations:
        """Return the equations of features that are multiplied by factors."""
        gram = self.gram * factors * factors[:, np.newaxis]
        return NormalEquations(gram, self.cross * factors[:, np.newaxis], self.energies)

    def leading(self, n_features: int) -> NormalEquations:
        """Return the equations of the first features alone."""
        kept = slice(n_features)
        return NormalEquations(self.gram[kept, kept], self.cross[kept], self.energies)

    def error(self, weights: Float[ndarray, "features targets"]) -> float:
        """Return the squared error of ``weights.T @ features``, summed over everything."""
        explained = 2 * np.sum(weights * self.cross) - np.sum(weights * (self.gram @ weights))
        return self.energy - float(explained)


@dataclass(frozen=True, slots=True, eq=False)
class RidgePath:
    """The ridge solutions of normal equations, for every weight.

    With ``gram = V diag(v) V'``, they are ``V (v + ridge * mean(v))^-1 V' cross``.

    Parameters
    ----------
    values, vectors : array, shape (features,) and (features, features)
        Eigenvalues v and eigenvectors V.
    rotated : array, shape (features, targets)
        ``V' cross``.
    """

    values: Float[ndarray, " features"]
    vectors: Float[ndarray, "features features"]
    rotated: Float[ndarray, "features targets"]

    @classmethod
    def of(cls, equations: NormalEquations) -> RidgePath:
        """Decompose normal equations."""
        values, vectors = np.linalg.eigh(equations.gram)
        return cls(values, vectors, vectors.T @ equations.cross)

    def weights(
        self, ridge: float, part: Part = slice(None)
    ) -> Float[ndarray, "features targets"]:
        """Return the solution at a weight that is relative to the mean power of the features."""
        rotated = self.rotated[:, part]
        return np.asarray(self.vectors @ (self._gains(ridge)[:, np.newaxis] * rotated))

    def errors(
        self, ridges: Sequence[float], held_out: NormalEquations
    ) -> Float[ndarray, " ridges"]:
        """Return the squared error of each solution on other data."""
        return np.asarray(self.errors_of_parts(ridges, held_out, (slice(None),))[0])

    def errors_of_parts(
        self, ridges: Sequence[float], held_out: NormalEquations, parts: Sequence[Part]
    ) -> Float[ndarray, "parts ridges"]:
        """Return the same for parts of the targets."""
        turned = self.vectors.T @ held_out.gram @ self.vectors
        crossed = self.vectors.T @ held_out.cross
        gains = [self._gains(ridge) for ridge in ridges]
        found = np.zeros((len(parts), len(ridges)))
        for errors, part in zip(found, parts, strict=True):
            own = self.rotated[:, part]
            gram, cross = turned * (own @ own.T), np.sum(own * crossed[:, part], axis=1)
            energy = held_out.energies[part].sum()
            errors[:] = [energy - 2 * g @ cross + g @ gram @ g for g in gains]
        return found

    def _gains(self, ridge: float) -> Float[ndarray, " features"]:
        """Return ``(v + ridge * mean(v))^-1``."""
        damping = ridge * self.values.mean() + np.finfo(float).tiny
        return np.asarray(1 / (np.clip(self.values, 0, None) + damping))


@dataclass(frozen=True, slots=True, eq=False)
class ChosenRidge:
    """The ridge solution that held-out data chose, with its weight and its error there."""

    weights: Float[ndarray, "features targets"]
    ridge: float
    error: float


def choose_ridge(
    training: NormalEquations, validation: NormalEquations, ridges: Sequence[float]
) -> ChosenRidge:
    """Return the ridge solution of training data with the least error on validation data."""
    path = RidgePath.of(training)
    errors = path.errors(ridges, validation)
    best = int(np.argmin(errors))
    return ChosenRidge(path.weights(ridges[best]), ridges[best], float(errors[best]))
