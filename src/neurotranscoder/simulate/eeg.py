"""EEG of a run: E = G (X * d) at the samples of the EEG's own clock (Eqs. 2 and 3)."""

from __future__ import annotations

from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.physics.kernel import Kernel
from neurotranscoder.simulate.sources import RunSources


def eeg_signal(
    sources: RunSources,
    leadfield: Float[ndarray, "channels regions"],
    evoked: Kernel,
    times: Float[ndarray, " times"],
    *,
    moment: float,
) -> Float[ndarray, "channels times"]:
    """Return the noise-free EEG, in V.

    Parameters
    ----------
    sources : RunSources
        X of the run.
    leadfield : array, shape (channels, regions)
        Potential per moment of a region's voxels, in V/(A m); G and d commute.
    evoked : Kernel
        Evoked response d.
    times : array, shape (times,)
        Scanner times of the EEG's samples, in seconds.
    moment : float
        Dipole moment of a voxel per unit of P, in A m s.
    """
    return sources.respond_mixed(moment * leadfield, evoked, times)
