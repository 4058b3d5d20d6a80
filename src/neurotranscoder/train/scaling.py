"""One global scale per modality: what makes volts and BOLD units comparable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.core.spread import summed


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
        have none, differ in bands or are flat.
    bands : tuple of (float, float)
        These bands, in Hz; empty where they are not known.
    """

    eeg: float
    bold: float
    power: tuple[float, ...] = ()
    bands: tuple[tuple[float, float], ...] = ()

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
        found = summed(_RunMoments.of, runs)
        scales = tuple(band.sd for band in found.bands)
        if not scales or not all(scales):
            return cls(found.eeg.sd, found.bold.sd)
        return cls(found.eeg.sd, found.bold.sd, scales, runs[0].power_bands)

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


@dataclass(frozen=True, slots=True)
class _Moments:
    """What the sd of one kind of signals is found from; pooled over runs.

    Parameters
    ----------
    squares : float
        Sum of squares, row means of each run removed.
    size : int
        Number of samples.
    largest : float
        Largest absolute sample, means included.
    """

    squares: float
    size: int
    largest: float

    @classmethod
    def of(cls, series: Float[ndarray, "rows _"]) -> _Moments:
        """Return the moments of one run."""
        centred = series - series.mean(axis=1, keepdims=True)
        return cls(float(np.sum(centred**2)), series.size, float(np.abs(series).max()))

    def __add__(self, other: _Moments) -> _Moments:
        return _Moments(
            self.squares + other.squares,
            self.size + other.size,
            max(self.largest, other.largest),
        )

    @property
    def sd(self) -> float:
        """Standard deviation; what is left of constant rows by rounding counts as nothing."""
        sd = float(np.sqrt(self.squares / self.size))
        return sd if not sd < 1e-12 * self.largest else 0.0


@dataclass(frozen=True, slots=True)
class _RunMoments:
    """Moments of the signals of one run or of several.

    Parameters
    ----------
    eeg, bold : _Moments
        Of each modality.
    shape : (int, int) or None
        Bands and channels of band power; None where runs lack it or differ.
    bands : tuple of _Moments
        Of the root of power in each band, where ``shape`` is known.
    """

    eeg: _Moments
    bold: _Moments
    shape: tuple[int, ...] | None
    bands: tuple[_Moments, ...]

    @classmethod
    def of(cls, run: AlignedRun) -> _RunMoments:
        """Return the moments of one run."""
        if run.power is None:
            return cls(_Moments.of(run.eeg), _Moments.of(run.bold), None, ())
        roots = np.sqrt(np.maximum(run.power, 0))
        bands = tuple(_Moments.of(root) for root in roots)
        return cls(_Moments.of(run.eeg), _Moments.of(run.bold), run.power.shape[:2], bands)

    def __add__(self, other: _RunMoments) -> _RunMoments:
        same = self.shape == other.shape
        bands = (
            (one + two for one, two in zip(self.bands, other.bands, strict=True)) if same else ()
        )
        return _RunMoments(
            self.eeg + other.eeg,
            self.bold + other.bold,
            self.shape if same else None,
            tuple(bands),
        )
