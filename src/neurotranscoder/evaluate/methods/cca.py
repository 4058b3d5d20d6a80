"""Rival: canonical correlation between lagged EEG and BOLD components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.settings import Settings
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.eeg_from_bold import EegRegression, EegRegressionSettings
from neurotranscoder.evaluate.methods.filters import smooth_lags
from neurotranscoder.evaluate.methods.normal import NormalEquations, Samples
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.train.components import bold_components
from neurotranscoder.train.regression import centred
from neurotranscoder.train.scaling import Scaling


class CcaSettings(Settings):
    """Choices of the canonical correlation; of several values validation runs choose one."""

    lag_seconds: float = Field(default=16.0, gt=0)
    """Longest lag of the EEG, in s."""
    n_splines: int = Field(default=8, ge=4)
    """Smooth functions of the lag."""
    n_bold: int = Field(default=100, ge=1)
    """Principal components of BOLD that take part."""
    n_pairs: tuple[int, ...] = (1, 2, 3, 5, 8, 12, 20, 30, 50, 75, 100)
    """Candidate numbers of canonical components, at least 1 each."""
    ridges: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    """Candidate weights of the identity in the covariance of EEG, relative to its mean power."""
    bold_ridges: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0)
    """The same of BOLD."""
    backwards: EegRegressionSettings = EegRegressionSettings()
    """How EEG follows from the canonical components of BOLD; its courses are these."""


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalPairs:
    """Pairs of weights whose courses correlate most, the best pair first.

    With ``U diag(r) V' = A^-1/2 C B^-1/2``, A and B the regularised covariances of the two sides
    and C their cross-covariance (Hotelling 1936; ridge by Vinod 1976).

    Parameters
    ----------
    first : array, shape (features, pairs)
        ``A^-1/2 U``: weights of the first side.
    second : array, shape (targets, pairs)
        ``B^-1/2 V``: weights of the second side.
    patterns : array, shape (targets, pairs)
        ``B^1/2 V``: the second side when the course of a pair is 1.
    correlations : array, shape (pairs,)
        r, regularised.
    """

    first: Float[ndarray, "features pairs"]
    second: Float[ndarray, "targets pairs"]
    patterns: Float[ndarray, "targets pairs"]
    correlations: Float[ndarray, " pairs"]

    def regression(self, n_pairs: int) -> Float[ndarray, "features targets"]:
        """Return the weights that predict the second side from the first, by the first pairs."""
        kept = slice(n_pairs)
        return np.asarray(
            (self.first[:, kept] * self.correlations[kept]) @ self.patterns[:, kept].T
        )


def canonical_pairs(
    first: Float[ndarray, "features features"],
    cross: Float[ndarray, "features targets"],
    second: Float[ndarray, "targets targets"],
    *,
    ridges: tuple[float, float] = (0.0, 0.0),
) -> CanonicalPairs:
    """Return the canonical pairs of two sides.

    Parameters
    ----------
    first, second : array
        Sums of products within each side.
    cross : array, shape (features, targets)
        Sums of products between them.
    ridges : tuple of float
        Weights of the identity on each side, relative to its mean power.
    """
    left, _ = _powers(first, ridges[0])
    right, back = _powers(second, ridges[1])
    u, r, vt = np.linalg.svd(left @ cross @ right, full_matrices=False)
    return CanonicalPairs(left @ u, right @ vt.T, back @ vt.T, r)


def _powers(
    gram: Float[ndarray, "rows rows"], ridge: float
) -> tuple[Float[ndarray, "rows rows"], Float[ndarray, "rows rows"]]:
    """Return the damped matrix to the powers -1/2 and 1/2; directions without power give 0."""
    values, vectors = np.linalg.eigh(gram)
    values = np.clip(values, 0, None)
    damped = values + ridge * values.mean()
    root = np.sqrt(damped)
    inverse = np.where(damped > 1e-12 * damped.max(), 1 / np.maximum(root, 1e-300), 0.0)
    return (vectors * inverse) @ vectors.T, (vectors * root) @ vectors.T


class Cca:
    """Canonical correlation of the EEG at smooth lags with components of BOLD.

    BOLD is predicted through the leading pairs; EEG by ridge regression, at lags of either sign,
    on the courses that these pairs give to BOLD. Validation runs choose the damping of both sides
    and the number of pairs, for BOLD and for EEG apart.
    """

    def __init__(self, settings: CcaSettings | None = None) -> None:
        self.settings = settings or CcaSettings()
        self.bank_of = smooth_lags((0.0, self.settings.lag_seconds), self.settings.n_splines)

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Find pairs on training runs; choose on validation runs."""
        self.scaling = Scaling.fit(training)
        scaled = [self.scaling.scale_bold(run.bold) for run in training]
        self.maps = bold_components(scaled, self.settings.n_bold)
        known = NormalEquations.of(self._samples(run) for run in training)
        unseen = NormalEquations.of(self._samples(run) for run in validation)
        second = NormalEquations.of((z, z) for _, z in map(self._samples, training)).gram
        best = np.inf
        for ridges in product(self.settings.ridges, self.settings.bold_ridges):
            pairs = canonical_pairs(known.gram, known.cross, second, ridges=ridges)
            for n_pairs in self.settings.n_pairs:
                weights = pairs.regression(n_pairs)
                error = unseen.error(weights)
                if error < best:
                    best, self.pairs, self.weights = error, pairs, weights
        backwards = self.settings.backwards
        self.regression = EegRegression.fit(backwards, self._courses, training, validation)

    def predict(self, run: AlignedRun) -> Prediction:
        """Predict BOLD from EEG and EEG from BOLD, each around its mean."""
        features = self.bank_of(run).features(self.scaling.scale_eeg(run.eeg))
        components = self.weights.T @ features
        return Prediction(
            bold_from_eeg=self.scaling.bold * (self.maps @ components),
            eeg_from_bold=self.regression.predict(run),
        )

    def _components(self, run: AlignedRun) -> Float[ndarray, "components frames"]:
        """Return the components of BOLD."""
        return np.asarray(self.maps.T @ self.scaling.scale_bold(run.bold))

    def _courses(self, run: AlignedRun) -> Float[ndarray, "pairs frames"]:
        """Return the courses that the canonical pairs give to BOLD."""
        return np.asarray(self.pairs.second.T @ self._components(run))

    def _samples(self, run: AlignedRun) -> Samples:
        """Return features and BOLD components of the valid frames of a run."""
        bank = self.bank_of(run)
        valid = bank.valid(run.axis.n_times)
        features = bank.features(self.scaling.scale_eeg(run.eeg))
        return features[:, valid], centred(self._components(run), valid)
