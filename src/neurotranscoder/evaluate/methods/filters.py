"""Banks of filters in time: all lags, smooth lags, or one hemodynamic response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.interpolate import BSpline

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.truths import true_response
from neurotranscoder.physics.hrf import HrfShape, double_gamma_hrf
from neurotranscoder.signal.fir import apply_fir, valid_slice
from neurotranscoder.simulate.truth import Truth

_DEGREE = 3


@dataclass(frozen=True, slots=True, eq=False)
class FilterBank:
    """Filters that every row of a signal goes through.

    Parameters
    ----------
    taps : array, shape (filters, lags)
        Weights; ``taps[:, i]`` belongs to lag ``first_lag + i``, in frames.
    first_lag : int
        Negative lags look into the future.
    """

    taps: Float[ndarray, "filters lags"]
    first_lag: int = 0

    @property
    def n_filters(self) -> int:
        """Number of filters."""
        return len(self.taps)

    def valid(self, n_times: int) -> slice:
        """Return the times at which no filter reaches beyond the ends.

        Raises
        ------
        GridError
            When there are fewer than two.
        """
        n_lags = self.taps.shape[1]
        valid = valid_slice(n_times, n_lags, first_lag=self.first_lag)
        if valid.stop - valid.start < 2:
            raise GridError(
                f"a run has {n_times} frames, the filters of a regression span {n_lags}; it needs "
                f"at least {n_lags + 1} frames; join runs or leave the method out"
            )
        return valid

    def features(self, rows: Float[ndarray, "rows times"]) -> Float[ndarray, "features times"]:
        """Return all rows after all filters, those of one row beside each other.

        Each feature has a mean of zero over the valid times; beyond the ends rows count as zero.
        """
        filtered = [apply_fir(rows, taps, first_lag=self.first_lag) for taps in self.taps]
        features = np.stack(filtered, axis=1).reshape(-1, rows.shape[1])
        return np.asarray(
            features - features[:, self.valid(rows.shape[1])].mean(axis=1, keepdims=True)
        )


BankOf = Callable[[AlignedRun], FilterBank]
"""The bank for a run, at its rate."""


def every_lag(seconds: float) -> BankOf:
    """Return banks of one filter per lag: all lags from 0 up to, not including, ``seconds``."""
    return lambda run: FilterBank(np.eye(round(seconds * run.axis.sfreq)))


def smooth_lags(span: tuple[float, float], n_filters: int) -> BankOf:
    """Return banks of cubic B-splines whose knots are spread evenly over lags.

    Parameters
    ----------
    span : tuple of float
        First and last lag, in s.
    n_filters : int
        Number of splines, at least 4; their sum is 1 at every lag.
    """

    def bank(run: AlignedRun) -> FilterBank:
        rate = run.axis.sfreq
        first = round(span[0] * rate)
        n_lags = round(span[1] * rate) - first + 1
        return FilterBank(splines(n_lags, n_filters), first)

    return bank


def splines(n_lags: int, n_filters: int) -> Float[ndarray, "filters lags"]:
    """Return cubic B-splines at whole lags (de Boor 1978), even knots, clamped at the ends."""
    inner = np.linspace(0, n_lags - 1, n_filters - _DEGREE + 1)
    knots = np.concatenate([[inner[0]] * _DEGREE, inner, [inner[-1]] * _DEGREE])
    return np.asarray(BSpline.design_matrix(np.arange(n_lags), knots, _DEGREE).toarray().T)


def canonical_response() -> BankOf:
    """Return banks of one filter: SPM's canonical double gamma response at the group rate."""
    duration = HrfShape().duration
    return lambda run: _response_bank(run, double_gamma_hrf(_lags(run, duration)))


def true_responses(truth: Truth, *, duration: float = 32.0) -> BankOf:
    """Return banks of one filter: the true response of the brain of a run, its regions' mean.

    It leads from P = X * d to BOLD (see `truths.true_response`), ``duration`` seconds of it.
    """
    return lambda run: _response_bank(
        run, true_response(truth, truth.subject(run.run), _lags(run, duration))
    )


def _lags(run: AlignedRun, duration: float) -> Float[ndarray, " lags"]:
    """Return the lags of a response, in s."""
    return np.arange(round(duration * run.axis.sfreq)) / run.axis.sfreq


def _response_bank(run: AlignedRun, response: Float[ndarray, " lags"]) -> FilterBank:
    """Return a response (1/s) as the only filter of a bank."""
    return FilterBank(response[np.newaxis] / run.axis.sfreq)
