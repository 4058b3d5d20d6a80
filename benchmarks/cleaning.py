"""What transcoding loses when its EEG comes out of a scanner and through our cleaning.

    python benchmarks/cleaning.py [--seeds 100 101 102] [--ways cleaned] [--bold-alone]
                                  [--untrained]

Simulates one subject of the scenario ``artefacts`` (preset ``small``: 64 channels at 5 kHz,
gradients of 5 mV, pulses of 100 uV, blinks, a head that moves) for each seed, and reads every run
four ways:

``free``      without gradients, pulse, blinks and heart, as only a simulation has it
``cleaned``   as `neurotranscoder preprocess` leaves it, its clock measured from the triggers
``blinking``  the same without the step for blinks and eye movements
``scanner``   ``cleaned`` of a recording without blinks: what the scanner alone costs
``raw``       as recorded

All are at 250 Hz and against the average of channels; ``cleaned`` and ``scanner`` alone went
through a high-pass. BOLD is the same. The blind transcoder (``sparse``, the default) is trained
on each way; the last two runs are scored. EEG is compared with EEG that is free, for all alike.
Prints a JSON line for each seed, then one of all: r, and its ratio to ``free`` with a 95 % t
interval over seeds. ``off_uv`` is the rms difference to free EEG from .01 to 1 Hz and from 1 to
40 Hz, ``eeg_uv`` the rms of free EEG in these bands. With ``--bold-alone`` validation BOLD alone
says whether sparse sources are read. With ``--untrained`` cleaning alone is measured, which takes
a minute for each run.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence

import mne
import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from scipy.signal import butter, sosfiltfilt
from scipy.stats import t as student
from subject_world import truth_of_runs

import neurotranscoder as nt
from neurotranscoder.core.recording import Recording
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.held_out import HeldOut
from neurotranscoder.evaluate.methods.transcoders import as_prediction
from neurotranscoder.evaluate.scoring import Scorer
from neurotranscoder.evaluate.truths import with_truth
from neurotranscoder.io.eeg import eeg_from_raw
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.preprocess.clean import EVERY_STEP, EegCleanSettings, clean_scanner_eeg
from neurotranscoder.preprocess.sync import measure_clock
from neurotranscoder.reconstruct.group import estimate_group
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split

WAYS = ("free", "cleaned", "blinking", "scanner", "raw")
ARTEFACTS = ("gradient", "pulse", "blinks", "heart")
BANDS = {"slow": (0.01, 1.0), "fast": (1.0, 40.0)}
SFREQ = 250.0
EDGE = 32.0  # s at both ends that no difference is taken of
N_TEST = 2
Scores = dict[str, float]


def ways_of(simulation: nt.Simulation, wanted: Sequence[str]) -> dict[str, Recording]:
    """Return a run read in each of the ways."""
    recording, raw = simulation.recording, simulation.raw
    free, sighted = raw.copy(), raw.copy()
    n_channels = len(recording.eeg.data)
    for name in ARTEFACTS:
        part = simulation.truth.eeg_part(name)
        free._data[:n_channels] -= part
        if name == "blinks":
            sighted._data[:n_channels] -= part
    read: dict[str, Callable[[], Recording]] = {
        "free": lambda: dataclasses.replace(recording, eeg=eeg_from_raw(at_rate(free))),
        "cleaned": lambda: cleaned(raw, recording),
        "blinking": lambda: cleaned(raw, recording, left_out="ocular"),
        "scanner": lambda: cleaned(sighted, recording),
        "raw": lambda: dataclasses.replace(recording, eeg=eeg_from_raw(at_rate(raw))),
    }
    return {way: read[way]() for way in wanted}


def at_rate(raw: mne.io.BaseRaw) -> mne.io.BaseRaw:
    """Return a recording at 250 Hz; simulated EEG has an average of 0 over channels."""
    return nt.resample_eeg(raw, sfreq=SFREQ)[0]


def cleaned(raw: mne.io.BaseRaw, recording: Recording, *, left_out: str = "") -> Recording:
    """Return a recording as `preprocess` leaves it, on the clock that its triggers have."""
    settings = EegCleanSettings(steps=tuple(one for one in EVERY_STEP if one != left_out))
    volumes = recording.bold.volumes
    marks = np.asarray([one["onset"] for one in raw.annotations if one["description"] == "R128"])
    resolution = 1 / raw.info["sfreq"]
    clock = measure_clock(
        marks, tr=volumes.tr, n_volumes=volumes.n_volumes, resolution=resolution
    ).clock
    clean = clean_scanner_eeg(
        raw,
        tr=volumes.tr,
        slice_times=volumes.slice_times,
        triggers=marks,
        settings=settings,
    )
    for step in clean.steps:
        said = "; ".join([str(step), *step.warnings])
        print(f"{recording.run}: {said}", file=sys.stderr)
    return dataclasses.replace(recording, eeg=eeg_from_raw(clean.raw), clock=clock)


def rms_uv(data: Float[ndarray, "channels times"], band: tuple[float, float]) -> float:
    """Return the root mean square in a band over channels and times, ends left out, in uV."""
    shown = sosfiltfilt(butter(2, band, "bandpass", fs=SFREQ, output="sos"), data)
    edge = round(EDGE * SFREQ)
    return 1e6 * float(np.sqrt(np.mean(shown[:, edge:-edge] ** 2)))


def sizes(runs: list[dict[str, Recording]], wanted: Sequence[str]) -> dict[str, Scores]:
    """Return the free EEG and how far the other ways are from it, in uV by band."""
    found: dict[str, list[list[float]]] = {}
    for run in runs:
        free = run["free"].eeg.data
        gaps = {f"off_uv_{way}": run[way].eeg.data - free for way in wanted[1:]}
        for name, data in {"eeg_uv": free, **gaps}.items():
            found.setdefault(name, []).append([rms_uv(data, band) for band in BANDS.values()])
    return {
        name: dict(zip(BANDS, np.mean(rows, axis=0).round(2).tolist(), strict=True))
        for name, rows in found.items()
    }


def scores_of(runs: list[AlignedRun], tests: list[HeldOut], settings: TrainSettings) -> Scores:
    """Train on one way of reading; return r of each quantity in the last runs."""
    training, validation = runs[: -N_TEST - 1], runs[-N_TEST - 1 : -N_TEST]
    parts = (training, validation, runs[-N_TEST:])
    split = Split(*(tuple(run.run.label for run in part) for part in parts))
    trained = fit_transcoder(training, validation, split, settings, device="cpu")
    predictions = [as_prediction(estimate_group(trained, run)) for run in runs[-N_TEST:]]
    rows = Scorer("artefacts").score("sparse", predictions, tests, 0.0)
    kept = [row for row in rows if row.source_kind in ("", "all")]
    return {row.quantity: row.r for row in kept}


def of_seed(
    seed: int, n_runs: int, duration: float, wanted: Sequence[str], recipe: TrainSettings | None
) -> dict[str, dict[str, Scores]]:
    """Return sizes and scores of one world; sizes alone without a recipe."""
    scenario = named_scenario(
        "artefacts",
        preset="small",
        seed=seed,
        n_subjects=1,
        runs_per_subject=n_runs,
        duration=duration,
    )
    runs = [ways_of(nt.simulate_run(scenario, run=run), wanted) for run in range(n_runs)]
    if recipe is None:
        return {"uv": sizes(runs, wanted), "r": {}}
    settings = AlignSettings()
    blocks = common_blocks([runs[0]["free"].bold], settings)
    aligned = {way: [align(run[way], blocks, settings) for run in runs] for way in wanted}
    tests = free_tests(scenario, aligned["free"][-N_TEST:])
    scores = {}
    for way in wanted:
        mine = [
            dataclasses.replace(test, aligned=dataclasses.replace(run, eeg=test.aligned.eeg))
            for test, run in zip(tests, aligned[way][-N_TEST:], strict=True)
        ]
        scores[way] = scores_of(aligned[way], mine, recipe)
    return {"uv": sizes(runs, wanted), "r": scores}


def free_tests(scenario: Scenario, runs: list[AlignedRun]) -> list[HeldOut]:
    """Return held-out runs with free EEG and true sources."""
    cohort = make_cohort(scenario, build_head(scenario.head))
    return with_truth(runs, truth_of_runs(cohort, [run.run for run in runs]))


def rounded(found: dict[str, dict[str, Scores]]) -> dict[str, dict[str, Scores]]:
    """Return numbers with three digits behind the point."""
    return {
        name: {
            way: {key: round(value, 3) for key, value in scores.items()}
            for way, scores in part.items()
        }
        for name, part in found.items()
    }


def ratios(found: list[dict[str, dict[str, Scores]]]) -> dict[str, dict[str, str]]:
    """Return the ratio of each way to free EEG, with its 95 % t interval over seeds."""
    shown: dict[str, dict[str, str]] = {}
    for way in list(found[0])[1:]:
        for quantity in found[0]["free"]:
            values = [one[way][quantity] / one["free"][quantity] for one in found]
            mean, n = float(np.mean(values)), len(values)
            half = student.ppf(0.975, n - 1) * np.std(values, ddof=1) / n**0.5 if n > 1 else np.nan
            words = f"{mean:.3f} [{mean - half:.3f}, {mean + half:.3f}]"
            shown.setdefault(way, {})[quantity] = words
    return shown


def main() -> None:
    """Print a line for each seed, then one of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 101, 102])
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--duration", type=float, default=400.0)
    parser.add_argument("--ways", nargs="+", choices=WAYS[1:], default=WAYS[1:])
    parser.add_argument("--bold-alone", action="store_true", help="the EEG has no say")
    parser.add_argument("--untrained", action="store_true", help="measure cleaning alone")
    arguments = parser.parse_args()
    sparse = {"bold_undecided": 0.0} if arguments.bold_alone else {}
    recipe = TrainSettings.model_validate({"sparse": sparse})
    torch.set_num_threads(1)
    found = []
    for seed in arguments.seeds:
        begun = time.perf_counter()
        wanted = ("free", *arguments.ways)
        chosen = None if arguments.untrained else recipe
        one = of_seed(seed, arguments.runs, arguments.duration, wanted, chosen)
        print(json.dumps({"seed": seed, **rounded(one)}), flush=True)
        print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)
        found.append(one["r"])
    print(json.dumps({**vars(arguments), "ratio_to_free": ratios(found)}))


if __name__ == "__main__":
    main()
