"""Pearson correlations and their intervals, under the name that the scores use."""

from neurotranscoder.signal.correlation import (
    Interval,
    correlate_rows,
    correlation_interval,
    fisher_mean,
    fisher_z,
    mean_correlation,
    mean_interval,
    median_interval,
)

__all__ = [
    "Interval",
    "correlate_rows",
    "correlation_interval",
    "fisher_mean",
    "fisher_z",
    "mean_correlation",
    "mean_interval",
    "median_interval",
]
