"""Whether EEG still has a gradient artefact: what volumes repeat, without any cleaning."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.recording import Clock, Eeg

WORDS = (
    "WARNING: the EEG has a gradient artefact, and what is learnt from it is the scanner; clean "
    "it first: next, neurotranscoder preprocess"
)
_N_VOLUMES, _FEWEST, _N_CHANNELS = 20, 5, 8
_SHARE = 0.5  # of the variance of the first difference; noise repeats 1 / volumes of it
_LEAST = 5e-5  # V: brain activity that repeats with volumes is smaller


def has_gradient(eeg: Eeg, clock: Clock, volumes: VolumeAxis) -> bool:
    """Return whether most of what changes fast in the EEG repeats with the volumes, and is large.

    Parameters
    ----------
    eeg : Eeg
        Signals in V.
    clock : Clock
        Where they are on the scanner clock.
    volumes : VolumeAxis
        When images were acquired.
    """
    scanner = volumes.tr * np.arange(min(_N_VOLUMES, volumes.n_volumes))
    places = (scanner - clock.eeg_start) / (1 + clock.drift_ppm * 1e-6) * eeg.sfreq
    length = int(volumes.tr * eeg.sfreq)
    starts = np.rint(places).astype(int)
    starts = starts[(starts >= 0) & (starts + length <= eeg.data.shape[1])]
    if len(starts) < _FEWEST or length < 2:
        return False
    chosen = np.unique(np.linspace(0, len(eeg.data) - 1, _N_CHANNELS).astype(int))
    found = [_repeats(eeg.data[row], starts, length) for row in chosen]
    share, size = np.median(found, axis=0)
    return bool(share > _SHARE and size > _LEAST)


def _repeats(one: Float[ndarray, " times"], starts: ndarray, length: int) -> tuple[float, float]:
    """Return the share of the fast variance that volumes repeat, and how large that is, in V."""
    cut = one[starts[:, np.newaxis] + np.arange(length)]
    steps = np.diff(cut, axis=1)
    total = float(np.var(steps))
    share = float(np.var(steps.mean(axis=0))) / total if total else 0.0
    return share, float(np.std(cut.mean(axis=0)))
