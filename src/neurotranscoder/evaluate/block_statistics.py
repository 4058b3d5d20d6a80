"""Correlations within blocks, their bootstrap over blocks, and their permutation null.

Every statistic is a function of sums over blocks: moments about the block's own means, so that
drifts from block to block, which neither side can predict, do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.errors import GridError
from neurotranscoder.evaluate.blocks import BlockedRun, HeldOutBlocks, Series, recovered_response
from neurotranscoder.signal.correlation import Interval
from neurotranscoder.signal.frames import interpolate_volumes
from neurotranscoder.train.closed_form import ClosedFormSettings

Statistic = Callable[[Float[ndarray, "signals signals"]], float]


def block_moments(*signals: Sequence[Series]) -> Float[ndarray, "blocks signals signals"]:
    """Return the inner products of signals within each block, block means removed.

    Parameters
    ----------
    *signals : sequence of array
        Per signal one array for each block; within a block all are equally long.
    """
    moments = []
    for parts in zip(*signals, strict=True):
        rows = np.stack(parts)
        rows = rows - rows.mean(axis=1, keepdims=True)
        moments.append(rows @ rows.T)
    return np.stack(moments)


def correlation(moments: Float[ndarray, "signals signals"]) -> float:
    """Return Pearson's r of signals 0 and 1; NaN where one does not vary."""
    return float(_correlations(moments)[0, 1])


def partial_correlation(moments: Float[ndarray, "signals signals"]) -> float:
    """Return r of signals 0 and 1 after signal 2 is regressed out of both.

    NaN where signal 2 explains one of them entirely.
    """
    r = _correlations(moments)
    rest = (1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2)
    return float((r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt(rest)) if rest > 1e-12 else float("nan")


def gain_over_rival(moments: Float[ndarray, "signals signals"]) -> float:
    """Return how much better signal 1 correlates with signal 0 than signal 2 does."""
    r = _correlations(moments)
    return float(r[0, 1] - r[0, 2])


def draw_blocks(n_blocks: int, n_draws: int, rng: np.random.Generator) -> Int[ndarray, "draw b"]:
    """Return draws of as many blocks as there are, with repetition."""
    return rng.integers(n_blocks, size=(n_draws, n_blocks))


def block_interval(
    moments: Float[ndarray, "blocks signals signals"],
    statistic: Statistic,
    draws: Int[ndarray, "draws blocks"],
) -> Interval:
    """Return a statistic of all blocks with its 95 % percentile interval over drawn blocks.

    Parameters
    ----------
    moments : array, shape (blocks, signals, signals)
        From `block_moments`.
    statistic : callable
        `correlation`, `partial_correlation` or `gain_over_rival`.
    draws : array of int, shape (draws, blocks)
        From `draw_blocks`; the same draws make intervals of several signals comparable.

    Returns
    -------
    interval : Interval
        Its ``mean`` is the statistic of all blocks. Predictions are not fitted again in each
        draw: the interval is for this transcoder on other blocks like these.
    """
    return percentile_interval(
        statistic(moments.sum(axis=0)),
        np.array([statistic(moments[draw].sum(axis=0)) for draw in draws]),
        len(moments),
    )


def percentile_interval(value: float, drawn: Float[ndarray, " draws"], n: int) -> Interval:
    """Return a value with the 2.5 and 97.5 % points of its bootstrap draws, NaN left out."""
    known = drawn[np.isfinite(drawn)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    return Interval(value, float(low), float(high), n)


def wrong_block_null(
    held_out: HeldOutBlocks, n_permutations: int, rng: np.random.Generator
) -> Float[ndarray, " permutations"]:
    """Return r of each block with its prediction from the neural signal of another block.

    Parameters
    ----------
    held_out : HeldOutBlocks
        Measured and predicted blocks.
    n_permutations : int
        Random permutations of the blocks in which none keeps its place.
    rng : numpy.random.Generator
        Source of the permutations.

    Returns
    -------
    null : array, shape (permutations,)
        Where all blocks share one design, this is what the design alone predicts, not zero.
    """
    n_blocks = len(held_out.measured)
    null = np.empty(n_permutations)
    for i in range(n_permutations):
        order = rng.permutation(n_blocks)
        while np.any(order == np.arange(n_blocks)):
            order = rng.permutation(n_blocks)
        moments = block_moments(held_out.measured, held_out.paired(order))
        null[i] = correlation(moments.sum(axis=0))
    return null


def lagged_moments(run: BlockedRun, lag: float) -> Float[ndarray, "blocks 2 2"]:
    """Return moments of the hemodynamic samples and of the neural signal ``lag`` s earlier."""
    axis = run.aligned.axis
    measured, earlier = [], []
    for series, times in zip(run.measured, run.times, strict=True):
        known = times - lag >= axis.times[0] - 1e-6
        at = times[known] - lag
        earlier.append(interpolate_volumes(run.aligned.eeg, axis.times, at, kind="linear")[0])
        measured.append(series[known])
    return block_moments(measured, earlier)


def strongest_lag(
    run: BlockedRun, lags: Float[ndarray, " lags"], draws: Int[ndarray, "draws blocks"]
) -> tuple[float, Interval]:
    """Return the lag (s) of the largest |r| and that r; the lag is chosen in sample."""
    r = [correlation(lagged_moments(run, float(lag)).sum(axis=0)) for lag in lags]
    lag = float(lags[int(np.nanargmax(np.abs(r)))])
    return lag, block_interval(lagged_moments(run, lag), correlation, draws)


def bootstrap_responses(
    run: BlockedRun, settings: ClosedFormSettings, draws: Int[ndarray, "draws blocks"]
) -> Float[ndarray, "draws lags"]:
    """Return the response recovered from each draw of blocks; the fit is repeated in full."""
    return np.stack([recovered_response(run, settings, draw.tolist()) for draw in draws])


def peak_delay(response: Float[ndarray, " lags"], rate: float) -> float:
    """Return when a response is largest in size, in s, read between frames by a parabola.

    Raises
    ------
    GridError
        When the response is zero or not finite.
    """
    size = np.abs(response)
    if not (np.all(np.isfinite(size)) and size.max() > 0):
        raise GridError(
            "the response is zero or not finite and has no peak; check that the neural and the "
            "hemodynamic signal vary"
        )
    peak = int(size.argmax())
    if not 0 < peak < len(size) - 1:
        return peak / rate
    before, top, after = size[peak - 1 : peak + 2]
    return float(peak + 0.5 * (before - after) / (before - 2 * top + after)) / rate


def _correlations(moments: Float[ndarray, "n n"]) -> Float[ndarray, "n n"]:
    """Return the correlation matrix; NaN where a signal does not vary."""
    sizes = np.sqrt(np.diag(moments))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(moments / np.outer(sizes, sizes))
