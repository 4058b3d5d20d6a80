"""How well the pulse artefact is removed from simulated EEG whose truth is known.

    python benchmarks/pulse.py [--seeds 100 101 102] [--duration 160] [--pulse-uv 157]

Simulates raw scanner EEG (scenario ``artefacts`` without gradients, preset ``tiny``, 64 channels
at 250 Hz) with an ECG, with one that dies during the run and without one; and with pulses whose
latency (sd 20 ms) and length (sd 5 %) vary from beat to beat (``varying_``). Prints one JSON line
with means over seeds: the artefact and, for each method, what differs from the EEG without it
from 1 to 40 Hz (``residual_uv``; at least 2 s from the ends: ``inner_uv``), the share of each
channel's variance that is gone (``removed``, median), the share of the variance of the EEG itself
that is gone (``eeg_lost``, from the regression of the cleaned on the true EEG), and seconds.
``off_ms`` is the median distance of beats to the true ones.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import mne
import numpy as np
from jaxtyping import Float
from mean_over_seeds import Rows, print_means, seeds_parser
from numpy import ndarray

import neurotranscoder as nt
from neurotranscoder.preprocess.heart import Beats
from neurotranscoder.simulate.bold_artefacts import run_physiology
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.eeg_artefacts import EcgSettings, HeartSettings
from neurotranscoder.simulate.electrodes import electrodes_of_head
from neurotranscoder.simulate.scanner import ScannerSettings, add_pulse_artefact, draw_pulses

SFREQ = 250.0
EDGE = int(2 * SFREQ)
LATENCY_SD, LENGTH_SD = 0.02, 0.05  # s; relative
Method = Callable[[mne.io.BaseRaw, Beats], tuple[mne.io.BaseRaw, nt.PulseReport]]
METHODS: dict[str, Method] = {
    "average_pulses": nt.remove_pulse,
    "projection": nt.project_pulse,
    **{f"projection_{n}": partial(nt.project_pulse, n_components=n) for n in (1, 2, 3)},
    **{f"obs_{n}": partial(nt.remove_pulse_obs, n_components=n) for n in range(5)},
}


@dataclass(frozen=True)
class World:
    """A recording, its pulse artefact (V) and the true beats (s)."""

    raw: mne.io.BaseRaw
    pulse: Float[ndarray, "channels times"]
    beats: Float[ndarray, " beats"]


def world(
    seed: int, duration: float, pulse_uv: float, *, dead: bool = False, varying: bool = False
) -> World:
    """Simulate one run."""
    scenario = named_scenario(
        "artefacts",
        preset="tiny",
        seed=seed,
        duration=duration,
        eeg_rate=SFREQ,
        n_subjects=1,
        runs_per_subject=1,
        scanner=ScannerSettings(gradient_mv=0, pulse_uv=pulse_uv),
        heart=HeartSettings(ecg=EcgSettings(dead=dead)),
    )
    run = nt.simulate_run(scenario)
    beats = run_physiology(scenario, 0, 0).beats
    inside = beats[(beats > run.eeg_times[0]) & (beats < run.eeg_times[-1])]
    seconds = np.interp(inside, run.eeg_times, np.arange(len(run.eeg_times)) / SFREQ)
    raw, pulse = run.raw.set_annotations(None), run.truth.eeg_part("pulse")
    if varying and scenario.scanner is not None:
        other, rng = np.zeros_like(pulse), np.random.default_rng(seed)
        train = draw_pulses(beats, scenario.scanner, rng)
        starts = train.starts + LATENCY_SD * rng.standard_normal(len(beats))
        lengths = train.durations * np.exp(LENGTH_SD * rng.standard_normal(len(beats)))
        train = replace(train, starts=np.sort(starts), durations=lengths)
        electrodes = electrodes_of_head(run.truth.subject.head)
        add_pulse_artefact(other, run.eeg_times, train, electrodes, scenario.scanner)
        raw._data[: len(pulse)] += other - pulse
        pulse = other
    return World(raw, pulse, seconds)


def banded(data: Float[ndarray, "channels times"]) -> Float[ndarray, "channels times"]:
    """Return signals from 1 to 40 Hz."""
    return np.asarray(mne.filter.filter_data(data, SFREQ, 1.0, 40.0, verbose="error"))


def rms_uv(data: Float[ndarray, "channels times"]) -> float:
    """Return the root mean square over channels and times, in uV."""
    return 1e6 * float(np.sqrt(np.mean(data**2)))


def clean(one: World, beats: Beats, method: Method) -> dict[str, float]:
    """Return what a method leaves and takes."""
    start = time.perf_counter()
    cleaned, report = method(one.raw, beats)
    seconds = time.perf_counter() - start
    true = banded(one.raw.get_data("eeg") - one.pulse)
    found = banded(cleaned.get_data("eeg"))
    kept = np.sum(found * true, axis=1) / np.sum(true**2, axis=1)
    return {
        "residual_uv": rms_uv(found - true),
        "inner_uv": rms_uv((found - true)[:, EDGE:-EDGE]),
        "removed": float(np.median(report.removed)),
        "eeg_lost": float(np.median(1 - kept**2)),
        "components": report.n_components,
        "excess_after": report.excess_after,
        "seconds": seconds,
    }


def beats_found(one: World, beats: Beats) -> dict[str, float]:
    """Return how beats lie beside the true ones; ones of the EEG alone may keep any distance."""
    from_eeg = beats.source == "eeg"
    before = np.clip(np.searchsorted(one.beats, beats.times) - 1, 0, len(one.beats) - 2)
    after = beats.times - one.beats[before]
    to_next = one.beats[before + 1] - beats.times
    off = after - np.median(after) if from_eeg else np.minimum(np.abs(after), np.abs(to_next))
    return {
        "true": len(one.beats),
        "found": len(beats.times),
        "off_ms": 1e3 * float(np.median(np.abs(off))),
        "inserted": beats.n_inserted,
        "dead_seconds": beats.dead_seconds,
    }


def of_seed(seed: int, duration: float, pulse_uv: float) -> Rows:
    """Return all numbers of one world."""
    one = world(seed, duration, pulse_uv)
    beats = nt.find_beats(one.raw)
    eeg = one.raw.get_data("eeg") - one.pulse
    rows = {
        "before": {"pulse_uv": rms_uv(banded(one.pulse)), "eeg_uv": rms_uv(banded(eeg))},
        "beats_ecg": beats_found(one, beats),
    }
    rows |= {name: clean(one, beats, method) for name, method in METHODS.items()}
    dying = world(seed, duration, pulse_uv, dead=True)
    bare = replace(one, raw=one.raw.copy().drop_channels(["ECG"]))
    for name, other in (("dying_ecg", dying), ("no_ecg", bare)):
        beats = nt.find_beats(other.raw)
        rows[f"beats_{name}"] = beats_found(other, beats)
        rows[f"average_pulses_{name}"] = clean(other, beats, nt.remove_pulse)
    varying = world(seed, duration, pulse_uv, varying=True)
    beats = nt.find_beats(varying.raw)
    chosen = ("average_pulses", "projection", "obs_0", "obs_1")
    return rows | {f"varying_{name}": clean(varying, beats, METHODS[name]) for name in chosen}


def main() -> None:
    """Print one line."""
    parser = seeds_parser(__doc__)
    parser.add_argument("--pulse-uv", type=float, default=157.0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)  # of the dead ECG, which is wanted here
    print_means(arguments, lambda seed: of_seed(seed, arguments.duration, arguments.pulse_uv))


if __name__ == "__main__":
    main()
