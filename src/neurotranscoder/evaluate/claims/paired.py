"""How much better one method is than another, run by run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from neurotranscoder.evaluate.benchmark.rows import BenchmarkMeasure, RunRow
from neurotranscoder.evaluate.claims.rows import ClaimValue

_TRUTH = "truth_beside_"


def paired_differences(
    rows: Iterable[RunRow], method: str, reference: str
) -> Iterator[ClaimValue]:
    """Yield r of a method minus that of another in each held-out run that both have.

    Parameters
    ----------
    rows : iterable of RunRow
        As in ``benchmark_runs.tsv``.
    method, reference : str
        Who is compared with whom.
    """
    rows = list(rows)
    other = {_place(row): row.r for row in rows if row.method == reference}
    for row in rows:
        if row.method == method and _place(row) in other:
            where = f"{row.quantity}, {row.source_kind}"
            value = row.r - other[_place(row)]
            claim = f"minus {reference}"
            yield ClaimValue(claim, method, where, value, row.geometry_seed)


def peak_errors(measures: Sequence[BenchmarkMeasure]) -> Iterator[ClaimValue]:
    """Yield how far the peak of each learnt response is from that of the truth, in s.

    Parameters
    ----------
    measures : sequence of BenchmarkMeasure
        As in ``benchmark_measures.tsv``.
    """
    peaks = {(row.method, row.geometry_seed): row.value for row in measures if _is_peak(row)}
    for (method, seed), value in peaks.items():
        truth = peaks.get((_TRUTH + method, seed))
        if truth is not None:
            yield ClaimValue("peak of the response", method, "hrf", abs(value - truth), seed)


def _place(row: RunRow) -> tuple[str, int, str, str, str]:
    """Return what two rows have to share to be compared."""
    return row.scenario, row.geometry_seed, row.quantity, row.source_kind, row.run


def _is_peak(row: BenchmarkMeasure) -> bool:
    return row.quantity == "hrf" and row.measure == "peak"
