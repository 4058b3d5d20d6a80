"""Rival: EEG source imaging that is given the true leadfield (MNE-Python)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import RunId
from neurotranscoder.evaluate.correlation import correlate_rows, fisher_mean
from neurotranscoder.evaluate.scoring import HeldOut, Prediction

SNRS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


def minimum_norm_kernel(
    forward: mne.Forward, channels: Sequence[str], *, snr: float
) -> Float[ndarray, "voxels channels"]:
    """Return the linear operator of MNE-Python's minimum norm, white noise, no depth weights.

    Parameters
    ----------
    forward : mne.Forward
        True forward solution, fixed orientation.
    channels : sequence of str
        EEG channels in the order of the data.
    snr : float
        Amplitude signal-to-noise ratio; ``lambda2 = 1 / snr**2``.
    """
    info = mne.create_info(list(channels), 1.0, "eeg")
    identity = mne.EvokedArray(np.eye(len(channels)), info, verbose="error")
    identity.set_eeg_reference(projection=True, verbose="error")
    noise = mne.make_ad_hoc_cov(identity.info, {"eeg": 1e-6}, verbose="error")
    inverse = mne.minimum_norm.make_inverse_operator(
        identity.info, forward, noise, loose=0.0, depth=None, fixed=True, verbose="error"
    )
    estimate = mne.minimum_norm.apply_inverse(
        identity, inverse, 1 / snr**2, "MNE", verbose="error"
    )
    return np.asarray(estimate.data)


def predict_minimum_norm(
    kernel_of: Callable[[float, RunId], Float[ndarray, "blocks channels"]],
    validation: Sequence[HeldOut],
    test: Sequence[HeldOut],
) -> tuple[list[Prediction], float]:
    """Predict sources by minimum norm, its regularisation chosen with the truth in sight.

    The truth of the validation runs chooses the signal-to-noise ratio: the rival gets more
    than any real recording could offer it.

    Parameters
    ----------
    kernel_of : callable
        Operator from EEG to blocks for a signal-to-noise ratio and the head of a run; it is
        asked for repeatedly.
    validation, test : sequence of HeldOut
        Runs with their truth.

    Returns
    -------
    predictions : list of Prediction
        ``source_from_eeg`` of each test run.
    snr : float
        What validation runs chose.
    """
    scores = []
    for snr in SNRS:
        r = [
            fisher_mean(correlate_rows(_imaged(kernel_of, snr, run), run.sources))
            for run in validation
            if run.sources is not None
        ]
        scores.append(fisher_mean(np.asarray(r)))
    snr = SNRS[int(np.nanargmax(scores))]
    return [Prediction(source_from_eeg=_imaged(kernel_of, snr, run)) for run in test], snr


def _imaged(
    kernel_of: Callable[[float, RunId], Float[ndarray, "blocks channels"]],
    snr: float,
    run: HeldOut,
) -> Float[ndarray, "blocks frames"]:
    """Return the sources of a run."""
    return np.asarray(kernel_of(snr, run.aligned.run) @ run.aligned.eeg)


def block_kernel(
    voxels: Float[ndarray, "voxels channels"],
    indices: ndarray,
    blocks: BlockMap,
) -> Float[ndarray, "blocks channels"]:
    """Average the rows of a voxel operator into blocks.

    Parameters
    ----------
    voxels : array, shape (voxels, channels)
        Operator at the voxels of the head model.
    indices : array of int, shape (voxels, 3)
        Grid indices of those voxels.
    blocks : BlockMap
        Blocks on the same grid.
    """
    label = blocks.labels[tuple(indices.T)]
    inside = label >= 0
    sums = np.zeros((blocks.n_blocks, voxels.shape[1]))
    np.add.at(sums, label[inside], voxels[inside])
    counts = np.bincount(label[inside], minlength=blocks.n_blocks)
    return np.asarray(sums / np.maximum(counts, 1)[:, np.newaxis])
