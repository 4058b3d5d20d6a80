"""Regions in the runs of a subject: what BOLD of their voxels follows, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from neurotranscoder.analyse.responses import LagStatistics
from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.recording import Recording
from neurotranscoder.core.response import Response
from neurotranscoder.train.regression import ridge_solve
from neurotranscoder.train.subject import SubjectSettings
from neurotranscoder.train.subject_signals import SubjectSignals, subject_signals
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject
from neurotranscoder.train.voxel_products import smooth_in_mask

Maps = Float[ndarray, "voxels components"]
_RIDGE, _SMOOTHING = 1e-2, 0.0  # where a model does not say which it was fitted with


@dataclass(frozen=True, slots=True, eq=False)
class SliceOfRegion:
    """The voxels of a region in one slice, and what their BOLD follows.

    Parameters
    ----------
    place : int
        Which region, from 0.
    rows : array of int, shape (own,)
        Its voxels among those of the mask.
    features : array, shape (basis, components, kept)
        Courses through each basis function, filtered as BOLD is, at the times of the slice.
    """

    place: int
    rows: Int[ndarray, " own"]
    features: Float[ndarray, "basis components kept"]


@dataclass(frozen=True, slots=True, eq=False)
class RegionRun:
    """One run as it is read.

    Parameters
    ----------
    signals : SubjectSignals
        EEG and BOLD, as the model reads them.
    courses : array, shape (components, frames)
        Of the EEG, at the rate of the fit.
    frames : TimeAxis
        When these are.
    """

    signals: SubjectSignals
    courses: Float[ndarray, "components frames"]
    frames: TimeAxis


@dataclass(frozen=True, slots=True, eq=False)
class RegionReader:
    """What is read from each run of a subject.

    Parameters
    ----------
    trained : TrainedSubject
        The model.
    group : TrainedTranscoder
        The group model that it was fitted with.
    labels : array of int, shape (voxels,)
        Region of each voxel of the mask.
    numbers : array of int, shape (regions,)
        The regions that are looked at.
    basis : array, shape (lags, basis)
        From `analyse.responses.basis_of`.
    """

    trained: TrainedSubject
    group: TrainedTranscoder
    labels: Int[ndarray, " voxels"]
    numbers: Int[ndarray, " regions"]
    basis: Float[ndarray, "lags basis"]

    @property
    def used(self) -> Bool[ndarray, " voxels"]:
        """Voxels that have a map."""
        return np.asarray(self.trained.maps.any(axis=1))

    def run(self, recording: Recording) -> RegionRun:
        """Return a run as the model reads it; the recording is not kept."""
        settings = SubjectSettings.model_validate(dict(self.trained.settings))
        signals = subject_signals(
            recording,
            group=self.group,
            mask=self.trained.mask,
            rate=self.trained.rate,
            whitening=settings.whitening,
        )
        step = max(1, round(settings.rate / settings.fit_rate))
        courses = self.trained.coder.courses(signals.eeg, settings.rate, step=step)
        start = signals.axis.start + (step // 2) / settings.rate
        frames = TimeAxis(start, settings.rate / step, courses.shape[1])
        return RegionRun(signals, courses, frames)

    def slices(self, run: RegionRun) -> Iterator[tuple[int, list[SliceOfRegion]]]:
        """Yield slices of a run, each with its regions."""
        signals, times = run.signals, self.group.response.times
        through = [
            signals.regressors(run.courses, run.frames, Response(times, column))
            for column in self.basis.T
        ]
        inside = self.used & np.isin(self.labels, self.numbers)
        for index in np.unique(signals.slices[inside]):
            features = np.stack([one(int(index)) for one in through])
            here = inside & (signals.slices == index)
            yield (
                int(index),
                [
                    SliceOfRegion(place, np.flatnonzero(here & (self.labels == number)), features)
                    for place, number in enumerate(self.numbers)
                    if np.any(here & (self.labels == number))
                ],
            )

    def statistics(
        self, run: RegionRun, maps: Maps, pieces: Sequence[slice]
    ) -> list[LagStatistics]:
        """Return what pieces of a run's volumes say about the responses of regions."""
        n_regions, n_basis = len(self.numbers), self.basis.shape[1]
        found = [
            LagStatistics(
                np.zeros((n_regions, n_basis, n_basis)),
                np.zeros((n_regions, n_basis)),
                np.zeros(n_regions),
            )
            for _ in pieces
        ]
        for _, regions in self.slices(run):
            for piece, into in zip(pieces, found, strict=True):
                _add_slice(run.signals, regions, maps, piece, into)
        return found

    def refitted(
        self, runs: Sequence[RegionRun], weights: Float[ndarray, "regions basis"]
    ) -> Maps:
        """Return maps of regions' voxels, each fitted with the response of its region.

        The maps of the model were fitted with the group's response: they mix courses so that the
        source of a region that responds late is late itself, and its response seems nearer to the
        group's. Smoothing, within each region, and ridge are those of the model.

        Parameters
        ----------
        runs : sequence of RegionRun
            All runs.
        weights : array, shape (regions, basis)
            Responses.
        """
        shape = self.trained.maps.shape
        cross, grams = np.zeros(shape), np.zeros((len(self.numbers), shape[1], shape[1]))
        counts = np.zeros(len(self.numbers))
        for run in runs:
            for _, regions in self.slices(run):
                for one in regions:
                    seen = np.tensordot(weights[one.place], one.features, 1)
                    cross[one.rows] += run.signals.bold[one.rows] @ seen.T
                    grams[one.place] += len(one.rows) * (seen @ seen.T)
                    counts[one.place] += len(one.rows) / len(runs)
        maps, chosen = np.zeros(shape), {one.name: one.value for one in self.trained.choices}
        width, ridge = chosen.get("smoothing", _SMOOTHING), chosen.get("ridge", _RIDGE)
        for place in np.flatnonzero(counts):
            rows = np.flatnonzero(self.used & (self.labels == self.numbers[place]))
            smoothed = self._smoothed(cross[rows], rows, width)
            maps[rows] = ridge_solve(smoothed, grams[place] / counts[place], ridge)
        return maps

    def _smoothed(self, values: Maps, rows: Int[ndarray, " own"], width: float) -> Maps:
        """Return values of a region's voxels smoothed among them."""
        where = np.argwhere(self.trained.mask)[rows]
        corner = where.min(axis=0)
        inside = np.zeros(np.ptp(where, axis=0) + 1, dtype=bool)
        inside[tuple((where - corner).T)] = True
        return smooth_in_mask(values, inside, self.trained.grid, width)


def _add_slice(
    run: SubjectSignals,
    regions: Sequence[SliceOfRegion],
    maps: Maps,
    piece: slice,
    into: LagStatistics,
) -> None:
    """Add what the voxels of a slice say."""
    features = regions[0].features[..., piece]
    n_basis, n_components, _ = features.shape
    flat = features.reshape(n_basis * n_components, -1)
    gram = (flat @ flat.T).reshape(n_basis, n_components, n_basis, n_components)
    gram = gram.transpose(0, 2, 1, 3).reshape(n_basis**2, n_components**2)
    for one in regions:
        own = maps[one.rows].astype(np.float64)
        bold = run.bold[one.rows][:, piece].astype(np.float64)
        into.gram[one.place] += (gram @ (own.T @ own).ravel()).reshape(n_basis, n_basis)
        into.cross[one.place] += features.reshape(n_basis, -1) @ (own.T @ bold).ravel()
        into.energy[one.place] += np.sum(bold**2)
