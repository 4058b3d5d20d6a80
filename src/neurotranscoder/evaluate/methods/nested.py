"""Of several estimates the one that validation runs prefer: a wide class holds narrower ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.designs import RowsOf
from neurotranscoder.evaluate.scoring import HeldOut, Prediction, Scorer
from neurotranscoder.evaluate.table import Quantity, SourceKind
from neurotranscoder.signal.correlation import fisher_mean


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """Estimates, and which of them each block has.

    Parameters
    ----------
    estimates : dict of callable
        From a run to an estimate, those that a block has, by their place among the candidates.
    which : array of int, shape (blocks,)
        Place of the estimate of each block.
    scores : array, shape (kinds, candidates)
        r in the validation runs, as it is scored: of all blocks, of evoked ones, of oscillatory
        ones; NaN where there are none.
    """

    estimates: Mapping[int, RowsOf]
    which: Int[ndarray, " blocks"]
    scores: Float[ndarray, "kinds candidates"]

    @classmethod
    def choose(
        cls, quantity: Quantity, estimates: Sequence[RowsOf], validation: Sequence[HeldOut]
    ) -> Nested:
        """Give the blocks of each kind the estimate of largest r, the first of equals.

        Blocks of neither kind, and BOLD, have that of largest r over all blocks.

        Parameters
        ----------
        quantity : str
            What is estimated; it is scored as in the table.
        estimates : sequence of callable
            The narrowest first: so it is kept where nothing else is better.
        validation : sequence of HeldOut
            Runs with their true sources.
        """
        kinds = get_args(SourceKind)[:1] if quantity.startswith("bold") else get_args(SourceKind)
        scores = np.array([_scores(quantity, kinds, one, validation) for one in estimates]).T
        best = np.argmax(np.nan_to_num(scores, nan=-2.0), axis=1)
        of_blocks = validation[0].kinds
        which = np.full(len(validation[0].aligned.bold), best[0])
        for kind, index in zip(kinds[1:], best[1:], strict=True):
            if of_blocks is not None:
                which[of_blocks == kind] = index
        kept = {int(place): estimates[place] for place in np.unique(which)}
        return cls(kept, which, scores)

    def predict(self, run: AlignedRun) -> Float[ndarray, "blocks frames"]:
        """Return what the chosen estimates say."""
        found = np.zeros_like(run.bold)
        for place, estimate in self.estimates.items():
            rows = self.which == place
            found[rows] = estimate(run)[rows]
        return found


def _scores(
    quantity: Quantity,
    kinds: Sequence[SourceKind],
    estimate: RowsOf,
    validation: Sequence[HeldOut],
) -> list[float]:
    """Return r of each kind of source, the mean over runs."""
    scorer = Scorer("")
    predictions = [Prediction(**{quantity: estimate(run.aligned)}) for run in validation]
    return [
        fisher_mean(
            np.array(
                [
                    scorer.score_run(quantity, kind, *pair)
                    for pair in zip(predictions, validation, strict=True)
                ]
            )
        )
        for kind in kinds
    ]
