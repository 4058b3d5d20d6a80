"""How well what is read out region by region agrees with the truth, where it was simulated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.analyse.response_shapes import (
    RegionResponses,
    ResponseSettings,
    shapes_of,
)
from neurotranscoder.analyse.responses import responses_of
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.held_out import HeldOut, inside
from neurotranscoder.evaluate.table import MeasureRow
from neurotranscoder.evaluate.truths import Units, brains_of
from neurotranscoder.signal.correlation import (
    Interval,
    correlate_rows,
    fisher_mean,
    median_interval,
)
from neurotranscoder.simulate.sources import MANY_REGIONS
from neurotranscoder.simulate.truth import Truth
from neurotranscoder.train.trained import TrainedTranscoder

_FINE = 0.01  # s
_NAN = float("nan")


def regions_respond_alike(truth: Truth) -> bool:
    """Return whether all regions of each brain have one response, or regions are too many."""
    many = truth.regions.n_regions > MANY_REGIONS
    return many or len(set(truth.cohort.template.hrfs)) == 1


def region_response_rows(
    scenario: str,
    name: str,
    trained: TrainedTranscoder,
    truth: Truth,
    training: Sequence[AlignedRun],
    validation: Sequence[AlignedRun],
) -> list[MeasureRow]:
    """Compare the response that is read out for each true region with the true one.

    As with leadfields, the truth gives the place of the regions and nothing else. Where regions
    respond alike there is nothing to tell, and no row.

    Parameters
    ----------
    scenario, name : str
        What was simulated, and the model.
    trained : TrainedTranscoder
        The model.
    truth : Truth
        Of its study.
    training, validation : sequence of AlignedRun
        Its runs.
    """
    if regions_respond_alike(truth):
        return []
    shares = Units.of(truth, trained.blocks).shares
    inside_blocks = shares.sum(axis=0) > 0
    found = responses_of(
        trained, training, validation, shares[:, inside_blocks], ResponseSettings()
    )
    true = true_shapes(truth, [run.run for run in training])[:, inside_blocks]
    return [
        MeasureRow(scenario, name, "hrf", "all", measure, one.mean, unit, one.low, one.high, one.n)
        for measure, unit, one in response_facts(found, true)
    ]


def true_shapes(truth: Truth, runs: Sequence[RunId]) -> Float[ndarray, "4 regions"]:
    """Return peak, width, undershoot and its time of each region, as a transcoder can know them.

    They are those of the mean response over the brains of some runs, as `shapes_of` has them.
    """
    times = np.arange(0.0, 32.0, _FINE)
    late = times + truth.evoked.delay
    mean = np.mean([truth.region_hrfs(late, brain) for brain in brains_of(truth, runs)], axis=0)
    return shapes_of(times, mean, ResponseSettings())


def response_facts(
    found: RegionResponses, true: Float[ndarray, "4 regions"]
) -> list[tuple[str, str, Interval]]:
    """Return measure, unit and value over regions: r of shapes, errors, coverage of the peak."""
    peak, fwhm, depth = found.peak, found.fwhm.value, found.undershoot.value
    known = np.isfinite(peak.value)
    covered = (peak.low <= true[0]) & (true[0] <= peak.high)
    share = Interval(float(covered[known].mean()), _NAN, _NAN, int(known.sum()))
    return [
        ("region_peak_r", "", over_regions(peak.value, true[0])),
        ("region_peak_error", "s", median_interval(np.abs(peak.value - true[0]))),
        ("region_peak_covered", "", share),
        ("region_fwhm_r", "", over_regions(fwhm, true[1])),
        ("region_undershoot_r", "", over_regions(depth, true[2])),
        ("region_undershoot_error", "", median_interval(np.abs(depth - true[2]))),
    ]


def over_regions(found: Float[ndarray, " regions"], true: Float[ndarray, " regions"]) -> Interval:
    """Return Pearson's r over regions with its 95 % interval on Fisher's z."""
    known = np.isfinite(found) & np.isfinite(true)
    n = int(known.sum())
    if n < 4:
        return Interval(_NAN, _NAN, _NAN, n)
    r = float(correlate_rows(found[np.newaxis, known], true[np.newaxis, known])[0])
    z, half = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)), 1.96 / np.sqrt(n - 3)
    return Interval(r, float(np.tanh(z - half)), float(np.tanh(z + half)), n)


def accuracy_where(
    estimates: Sequence[Float[ndarray, "blocks frames"]],
    runs: Sequence[HeldOut],
    classes: Int[ndarray, " blocks"],
    *,
    edge: tuple[float, float] = (32.0, 30.0),
) -> dict[int, tuple[float, int]]:
    """Return the mean r with the true source, and the number of blocks, in each class of blocks.

    A map of what can be seen is worth something if estimates are better where it says so.

    Parameters
    ----------
    estimates : sequence of array, shape (blocks, frames)
        Sources of held-out runs.
    runs : sequence of HeldOut
        The runs, with their truth.
    classes : array of int, shape (blocks,)
        Class of each block; those without a true source are left out.
    edge : tuple of float
        Seconds at the start and end of a run that do not count.
    """
    r = []
    for estimate, run in zip(estimates, runs, strict=True):
        assert run.sources is not None
        axis = run.aligned.axis
        part = inside(1 / axis.sfreq, axis.n_times, edge)
        r.append(correlate_rows(estimate[:, part], run.sources[:, part]))
    values = np.stack(r)
    there = np.isfinite(values).all(axis=0)
    return {
        int(one): (
            fisher_mean(values[:, there & (classes == one)].ravel()),
            int(np.sum(there & (classes == one))),
        )
        for one in np.unique(classes[there])
    }
