"""Transcode two real simultaneous recordings, held out by blocks, beside rivals and nulls.

    python benchmarks/real_recordings.py [--data DIR] [--out DIR] [--seed N]

Prints the table of docs/real_recordings.md (TSV); with --out also writes real_recordings.tsv,
real_recordings.json and real_recordings.png.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.io import loadmat
from scipy.ndimage import uniform_filter1d

from neurotranscoder.core.errors import InputError
from neurotranscoder.evaluate.block_statistics import (
    block_interval,
    block_moments,
    bootstrap_responses,
    correlation,
    draw_blocks,
    gain_over_rival,
    partial_correlation,
    peak_delay,
    percentile_interval,
    strongest_lag,
    wrong_block_null,
)
from neurotranscoder.evaluate.blocks import (
    BlockedRun,
    HeldOutBlocks,
    hold_out_blocks,
    recovered_response,
)
from neurotranscoder.io.one_channel import recording_from_arrays
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.signal.correlation import Interval
from neurotranscoder.train.closed_form import ClosedFormSettings

# rodent responses are over within 20 s; blocks of 60 s have to hold 1.5 times the filters;
# with one channel W is one number: its whitening and ridge leave nothing to choose
CANDIDATES = tuple(
    ClosedFormSettings(
        fix_conventions=False,
        hrf_duration=20.0,
        decoder_span=(-20.0, 10.0),
        hrf_smoothness=smoothness,
        final_whitening=(1e-2,),
        ridges=(1e-4,),
    )
    for smoothness in (1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)
)
FOLDER = "neural_and_hemodynamic"
CALCIUM_FILE, OPTICAL_FILE = "calcium_2Hz_15s_stimulation.mat", "s1_suj5_525_preproc.mat"
CALCIUM_SFREQ, CALCIUM_TR, OPTICAL_SFREQ = 50.0, 1.5, 6.25
OPTICAL_BLOCKS = 6
SMOOTHING_SECONDS = 2.0
LONGEST_LAG = 8.0
SMOOTHED = ("LFPpower2s",)  # the fit divides the smoothing out again: no delay can be read
NONE = Interval(float("nan"), float("nan"), float("nan"), 0)


@dataclass(frozen=True)
class Effort:
    """How often something is drawn."""

    draws: int = 2000
    refits: int = 200
    permutations: int = 1000


@dataclass(frozen=True)
class Input:
    """One neural signal, brought to blocks, and what was found."""

    recording: str
    name: str
    run: BlockedRun
    held_out: HeldOutBlocks
    settings: ClosedFormSettings
    response: Float[ndarray, " lags"]
    responses: Float[ndarray, "draws lags"]


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    recording: str
    input: str
    r: float
    ci_low: float
    ci_high: float
    null_mean: float
    null_p95: float
    delay_s: float
    delay_low: float
    delay_high: float
    partial_r: float
    partial_low: float
    partial_high: float
    minus_stimulus: float
    minus_low: float
    minus_high: float
    lag_s: float
    lag_r: float
    lag_low: float
    lag_high: float
    smoothness: float
    n_blocks: int


def default_data() -> Path:
    """Return the folder of the real recordings."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("NEUROTRANSCODER_TEST_DATA", beside))


def pulses(trigger_time: Float[ndarray, " triggers"]) -> Float[ndarray, " pulses"]:
    """Return the stimulus pulses: most triggers are stored twice, 0.2 ms apart."""
    return trigger_time[np.r_[True, np.diff(trigger_time) > 0.01]]


def calcium_blocks(
    data: Path, *, sample_time: float = CALCIUM_TR
) -> tuple[BlockedRun, BlockedRun]:
    """Return calcium and BOLD, and the stimulus train and BOLD, in stimulation blocks.

    A block begins with the first pulse of its train. BOLD is placed at the file's own
    ``BOLD_time``: 1.5 s for the first volume, the end of its TR.
    """
    stored = loadmat(data / FOLDER / CALCIUM_FILE)
    calcium, bold = stored["calcium_raw"].ravel(), stored["BOLD_calcium"].ravel()
    times = pulses(stored["trigger_time"].ravel())
    starts = times[np.r_[True, np.diff(times) > 10]]
    train = np.zeros(len(calcium))
    train[np.floor(times * CALCIUM_SFREQ + 1e-6).astype(int)] = 1.0
    runs = []
    for name, neural in (("calcium", calcium), ("stimulus", train)):
        recording = recording_from_arrays(
            neural,
            bold,
            sfreq=CALCIUM_SFREQ,
            tr=CALCIUM_TR,
            name=name,
            sample_time=sample_time,
        )
        settings = AlignSettings()
        aligned = align(recording, common_blocks([recording.bold], settings), settings)
        runs.append(BlockedRun(aligned, starts, float(np.diff(starts).min())))
    return runs[0], runs[1]


def optical_blocks(data: Path) -> dict[str, BlockedRun]:
    """Return LFP, its power and its smoothed power, with the optical signal, in equal blocks."""
    stored = loadmat(data / FOLDER / OPTICAL_FILE)
    lfp, optical = stored["LFP"].ravel(), stored["OPT"].ravel()
    width = 2 * round(SMOOTHING_SECONDS * OPTICAL_SFREQ / 2) + 1
    signals = {
        "LFP": lfp,
        "LFPpower": lfp**2,
        "LFPpower2s": uniform_filter1d(lfp**2, width),
    }
    runs = {}
    for name, neural in signals.items():
        recording = recording_from_arrays(
            neural, optical, sfreq=OPTICAL_SFREQ, tr=1 / OPTICAL_SFREQ, name=name
        )
        settings = AlignSettings(frames_per_tr=1)
        aligned = align(recording, common_blocks([recording.bold], settings), settings)
        runs[name] = BlockedRun.of_equal_blocks(aligned, OPTICAL_BLOCKS)
    return runs


def examine(
    recording: str, name: str, run: BlockedRun, effort: Effort, rng: np.random.Generator
) -> Input:
    """Hold out every block, then recover the response from all blocks and from draws of them."""
    held_out = hold_out_blocks(run, CANDIDATES)
    settings = CANDIDATES[held_out.best_candidate]
    draws = draw_blocks(run.n_blocks, effort.refits, rng)
    return Input(
        recording,
        name,
        run,
        held_out,
        settings,
        recovered_response(run, settings),
        bootstrap_responses(run, settings, draws),
    )


def row_of(found: Input, rival: Input | None, effort: Effort, rng: np.random.Generator) -> Row:
    """Return the line of one input; ``rival`` is what is regressed out."""
    run, measured, predicted = found.run, found.held_out.measured, found.held_out.paired()
    rate = run.aligned.axis.sfreq
    draws = draw_blocks(run.n_blocks, effort.draws, rng)
    r = block_interval(block_moments(measured, predicted), correlation, draws)
    null = wrong_block_null(found.held_out, effort.permutations, rng)
    delays = np.array([peak_delay(response, rate) for response in found.responses])
    delay = percentile_interval(peak_delay(found.response, rate), delays, run.n_blocks)
    if found.name in SMOOTHED:
        delay = NONE
    partial = gain = NONE
    if rival is not None:
        moments = block_moments(measured, predicted, rival.held_out.paired())
        partial = block_interval(moments, partial_correlation, draws)
        gain = block_interval(moments, gain_over_rival, draws)
    lags = np.arange(0, LONGEST_LAG, 0.16)
    lag, lag_r = strongest_lag(run, lags, draws)
    return Row(
        found.recording,
        found.name,
        *_three(r),
        float(null.mean()),
        float(np.percentile(null, 95)),
        *_three(delay),
        *_three(partial),
        *_three(gain),
        lag,
        *_three(lag_r),
        found.settings.hrf_smoothness,
        run.n_blocks,
    )


def _three(interval: Interval) -> tuple[float, float, float]:
    return interval.mean, interval.low, interval.high


def table(rows: list[Row]) -> str:
    """Return the rows as TSV."""

    def cell(value: object) -> str:
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    lines = ["\t".join(field.name for field in fields(Row))]
    lines.extend("\t".join(map(cell, asdict(row).values())) for row in rows)
    return "\n".join(lines) + "\n"


def measure(
    data: Path,
    effort: Effort,
    seed: int,
    progress: Callable[[str], None],
    *,
    bold_time: float = CALCIUM_TR,
) -> tuple[list[Input], list[Row]]:
    """Return all inputs and their rows; every input has its own random numbers."""
    calcium, train = calcium_blocks(data, sample_time=bold_time)
    jobs = [("calcium_bold", "stimulus", train), ("calcium_bold", "calcium", calcium)]
    jobs += [("lfp_optical", name, run) for name, run in optical_blocks(data).items()]
    inputs, rows = [], []
    seeds = np.random.SeedSequence(seed).spawn(len(jobs))
    for (recording, name, run), stage in zip(jobs, seeds, strict=True):
        progress(f"{recording}: {name}")
        rng = np.random.default_rng(stage)
        inputs.append(examine(recording, name, run, effort, rng))
        rival = inputs[0] if name == "calcium" else None
        rows.append(row_of(inputs[-1], rival, effort, rng))
    return inputs, rows


def write(out: Path, inputs: list[Input], rows: list[Row], seed: int) -> None:
    """Write table, responses and figure."""
    from real_recordings_figure import picture

    out.mkdir(parents=True, exist_ok=True)
    (out / "real_recordings.tsv").write_text(table(rows))
    facts = [
        {
            **{k: None if v != v else v for k, v in asdict(row).items()},
            "rate_hz": found.run.aligned.axis.sfreq,
            "response": found.response.tolist(),
            "clock": str(found.run.aligned.clock),
        }
        for found, row in zip(inputs, rows, strict=True)
    ]
    record = {"seed": seed, "candidates": [c.model_dump() for c in CANDIDATES], "rows": facts}
    (out / "real_recordings.json").write_text(json.dumps(record, indent=1) + "\n")
    shown = [pair for pair in zip(inputs, rows, strict=True) if pair[1].input not in SMOOTHED]
    picture(shown).savefig(out / "real_recordings.png", dpi=110)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=default_data(), help="folder of real data")
    parser.add_argument("--out", type=Path, help="also write TSV, JSON and figure here")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--bold-time",
        type=float,
        default=CALCIUM_TR,
        help="seconds into its TR that a BOLD sample stands for; 1.5 = the file's BOLD_time",
    )
    options = parser.parse_args()
    if not (options.data / FOLDER).is_dir():
        print(
            f"no {FOLDER} in {options.data}; set --data or NEUROTRANSCODER_TEST_DATA",
            file=sys.stderr,
        )
        return 2
    try:
        inputs, rows = measure(
            options.data,
            Effort(),
            options.seed,
            lambda line: print(line, file=sys.stderr),
            bold_time=options.bold_time,
        )
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(table(rows), end="")
    if options.out:
        write(options.out, inputs, rows, options.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
