"""Facts about predictions that are no correlation over whole runs: per run, then over runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.evaluate.held_out import HeldOut, Prediction, inside, rows_of, scored_parts
from neurotranscoder.evaluate.image_quality import image_quality
from neurotranscoder.evaluate.point_spread import (
    RegionMaps,
    localisation_errors,
    region_maps,
    spreads,
    spreads_of_truth,
)
from neurotranscoder.evaluate.source_errors import leakage, normalised_errors
from neurotranscoder.evaluate.table import MeasureRow, Quantity, SourceKind
from neurotranscoder.evaluate.time_courses import (
    epoch_correlation,
    lag_correlations,
    lag_reach,
    mean_over_rows,
    peak_lag,
)
from neurotranscoder.reconstruct.cells import at_acquisition
from neurotranscoder.signal.correlation import (
    Interval,
    correlate_rows,
    correlation_interval,
    fisher_mean,
    mean_correlation,
    mean_interval,
    median_interval,
)

Edge = tuple[float, float]
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Fact:
    """A number about one run, whose mean over runs is a row.

    Parameters
    ----------
    measure : str
        What it is.
    value : float
        NaN where the run has none.
    unit : str
        Empty where there is none.
    of_r : bool
        Whether it is a correlation, averaged on Fisher's z.
    """

    measure: str
    value: float
    unit: str = ""
    of_r: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RunMeasures:
    """Facts about one quantity and kind of source in one held-out run.

    Parameters
    ----------
    quantity, source_kind : str
        What they are about.
    facts : tuple of Fact
        What is averaged over runs.
    by_lag : array, shape (lags,), or None
        Of sources: mean r (Fisher z) over rows at each lag around 0.
    rate : float
        Lags per second.
    maps : RegionMaps or None
        Of sources whose regions are known: the map of each region, of all kinds.
    """

    quantity: Quantity
    source_kind: SourceKind
    facts: tuple[Fact, ...]
    by_lag: Float[ndarray, " lags"] | None = None
    rate: float = _NAN
    maps: RegionMaps | None = None


def run_measures(prediction: Prediction, run: HeldOut, edge: Edge) -> tuple[RunMeasures, ...]:
    """Return what `measure_rows` needs of one run; its estimates may then be dropped.

    Parameters
    ----------
    prediction : Prediction
        What a method says about the run.
    run : HeldOut
        The run.
    edge : tuple of float
        Seconds at its start and end that do not count.
    """
    found: list[RunMeasures] = []
    of_source: dict[str, _Source] = {}
    for quantity, kind in scored_parts(prediction, run):
        if quantity.startswith("bold"):
            facts = _facts_of_images(getattr(prediction, quantity), run, edge)
            found.append(RunMeasures(quantity, kind, tuple(facts)))
        elif quantity.startswith("source"):
            if quantity not in of_source:
                of_source[quantity] = _Source.of(getattr(prediction, quantity), run, edge)
            found.append(of_source[quantity].measures(quantity, kind))
    return tuple(found)


def measure_rows(
    scenario: str,
    method: str,
    measures: Sequence[Sequence[RunMeasures]],
    subjects: Sequence[str],
) -> list[MeasureRow]:
    """Return one row for each fact, from what `run_measures` found in each run.

    Parameters
    ----------
    scenario, method : str
        What was simulated, and what is scored.
    measures : sequence of sequence of RunMeasures
        One entry for each run.
    subjects : sequence of str
        Subject of each run.
    """
    rows = []
    for of_runs in zip(*measures, strict=True):
        fact = scenario, method, of_runs[0].quantity, of_runs[0].source_kind
        for name, unit, found in _over_runs(of_runs, subjects):
            rows.append(MeasureRow(*fact, name, found.mean, unit, found.low, found.high, found.n))
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """One estimate of the sources of a run, and what all kinds of source need of it."""

    estimate: Float[ndarray, "blocks frames"]
    run: HeldOut
    part: slice
    by_lag: Float[ndarray, "lags blocks"]
    errors: tuple[Float[ndarray, " blocks"], Float[ndarray, " blocks"]]
    maps: RegionMaps | None

    @classmethod
    def of(cls, whole: Float[ndarray, "blocks frames"], run: HeldOut, edge: Edge) -> _Source:
        """Compute what is shared."""
        assert run.sources is not None
        axis = run.aligned.axis
        part = inside(1 / axis.sfreq, axis.n_times, edge)
        estimate, truth = whole[:, part], run.sources[:, part]
        by_lag = lag_correlations(estimate, truth, lag_reach(axis.sfreq))
        maps = None
        if run.regions is not None:
            maps = region_maps(whole, run.regions, run.aligned.blocks, part)
        return cls(estimate, run, part, by_lag, normalised_errors(estimate, truth), maps)

    def measures(self, quantity: Quantity, kind: SourceKind) -> RunMeasures:
        """Return the facts about sources of a kind."""
        rate = self.run.aligned.axis.sfreq
        chosen, _ = rows_of(kind, self.run)
        by_lag = mean_over_rows(self.by_lag[:, chosen])
        return RunMeasures(quantity, kind, tuple(self._facts(kind)), by_lag, rate, self.maps)

    def _facts(self, kind: SourceKind) -> Iterator[Fact]:
        """Yield what is averaged over runs."""
        run, part = self.run, self.part
        chosen, truth = rows_of(kind, run)
        one, two = self.estimate[chosen], truth[chosen][:, part]
        yield Fact("r_30s", epoch_correlation(one, two, run.aligned.axis.sfreq), of_r=True)
        yield Fact("spatial_r", fisher_mean(correlate_rows(one.T, two.T)), of_r=True)
        if run.waveforms is not None and kind == "oscillatory":
            waveforms = run.waveforms[chosen][:, part]
            yield Fact("r_waveform", mean_correlation(one, waveforms), of_r=True)
        errors, energies = (values[chosen].sum() for values in self.errors)
        yield Fact("nmse", float(errors / energies) if energies > 0 else _NAN)
        if run.kinds is not None and kind == "all" and "silent" in run.kinds:
            silent = run.kinds == "silent"
            yield Fact("leakage", leakage(self.estimate, silent))
            yield Fact("leakage_of_flat_map", float(np.mean(silent)))


def _facts_of_images(
    bold: Float[ndarray, "blocks frames"], run: HeldOut, edge: Edge
) -> Iterator[Fact]:
    """Yield how predicted BOLD looks at acquired volumes, beside an image that never changes."""
    aligned = run.aligned
    cells, blocks = aligned.cells, aligned.blocks
    part = inside(cells.volumes.tr, cells.data.shape[1], edge)
    predicted = replace(cells, data=at_acquisition(bold, aligned.axis, cells))
    one, two = (each.block_volumes(blocks.n_blocks)[:, part] for each in (predicted, cells))
    found, of_mean = image_quality(one, two, blocks)
    yield Fact("ssim", found.ssim)
    yield Fact("ssim_of_mean_image", of_mean.ssim)
    yield Fact("psnr", found.psnr, "dB")
    yield Fact("psnr_of_mean_image", of_mean.psnr, "dB")


def _over_runs(
    of_runs: Sequence[RunMeasures], subjects: Sequence[str]
) -> Iterator[tuple[str, str, Interval]]:
    """Yield measure, unit and mean over runs of each fact about one quantity and kind."""
    for facts in zip(*(one.facts for one in of_runs), strict=True):
        first, values = facts[0], [fact.value for fact in facts]
        interval = correlation_interval if first.of_r else mean_interval
        yield first.measure, first.unit, interval(values, subjects)
    if (by_lag := [one.by_lag for one in of_runs if one.by_lag is not None]) != []:
        lag, r = peak_lag(by_lag, of_runs[0].rate)
        yield "best_lag", "s", Interval(lag, _NAN, _NAN, len(by_lag))
        yield "r_best_lag", "", Interval(r, _NAN, _NAN, len(by_lag))
    if maps := [one.maps for one in of_runs if one.maps is not None]:
        yield from _over_regions(maps, of_runs[0].source_kind)


def _over_regions(
    maps: Sequence[RegionMaps], kind: SourceKind
) -> Iterator[tuple[str, str, Interval]]:
    """Yield the mean error and the median spread of the regions of a kind.

    Intervals are over regions.
    """
    kinds = maps[0].regions.kinds
    chosen = np.ones(len(kinds), dtype=bool) if kind == "all" else kinds == kind
    names = [str(region) for region in np.flatnonzero(chosen)]
    errors = localisation_errors(maps)[chosen].tolist()
    yield "localisation_error", "mm", mean_interval(errors, names)
    yield "spread", "mm", median_interval(spreads(maps)[chosen])
    yield "spread_of_truth", "mm", median_interval(spreads_of_truth(maps[0])[chosen])
