"""Choose what the report shows: examples by rule, never by taste.

Time courses are those of the block (or channel) whose score is the median of its kind; source
maps are taken at the moments at which the fused estimate is strongest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.analyse.readouts import region_leadfield
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.findings import Line, Panel, SourceMap, Topography
from neurotranscoder.evaluate.scoring import HeldOut, Prediction
from neurotranscoder.evaluate.study import Candidate
from neurotranscoder.evaluate.truths import Units, brains_of, mean_true_response
from neurotranscoder.reconstruct.cells import at_acquisition
from neurotranscoder.reconstruct.group import GroupEstimates
from neurotranscoder.signal.correlation import correlate_rows
from neurotranscoder.simulate.truth import Truth

SHOWN_SECONDS = 120.0
N_MOMENTS = 3
N_TOPOGRAPHIES = 3


def median_row(r: Float[ndarray, " rows"]) -> int:
    """Return the row whose score is the median of all that have one."""
    known = np.flatnonzero(np.isfinite(r))
    return int(known[np.argsort(r[known], kind="stable")[len(known) // 2]])


def shown(times: Float[ndarray, " times"]) -> slice:
    """Return the part of a run that is shown: the first two minutes after the edge."""
    first = int(np.searchsorted(times, min(32.0, times[-1] / 4)))
    return slice(first, first + int(np.searchsorted(times - times[first], SHOWN_SECONDS)))


def source_panels(
    run: HeldOut, estimates: GroupEstimates, rivals: Sequence[tuple[str, Prediction]]
) -> list[Panel]:
    """Return a panel for each kind of source: truth, both estimates, and rivals from EEG."""
    if run.sources is None or run.kinds is None:
        return []
    panels = []
    axis = run.aligned.axis
    part = shown(axis.times)
    for kind in ("evoked", "oscillatory"):
        rows = np.flatnonzero(run.kinds == kind)
        if rows.size == 0:
            continue
        r = correlate_rows(estimates.source_from_eeg.data[rows], run.sources[rows])
        block = rows[median_row(r)]
        named = [
            ("truth", run.sources),
            ("from EEG", estimates.source_from_eeg.data),
            ("from BOLD", estimates.source_from_bold.data),
            *(
                (name, prediction.source_from_eeg)
                for name, prediction in rivals
                if prediction.source_from_eeg is not None and name.startswith("minimum_norm")
            ),
        ]
        lines = [
            Line(name, axis.times[part], _standardised(values[block])[part])
            for name, values in named
            if values is not None
        ]
        title = f"Source ({kind}), block {block} of {run.aligned.run}"
        panels.append(Panel(title, "time (s)", "activity (sd)", tuple(lines)))
    return panels


def signal_panels(run: AlignedRun, estimates: GroupEstimates) -> list[Panel]:
    """Return BOLD from EEG and EEG from BOLD of the cell and the channel in the middle."""
    predicted = at_acquisition(estimates.bold_from_eeg, run.axis, run.cells)
    cell = median_row(correlate_rows(predicted, run.cells.data))
    times = run.cells.times(cell)
    part = shown(times)
    measured = run.cells.data[cell] - run.cells.data[cell].mean()
    bold = Panel(
        f"BOLD, block {run.cells.block[cell]}, slice {run.cells.slice[cell]} of {run.run}",
        "time (s)",
        "BOLD (image units)",
        (
            Line("measured", times[part], measured[part]),
            Line("from EEG", times[part], predicted[cell][part]),
        ),
    )
    channel = median_row(correlate_rows(estimates.eeg_from_bold, run.eeg))
    frames = shown(run.axis.times)
    potential = (run.eeg[channel] - run.eeg[channel].mean()) * 1e6
    eeg = Panel(
        f"EEG at group rate, channel {run.montage.names[channel]} of {run.run}",
        "time (s)",
        "potential (µV)",
        (
            Line("measured", run.axis.times[frames], potential[frames]),
            Line(
                "from BOLD", run.axis.times[frames], estimates.eeg_from_bold[channel, frames] * 1e6
            ),
        ),
    )
    return [bold, eeg]


def source_maps(run: HeldOut, estimates: GroupEstimates) -> list[SourceMap]:
    """Return maps at the moments at which the fused estimate is strongest."""
    axis = run.aligned.axis
    named = [
        ("truth", run.sources),
        ("from EEG", estimates.source_from_eeg.data),
        ("from BOLD", estimates.source_from_bold.data),
        ("fused", estimates.source_fused.data),
    ]
    there = [(name, values) for name, values in named if values is not None]
    return [
        SourceMap(
            f"{run.aligned.run} at {axis.times[frame]:.1f} s",
            float(axis.times[frame]),
            tuple(name for name, _ in there),
            np.stack([values[:, frame] for _, values in there]),
        )
        for frame in strongest_frames(estimates.source_fused.data, axis.sfreq)
    ]


def strongest_frames(source: Float[ndarray, "blocks frames"], rate: float) -> list[int]:
    """Return frames of largest global power, in order, at least 30 s apart, edges left out."""
    power = np.mean(source**2, axis=0)
    edge = min(round(32 * rate), len(power) // 4)
    power[:edge] = power[len(power) - edge :] = -1.0
    frames: list[int] = []
    for _ in range(N_MOMENTS):
        best = int(np.argmax(power))
        if power[best] < 0:
            break
        frames.append(best)
        power[max(0, best - round(30 * rate)) : best + round(30 * rate)] = -1.0
    return sorted(frames)


def response_panel(
    candidates: Sequence[Candidate], truth: Truth | None, runs: Sequence[AlignedRun]
) -> Panel:
    """Return the learnt responses beside the true one, each with a largest value of one.

    Where the subjects of the runs differ, the true one is their mean.
    """
    lines = []
    if truth is not None:
        times = np.linspace(0, 32, 641)
        brains = brains_of(truth, (run.run for run in runs))
        lines.append(Line("truth", times, _peaked(mean_true_response(truth, brains, times))))
    for candidate in candidates:
        response = candidate.trained.response
        lines.append(Line(candidate.name, response.times, _peaked(response.values)))
    return Panel("Hemodynamic response", "lag (s)", "response (largest value 1)", tuple(lines))


def topographies(candidate: Candidate, truth: Truth, run: AlignedRun) -> tuple[Topography, ...]:
    """Return leadfields of regions at the quartiles of agreement with the truth."""
    units = Units.of(truth, run.blocks)
    learnt = region_leadfield(candidate.trained.leadfield, units.shares)
    learnt = learnt - learnt.mean(axis=0)
    true, names = units.leadfield(truth.subject(run.run)), units.names
    r = correlate_rows(learnt.T, true.T)
    order = np.argsort(r, kind="stable")
    places = np.round(np.linspace(0.25, 0.75, N_TOPOGRAPHIES) * (len(r) - 1)).astype(int)
    return tuple(
        Topography(
            f"{names[region]}, r = {r[region]:.3f}",
            ("truth", candidate.name),
            np.stack([_peaked(true[:, region]), _peaked(learnt[:, region])]),
        )
        for region in order[places]
    )


def _standardised(values: Float[ndarray, " times"]) -> Float[ndarray, " times"]:
    """Return a time course without mean, in units of its sd."""
    return np.asarray((values - values.mean()) / max(values.std(), np.finfo(float).tiny))


def _peaked(values: Float[ndarray, " points"]) -> Float[ndarray, " points"]:
    """Return values divided by the largest absolute one."""
    return np.asarray(values / max(np.abs(values).max(), np.finfo(float).tiny))
