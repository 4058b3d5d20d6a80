"""Numbers about claims: one of each held-out run, and their means with intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from neurotranscoder.signal.correlation import mean_interval


@dataclass(frozen=True, slots=True)
class ClaimValue:
    """One number about a claim in one held-out run.

    Parameters
    ----------
    claim : str
        What is claimed.
    method : str
        Of whom; 'measured' for a signal as it was recorded.
    signal : str
        What was measured or estimated, and where.
    value : float
        The number.
    geometry_seed : int
        World of the run.
    """

    claim: str
    method: str
    signal: str
    value: float
    geometry_seed: int


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """The mean of a number over held-out runs, with its 95 % interval.

    Parameters
    ----------
    claim, method, signal : str
        As in `ClaimValue`.
    value, ci_low, ci_high : float
        Mean and interval; NaN bounds where one run gives none.
    n : int
        Held-out runs.
    """

    claim: str
    method: str
    signal: str
    value: float
    ci_low: float
    ci_high: float
    n: int


def claim_rows(values: Iterable[ClaimValue]) -> tuple[ClaimRow, ...]:
    """Return one row for each claim, method and signal, in their order of appearance.

    Intervals are t intervals over runs, as wide as those over worlds where there are several
    (see `signal.correlation.mean_interval`): runs of a world may be alike.
    """
    found: dict[tuple[str, str, str], list[ClaimValue]] = {}
    for value in values:
        found.setdefault((value.claim, value.method, value.signal), []).append(value)
    rows = []
    for fact, of_fact in found.items():
        interval = mean_interval(
            [one.value for one in of_fact], [str(one.geometry_seed) for one in of_fact]
        )
        rows.append(ClaimRow(*fact, interval.mean, interval.low, interval.high, interval.n))
    return tuple(rows)
