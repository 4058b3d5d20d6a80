"""Courses of a subject's sources from frames of EEG as they come, nothing looking ahead."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import WeightsError
from neurotranscoder.train.subject_coder import causal_delay, causal_kernel
from neurotranscoder.train.trained_subject import TrainedSubject


class CausalCourses:
    """The courses of a subject, its EEG smoothed by frames that came before alone.

    The coder of ``VoxelCoder(trained.maps, CausalCourses(trained))``. Weights are those of the
    fit; half of the Gaussian is left, so courses are late by ``delay``. It remembers the last
    frames: use one for each stream, at the rate of the subject.

    Parameters
    ----------
    trained : TrainedSubject
        Of the same subject.
    """

    def __init__(self, trained: TrainedSubject) -> None:
        self.trained = trained
        self._kernel = causal_kernel(trained.rate, trained.coder.smoothing)
        self._past = np.zeros((len(trained.montage.names), len(self._kernel)))

    @property
    def delay(self) -> float:
        """By how much courses are late, in s."""
        return causal_delay(self.trained.rate, self.trained.coder.smoothing)

    def __call__(self, frame: Float[ndarray, " channels"]) -> Float[ndarray, " components"]:
        """Return the courses of the frame that has just ended.

        Parameters
        ----------
        frame : array, shape (channels,)
            EEG around its mean, in V.

        Raises
        ------
        WeightsError
            When the number of channels is another.
        """
        if len(frame) != len(self._past):
            raise WeightsError(
                f"a frame has {len(frame)} channels, the subject {len(self._past)}; use the same "
                "channels in the same order"
            )
        self._past = np.roll(self._past, 1, axis=1)
        self._past[:, 0] = frame / self.trained.eeg_scale
        smooth = (self._past @ self._kernel)[:, np.newaxis]
        return np.asarray(self.trained.coder.of_smoothed(smooth)[:, 0])
