"""A hemodynamic response for each region of an atlas, from a subject's voxels.

One response is fitted to all voxels of a region, each at its own slice times and with its own
source, as the model gives it from EEG alone. Voxels whose map is zero say nothing and are left
out; others count by the squares of their maps, and the signs of maps do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from neurotranscoder.analyse.crossed_responses import crossed_responses
from neurotranscoder.analyse.response_shapes import RegionResponses, ResponseSettings
from neurotranscoder.analyse.responses import LagStatistics, basis_of
from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.core.recording import Recording
from neurotranscoder.core.response import Response
from neurotranscoder.io.atlas import Atlas
from neurotranscoder.reconstruct.subject_bold import check_group
from neurotranscoder.train.subject import SubjectSettings
from neurotranscoder.train.subject_signals import SubjectSignals, subject_signals
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject

LEAST_SEEN = 0.1
"""Share of a region's voxels that have to be seen for the region to count as seen."""
_SEGMENT = 30.0  # s, at least: noise of neighbouring segments is hardly alike
_MOST_SEGMENTS = 8

Parts = Literal["runs", "segments", "nothing"]


@dataclass(frozen=True, slots=True, eq=False)
class SubjectResponses:
    """The responses of a subject's regions.

    Parameters
    ----------
    names : tuple of str
        Regions that have voxels in the mask, by number.
    n_voxels, n_used : array of int, shape (regions,)
        Voxels in the mask, and those of them that the model has a map for.
    seen : array, shape (regions,)
        Share of the latter that the model sees; NaN where that is not known.
    responses : RegionResponses
        Curves and shapes; regions without a map have NaN.
    runs : tuple of str
        Labels of runs that were used.
    over : {'runs', 'segments', 'nothing'}
        What was left out in turn for the intervals; 'nothing': there are none.
    """

    names: tuple[str, ...]
    n_voxels: Int[ndarray, " regions"]
    n_used: Int[ndarray, " regions"]
    seen: Float[ndarray, " regions"]
    responses: RegionResponses
    runs: tuple[str, ...]
    over: Parts

    @property
    def trusted(self) -> Bool[ndarray, " regions"]:
        """Which regions the model sees: a tenth of their voxels that have a map, or more."""
        return np.asarray(np.nan_to_num(self.seen) >= LEAST_SEEN)


def region_hrfs(
    trained: TrainedSubject,
    group: TrainedTranscoder,
    recordings: Sequence[Recording],
    atlas: Atlas,
    settings: ResponseSettings | None = None,
    *,
    seen: Bool[ndarray, " voxels"] | None = None,
) -> SubjectResponses:
    """Return the hemodynamic response of each region, with 95 % intervals over runs.

    Parameters
    ----------
    trained : TrainedSubject
        The model.
    group : TrainedTranscoder
        The group model that it was fitted with: its response is what regions are drawn to.
    recordings : sequence of Recording
        Runs of the subject with both modalities; each is looked at by itself. Where there is
        one, its segments are left out in turn instead.
    atlas : Atlas
        Any grid in the space of the images; brought to that of the model.
    settings : ResponseSettings, optional
        Choices.
    seen : array of bool, shape (voxels,), optional
        Which voxels of the mask the model sees: ``trust_map(...).seen()``.

    Raises
    ------
    SettingsError
        When there is no run.
    GridError
        When the atlas or a run is elsewhere than the model, or a run is too short.
    WeightsError
        When the group model is another one, or channels differ.
    """
    settings = ResponseSettings() if settings is None else settings
    if not recordings:
        raise SettingsError("got no run; responses of regions need one with EEG and BOLD")
    check_group(trained, group)
    placed = atlas.on(trained.grid)
    labels = placed.labels[trained.mask]
    numbers = np.setdiff1d(labels, 0)
    if not numbers.size:
        raise GridError(
            f"no region of the atlas has a voxel in the mask of {len(labels)} voxels; check that "
            "atlas and model are in the same space"
        )
    reader = _Reader(trained, group, labels, numbers, basis_of(group.response, settings))
    parts: list[LagStatistics] = []
    over: Parts = "runs"
    for recording in recordings:
        run = reader.signals(recording)
        pieces = [slice(None)]
        if len(recordings) == 1:
            pieces, over = _segments(run)
        parts += reader.statistics(run, pieces)
    found = crossed_responses(parts, group.response, settings, with_intervals=over != "nothing")
    used = reader.used
    return SubjectResponses(
        names=tuple(placed.names[int(one)] for one in numbers),
        n_voxels=np.array([np.sum(labels == one) for one in numbers]),
        n_used=np.array([np.sum(used & (labels == one)) for one in numbers]),
        seen=_share_seen(seen, used, labels, numbers),
        responses=found,
        runs=tuple(one.run.label for one in recordings),
        over=over,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Reader:
    """What is read from each run of a subject."""

    trained: TrainedSubject
    group: TrainedTranscoder
    labels: Int[ndarray, " voxels"]
    numbers: Int[ndarray, " regions"]
    basis: Float[ndarray, "lags basis"]

    @property
    def used(self) -> Bool[ndarray, " voxels"]:
        """Voxels that have a map."""
        return np.asarray(self.trained.maps.any(axis=1))

    def signals(self, recording: Recording) -> SubjectSignals:
        """Return EEG and BOLD of a run, as the model reads them."""
        settings = SubjectSettings.model_validate(dict(self.trained.settings))
        return subject_signals(
            recording,
            group=self.group,
            mask=self.trained.mask,
            rate=self.trained.rate,
            whitening=settings.whitening,
        )

    def statistics(self, run: SubjectSignals, pieces: Sequence[slice]) -> list[LagStatistics]:
        """Return what pieces of a run's volumes say about the responses of regions."""
        settings = SubjectSettings.model_validate(dict(self.trained.settings))
        step = max(1, round(settings.rate / settings.fit_rate))
        courses = self.trained.coder.courses(run.eeg, settings.rate, step=step)
        start = run.axis.start + (step // 2) / settings.rate
        frames = TimeAxis(start, settings.rate / step, courses.shape[1])
        times = self.group.response.times
        through = [
            run.regressors(courses, frames, Response(times, column)) for column in self.basis.T
        ]
        n_regions, n_basis = len(self.numbers), self.basis.shape[1]
        found = [
            LagStatistics(
                np.zeros((n_regions, n_basis, n_basis)),
                np.zeros((n_regions, n_basis)),
                np.zeros(n_regions),
            )
            for _ in pieces
        ]
        for index in np.unique(run.slices[self.used & (self.labels > 0)]):
            features = np.stack([one(int(index)) for one in through])
            for piece, into in zip(pieces, found, strict=True):
                self._add_slice(run, int(index), features[..., piece], piece, into)
        return found

    def _add_slice(
        self,
        run: SubjectSignals,
        index: int,
        features: Float[ndarray, "basis components kept"],
        piece: slice,
        into: LagStatistics,
    ) -> None:
        """Add what the voxels of a slice say."""
        n_basis, n_components, _ = features.shape
        flat = features.reshape(n_basis * n_components, -1)
        gram = (flat @ flat.T).reshape(n_basis, n_components, n_basis, n_components)
        gram = gram.transpose(0, 2, 1, 3).reshape(n_basis**2, n_components**2)
        rows = (run.slices == index) & self.used
        for place, number in enumerate(self.numbers):
            inside = rows & (self.labels == number)
            if not inside.any():
                continue
            maps = self.trained.maps[inside].astype(np.float64)
            bold = run.bold[inside][:, piece].astype(np.float64)
            into.gram[place] += (gram @ (maps.T @ maps).ravel()).reshape(n_basis, n_basis)
            into.cross[place] += features.reshape(n_basis, -1) @ (maps.T @ bold).ravel()
            into.energy[place] += np.sum(bold**2)


def _segments(run: SubjectSignals) -> tuple[list[slice], Parts]:
    """Return the pieces of a single run, and what intervals are over: halves give none."""
    n_volumes = run.bold.shape[1]
    count = min(int(n_volumes * run.volumes.tr / _SEGMENT), _MOST_SEGMENTS)
    bounds = np.linspace(0, n_volumes, max(count, 2) + 1).astype(int)
    pieces = [slice(int(a), int(b)) for a, b in pairwise(bounds)]
    return pieces, "segments" if count > 1 else "nothing"


def _share_seen(
    seen: Bool[ndarray, " voxels"] | None,
    used: Bool[ndarray, " voxels"],
    labels: Int[ndarray, " voxels"],
    numbers: Int[ndarray, " regions"],
) -> Float[ndarray, " regions"]:
    """Return which share of the voxels of each region that have a map is seen."""
    if seen is None:
        return np.full(len(numbers), np.nan)
    inside = [used & (labels == number) for number in numbers]
    return np.array([seen[one].mean() if one.any() else 0.0 for one in inside])
