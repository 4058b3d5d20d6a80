"""A hemodynamic response for each region of an atlas, from a subject's voxels.

One response is fitted to all voxels of a region, each at its own slice times and with its own
source. Maps of sources are fitted anew with the response of the region (`RegionReader.refitted`),
and responses are read by regression and by instruments (`analyse.joined_responses`). Voxels whose
map is zero say nothing and are left out; others count by the squares of their maps, and the signs
of maps do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from neurotranscoder.analyse.crossed_responses import crossed_curves, instrumented_curves
from neurotranscoder.analyse.instruments import instrument_statistics
from neurotranscoder.analyse.joined_responses import instrument_share, joined_responses
from neurotranscoder.analyse.region_reader import RegionReader, RegionRun
from neurotranscoder.analyse.response_shapes import RegionResponses, ResponseSettings
from neurotranscoder.analyse.responses import basis_of
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.core.recording import Recording
from neurotranscoder.core.spread import kept
from neurotranscoder.io.atlas import Atlas
from neurotranscoder.reconstruct.subject_bold import check_group
from neurotranscoder.train.subject_signals import SubjectSignals
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
    instrument_share : float
        Weight of what instruments say; see `analyse.joined_responses`.
    """

    names: tuple[str, ...]
    n_voxels: Int[ndarray, " regions"]
    n_used: Int[ndarray, " regions"]
    seen: Float[ndarray, " regions"]
    responses: RegionResponses
    runs: tuple[str, ...]
    over: Parts
    instrument_share: float

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
    settings = (settings or ResponseSettings()).of_subject
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
    basis = basis_of(group.response, settings)
    reader = RegionReader(trained, group, labels, numbers, basis)
    runs = kept(reader.run, recordings)
    responses, over, share = _read(reader, runs, settings)
    used = reader.used
    return SubjectResponses(
        names=tuple(placed.names[int(one)] for one in numbers),
        n_voxels=np.array([np.sum(labels == one) for one in numbers]),
        n_used=np.array([np.sum(used & (labels == one)) for one in numbers]),
        seen=_share_seen(seen, used, labels, numbers),
        responses=responses,
        runs=tuple(one.run.label for one in recordings),
        over=over,
        instrument_share=share,
    )


def _read(
    reader: RegionReader, runs: Sequence[RegionRun], settings: ResponseSettings
) -> tuple[RegionResponses, Parts, float]:
    """Return responses, what intervals are over, and how much instruments count."""
    response, pieces = reader.group.response, [slice(None)]
    over: Parts = "runs"
    if len(runs) == 1:
        pieces, over = _segments(runs[0].signals)
    maps = reader.trained.maps.astype(np.float64)
    parts = [part for run in runs for part in reader.statistics(run, maps, pieces)]
    # once: with more rounds regions that are hardly seen wander
    maps = reader.refitted(runs, crossed_curves(parts, response, settings).weights)
    parts = [part for run in runs for part in reader.statistics(run, maps, pieces)]
    direct = crossed_curves(parts, response, settings)
    through = [part for run in runs for part in instrument_statistics(reader, run, maps, pieces)]
    other = (
        instrumented_curves(through, response, settings) if reduce(add, through).enough else None
    )
    share = instrument_share(response.times, direct, other, settings)
    found = joined_responses(
        response.times, direct, other, share, settings, with_intervals=over != "nothing"
    )
    return found, over, share


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
