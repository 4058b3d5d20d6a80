"""Whether two rows of signals go together in time, against what circular shifts of one give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy import fft
from scipy.stats import false_discovery_control

from neurotranscoder.core.errors import GridError
from neurotranscoder.signal.correlation import fisher_z

_DRAWS_AT_ONCE = 500
Pair = tuple[Float[ndarray, "rows _"], Float[ndarray, "rows _"]]


@dataclass(frozen=True, slots=True, eq=False)
class Coincidence:
    """How far pairs of rows go together, and whether by more than chance.

    Parameters
    ----------
    r : array, shape (rows,)
        Pearson's r over time, averaged over runs on Fisher's z; NaN where a row is constant.
    p : array, shape (rows,)
        Share of shifts that give as much; 1 where there is no r.
    q : array, shape (rows,)
        The same with the false discovery rate over rows controlled: rows with ``q <= .05`` hold
        at most 5 % of false ones, on average.
    null_sd : array, shape (rows,)
        Standard deviation of z over shifts: what r is by chance.
    """

    r: Float[ndarray, " rows"]
    p: Float[ndarray, " rows"]
    q: Float[ndarray, " rows"]
    null_sd: Float[ndarray, " rows"]

    def seen(self, level: float = 0.05) -> Bool[ndarray, " rows"]:
        """Return the rows that go together, at a false discovery rate."""
        return np.asarray(self.q <= level)


def circular_correlations(
    first: Float[ndarray, "rows times"], second: Float[ndarray, "rows times"]
) -> Float[ndarray, "rows shifts"]:
    """Return Pearson's r of each pair of rows with ``first`` moved on by 0, 1, ... in a circle.

    NaN where a row is constant.
    """
    one, two = (rows - rows.mean(axis=1, keepdims=True) for rows in (first, second))
    norms = np.sqrt(np.sum(one**2, axis=1) * np.sum(two**2, axis=1))
    scale = np.sqrt(np.mean(first**2, axis=1) * np.mean(second**2, axis=1)) * first.shape[1]
    products = fft.rfft(two, axis=1) * fft.rfft(one, axis=1).conj()
    moved = fft.irfft(products, first.shape[1], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(
            (norms > 1e-12 * scale)[:, np.newaxis], moved / norms[:, np.newaxis], np.nan
        )


def coincidence(
    pairs: Sequence[Pair], *, least: int, n_draws: int, rng: np.random.Generator
) -> Coincidence:
    """Return how far pairs of rows go together, with circular shifts as the null.

    The null keeps the spectrum of each row and the correlations between rows; each run is shifted
    on its own. The test is one-sided: rows that go against each other are not seen.

    Parameters
    ----------
    pairs : sequence of (first, second)
        Rows of each run over the same times.
    least : int
        Samples that each shift has at least, either way round.
    n_draws : int
        Number of shifts of all runs that are drawn; no p is smaller than one over it.
    rng : Generator
        Draws them.

    Raises
    ------
    GridError
        When a run is too short to be shifted.
    """
    moved = []
    for first, second in pairs:
        n_times = first.shape[1]
        if n_times < 2 * least + 2:
            raise GridError(
                f"a run has {n_times} samples inside its edges; to shift one signal against the "
                f"other by {least} or more either way round it needs {2 * least + 2}; use longer "
                "runs, or set analyse.identifiability.least_shift lower"
            )
        moved.append(fisher_z(circular_correlations(first, second)))
    found = np.mean([z[:, 0] for z in moved], axis=0)
    larger, total, squares = (np.zeros(len(found)) for _ in range(3))
    for start in range(0, n_draws, _DRAWS_AT_ONCE):
        count = min(_DRAWS_AT_ONCE, n_draws - start)
        by_run = [z[:, rng.integers(least, z.shape[1] - least + 1, size=count)] for z in moved]
        drawn = np.mean(by_run, axis=0)
        larger += np.sum(drawn >= found[:, np.newaxis], axis=1)
        total += drawn.sum(axis=1)
        squares += np.sum(drawn**2, axis=1)
    known = np.isfinite(found)
    p = np.where(known, (1 + larger) / (1 + n_draws), 1.0)
    variance = squares / n_draws - (total / n_draws) ** 2
    sd = np.sqrt(np.clip(variance, 0, None))
    return Coincidence(np.tanh(found), p, np.asarray(false_discovery_control(p)), sd)
