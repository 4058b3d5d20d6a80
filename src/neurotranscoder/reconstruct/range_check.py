"""Whether signals are like those that a model was trained on; said loudly where they are not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.recording import Recording
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.preprocess.align import blocks_at_frames, slice_cells
from neurotranscoder.train.subject_signals import eeg_axis, scaled_eeg
from neurotranscoder.train.trained import TrainedTranscoder

Modality = Literal["EEG", "BOLD"]

_SCALES = (1 / 3, 3.0)
"""Ratios of scale that sessions and subjects differ by."""
_SD = 10.0
"""Frames are beyond at this many standard deviations of the training."""
_MOST_BEYOND = 0.01
_MOST_OUTSIDE = 0.75
_MOST_DISTANT = 3.0
_SINGULAR = 1e-6  # of the largest singular value of a leadfield
_CURES = {
    "EEG": "volts are needed: check the unit in the header, the reference, and bad channels",
    "BOLD": "check that the images are scaled and preprocessed as those of the training were",
}


@dataclass(frozen=True, slots=True)
class InputRange:
    """How far one modality of a run is from what a model was trained on.

    Nothing in it depends on the polarity of the signals.

    Parameters
    ----------
    modality : {'EEG', 'BOLD'}
        Which.
    scale : float
        Its standard deviation over that of the training runs.
    beyond : float
        Share of frames whose root mean square over channels or blocks is more than 10 standard
        deviations of the training runs.
    outside : float or None
        For EEG and a model without sparse sources: share of its variance outside the span of the
        model's leadfield, over that of EEG which is the same in all directions. 0 where the model
        knows all of it, about 1 where it has nothing to do with the model. None where the span
        has all directions.
    distance : float or None
        For EEG and a model with sparse sources: mean square of EEG, brought to the scale of the
        training, in units of the covariance that the model expects (sources and noise); 1 where
        it is as expected.
    n_interpolated : int
        EEG channels that were interpolated; they are left out of all that is said.
    """

    modality: Modality
    scale: float
    beyond: float
    outside: float | None = None
    distance: float | None = None
    n_interpolated: int = 0

    @property
    def findings(self) -> tuple[str, ...]:
        """What lies outside the range, in plain words, each with what to check; empty inside."""
        cure = _CURES[self.modality]
        found = []
        if not _SCALES[0] <= self.scale <= _SCALES[1]:
            found.append(
                f"its {self.modality} has {self.scale:.3g} times the scale that the model was "
                f"trained on; {_SCALES[0]:.2g} to {_SCALES[1]:g} times is usual; {cure}"
            )
        if not self.beyond <= _MOST_BEYOND:
            found.append(
                f"{self.beyond:.1%} of its {self.modality} frames are more than {_SD:g} standard "
                f"deviations of the training from their mean; {_MOST_BEYOND:.0%} may be; look "
                "for artefacts and cut them"
            )
        if self.outside is not None and not self.outside <= _MOST_OUTSIDE:
            found.append(
                "its EEG lies where the model knows nothing: outside its leadfield there is "
                f"{self.outside:.0%} of the variance that unrelated signals have there, up to "
                f"{_MOST_OUTSIDE:.0%} may be; check the order of channels and the reference"
            )
        if self.distance is not None and not self.distance <= _MOST_DISTANT:
            found.append(
                f"its EEG channels vary together in another way: {self.distance:.3g} times as far "
                f"from the mean as the model expects, up to {_MOST_DISTANT:g} times may be; check "
                "the order of channels, the reference, and bad channels"
            )
        return tuple(f"{one}{self._left_out}" for one in found)

    @property
    def _left_out(self) -> str:
        """How many channels were not looked at, in words."""
        if not self.n_interpolated:
            return ""
        many = "s were" if self.n_interpolated > 1 else " was"
        return f" ({self.n_interpolated} interpolated channel{many} left out of this)"


def range_of_run(trained: TrainedTranscoder, run: AlignedRun) -> tuple[InputRange, InputRange]:
    """Return how far EEG and BOLD of an aligned run are from what a model was trained on."""
    return range_of_eeg(trained, run.eeg, run.interpolated), range_of_bold(trained, run.bold)


def range_of_recording(
    trained: TrainedTranscoder,
    recording: Recording,
    modalities: Sequence[Modality] = ("EEG", "BOLD"),
) -> tuple[InputRange, ...]:
    """Return how far a recording, not aligned yet, is from what a group model was trained on.

    Parameters
    ----------
    trained : TrainedTranscoder
        Whose frames and blocks the signals are brought to for it.
    recording : Recording
        One run, in the space of the model.
    modalities : sequence of {'EEG', 'BOLD'}
        What is looked at.

    Raises
    ------
    WeightsError
        When EEG channels differ.
    GridError
        When grids differ or the EEG does not cover the run.
    """
    found, bold = [], recording.bold
    if "EEG" in modalities:
        axis = eeg_axis(recording.eeg, recording.clock, bold.volumes, trained.rate)
        scale = trained.scaling.eeg
        eeg = scaled_eeg(recording.eeg, recording.clock, axis, trained.montage, scale)
        volts = scale * eeg.astype(np.float64)
        found.append(range_of_eeg(trained, volts, recording.eeg.interpolated))
    if "BOLD" in modalities:
        axis = TimeAxis.of_frames(bold.volumes.duration, trained.rate)
        cells, n_blocks = slice_cells(bold, trained.blocks), trained.blocks.n_blocks
        blocks = blocks_at_frames(cells, n_blocks, axis, kind="linear")
        found.append(range_of_bold(trained, blocks))
    return tuple(found)


def range_of_eeg(
    trained: TrainedTranscoder,
    eeg: Float[ndarray, "channels frames"],
    interpolated: Collection[str] = (),
) -> InputRange:
    """Return how far EEG is from what a model was trained on.

    Parameters
    ----------
    trained : TrainedTranscoder
        What the EEG is compared with is derived from its scales, its leadfield and its sparse
        sources.
    eeg : array, shape (channels, frames)
        EEG averaged over frames of the group rate, in V, the channels those of the model.
    interpolated : collection of str
        Channels that are sums of others: they hold no noise of their own, which the model
        expects, and errors of interpolation, which it does not. They are left out here and in
        what the model expects of the others, unless none is left.
    """
    names = trained.montage.names
    rows = np.array([name not in interpolated for name in names])
    if not rows.any():
        rows[:] = True
    n_left_out = int(np.sum(~rows))
    scaled = trained.scaling.scale_eeg(eeg[rows])
    scale, beyond = _scale_and_beyond(scaled)
    if not 0 < scale < np.inf:
        return InputRange("EEG", scale, beyond, n_interpolated=n_left_out)
    usual = scaled / scale
    coder = trained.module.sparse_coder
    if coder is None:
        outside = _outside(trained.leadfield[rows], usual)
        return InputRange("EEG", scale, beyond, outside, n_interpolated=n_left_out)
    expected = _expected(coder.sparse)[np.ix_(rows, rows)]  # marginal of a normal distribution
    distance = float(np.mean(usual * np.linalg.solve(expected, usual)))
    return InputRange("EEG", scale, beyond, distance=distance, n_interpolated=n_left_out)


def range_of_bold(trained: TrainedTranscoder, bold: Float[ndarray, "blocks frames"]) -> InputRange:
    """Return how far BOLD of the model's blocks (in the unit of the images) is from it."""
    return InputRange("BOLD", *_scale_and_beyond(trained.scaling.scale_bold(bold)))


def _expected(sparse: SparseSources) -> Float[ndarray, "channels channels"]:
    """Return the covariance of scaled EEG that a model expects: that of sources, and noise."""
    leadfield = sparse.leadfield.cpu().numpy()
    sources = (leadfield * sparse.prior_variance.cpu().numpy()) @ leadfield.T
    return np.asarray(sources + sparse.noise.cpu().numpy())


def _scale_and_beyond(scaled: Float[ndarray, "rows frames"]) -> tuple[float, float]:
    """Return the standard deviation and the share of frames that are far out."""
    frames = np.sqrt(np.mean(scaled**2, axis=0))
    # NaN is beyond as well
    return float(np.sqrt(np.mean(scaled**2))), float(np.mean(~(frames <= _SD)))


def _outside(
    leadfield: Float[ndarray, "channels blocks"], eeg: Float[ndarray, "channels frames"]
) -> float | None:
    """Return the share of variance outside the span of a leadfield, relative to white EEG."""
    left, strengths, _ = np.linalg.svd(leadfield, full_matrices=False)
    rank = int(np.sum(strengths > _SINGULAR * strengths[0]))
    chance = 1 - rank / len(eeg)
    if chance <= 0:
        return None
    inside = np.sum((left[:, :rank].T @ eeg) ** 2) / np.sum(eeg**2)
    return float((1 - inside) / chance)
