"""Simulated recordings of the paper's two experiments, in the layouts that real ones have.

``oddball-paper`` and ``faces`` are BIDS as the simulator writes it. ``oddball`` is the layout of
ds000116: MATLAB files in which stimuli and responses are rows of levels, and images that say
nothing of their slices.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.io import savemat

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Eeg, Events, Recording, RunId
from neurotranscoder.io.eeg import read_eeg
from neurotranscoder.io.events import read_events
from neurotranscoder.physics.channels import electrodes_of
from neurotranscoder.preprocess.study import open_study
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.design import is_stimulus, is_target
from neurotranscoder.simulate.scenario import Scenario

FOLDER = Path(__file__).with_name("experiments_worlds")
KINDS = ("rereferenced", "noGA", "raw")
MASTOIDS = ("TP9", "TP10")
_GAIN = 10_000  # of the amplifier, in EEG_raw.mat
_START, _RESPONSE = 25, 100
_CODES = {("auditory", False): 125, ("auditory", True): 150,
          ("visual", False): 225, ("visual", True): 250}  # fmt: skip
_RESPONSE_SAMPLES = 100
_EOG_UV = 5.0


@dataclass(frozen=True, slots=True)
class Grid:
    """Voxels of an experiment as its scanner had them, and how they are made fewer."""

    shape: tuple[int, int, int]
    voxel_sizes: tuple[float, float, float]
    centre: tuple[float, float, float]
    slices_stay: bool
    subjects: int
    runs: int

    def head(self, within: int, across: int) -> dict[str, object]:
        """Return settings of a head with larger voxels, in the slices and from slice to slice."""
        factors = (within, within, 1 if self.slices_stay else across)
        return {
            "shape": tuple(n // f for n, f in zip(self.shape, factors, strict=True)),
            "voxel_sizes": tuple(v * f for v, f in zip(self.voxel_sizes, factors, strict=True)),
            "centre": self.centre,
        }


EXPERIMENTS = {
    "oddball-paper": Grid((64, 78, 48), (3.0, 3.0, 3.0), (0.0, -17.0, 8.0), False, 19, 5),
    "oddball": Grid((64, 64, 32), (3.0, 3.0, 4.0), (0.0, -17.0, 8.0), True, 17, 3),
    "faces": Grid((64, 64, 27), (3.0, 3.0, 4.0), (0.0, -17.0, 14.0), True, 21, 4),
}
SIZES = {"paper": (1, 1), "small": (2, 2), "tiny": (4, 2)}


def experiment_scenario(
    name: str,
    *,
    preset: str = "tiny",
    subjects: int | None = None,
    runs: int | None = None,
    **changes: object,
) -> Scenario:
    """Return the world of an experiment.

    Parameters
    ----------
    name : str
        One of `EXPERIMENTS`.
    preset : str
        'paper': voxels of the scanner; 'small', 'tiny': two and four times as wide (slices of
        4 mm stay).
    subjects, runs : int, optional
        As many as in the paper by default.
    **changes
        Fields of `Scenario`; a ``head`` holds what differs.
    """
    grid, path = EXPERIMENTS[name], str(FOLDER / f"{name}.toml")
    sizes = {
        "n_subjects": subjects or grid.subjects,
        "runs_per_subject": runs or grid.runs,
        "test_runs": 1,
    }
    own = changes.pop("head", {})
    head = named_scenario(path, preset=preset).head.model_dump() | grid.head(*SIZES[preset])
    return named_scenario(path, preset=preset, **sizes | changes, head=head | dict(own))  # type: ignore[call-overload]


def real_events(data: Path, sense: str = "auditory") -> list[tuple[RunId, Events]]:
    """Return the real tables of ds000116 of one sense, subject by subject.

    Only what is shown is left of them: rows about a response have given it to their stimulus, and
    294 rows of 102 tables have a time but nothing that happened.
    """
    paths = sorted((data / "oddball_events").glob(f"sub-*/func/*task-{sense}*_events.tsv"))
    return [(_run_of(path), stimuli_of(read_events(path))) for path in paths]


def stimuli_of(events: Events) -> Events:
    """Return the stimuli among events that say which they are."""
    keep = is_stimulus(events) & np.asarray([name != "n/a" for name in events.trial_type])
    labels = tuple(np.asarray(events.trial_type, dtype=object)[keep].tolist())
    return Events(events.onset[keep], events.duration[keep], labels, events.response_time[keep])


def write_ds000116(study: Path, root: Path, *, kinds: Sequence[str] = KINDS) -> None:
    """Write a simulated study in the layout of ds000116, with a table of electrodes.

    Parameters
    ----------
    study : Path
        Of the scenario ``oddball``: bipolar pairs and an ECG, clocks without drift.
    root : Path
        New folder.
    kinds : sequence of str
        Which of `KINDS` are written.

    Raises
    ------
    GridError
        When the EEG does not span the images.
    """
    source = open_study(study)
    for run in source.runs:
        recording, files = source.load(run), source.files[run]
        eeg, _ = read_eeg(files.eeg, files.eeg_sidecars, others=True)
        recording = replace(recording, eeg=eeg)
        sense = "visual" if recording.events.trial_type[0].startswith("visual") else "auditory"
        place = f"task00{1 if sense == 'auditory' else 2}_run{int(run.run):03d}"
        base = root / f"sub{int(run.subject):03d}"
        _write_eeg(base / "EEG" / place, recording, sense, kinds)
        images = base / "BOLD" / place
        images.mkdir(parents=True)
        shutil.copyfile(files.bold, images / "bold.nii.gz")
    order = 1 + np.argsort(recording.bold.volumes.slice_times, kind="stable")
    (root / "slice_order.txt").write_text("".join(f"{one}\n" for one in order))
    names = scalp_electrodes(recording.eeg.montage.names)
    rows = [f"{number}\t{name}\n" for number, name in enumerate(names, start=1)]
    (root / "locations_34_EEG.ced").write_text("Number\tlabels\n" + "".join(rows))


def scalp_electrodes(pairs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the electrodes of bipolar pairs, without the mastoids."""
    return tuple(name for name in electrodes_of(pairs) if name not in MASTOIDS)


def rereferenced(
    data: Float[ndarray, "pairs times"], pairs: tuple[str, ...]
) -> Float[ndarray, "electrodes times"]:
    """Return potentials of the scalp electrodes against their average, by least squares."""
    electrodes = electrodes_of(pairs)
    ends = np.array([[electrodes.index(end) for end in pair.split("-")] for pair in pairs])
    differences = np.zeros((len(pairs), len(electrodes)))
    rows = np.arange(len(pairs))
    differences[rows, ends[:, 0]], differences[rows, ends[:, 1]] = 1.0, -1.0
    chosen = [electrodes.index(name) for name in scalp_electrodes(pairs)]
    inverse = np.linalg.pinv(differences)[chosen]
    return np.asarray((inverse - inverse.mean(axis=0)) @ data)


def without_gradient(
    data: Float[ndarray, "rows times"], period: int
) -> Float[ndarray, "rows times"]:
    """Return signals less what they repeat at every TR, a number of samples; their mean stays."""
    whole = data.shape[1] // period * period
    template = data[:, :whole].reshape(len(data), -1, period).mean(axis=1)
    template -= template.mean(axis=1, keepdims=True)
    repeats = -(-data.shape[1] // period)
    return np.asarray(data - np.tile(template, repeats)[:, : data.shape[1]])


def level_rows(events: Events, n_times: int, sfreq: float, sense: str) -> list[ndarray]:
    """Return the rows of stimuli and of responses, as levels that last."""
    stimuli, responses = np.full(n_times, float(_START)), np.zeros(n_times)
    for onset, seconds, target, time in zip(
        events.onset, events.duration, is_target(events), events.response_time, strict=True
    ):
        first = round(onset * sfreq)
        stimuli[first : first + round(seconds * sfreq)] = _CODES[sense, bool(target)]
        if np.isfinite(time):
            pressed = round((onset + time) * sfreq)
            responses[pressed : pressed + _RESPONSE_SAMPLES] = _RESPONSE
    return [stimuli, responses]


def _run_of(path: Path) -> RunId:
    """Return what the name of a table says."""
    fields = dict(part.split("-", 1) for part in path.name.split("_") if "-" in part)
    return RunId(fields["sub"], fields["task"], run=fields["run"])


def _write_eeg(folder: Path, recording: Recording, sense: str, kinds: Sequence[str]) -> None:
    """Write the MATLAB files of a run: samples from the first volume to the end of the last."""
    eeg, volumes, clock = recording.eeg, recording.bold.volumes, recording.clock
    first = round(-clock.eeg_start * eeg.sfreq)
    n_times = round(volumes.n_volumes * volumes.tr * eeg.sfreq)
    if first < 0 or first + n_times > eeg.data.shape[1]:
        raise GridError(
            f"{recording.run}: EEG has {eeg.data.shape[1]} samples from {clock.eeg_start:g} s on; "
            f"the layout needs {n_times} from 0 s on; lengthen eeg_lead and eeg_tail"
        )
    span = slice(first, first + n_times)
    pairs, ecg = eeg.data[:, span], eeg.others[0].data[span]
    raw = np.vstack([pairs, _eog(eeg, span), ecg, -ecg])
    period = round(volumes.tr * eeg.sfreq)
    clean = without_gradient(raw, period)
    scalp = np.vstack([rereferenced(clean[: len(pairs)], eeg.montage.names), clean[-2]])
    levels = level_rows(recording.events, n_times, eeg.sfreq, sense)
    made = {
        "rereferenced": ("data_reref", 1e6 * scalp),
        "noGA": ("data_noGA", 1e6 * clean),
        "raw": ("data", _GAIN * raw),
    }
    folder.mkdir(parents=True)
    for kind in kinds:
        variable, values = made[kind]
        rows = np.vstack([values, *levels]).astype(np.float32)
        savemat(folder / f"EEG_{kind}.mat", {variable: rows})


def _eog(eeg: Eeg, span: slice) -> Float[ndarray, "2 times"]:
    """Return two rows for the eyes: noise, and what the pair below the forehead reads."""
    rng = np.random.default_rng(0)
    vertical = eeg.data[eeg.montage.names.index("Fp1-F7"), span]
    noise = 1e-6 * _EOG_UV * rng.standard_normal((2, len(vertical)))
    return np.asarray(noise + [[0.0], [1.0]] * vertical)
