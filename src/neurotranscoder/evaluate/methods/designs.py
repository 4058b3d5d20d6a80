"""Regressions on several groups of inputs at once, each with filters and a weight of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.filters import BankOf, FilterBank
from neurotranscoder.evaluate.methods.normal import NormalEquations, Part, RidgePath
from neurotranscoder.evaluate.scoring import HeldOut
from neurotranscoder.train.regression import centred

RowsOf = Callable[[AlignedRun], Float[ndarray, "rows frames"]]
"""From a run to inputs of a regression."""

TargetOf = Callable[[HeldOut], Float[ndarray, "targets frames"]]
"""From a run with its true sources to what a regression is fitted to."""


def at_lag_0(run: AlignedRun) -> FilterBank:  # noqa: ARG001
    """Return the bank that changes nothing."""
    return FilterBank(np.ones((1, 1)))


def after(n_lags: int) -> BankOf:
    """Return banks that change nothing, for rows that hold ``n_lags`` lags already."""
    return lambda run: FilterBank(np.eye(1, n_lags))  # noqa: ARG005


def around(reach: float) -> BankOf:
    """Return banks of one filter per lag: all lags from ``-reach`` to ``reach``, in s."""

    def bank(run: AlignedRun) -> FilterBank:
        frames = round(reach * run.axis.sfreq)
        return FilterBank(np.eye(2 * frames + 1), -frames)

    return bank


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Inputs of a regression that are regularised alike.

    Parameters
    ----------
    rows : callable
        From a run to the inputs.
    bank_of : callable
        From a run to the filters that each input goes through.
    gains : tuple of float
        Candidate factors; the larger one is, the less its weights are shrunk.
    """

    rows: RowsOf
    bank_of: BankOf = at_lag_0
    gains: tuple[float, ...] = (1.0,)


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """The inputs of one regression.

    Parameters
    ----------
    groups : tuple of Group
        Side by side.
    """

    groups: tuple[Group, ...]

    def features(self, run: AlignedRun) -> Float[ndarray, "features frames"]:
        """Return all inputs after their filters."""
        return np.concatenate([one.bank_of(run).features(one.rows(run)) for one in self.groups])

    def sizes(self, run: AlignedRun) -> list[int]:
        """Return the number of features of each group."""
        return [len(one.rows(run)) * one.bank_of(run).n_filters for one in self.groups]

    def valid(self, run: AlignedRun) -> slice:
        """Return the frames at which no filter reaches beyond the ends of a run."""
        parts = [one.bank_of(run).valid(run.axis.n_times) for one in self.groups]
        return slice(max(part.start for part in parts), min(part.stop for part in parts))

    def equations(self, runs: Iterable[HeldOut], target: TargetOf) -> NormalEquations:
        """Return the normal equations of runs; only one run is looked at at a time."""
        samples = (
            (centred(self.features(run.aligned), valid), centred(target(run), valid))
            for run in runs
            for valid in (self.valid(run.aligned),)
        )
        return NormalEquations.of(samples)


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A regression that held-out data chose, and its squared error there.

    Parameters
    ----------
    design : Design
        Its inputs; the last ones may be left out.
    weights : array, shape (features, targets)
        Weights of the first features.
    gains : tuple of tuple of float
        Of each group the factors that some part of the targets has chosen.
    ridges : tuple of float
        Chosen ridge weight of each part.
    error : float
        Squared error of a frame of the validation runs, the mean over frames that are covered.
    """

    design: Design
    weights: Float[ndarray, "features targets"]
    gains: tuple[tuple[float, ...], ...]
    ridges: tuple[float, ...]
    error: float

    def predict(self, run: AlignedRun) -> Float[ndarray, "targets frames"]:
        """Return what the regression says, around its mean."""
        return np.asarray(self.weights.T @ self.design.features(run)[: len(self.weights)])


@dataclass(frozen=True, slots=True, eq=False)
class _PartFit:
    """The same for some targets; the error is a sum over frames."""

    weights: Float[ndarray, "features targets"]
    gains: tuple[float, ...]
    ridge: float
    error: float


@dataclass(frozen=True, slots=True, eq=False)
class Fitter:
    """Runs that regressions are fitted to and chosen on.

    Blocks of each kind have ridge weight and gains of their own: what tells of impulses is not
    what tells of rhythms.

    Parameters
    ----------
    training, validation : sequence of HeldOut
        Runs with their true sources.
    ridges : sequence of float
        Candidate ridge weights.
    """

    training: Sequence[HeldOut]
    validation: Sequence[HeldOut]
    ridges: Sequence[float]

    def best(
        self, designs: Iterable[Design], target: TargetOf, *, leading: Sequence[int] = ()
    ) -> Fitted:
        """Return the regression of least error on validation runs.

        Parameters
        ----------
        designs : iterable of Design
            Candidate inputs.
        target : callable
            From a run to what is predicted.
        leading : sequence of int
            Candidate numbers of features of the last group; without, all of them are used.
        """
        found = (one for design in designs for one in self._candidates(design, target, leading))
        return min(found, key=lambda fit: fit.error)

    def _candidates(
        self, design: Design, target: TargetOf, leading: Sequence[int]
    ) -> Iterator[Fitted]:
        """Yield the best fit for each number of features."""
        known = design.equations(self.training, target)
        unseen = design.equations(self.validation, target)
        covered = [design.valid(run.aligned) for run in self.validation]
        n_frames = sum(part.stop - part.start for part in covered)
        *others, last = design.sizes(self.training[0].aligned)
        for kept in sorted({min(n, last) for n in leading or (last,)}):
            some, held = (one.leading(sum(others) + kept) for one in (known, unseen))
            found = self._parts_fitted(design, [*others, kept], some, held)
            weights = np.zeros_like(some.cross)
            for part, fit in zip(self._parts(), found, strict=True):
                weights[:, part] = fit.weights
            gains = zip(*(fit.gains for fit in found), strict=True)
            yield Fitted(
                design,
                weights,
                tuple(tuple(sorted(set(values))) for values in gains),
                tuple(fit.ridge for fit in found),
                sum(fit.error for fit in found) / n_frames,
            )

    def _parts_fitted(
        self, design: Design, sizes: Sequence[int], known: NormalEquations, unseen: NormalEquations
    ) -> list[_PartFit]:
        """Return the best fit of each part over all gains and ridge weights."""
        parts = self._parts()
        best: list[_PartFit | None] = [None] * len(parts)
        for gains in itertools.product(*(one.gains for one in design.groups)):
            factors = np.repeat(gains, sizes)
            path = RidgePath.of(known.scaled(factors))
            errors = path.errors_of_parts(self.ridges, unseen.scaled(factors), parts)
            for index, part in enumerate(parts):
                ridge, error = self.ridges[int(errors[index].argmin())], float(errors[index].min())
                before = best[index]
                if before is None or error < before.error:
                    weights = factors[:, np.newaxis] * path.weights(ridge, part)
                    best[index] = _PartFit(weights, gains, ridge, error)
        return [fit for fit in best if fit is not None]

    def _parts(self) -> list[Part]:
        """Return the blocks of each kind; all blocks where kinds are not known."""
        kinds = self.validation[0].kinds
        if kinds is None:
            return [slice(None)]
        return [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]
