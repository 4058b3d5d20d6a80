"""The subject stage: one subject's sources at voxels and 100 Hz, blind, its group as the prior.

The group's sparse sources are learnt anew at the rate of the movie from the subject's EEG; BOLD
of each voxel, at its own slice times, is regressed on their courses filtered by the group's
response. The movie of a run is the product of these maps and of the courses of its EEG.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import add

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field, NonNegativeFloat, PositiveFloat
from scipy.ndimage import map_coordinates

from neurotranscoder.core.axes import TimeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Recording
from neurotranscoder.core.settings import Settings
from neurotranscoder.core.spread import each, kept
from neurotranscoder.signal.frames import frame_means
from neurotranscoder.train.group_source import group_source
from neurotranscoder.train.regression import Products, centred
from neurotranscoder.train.subject_coder import SubjectCoder, relearnt, spread_frames
from neurotranscoder.train.subject_signals import SubjectSignals, subject_signals
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject, digest_of_group
from neurotranscoder.train.voxel_maps import (
    Choice,
    Folds,
    MapMaker,
    MapSettings,
    first_recipe,
)
from neurotranscoder.train.voxel_products import VoxelProducts

_RIDGE = 1e-6  # of the group's maps: courses may be dependent
_LEAST_INSIDE = 1e-3  # share of blocks in use around a voxel


class SubjectSettings(Settings):
    """Choices of the subject stage; those with several values are made on held-out BOLD."""

    rate: float = Field(default=100.0, gt=0)
    """Frames of the movie per second."""
    smoothings: tuple[NonNegativeFloat, ...] = Field(default=(0.05, 0.1), min_length=1)
    """Candidate full widths at half maximum, in s, of the smoothing of EEG before sources are
    read from it. The first is used where a group has no sparse sources: BOLD cannot tell."""
    loyalties: tuple[NonNegativeFloat, ...] = Field(default=(0.1, 1.0), min_length=1)
    """Candidate weights of the group's leadfield, in frames of the subject."""
    rounds: int = Field(default=8, ge=1)
    """Rounds of expectation-maximisation of the sparse sources of a subject."""
    frames: int = Field(default=2000, ge=100)
    """Frames of EEG that they are learnt from, evenly spread."""
    fit_rate: float = Field(default=20.0, gt=0)
    """Frames of the courses that maps are fitted with, per second; BOLD is far slower."""
    whitening: float = Field(default=0.1, gt=0)
    """eps of 1 / sqrt(|H|^2 + eps), which BOLD of voxels and regressors are filtered with. Not
    chosen: errors after different filters cannot be compared. .01 and less hurts at voxels."""
    folds: int = Field(default=5, ge=2)
    """Parts of the runs that are held out in turn; halves of the run where there is one."""
    maps: MapSettings = MapSettings()
    """Candidates for the maps."""
    minimum_share: PositiveFloat = Field(default=0.5, le=1)
    """A voxel is used when it is brain in this share of the runs."""


def fit_subject(
    recordings: Sequence[Recording],
    group: TrainedTranscoder,
    settings: SubjectSettings,
) -> TrainedSubject:
    """Fit the subject stage on the continuous runs of one subject, blind.

    Parameters
    ----------
    recordings : sequence of Recording
        Runs of one subject. Each is looked at by itself, so a `core.spread.Lazily` of runs has
        one of them in memory at a time; of each run the EEG at ``rate`` and BOLD in the mask are
        kept where `core.spread.kept` keeps them.
    group : TrainedTranscoder
        Group model: its response, scales and channels, and sparse sources where it has them.
    settings : SubjectSettings
        Choices.

    Returns
    -------
    trained : TrainedSubject
        Maps and coder, with every choice and its scores.

    Raises
    ------
    GridError
        When there is no run, a run is too short, or grids differ.
    WeightsError
        When channels are not those of the group.
    """
    start = time.perf_counter()
    names, mask, grid = _common(recordings, settings.minimum_share)
    of_run = partial(
        subject_signals, group=group, mask=mask, rate=settings.rate, whitening=settings.whitening
    )
    stage = _Stage(kept(of_run, recordings), group, settings, mask, grid)
    coder, folds, choices = stage.choose_coder()
    recipe, of_maps = folds.choose(settings.maps)
    maps = folds.maker.maps(reduce(add, folds.parts), recipe)
    return TrainedSubject(
        maps=maps.astype(np.float32),
        grid=grid,
        mask=mask,
        coder=coder,
        rate=settings.rate,
        montage=group.montage,
        eeg_scale=group.scaling.eeg,
        group=digest_of_group(group),
        runs=names,
        choices=(*choices, *of_maps),
        settings=settings.model_dump(mode="json"),
        seconds=time.perf_counter() - start,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Stage:
    """What all choices of a subject are made from."""

    runs: Sequence[SubjectSignals]
    group: TrainedTranscoder
    settings: SubjectSettings
    mask: Bool[ndarray, "x y z"]
    grid: VoxelGrid

    def choose_coder(self) -> tuple[SubjectCoder, Folds, tuple[Choice, ...]]:
        """Return the coder whose courses predict BOLD best, one choice after the other."""
        settings, found = self.settings, self.group.module.sparse_coder
        first = settings.smoothings[0], settings.loyalties[0]
        if found is None:
            given = Choice("eeg_smoothing", first[0], settings.smoothings[:1], ())
            coder = SubjectCoder(first[0], None)
            return coder, self.folds(coder), (given,)
        eegs = [*each(_eeg_of, self.runs)]
        scores: dict[tuple[float, float], float] = {}
        best: list[tuple[SubjectCoder, Folds]] = []

        def score(width: float, loyalty: float) -> float:
            if (width, loyalty) not in scores:
                frames = spread_frames(eegs, settings.rate, width, settings.frames)
                sparse = relearnt(found.sparse, frames, rounds=settings.rounds, loyalty=loyalty)
                coder = SubjectCoder(width, sparse)
                folds = self.folds(coder)
                reached = folds.score(first_recipe(settings.maps))
                if not scores or reached > max(scores.values()):
                    best[:] = [(coder, folds)]
                scores[width, loyalty] = reached
            return scores[width, loyalty]

        width = Choice.best("eeg_smoothing", settings.smoothings, lambda w: score(w, first[1]))
        loyalty = Choice.best("loyalty", settings.loyalties, lambda v: score(width.value, v))
        return *best[0], (width, loyalty)

    def folds(self, coder: SubjectCoder) -> Folds:
        """Return the products of BOLD with the courses of a coder, and the group's maps of them.

        One run is two parts, its halves.
        """
        n_parts = min(len(self.runs), self.settings.folds)
        parts: list[VoxelProducts] = []
        seen: list[Products] = []
        of_run = partial(_of_run, coder=coder, group=self.group, settings=self.settings)
        for number, (halves, of_group) in enumerate(each(of_run, self.runs)):
            seen = [reduce(add, [*seen, of_group])]
            if len(self.runs) == 1:
                parts = list(halves)
            elif number < n_parts:
                parts.append(halves[0] + halves[1])
            else:
                parts[number % n_parts] += halves[0] + halves[1]
        prior = at_voxels(seen[0].weights(_RIDGE), self.group, self.mask, self.grid)
        return Folds(parts, MapMaker(self.mask, self.grid, prior))


def _of_run(
    run: SubjectSignals,
    coder: SubjectCoder,
    group: TrainedTranscoder,
    settings: SubjectSettings,
) -> tuple[tuple[VoxelProducts, VoxelProducts], Products]:
    """Return the products of both halves of a run, and of the group's source with courses."""
    step = max(1, round(settings.rate / settings.fit_rate))
    courses = coder.courses(run.eeg, settings.rate, step=step)
    frames = TimeAxis(
        run.axis.start + (step // 2) / settings.rate, settings.rate / step, courses.shape[1]
    )
    regressors = run.regressors(courses, frames, group.response)
    middle = run.bold.shape[1] // 2
    halves = tuple(
        VoxelProducts.of(regressors, part) for part in (slice(0, middle), slice(middle, None))
    )
    slow = TimeAxis.of_frames(run.axis.duration - 1 / frames.sfreq, group.rate)
    read = frame_means(run.eeg, run.axis.times, slow)
    features = frame_means(courses, frames.times, slow)
    source = group_source(group, read)
    whole = slice(None)
    return (halves[0], halves[1]), Products.of(centred(source, whole), centred(features, whole))


def at_voxels(
    values: Float[ndarray, "blocks features"],
    group: TrainedTranscoder,
    mask: Bool[ndarray, "x y z"],
    grid: VoxelGrid,
) -> Float[ndarray, "voxels features"]:
    """Interpolate maps of blocks to voxels, linearly; blocks that are not in use do not count."""
    blocks = group.blocks
    inverse = np.linalg.inv(blocks.grid.voxel_to_world)
    place = grid.world(np.argwhere(mask)) @ inverse[:3, :3].T + inverse[:3, 3]

    def interpolated(volume: Float[ndarray, "x y z"]) -> Float[ndarray, " voxels"]:
        return np.asarray(map_coordinates(volume, place.T, order=1, mode="nearest"))

    inside = np.maximum(interpolated(blocks.mask.astype(np.float64)), _LEAST_INSIDE)
    full = blocks.unmask(values)
    return np.stack([interpolated(full[..., k]) / inside for k in range(values.shape[1])], axis=1)


def _eeg_of(run: SubjectSignals) -> Float[ndarray, "channels frames"]:
    return run.eeg


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Name, grid and mask of one run."""

    name: str
    grid: VoxelGrid
    mask: Bool[ndarray, "x y z"]

    @classmethod
    def of(cls, recording: Recording) -> _Place:
        return cls(recording.run.label, recording.bold.grid, recording.bold.mask)


def _common(
    recordings: Sequence[Recording], share: float
) -> tuple[tuple[str, ...], Bool[ndarray, "x y z"], VoxelGrid]:
    """Return names of runs, the voxels that are brain in enough of them, and their grid."""
    places = [*each(_Place.of, recordings)]
    if not places:
        raise GridError("no run was given; the subject stage needs at least one")
    grid = places[0].grid
    for place in places:
        if not place.grid.matches(grid):
            raise GridError(
                f"{place.name} has a grid of {place.grid.shape} voxels, {places[0].name} "
                f"{grid.shape} or another place; bring all runs of a subject to one grid first"
            )
    mask = np.mean([place.mask for place in places], axis=0) >= share
    if not mask.any():
        raise GridError(
            f"no voxel is brain in {share:.0%} of the {len(places)} runs; check their masks"
        )
    return tuple(place.name for place in places), np.asarray(mask), grid
