"""How well blinks and eye movements are removed from simulated EEG whose truth is known.

    python benchmarks/ocular.py [--seeds 100 101 102] [--duration 160]

Simulates EEG (scenario ``artefacts`` without gradients and pulse, preset ``tiny``, 64 channels at
250 Hz) in five worlds: ``blinks`` of 100 uV, 12 a minute; ``weak_blinks`` of 30 uV; ``looks``,
blinks and eyes that turn to the sides every other second (sd 40 uV) and stay there; ``pulse``,
blinks in EEG whose pulse `remove_pulse` has taken out; and ``none``, where nothing is to be found.
The simulator's eyes do not move, so movements are made here.

``remove_ocular`` finds eyes in frontal EEG, ``with_eog`` in two EOG channels, which see the brain
as well (.7 of Fp1, half of F7 less F8) and have 2 uV of noise. Beside it MNE-Python:
``regression`` on the vertical EOG (on both in ``looks``), fitted to the average blink (to
everything), ``ssp``, a projection of the average blink, and ``ica``, 20 components (fastica, 1 to
40 Hz) of which those that follow the EOG go.

Prints one JSON line, means over seeds: what differs from EEG without eyes from 1 to 40 Hz
(``fast_uv``) and from .01 to 1 Hz (``slow_uv``, without 10 s at both ends), the share of the
variance of that EEG that is gone, in the median and the worst channel (``lost``, ``lost_most``,
from the regression of cleaned on true EEG from 1 to 40 Hz), seconds, and in how many of the runs
the step was refused, which leaves them as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import mne
import numpy as np
from jaxtyping import Float
from mean_over_seeds import Rows, print_means, seeds_parser
from numpy import ndarray
from scipy.signal import butter, sosfiltfilt

import neurotranscoder as nt
from neurotranscoder.core.errors import CleaningError
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.eeg_artefacts import BlinkSettings
from neurotranscoder.simulate.electrodes import electrodes_of_head
from neurotranscoder.simulate.scanner import ScannerSettings

SFREQ = 250.0
BANDS = {"fast": (1.0, 40.0), "slow": (0.01, 1.0)}
EDGE = int(10 * SFREQ)
BLINK_UV, WEAK_UV, LOOK_UV, PULSE_UV = 100.0, 30.0, 40.0, 100.0
LOOKS_PER_S = 0.5
EYES = np.array([[-33.0, 62.0, -38.0], [33.0, 62.0, -38.0]])  # as the simulator has them
ICA_COMPONENTS = 20


@dataclass(frozen=True)
class World:
    """EEG with EOG channels, and the same EEG without eyes (V)."""

    raw: mne.io.BaseRaw
    true: Float[ndarray, "channels times"]
    sideways: bool

    @property
    def bare(self) -> mne.io.BaseRaw:
        """The recording without its EOG channels."""
        return self.raw.copy().pick("eeg")


def world(seed: int, duration: float, name: str) -> World:
    """Simulate one run."""
    blink_uv = {"weak_blinks": WEAK_UV, "none": 0.0}.get(name, BLINK_UV)
    scenario = named_scenario(
        "artefacts",
        preset="tiny",
        seed=seed,
        duration=duration,
        eeg_rate=SFREQ,
        n_subjects=1,
        runs_per_subject=1,
        scanner=ScannerSettings(gradient_mv=0, pulse_uv=PULSE_UV if name == "pulse" else 0),
        blinks=BlinkSettings(amplitude_uv=blink_uv),
    )
    run = nt.simulate_run(scenario)
    raw, eyes = run.raw.set_annotations(None), run.truth.eeg_part("blinks").copy()
    if name == "looks":
        looks = looks_of(run, np.random.default_rng(seed))
        raw._data[: len(looks)] += looks
        eyes += looks
    if name == "pulse":
        raw, _ = nt.remove_pulse(raw)
    true = raw.get_data("eeg") - eyes
    return World(with_eog(raw, true, eyes, np.random.default_rng(seed)), true, name == "looks")


def looks_of(run: nt.Simulation, rng: np.random.Generator) -> Float[ndarray, "channels times"]:
    """Return what eyes that turn to the sides add to EEG: dipoles that lie across."""
    electrodes = electrodes_of_head(run.truth.subject.head)
    away = electrodes.positions[:, np.newaxis] - EYES
    potential = np.sum(away[..., 0] / np.linalg.norm(away, axis=-1) ** 3, axis=1)
    potential -= potential.mean()
    n_times = len(run.eeg_times)
    gaze = np.zeros(n_times)
    for start in np.sort(rng.integers(0, n_times, int(LOOKS_PER_S * n_times / SFREQ))):
        gaze[start:] = rng.standard_normal()
    gaze = np.convolve(gaze, np.hanning(14) / np.hanning(14).sum(), "same")  # 40 ms
    topography = electrodes.derivation @ (potential / np.abs(potential).max())
    return 1e-6 * LOOK_UV * np.outer(topography, gaze)


def with_eog(
    raw: mne.io.BaseRaw,
    true: Float[ndarray, "channels times"],
    eyes: Float[ndarray, "channels times"],
    rng: np.random.Generator,
) -> mne.io.BaseRaw:
    """Return EEG with a vertical and a horizontal EOG channel."""
    bare = raw.copy().pick("eeg")
    place = bare.ch_names.index
    over, left, right = place("Fp1"), place("F7"), place("F8")
    eog = np.stack(
        [
            1.5 * (eyes[over] + eyes[place("Fp2")]) + 0.7 * true[over],
            1.5 * (eyes[left] - eyes[right]) + 0.5 * (true[left] - true[right]),
        ]
    )
    eog += 2e-6 * rng.standard_normal(eog.shape)
    info = mne.create_info(["VEOG", "HEOG"], SFREQ, "eog", verbose="error")
    extra = mne.io.RawArray(eog, info, first_samp=bare.first_samp, verbose="error")
    return bare.add_channels([extra], force_update_info=True)


def removed(one: World) -> mne.io.BaseRaw:
    """Return EEG without the eyes that frontal EEG shows."""
    return nt.remove_ocular(one.bare)[0]


def removed_with_eog(one: World) -> mne.io.BaseRaw:
    """Return EEG without the eyes that EOG shows."""
    return nt.remove_ocular(one.raw)[0]


def regression(one: World) -> mne.io.BaseRaw:
    """Return what MNE's regression on EOG leaves."""
    raw = one.raw.copy()
    raw.set_eeg_reference(ref_channels=[], verbose="error")  # as it is; MNE asks for a choice
    eog = ["VEOG", "HEOG"] if one.sideways else ["VEOG"]
    model = mne.preprocessing.EOGRegression(picks="eeg", picks_artifact=eog)
    if one.sideways:
        return model.fit(raw).apply(raw)
    epochs = mne.preprocessing.create_eog_epochs(
        raw, "VEOG", picks="all", baseline=(-0.5, -0.3), verbose="error"
    )
    return model.fit(epochs.average("all")).apply(raw)


def projection(one: World) -> mne.io.BaseRaw:
    """Return what a projection of the average blink leaves."""
    projections, _ = mne.preprocessing.compute_proj_eog(
        one.raw, n_grad=0, n_mag=0, n_eeg=1, average=True, no_proj=True, ch_name="VEOG",
        reject=None, verbose="error",
    )  # fmt: skip
    return one.raw.copy().add_proj(projections, remove_existing=True).apply_proj(verbose="error")


def components(one: World) -> mne.io.BaseRaw:
    """Return what is left without independent components that follow the EOG."""
    banded = one.raw.copy().filter(*BANDS["fast"], picks="all", verbose="error")
    ica = mne.preprocessing.ICA(ICA_COMPONENTS, random_state=0, verbose="error")
    ica.fit(banded, picks="eeg", verbose="error")
    ica.exclude, _ = ica.find_bads_eog(banded, verbose="error")
    return ica.apply(one.raw.copy(), verbose="error")


METHODS: dict[str, Callable[[World], mne.io.BaseRaw]] = {
    "remove_ocular": removed,
    "with_eog": removed_with_eog,
    "regression": regression,
    "ssp": projection,
    "ica": components,
}
WORLDS: dict[str, tuple[str, ...]] = {
    "blinks": tuple(METHODS),
    "weak_blinks": ("remove_ocular", "with_eog", "ica"),
    "looks": ("remove_ocular", "with_eog", "regression", "ica"),
    "pulse": ("remove_ocular", "with_eog", "ica"),
    "none": ("remove_ocular", "with_eog", "ica"),
}


def banded(data: Float[ndarray, "channels times"], band: str) -> Float[ndarray, "channels times"]:
    """Return signals in a band."""
    sections = butter(2, BANDS[band], "bandpass", fs=SFREQ, output="sos")
    shown = sosfiltfilt(sections, data - data.mean(axis=1, keepdims=True), axis=1)
    return np.asarray(shown if band == "fast" else shown[:, EDGE:-EDGE])


def rms_uv(data: Float[ndarray, "channels times"]) -> float:
    """Return the root mean square over channels and times, in uV."""
    return 1e6 * float(np.sqrt(np.mean(data**2)))


def scored(one: World, method: Callable[[World], mne.io.BaseRaw] | None) -> dict[str, float]:
    """Return what a method leaves and takes; without one, what there was."""
    start, refused = time.perf_counter(), 0.0
    try:
        found = (one.raw if method is None else method(one)).get_data("eeg")
    except CleaningError:
        found, refused = one.raw.get_data("eeg"), 1.0
    seconds = time.perf_counter() - start
    true, fast = banded(one.true, "fast"), banded(found, "fast")
    lost = 1 - (np.sum(fast * true, axis=1) / np.sum(true**2, axis=1)) ** 2
    return {
        "fast_uv": rms_uv(fast - true),
        "slow_uv": rms_uv(banded(found - one.true, "slow")),
        "lost": float(np.median(lost)),
        "lost_most": float(np.max(lost)),
        "seconds": seconds,
        "refused": refused,
    }


def of_seed(seed: int, duration: float) -> Rows:
    """Return all numbers of one seed."""
    rows = {}
    for name, methods in WORLDS.items():
        one = world(seed, duration, name)
        eeg = {f"{band}_uv": rms_uv(banded(one.true, band)) for band in BANDS}
        rows[f"{name}: eeg"] = eeg
        rows[f"{name}: before"] = scored(one, None)
        rows |= {f"{name}: {method}": scored(one, METHODS[method]) for method in methods}
    return rows


def main() -> None:
    """Print one line."""
    mne.set_log_level("error")
    arguments = seeds_parser(__doc__).parse_args()
    print_means(arguments, lambda seed: of_seed(seed, arguments.duration))


if __name__ == "__main__":
    main()
