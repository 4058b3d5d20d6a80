"""Operators from EEG to voxels that MNE-Python computes, as matrices, and means over blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.blocks import BlockMap

Family = Literal["MNE", "dSPM", "sLORETA", "eLORETA"]
"""Minimum norm as it is, or normalised at each voxel, by the names of MNE-Python."""

_NOISE = {"eeg": 1e-6}  # V, white; its level cancels, as source variance is relative to it


def minimum_norm_kernel(
    forward: mne.Forward, channels: Sequence[str], *, snr: float, family: Family = "MNE"
) -> Float[ndarray, "voxels channels"]:
    """Return the linear operator of MNE-Python's minimum norm, white noise, no depth weights.

    Hämäläinen and Ilmoniemi 1994 (MNE), Dale et al. 2000 (dSPM), Pascual-Marqui 2002 (sLORETA)
    and 2011 (eLORETA). The second and third are the first with a factor at each voxel.

    Parameters
    ----------
    forward : mne.Forward
        Forward solution of fixed orientation.
    channels : sequence of str
        EEG channels in the order of the data.
    snr : float
        Amplitude signal-to-noise ratio; ``lambda2 = 1 / snr**2``.
    family : {'MNE', 'dSPM', 'sLORETA', 'eLORETA'}
        Which of the four.
    """
    identity, noise = _impulses(channels)
    inverse = mne.minimum_norm.make_inverse_operator(
        identity.info, forward, noise, loose=0.0, depth=None, fixed=True, verbose="error"
    )
    estimate = mne.minimum_norm.apply_inverse(
        identity, inverse, 1 / snr**2, family, verbose="error"
    )
    return np.asarray(estimate.data)


def lcmv_kernel(
    forward: mne.Forward,
    channels: Sequence[str],
    covariance: Float[ndarray, "channels channels"],
    *,
    regularisation: float,
) -> Float[ndarray, "voxels channels"]:
    """Return MNE-Python's LCMV beamformer at unit noise gain (Van Veen et al. 1997).

    Parameters
    ----------
    forward : mne.Forward
        Forward solution of fixed orientation.
    channels : sequence of str
        EEG channels in the order of the data.
    covariance : array, shape (channels, channels)
        Of the EEG, in V^2.
    regularisation : float
        What is added to its diagonal, relative to the mean of that.
    """
    identity, noise = _impulses(channels)
    projections = identity.info["projs"]
    measured = mne.Covariance(covariance, list(channels), [], projections, nfree=1)
    filters = mne.beamformer.make_lcmv(
        identity.info,
        forward,
        measured,
        reg=regularisation,
        noise_cov=noise,
        weight_norm="unit-noise-gain",
        verbose="error",
    )
    return np.asarray(mne.beamformer.apply_lcmv(identity, filters, verbose="error").data)


def _impulses(channels: Sequence[str]) -> tuple[mne.EvokedArray, mne.Covariance]:
    """Return EEG whose sample i is 1 V at channel i, in average reference, and white noise."""
    info = mne.create_info(list(channels), 1.0, "eeg")
    identity = mne.EvokedArray(np.eye(len(channels)), info, verbose="error")
    identity.set_eeg_reference(projection=True, verbose="error")
    return identity, mne.make_ad_hoc_cov(identity.info, _NOISE, verbose="error")


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
