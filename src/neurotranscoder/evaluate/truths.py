"""What the truth says about runs: sources, and the brains that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.scoring import HeldOut
from neurotranscoder.simulate.cohort import Subject
from neurotranscoder.simulate.truth import Truth


def with_truth(runs: Sequence[AlignedRun], truth: Truth | None) -> list[HeldOut]:
    """Put the true sources beside runs, where they are known."""
    if truth is None:
        return [HeldOut(run) for run in runs]
    kinds = truth.block_kinds(runs[0].blocks)
    return [
        HeldOut(run, truth.block_sources(run.run, run.blocks, run.axis), kinds) for run in runs
    ]


def brains_of(truth: Truth, runs: Iterable[RunId]) -> tuple[Subject, ...]:
    """Return the different brains of runs: one where subjects do not differ."""
    return tuple(dict.fromkeys(truth.subject(run) for run in runs))


def true_response(
    truth: Truth, subject: Subject, times: Float[ndarray, " lags"]
) -> Float[ndarray, " lags"]:
    """Return h of a subject as a transcoder can know it: advanced by the centre of mass of d.

    A transcoder sees P = X * d and never X; its response leads from P to BOLD.
    """
    return np.asarray(truth.hrf(times + truth.evoked.centre_of_mass, subject))


def mean_true_response(
    truth: Truth, subjects: Sequence[Subject], times: Float[ndarray, " lags"]
) -> Float[ndarray, " lags"]:
    """Return the mean of `true_response` over subjects."""
    return np.asarray(np.mean([true_response(truth, one, times) for one in subjects], axis=0))
