"""How methods that are given the truth choose: by the true sources of validation runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.scoring import HeldOut, Prediction, Scorer
from neurotranscoder.evaluate.table import Quantity
from neurotranscoder.signal.correlation import fisher_mean

Candidate = TypeVar("Candidate")


def known(knowledge: Knowledge | None) -> Knowledge:
    """Return what a method was given of the truth.

    Raises
    ------
    SettingsError
        When that is nothing.
    """
    if knowledge is None:
        raise SettingsError(
            "this method is given the truth of training runs, and got none; it needs a simulated "
            "study; leave it out for recordings"
        )
    return knowledge


def with_known_sources(
    runs: Iterable[AlignedRun], sources_of: Sequence[HeldOut]
) -> tuple[HeldOut, ...]:
    """Put beside runs the true sources that are known of them.

    Raises
    ------
    SettingsError
        When they are not known.
    """
    found = {held.aligned.run: held for held in sources_of if held.sources is not None}
    runs = tuple(runs)
    if unknown := [str(run.run) for run in runs if run.run not in found]:
        raise SettingsError(
            f"the true sources of {', '.join(unknown)} are not known; a method that is given the "
            "truth needs those of its training and validation runs; give them as Knowledge"
        )
    return tuple(HeldOut(run, found[run.run].sources, found[run.run].kinds) for run in runs)


def best_candidate(
    candidates: Sequence[Candidate],
    predict: Callable[[Candidate, AlignedRun], Prediction],
    quantity: Quantity,
    validation: Sequence[HeldOut],
) -> Candidate:
    """Return the candidate whose predictions score best, the first of equals.

    Parameters
    ----------
    candidates : sequence
        What can be chosen.
    predict : callable
        What a candidate says about a run.
    quantity : str
        Which part of that counts; it is scored as in the table.
    validation : sequence of HeldOut
        Runs with their true sources.

    Raises
    ------
    SettingsError
        Without validation runs.
    """
    if not validation:
        raise SettingsError(
            f"got no validation run to choose among {len(candidates)} candidates; need at least "
            "one; set split.validation_runs above 0"
        )
    scorer = Scorer("")
    scores = [
        fisher_mean(
            np.array(
                [
                    scorer.score_run(quantity, "all", predict(candidate, run.aligned), run)
                    for run in validation
                ]
            )
        )
        for candidate in candidates
    ]
    return candidates[int(np.argmax(np.nan_to_num(scores, nan=-2.0)))]
