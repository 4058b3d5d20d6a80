"""One global scale per modality: what makes volts and BOLD units comparable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.source import AlignedRun


@dataclass(frozen=True, slots=True)
class Scaling:
    """Divide each modality by one number; remove the mean of each row over a run.

    One scale per modality keeps the proportions between channels and between blocks.

    Parameters
    ----------
    eeg, bold : float
        Standard deviation of the training runs over all rows and frames, row means removed.
    power : tuple of float
        The same of the square root of power in each band (V), over channels; empty where runs
        have none.
    """

    eeg: float
    bold: float
    power: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("EEG", self.eeg), ("BOLD", self.bold)):
            if not (np.isfinite(value) and value > 0):
                raise GridError(
                    f"the {name} of the training runs has a standard deviation of {value}; it "
                    "needs to vary; check the channels or images for constant values"
                )

    @classmethod
    def fit(cls, runs: Sequence[AlignedRun]) -> Scaling:
        """Measure the scales on training runs."""
        return cls(
            _pooled_sd([run.eeg for run in runs]),
            _pooled_sd([run.bold for run in runs]),
            _band_scales([run.power for run in runs]),
        )

    def scale_eeg(
        self, eeg: Float[ndarray, "channels frames"]
    ) -> Float[ndarray, "channels frames"]:
        """Return EEG without its means, in units of the scale."""
        return np.asarray((eeg - eeg.mean(axis=1, keepdims=True)) / self.eeg)

    def scale_bold(self, bold: Float[ndarray, "blocks frames"]) -> Float[ndarray, "blocks frames"]:
        """Return BOLD without its means, in units of the scale."""
        return np.asarray((bold - bold.mean(axis=1, keepdims=True)) / self.bold)

    def scale_power(
        self, power: Float[ndarray, "bands channels frames"]
    ) -> Float[ndarray, "rows frames"]:
        """Return the square roots of band power, in rows, without their means and scaled.

        Roots are nearer to normal than power, which few large values would rule.
        """
        roots = np.sqrt(np.maximum(power, 0))
        centred = roots - roots.mean(axis=2, keepdims=True)
        rows = centred / np.array(self.power)[:, np.newaxis, np.newaxis]
        return np.asarray(rows.reshape(-1, power.shape[2]))


def _band_scales(
    powers: Sequence[Float[ndarray, "bands channels _"] | None],
) -> tuple[float, ...]:
    """Return the scale of each band; none where runs lack power, differ in bands or are flat."""
    known = [power for power in powers if power is not None]
    if len(known) < len(powers) or len({power.shape[:2] for power in known}) != 1:
        return ()
    roots = [np.sqrt(np.maximum(power, 0)) for power in known]
    scales = tuple(_pooled_sd([root[band] for root in roots]) for band in range(len(roots[0])))
    return scales if all(scales) else ()


def _pooled_sd(series: Sequence[Float[ndarray, "rows _"]]) -> float:
    """Return the sd over all rows and frames of all runs, row means removed per run.

    What is left of constant rows by rounding counts as nothing.
    """
    squares = sum(float(np.sum((x - x.mean(axis=1, keepdims=True)) ** 2)) for x in series)
    sd = float(np.sqrt(squares / sum(x.size for x in series)))
    largest = max(float(np.abs(x).max()) for x in series)
    return sd if not sd < 1e-12 * largest else 0.0
