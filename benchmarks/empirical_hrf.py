"""The measured canonical response beside the simulator's family and responses found blindly.

    python benchmarks/empirical_hrf.py [--data DIR] [--out PICTURE.svg] [--seeds 0 1 2]

Prints one line for each response (TSV): when it peaks, how wide it is, and its r with the measured
canonical response of about 645 adults. Found blindly are those of the closed form on simulated
studies whose true response is the closest member of the family, and on the two real recordings of
real_recordings.py, which are of rodents.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from numpy import ndarray
from real_recordings import (
    FOLDER,
    Effort,
    Input,
    calcium_blocks,
    default_data,
    examine,
    optical_blocks,
)

from neurotranscoder.physics.head import build_head
from neurotranscoder.physics.hrf import HrfShape, double_gamma_hrf
from neurotranscoder.physics.hrf_fit import fit_hrf_shape
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.report.figures import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    drawing_style,
)
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split

TABLE = Path("empirical_hrf") / "revised_canonical_3bf_across3ROIs.csv"
STEP = 0.1  # s, of the table
REFITS = 100


@dataclass(frozen=True)
class Curve:
    """A response in units of its largest value, and the band of its draws if there are any."""

    name: str
    times: Float[ndarray, " lags"]
    values: Float[ndarray, " lags"]
    band: Float[ndarray, "two lags"] | None = None


def measured_response(data: Path) -> Curve:
    """Return the first row of the table: the canonical response, without derivatives."""
    row = np.loadtxt(data / TABLE, delimiter=",", skiprows=1)[0]
    return Curve("measured in adults", STEP * np.arange(len(row)), row / row.max())


def of_family(name: str, shape: HrfShape) -> Curve:
    """Return a member of the simulator's family."""
    times = STEP * np.arange(round(32.0 / STEP) + 1)
    values = double_gamma_hrf(times, shape)
    return Curve(name, times, values / values.max())


def simulated(seeds: list[int], shape: HrfShape) -> Iterator[Curve]:
    """Fit the closed form to simulated studies with a true response, one of each seed, blindly."""
    for seed in seeds:
        scenario = named_scenario(
            "mixed",
            preset="small",
            seed=seed,
            n_subjects=1,
            runs_per_subject=5,
            hrf=shape.model_dump(),
        )
        cohort = make_cohort(scenario, build_head(scenario.head))
        numbers = [scenario.numbers_of(run) for run in scenario.run_ids]
        recordings = [simulate_run_of(cohort, *number).recording for number in numbers]
        blocks = common_blocks([recordings[0].bold], AlignSettings())
        runs = [align(one, blocks, AlignSettings()) for one in recordings]
        labels = [run.run.label for run in runs]
        split = Split(tuple(labels[:3]), (labels[3],), (labels[4],))
        settings = TrainSettings(architecture="closed_form")
        found = fit_transcoder(runs[:3], runs[3:4], split, settings).response
        name = f"simulated study {seed}, found blindly"
        yield Curve(name, found.times, found.values / found.values.max())


def recorded(data: Path) -> Iterator[Curve]:
    """Return the responses found in the two real recordings; that of the LFP turned over."""
    effort = Effort(refits=REFITS)
    rng = np.random.default_rng(0)
    calcium, _ = calcium_blocks(data)
    yield curve_of("BOLD from calcium, rodent", examine("", "calcium", calcium, effort, rng), 1)
    optical = optical_blocks(data)["LFP"]
    found = examine("", "LFP", optical, effort, rng)
    yield curve_of("optical signal from LFP, rodent, times -1", found, -1)


def curve_of(name: str, found: Input, sign: int) -> Curve:
    """Return a response of one recording with the band of 95 % of its draws of blocks."""
    times = np.arange(len(found.response)) / found.run.aligned.axis.sfreq
    scale = sign * np.abs(found.response).max()
    band = np.percentile(found.responses / scale, [2.5, 97.5], axis=0)
    return Curve(name, times, found.response / scale, band)


def width_of(curve: Curve) -> float:
    """Return the full width at half maximum of the largest lobe, in s."""
    fine = np.arange(0, curve.times[-1], 0.01)
    values = np.interp(fine, curve.times, curve.values)
    peak = int(values.argmax())
    below = np.flatnonzero(values < values[peak] / 2)
    last = below[below > peak]
    first = below[below < peak]
    start = fine[first[-1]] if len(first) else 0.0
    return float((fine[last[0]] if len(last) else fine[-1]) - start)


def line_of(curve: Curve, reference: Curve) -> str:
    """Return a line of the table."""
    shared = curve.times <= reference.times[-1]
    expected = np.interp(curve.times[shared], reference.times, reference.values)
    r = np.corrcoef(curve.values[shared], expected)[0, 1]
    peak = curve.times[curve.values.argmax()]
    return f"{curve.name}\t{peak:.2f}\t{width_of(curve):.2f}\t{r:.3f}"


LOOKS = {
    "measured": {"color": BLACK, "lw": 2.0},
    "closest": {"color": ORANGE, "lw": 1.4, "ls": "--"},
    "SPM": {"color": GREY, "lw": 1.2, "ls": ":"},
    "simulated": {"color": BLUE, "lw": 0.9},
    "BOLD": {"color": VERMILLION, "lw": 1.2},
    "optical": {"color": GREEN, "lw": 1.2},
}


def picture(curves: list[Curve]) -> Figure:
    """Draw all responses over the time since the neural activity."""
    with drawing_style():
        figure = Figure(figsize=(7.2, 3.8), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color=GREY, lw=0.6)
        shown: set[str] = set()
        for curve in curves:
            kind = next(name for name in LOOKS if curve.name.startswith(name))
            label = "simulated studies, found blindly" if kind == "simulated" else curve.name
            if curve.band is not None:
                colour = LOOKS[kind]["color"]
                axes.fill_between(curve.times, *curve.band, color=colour, alpha=0.15, lw=0)
            new = label not in shown
            axes.plot(curve.times, curve.values, label=label if new else None, **LOOKS[kind])
            shown.add(label)
        axes.set(
            xlabel="time after neural activity (s)",
            ylabel="response (1 = largest value)",
            xlim=(0, 32),
            ylim=(-0.4, 1.2),
        )
        axes.legend(loc="upper right")
        return figure


def main() -> int:
    """Print the table; draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=default_data(), help="folder of real data")
    parser.add_argument("--out", type=Path, help="also draw the figure here")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    for name in (TABLE.parent.name, FOLDER):
        if not (options.data / name).is_dir():
            print(
                f"no {name} in {options.data}; set --data or NEUROTRANSCODER_TEST_DATA",
                file=sys.stderr,
            )
            return 2
    measured = measured_response(options.data)
    fit = fit_hrf_shape(measured.times, measured.values)
    curves = [
        measured,
        of_family("closest double gamma", fit.shape),
        of_family("SPM's double gamma", HrfShape()),
        *simulated(options.seeds, fit.shape),
        *recorded(options.data),
    ]
    print("response\tpeak_s\tfwhm_s\tr_with_measured")
    for curve in curves:
        print(line_of(curve, measured))
    free = ("peak_delay", "peak_dispersion", "undershoot_delay", "ratio")
    print("# closest double gamma:", {name: round(getattr(fit.shape, name), 3) for name in free})
    if options.out:
        with drawing_style():
            picture(curves).savefig(options.out, metadata={"Date": None, "Creator": None})
    return 0


if __name__ == "__main__":
    sys.exit(main())
