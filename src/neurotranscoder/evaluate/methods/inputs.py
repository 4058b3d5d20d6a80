"""What regressions read of the EEG: its mean and, if wanted, its power in bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.source import AlignedRun


@dataclass(frozen=True, slots=True)
class InputScaling:
    """One scale for the EEG and one for its power in each band: proportions of channels stay.

    Parameters
    ----------
    eeg : float
        Standard deviation of the EEG of the training runs, row means removed, in V.
    power : tuple of float
        The same of the power in each band, after the exponent; empty: power is not read.
    exponent : float
        Power is raised to this: 1 is power, .5 amplitude.
    """

    eeg: float
    power: tuple[float, ...] = ()
    exponent: float = 1.0

    @classmethod
    def fit(
        cls, runs: Sequence[AlignedRun], *, with_power: bool = False, exponent: float = 1.0
    ) -> InputScaling:
        """Measure the scales on training runs.

        Raises
        ------
        SettingsError
            When power is wanted and runs do not have it.
        """
        eeg = _pooled_sd([run.eeg for run in runs])
        if not with_power:
            return cls(eeg)
        powers = [_power(run) ** exponent for run in runs]
        scales = tuple(_pooled_sd([one[band] for one in powers]) for band in range(len(powers[0])))
        return cls(eeg, scales, exponent)

    def rows(self, run: AlignedRun) -> Float[ndarray, "rows frames"]:
        """Return scaled EEG, then scaled power band by band, each row without its mean."""
        rows = [run.eeg / self.eeg]
        if self.power:
            bands = zip(_power(run) ** self.exponent, self.power, strict=True)
            rows += [band / scale for band, scale in bands]
        stacked = np.concatenate(rows)
        return np.asarray(stacked - stacked.mean(axis=1, keepdims=True))


def _power(run: AlignedRun) -> Float[ndarray, "bands channels frames"]:
    """Return the power of a run, or say that there is none."""
    if run.power is None:
        raise SettingsError(
            f"{run.run}: got no power of the EEG in bands; methods named '..._power' and EEG-"
            "informed fMRI need it; set align.power_bands to bands that the sampling holds, or "
            "leave these methods out"
        )
    return run.power


def _pooled_sd(series: Sequence[Float[ndarray, "rows _"]]) -> float:
    """Return the sd over rows, frames and runs without row means; 1 where nothing varies."""
    squares = sum(float(np.sum((x - x.mean(axis=1, keepdims=True)) ** 2)) for x in series)
    return float(np.sqrt(squares / sum(x.size for x in series))) or 1.0
