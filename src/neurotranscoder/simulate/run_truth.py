"""Every term of Eqs. 1-3 of one run, drawn again when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import csr_array

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import RunId
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.simulate.bold_artefacts import volume_motion
from neurotranscoder.simulate.bold_run import BoldRun
from neurotranscoder.simulate.cohort import Cohort, Subject, response_kernels
from neurotranscoder.simulate.draw import DrawnSources
from neurotranscoder.simulate.eeg_run import EegRun
from neurotranscoder.simulate.sources import RunSources
from neurotranscoder.simulate.waves import sum_of_waves

Voxels: TypeAlias = ndarray | Sequence[Sequence[int]]
"""Indices of shape (voxels, 3), or a mask of shape (x, y, z) whose voxels come in C order."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RunTruth:
    """What one run was made from.

    Windows of X and P are given per voxel. Without a rate they are samples at the sampling
    frequency of the source. With a rate they are means over frames of ``1 / rate`` s around the
    times of the axis, which is the one filter against aliasing that is used.

    Parameters
    ----------
    cohort : Cohort
        What all runs share.
    run : RunId
        Which run.
    drawn : DrawnSources
        Its sources, as each modality sees them.
    """

    cohort: Cohort
    run: RunId
    drawn: DrawnSources

    def __repr__(self) -> str:
        parts = ", ".join([*self.eeg_parts, *self.bold_parts]) or "none"
        return f"RunTruth({self.run}, scenario {self.cohort.scenario.name!r}, noise: {parts})"

    @property
    def which(self) -> tuple[int, int]:
        """Subject and run, both from 0."""
        return self.cohort.scenario.numbers_of(self.run)

    @property
    def subject(self) -> Subject:
        """The brain of this run."""
        return self.cohort.subjects[self.which[0]]

    def x(
        self, voxels: Voxels, start: float, stop: float, *, rate: float | None = None
    ) -> tuple[Float[ndarray, "voxels times"], TimeAxis]:
        """Return the sources X of some voxels in a window, in 1/s.

        Parameters
        ----------
        voxels : array of int, shape (voxels, 3), or array of bool, shape (x, y, z)
            Which voxels; those of a mask come in C order.
        start, stop : float
            Scanner times, in s; the last sample lies before ``stop``.
        rate : float, optional
            Frames per second.

        Returns
        -------
        x : array, shape (voxels, times)
            An impulse of amplitude a is one sample of ``a * rate``.
        axis : TimeAxis
            Times of the samples, or centres of the frames.

        Raises
        ------
        GridError
            When voxels or window are outside the run.
        """
        return self._window(self.drawn.electric, voxels, self._axis(start, stop, rate), rate)

    def drive(
        self, voxels: Voxels, start: float, stop: float, *, rate: float | None = None
    ) -> tuple[Float[ndarray, "voxels times"], TimeAxis]:
        """Return what BOLD follows in some voxels: X, or what the coupling by power makes of it.

        Arguments and results as for `x`.
        """
        return self._window(self.drawn.hemodynamic, voxels, self._axis(start, stop, rate), rate)

    def p(
        self, voxels: Voxels, start: float, stop: float, *, rate: float | None = None
    ) -> tuple[Float[ndarray, "voxels times"], TimeAxis]:
        """Return P = X * d (Eq. 2) of some voxels in a window.

        Arguments and results as for `x`; times `moment` it is the dipole moment in A m.
        """
        axis, shares = self._axis(start, stop, rate), self._shares(voxels)
        kernel = evoked_kernel(self.cohort.scenario.evoked)
        if rate is not None:
            kernel = kernel.averaged(1 / rate)
        return self.drawn.electric.respond_mixed(shares, kernel, axis.times), axis

    @property
    def moment(self) -> float:
        """Dipole moment of a voxel per unit of P, in A m s."""
        return self.cohort.levels.moment

    def d(self, lags: Float[ndarray, " lags"]) -> Float[ndarray, " lags"]:
        """Return the evoked response d (Eq. 2) at some lags in s, in 1/s."""
        return evoked_kernel(self.cohort.scenario.evoked)(lags)

    def h(self, voxels: Voxels, lags: Float[ndarray, " lags"]) -> Float[ndarray, "voxels lags"]:
        """Return the hemodynamic response h (Eq. 1) of some voxels at some lags in s, in 1/s.

        With the balloon model it is what that does to small inputs; it is NaN in silent voxels.
        """
        labels = self.cohort.regions.labels[tuple(self._indices(voxels).T)]
        kernels = response_kernels(self.cohort.scenario, self.subject.hrfs)
        silent = np.full(len(lags), np.nan)
        return np.stack([kernels[k](lags) if k >= 0 else silent for k in labels])

    @property
    def g(self) -> Float[ndarray, "channels voxels"]:
        """The leadfield G (Eq. 3), in V/(A m); voxels of the brain in C order."""
        return self.subject.head.leadfield

    def eeg(self) -> Float[ndarray, "channels times"]:
        """Return the noise-free EEG G P (Eq. 3) at the samples of the recording, in V."""
        return self._eeg.signal()

    @property
    def eeg_parts(self) -> tuple[str, ...]:
        """Names of what N_E (Eq. 3) consists of."""
        return self._eeg.parts

    def eeg_part(self, name: str) -> Float[ndarray, "channels times"]:
        """Return one part of N_E, in V; all parts and the noise-free EEG sum to the recording.

        Parameters
        ----------
        name : str
            One of `eeg_parts`.
        """
        return self._eeg.part(name)

    def bold(self) -> Float[ndarray, "x y z volumes"]:
        """Return the noise-free BOLD signal (gain times X * h, Eq. 1), without its baseline."""
        return self._bold.signal()

    def baseline(self) -> Float[ndarray, "x y z"]:
        """Return the mean of the images without motion and noise."""
        return self._bold.baseline()

    @property
    def bold_parts(self) -> tuple[str, ...]:
        """Names of what N_F (Eq. 1) consists of."""
        return self._bold.parts

    def bold_part(self, name: str) -> Float[ndarray, "x y z volumes"]:
        """Return one part of N_F; all parts, signal and baseline sum to the images.

        Parameters
        ----------
        name : str
            One of `bold_parts`.
        """
        return self._bold.part(name)

    def motion(self) -> Float[ndarray, "6 volumes"] | None:
        """Return where the head was in the middle of each volume, None where it lies still.

        Rows are translations along x, y, z (RAS) in mm and rotations about them in rad.
        """
        return volume_motion(self.cohort.scenario, *self.which)

    def _window(
        self, sources: RunSources, voxels: Voxels, axis: TimeAxis, rate: float | None
    ) -> tuple[Float[ndarray, "voxels times"], TimeAxis]:
        """Return a window of sources, as samples or as means over frames."""
        shares = self._shares(voxels)
        place = np.floor((sources.time - axis.start) * axis.sfreq + 0.5 + 1e-6).astype(np.int64)
        inside = (place >= 0) & (place < axis.n_times)
        heights = sources.amplitude[inside] * axis.sfreq
        shape = (sources.n_regions, axis.n_times)
        trains = csr_array((heights, (sources.region[inside], place[inside])), shape=shape)
        out = np.asarray((shares @ trains).toarray())
        blur = np.ones_like(sources.frequencies)
        if rate is not None:
            blur = np.sinc(sources.frequencies / axis.sfreq)
        waves = shares[:, sources.rhythm_region] @ (sources.waves * blur)
        return out + sum_of_waves(waves, sources.frequencies, axis.times), axis

    @property
    def _eeg(self) -> EegRun:
        """The EEG by parts."""
        return EegRun(self.cohort, self.drawn.electric, self.drawn.events, self.which)

    @property
    def _bold(self) -> BoldRun:
        """The images by parts."""
        return BoldRun(self.cohort, self.drawn.hemodynamic, self.which)

    def _axis(self, start: float, stop: float, rate: float | None) -> TimeAxis:
        """Return the times of a window."""
        scenario = self.cohort.scenario
        sfreq = scenario.source_rate if rate is None else rate
        if rate is None:
            start = np.ceil(start * sfreq - 1e-6) / sfreq
        first, last = -scenario.eeg_lead[1], scenario.duration + scenario.eeg_tail
        n_times = int(np.ceil((stop - start) * sfreq - 1e-6))
        if not first <= start < stop <= last or n_times < 1 or sfreq <= 0:
            raise GridError(
                f"a window of {start:g}-{stop:g} s at {sfreq:g} Hz is not in the run, which has "
                f"sources from {first:g} to {last:g} s; give an increasing window in it that "
                "holds at least one sample"
            )
        return TimeAxis(float(start) + (0.0 if rate is None else 0.5 / rate), sfreq, n_times)

    def _indices(self, voxels: Voxels) -> Int[ndarray, "voxels 3"]:
        """Return the indices of voxels that lie in the brain."""
        brain, voxels = self.subject.head.brain, np.asarray(voxels)
        if voxels.dtype == bool and voxels.shape == brain.shape:
            indices = np.argwhere(voxels)
        else:
            indices = np.atleast_2d(voxels)
        if (
            indices.dtype.kind not in "iu"
            or indices.shape[1] != 3
            or np.any((indices < 0) | (indices >= brain.shape))
        ):
            raise GridError(
                f"voxels are of shape {voxels.shape}; need indices of shape (voxels, 3) or a "
                f"mask, within the grid of {brain.shape}"
            )
        outside = ~brain[tuple(indices.T)]
        if outside.any():
            raise GridError(
                f"voxel {indices[outside][0].tolist()} is outside the brain (and "
                f"{int(outside.sum()) - 1} more); choose from head.brain"
            )
        return indices

    def _shares(self, voxels: Voxels) -> csr_array:
        """Return the matrix from regions to voxels."""
        where = tuple(self._indices(voxels).T)
        regions = self.cohort.regions
        labels, weights = regions.labels[where], regions.weights[where]
        rows = np.flatnonzero(labels >= 0)
        shape = (len(labels), regions.n_regions)
        return csr_array((weights[rows], (rows, labels[rows])), shape=shape)
