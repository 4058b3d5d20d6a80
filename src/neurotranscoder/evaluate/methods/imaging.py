"""Rivals: EEG source imaging that is given a leadfield, true or wrong (MNE-Python).

They are given more than that: noise is taken as white, as it is in most scenarios, and the true
sources of validation runs choose how much they regularise. No real recording could offer it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.choosing import best_candidate, with_known_sources
from neurotranscoder.evaluate.methods.imaging_kernels import block_kernel
from neurotranscoder.evaluate.methods.inverses import Evidence, Inverse
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.physics.head import Head
from neurotranscoder.simulate.truth import Truth


class SourceImaging:
    """One matrix from each frame of EEG to the sources, for each head.

    Parameters
    ----------
    knowledge : Knowledge
        Heads, and the true sources of validation runs.
    candidates : sequence of Inverse
        Operators to choose from.
    head_of : callable
        From the truth and a run to the head that the operator is computed for.

    Raises
    ------
    SettingsError
        Where it is not known where the electrodes are.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        candidates: Sequence[Inverse],
        head_of: Callable[[Truth, RunId], Head],
    ) -> None:
        if knowledge.truth.head.montage.positions is None:
            raise SettingsError(
                "source imaging needs the places of the electrodes; got channels without, such as "
                f"{knowledge.truth.head.montage.names[0]!r} (bipolar); leave out the methods of "
                "source imaging, or simulate single electrodes such as 'Cz'"
            )
        self._knowledge = knowledge
        self._candidates = candidates
        self._head_of = head_of

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Learn covariances from training runs; choose the operator on validation runs."""
        evidence = functools.cache(functools.partial(Evidence.of, training))

        @functools.cache
        def kernel(
            inverse: Inverse, head: Head, subject: str
        ) -> Float[ndarray, "blocks channels"]:
            known = evidence(subject)
            return block_kernel(inverse.kernel(head, known), head.indices, known.blocks)

        self._kernel = kernel
        self.chosen = best_candidate(
            self._candidates,
            self._imaged,
            "source_from_eeg",
            with_known_sources(validation, self._knowledge.validation),
        )

    def predict(self, run: AlignedRun) -> Prediction:
        """Return ``source_from_eeg`` of a run."""
        return self._imaged(self.chosen, run)

    def _imaged(self, inverse: Inverse, run: AlignedRun) -> Prediction:
        """Return the sources that an operator makes of the EEG of a run."""
        head = self._head_of(self._knowledge.truth, run.run)
        return Prediction(source_from_eeg=self._kernel(inverse, head, run.run.subject) @ run.eeg)
