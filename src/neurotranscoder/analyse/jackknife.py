"""How far an estimate would move with other runs: the delete-a-group jackknife."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import t as student

from neurotranscoder.core.source import AlignedRun

Statistics = TypeVar("Statistics")
_ENOUGH_SUBJECTS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Banded:
    """Numbers with their 95 % intervals, all of one shape; bounds are NaN where there is none."""

    value: Float[ndarray, "*shape"]
    low: Float[ndarray, "*shape"]
    high: Float[ndarray, "*shape"]


def jackknife(value: Float[ndarray, "*shape"], left_out: Float[ndarray, "groups ..."]) -> Banded:
    """Return an estimate with its 95 % t interval over groups of runs [1]_.

    Parameters
    ----------
    value : array
        Estimate from all runs.
    left_out : array, shape (groups, ...)
        The same estimate without each group in turn.

    Returns
    -------
    banded : Banded
        ``value``, half an interval to both sides. What is the same in every estimate, such as a
        bias by shrinkage, is not in the interval.

    References
    ----------
    .. [1] Efron, B. & Stein, C. (1981). The jackknife estimate of variance. Annals of
       Statistics 9, 586-596.
    """
    n = len(left_out)
    if n < 2:
        nothing = np.full(np.shape(value), np.nan)
        return Banded(value, nothing, nothing)
    half = float(student.ppf(0.975, n - 1)) * np.sqrt(jackknife_variance(left_out))
    return Banded(value, np.asarray(value - half), np.asarray(value + half))


def jackknife_variance(left_out: Float[ndarray, "groups ..."]) -> Float[ndarray, " ..."]:
    """Return the variance of an estimate, of which ``left_out`` lacks each group in turn."""
    n = len(left_out)
    return np.asarray((n - 1) / n * np.sum((left_out - left_out.mean(axis=0)) ** 2, axis=0))


def groups_of(runs: Sequence[AlignedRun]) -> list[list[int]]:
    """Return the runs that are left out together.

    Those of a subject, where there are four subjects or more; else each run alone: intervals are
    then for other runs of these subjects.
    """
    subjects = [run.run.subject for run in runs]
    names = sorted(set(subjects))
    if len(names) < _ENOUGH_SUBJECTS:
        return [[number] for number in range(len(runs))]
    return [[i for i, one in enumerate(subjects) if one == name] for name in names]
