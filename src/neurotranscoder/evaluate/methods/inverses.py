"""Inverse operators of EEG source imaging, each with its strength of regularisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.imaging_heads import forward_of
from neurotranscoder.evaluate.methods.imaging_kernels import (
    Family,
    lcmv_kernel,
    minimum_norm_kernel,
)
from neurotranscoder.evaluate.oracle import pooled_covariance
from neurotranscoder.physics.head import Head

SNRS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Amplitude signal-to-noise ratios to choose from."""
LCMV_REGULARISATIONS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Shares of the mean variance of channels to choose from."""
INACTIVE_SHARES = (0.25, 0.5, 0.75, 0.9)
"""Shares of the blocks to choose from, of least BOLD power, that count as not active."""
_INACTIVE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What training runs say to an inverse operator.

    Parameters
    ----------
    channels : tuple of str
        In the order of the data.
    covariance : array, shape (channels, channels)
        Of the EEG, in V^2.
    bold_power : array, shape (blocks,)
        Variance of BOLD over time, the mean over runs.
    blocks : BlockMap
        Where the blocks are.
    """

    channels: tuple[str, ...]
    covariance: Float[ndarray, "channels channels"]
    bold_power: Float[ndarray, " blocks"]
    blocks: BlockMap

    @classmethod
    def of(cls, training: Sequence[AlignedRun], subject: str) -> Evidence:
        """Return that of the runs of a subject, or of all where it has none."""
        own = [run for run in training if run.run.subject == subject] or training
        return cls(
            own[0].montage.names,
            pooled_covariance([run.eeg for run in own]),
            np.mean([np.var(run.bold, axis=1) for run in own], axis=0),
            own[0].blocks,
        )


@runtime_checkable
class Inverse(Protocol):
    """An inverse operator, as regularised as it is."""

    def kernel(self, head: Head, evidence: Evidence, /) -> Float[ndarray, "voxels channels"]:
        """Return the matrix from EEG to the sources of the voxels of a head."""

    def __hash__(self) -> int:
        """Return a hash, as matrices are kept by inverse and head."""


@dataclass(frozen=True, slots=True)
class MinimumNorm:
    """Minimum norm, or one of its normalised forms, at a signal-to-noise ratio."""

    family: Family
    snr: float

    def kernel(self, head: Head, evidence: Evidence, /) -> Float[ndarray, "voxels channels"]:
        """Return the operator of a head."""
        channels = evidence.channels
        return minimum_norm_kernel(forward_of(head), channels, snr=self.snr, family=self.family)


@dataclass(frozen=True, slots=True)
class Lcmv:
    """The beamformer that the EEG of training runs shapes."""

    regularisation: float

    def kernel(self, head: Head, evidence: Evidence, /) -> Float[ndarray, "voxels channels"]:
        """Return the operator of a head."""
        return lcmv_kernel(
            forward_of(head),
            evidence.channels,
            evidence.covariance,
            regularisation=self.regularisation,
        )


@dataclass(frozen=True, slots=True)
class FmriInformed:
    """Minimum norm whose prior variance of sources is 1 where BOLD is active, 0.1 elsewhere.

    Liu, Belliveau and Dale 1998 (PNAS 95:8945), the weighting of 90 % that they recommend. A
    voxel is active when BOLD of its block varies more in training runs than that of a share of
    the blocks; voxels beyond all blocks are not.
    """

    inactive_share: float
    snr: float

    def kernel(self, head: Head, evidence: Evidence, /) -> Float[ndarray, "voxels channels"]:
        """Return the operator of a head."""
        threshold = np.quantile(evidence.bold_power, self.inactive_share)
        label = evidence.blocks.labels[tuple(head.indices.T)]
        weights = np.sqrt(_prior((evidence.bold_power > threshold)[label] & (label >= 0)))
        weighted = forward_of(head).copy()
        weighted["sol"]["data"] = weighted["sol"]["data"] * weights
        kernel = minimum_norm_kernel(weighted, evidence.channels, snr=self.snr)
        return np.asarray(weights[:, np.newaxis] * kernel)


def _prior(active: Bool[ndarray, " voxels"]) -> Float[ndarray, " voxels"]:
    """Return the prior variance of sources."""
    return np.where(active, 1.0, _INACTIVE)
