"""Responses that overlap: a regression of whole runs on all events at all lags, by products.

Each kind of event has a finite impulse response, and all are estimated at once by least squares
[1]_. Runs are summed up one at a time, each with a constant of its own.

References
----------
.. [1] Smith, N. J. & Kutas, M. (2015). Regression-based estimation of ERP waveforms: II.
   Nonlinear effects, overlap correction, and practical considerations. Psychophysiology 52,
   169-181.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.linalg import eigh
from scipy.sparse import csr_array

from neurotranscoder.core.errors import GridError

_SINGULAR = 1e-8
"""Ratio of the smallest to the largest eigenvalue below which there is no inverse."""


def lagged_design(
    frames: Sequence[Int[ndarray, " _"]], offsets: Int[ndarray, " lags"], n_times: int
) -> csr_array:
    """Return how often each kind of event happened a lag before each frame.

    Parameters
    ----------
    frames : sequence of array of int
        Frames of the events of each kind, also beyond the ends of the run.
    offsets : array of int, shape (lags,)
        Lags, in frames.
    n_times : int
        Frames of the run.

    Returns
    -------
    design : sparse array, shape (frames, kinds * lags)
        All lags of one kind beside each other.
    """
    kind = np.repeat(np.arange(len(frames)), [len(one) for one in frames])
    places = np.concatenate(frames).astype(np.int64)[:, np.newaxis] + offsets
    columns = kind[:, np.newaxis] * len(offsets) + np.arange(len(offsets))
    inside = (places >= 0) & (places < n_times)
    found = (places[inside], columns[inside])
    shape = (n_times, len(frames) * len(offsets))
    return csr_array((np.ones(len(found[0])), found), shape=shape)


def products_of(
    design: csr_array, courses: Float[ndarray, "components frames"]
) -> tuple[Float[ndarray, "columns columns"], Float[ndarray, "columns components"]]:
    """Return the products of a run's design with itself and with courses, around the means.

    Parameters
    ----------
    design : sparse array, shape (frames, columns)
        Of `lagged_design`.
    courses : array, shape (components, frames)
        Of the same run.
    """
    sums = design.sum(axis=0)
    values = courses.T.astype(np.float64)
    gram = (design.T @ design).toarray() - np.outer(sums, sums) / len(values)
    return gram, design.T @ (values - values.mean(axis=0))


def inverse_of(gram: Float[ndarray, "columns columns"]) -> Float[ndarray, "columns columns"]:
    """Return the inverse of the summed products of designs; times cross-products: responses.

    Raises
    ------
    GridError
        When responses cannot be told apart.
    """
    values, vectors = eigh(gram)
    if values[0] < _SINGULAR * values[-1]:
        raise GridError(
            f"responses cannot be told apart (eigenvalues {values[0]:.2g} to {values[-1]:.2g}): "
            "events of one condition always come at the same time after those of another; leave "
            "one of them out, use a shorter window, or the plain average"
        )
    return np.asarray((vectors / values) @ vectors.T)


def inflation_of(
    inverse: Float[ndarray, "columns columns"], n_events: Sequence[int]
) -> Float[ndarray, " kinds"]:
    """Return what the correction costs: standard errors over those of events far apart.

    Parameters
    ----------
    inverse : array, shape (columns, columns)
        Of `inverse_of`.
    n_events : sequence of int
        Events of each kind.

    Returns
    -------
    inflation : array, shape (kinds,)
        Standard error of a response in white noise over that of a plain average of as many
        events that do not overlap, at the worst lag.
    """
    variances = np.diag(inverse).reshape(len(n_events), -1).max(axis=1)
    return np.asarray(np.sqrt(variances * n_events))
