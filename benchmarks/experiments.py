"""The paper's two experiments, simulated in the layouts of real recordings: what the maps show.

    python benchmarks/experiments.py OUT --experiment oddball --preset tiny --subjects 6 --runs 3

Simulates (the real events of ds000116 drive ``oddball`` where ``../shared/data``, or
``NEUROTRANSCODER_TEST_DATA``, has them), imports ds000116, does ``neurotranscoder run .. group
--config EXPERIMENT`` and compares the maps of conditions and contrasts with the truth, which the
chain does not see. Prints a summary, a table and one JSON line; OUT gets ``scores.tsv``. What is
there is not made again. With ``--native`` subjects have T1 images, and EPI in their own space
that the chain brings to MNI (not ``oddball``, whose layout has no T1 here), and how much of the
truth their voxels can show is printed too. Maps:

- ``group``: maps across subjects; ``subjects``: means over the maps of single subjects, with 95 %
  intervals; ``minimum norm``: across subjects, from the same clean EEG with the true leadfield of
  the template; ``null``: across subjects, with events at random times.
- found, p < .001: mean z of the region beyond 3.29 with the right sign within 50 ms of the true
  time; corrected: half of its voxels are significant then. mm: distance of the voxel with the
  largest effect, or z, from the region, beside that of one drawn at random nearby. ms: time of
  the largest effect, and lag of the whole course, less the true ones. A region without a voxel in
  the map is not covered, and counts for nothing. False: share of voxels and
  frames (0-1.5 s), of those that never respond; leakage: rms of the effect there over elsewhere.
- whose time course each region shows in the mean of all subjects: its own, or another's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from experiment_courses import likeness_table, likenesses
from experiment_maps import Rivals
from experiment_table import Row, rows_of, summary, table, untested
from experiment_worlds import (
    EXPERIMENTS,
    experiment_scenario,
    real_events,
    stimuli_of,
    write_ds000116,
)
from jaxtyping import Bool
from native_limit import limit
from native_places import place_errors, places_table
from numpy import ndarray

from neurotranscoder.cli.app import run
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.recording import Events
from neurotranscoder.evaluate.activation_scores import StatisticalMap, score_map
from neurotranscoder.evaluate.activation_truth import TaskTruth, task_truth
from neurotranscoder.evaluate.table import write_rows
from neurotranscoder.simulate.conditions import words_of
from neurotranscoder.simulate.session import simulate_study
from neurotranscoder.simulate.tasks import Condition, condition_of
from neurotranscoder.simulate.truth import Truth, load_truth

QUESTIONS = {
    "oddball-paper": (("standard", ""), ("oddball", ""), ("oddball", "standard")),
    "oddball": (("standard", ""), ("oddball", ""), ("oddball", "standard")),
    "faces": (("face_low", ""), ("face_high", ""), ("face", "car"), ("low", "high")),
}
NATIVE = {"t1_size": 2.0, "shift": 8.0, "turn": 6.0}
"""Images with ``--native``; the warp is the default's, 3 mm on average."""
VOXELS = {"paper": 3, "small": 6, "tiny": 8}
"""Edge of voxels in MNI with ``--native``, in mm; the study files ask for 3."""
_REAL = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Made:
    """Where an experiment is: as simulated, as the chain gets it, and what comes out."""

    name: str
    simulated: Path
    study: Path
    out: Path
    native: bool = False

    @property
    def statistics(self) -> Path:
        """Maps of conditions."""
        return self.out / "results" / "statistics"

    @property
    def subjects(self) -> list[str]:
        """Subjects that have maps."""
        return sorted(path.name for path in self.statistics.glob("sub-*"))


def make(name: str, folder: Path, *, events: Sequence[Events] = (), **changes: object) -> Made:
    """Simulate an experiment in its layout; ds000116 is imported.

    Parameters
    ----------
    name : str
        One of `EXPERIMENTS`.
    folder : Path
        Where all of it goes.
    events : sequence of Events
        Of each run; by default each draws its own.
    **changes
        As for `experiment_scenario`.
    """
    scenario = experiment_scenario(name, **changes)  # type: ignore[arg-type]
    simulated = folder / "simulated"
    simulate_study(scenario, simulated, events=events)
    if name != "oddball":
        native = scenario.native is not None
        return Made(name, simulated, simulated, folder / "run", native)
    download, study = folder / "download", folder / "study"
    electrodes = download / "locations_34_EEG.ced"
    if not electrodes.is_file():  # it is written last
        shutil.rmtree(download, ignore_errors=True)
        write_ds000116(simulated, download, kinds=("rereferenced",))
    words = ["import", "ds000116", str(download), str(study), "--electrodes", str(electrodes)]
    if run(words) != 0:
        raise SystemExit("the import failed")
    return Made(name, simulated, study, folder / "run")


def events_of(name: str, subjects: int, runs: int) -> tuple[Events, ...]:
    """Return real events in the order of the runs, or none where there are none."""
    data = Path(os.environ.get("NEUROTRANSCODER_TEST_DATA", _REAL))
    if name != "oddball" or not data.is_dir():
        return ()
    tables = {(int(one.subject), int(one.run)): table for one, table in real_events(data)}
    wanted = [(s + 1, r + 1) for s in range(subjects) for r in range(runs)]
    return tuple(tables[key] for key in wanted) if set(wanted) <= set(tables) else ()


def chain(made: Made, settings: Sequence[str] = ()) -> None:
    """Run the study to its maps, as the command line does."""
    words = ["run", str(made.study), str(made.out), "group", "--config", made.name]
    space = "mni" if made.native else "stored"
    for one in (f"images.space={space}", "analyse.space=mni", *settings):
        words += ["--set", one]
    if run(words) != 0:
        raise SystemExit("the run failed")


def truths(made: Made) -> Iterator[tuple[str, str, TaskTruth]]:
    """Yield what is there for each question, at the times of the maps."""
    truth = load_truth(made.simulated)
    shown = all_stimuli(truth)
    shape = statistical_map(made, made.subjects[0], QUESTIONS[made.name][0])
    for first, second in QUESTIONS[made.name]:
        both = (sides(shown, name) for name in (first, second))
        yield first, second, task_truth(truth.cohort, *both, shape.times).on(shape.grid)


def sides(shown: Events, name: str) -> list[Condition]:
    """Return the conditions that have all words of a name; none where there is no name."""
    wanted = words_of(name)
    labels = sorted({one for one in shown.trial_type if wanted and wanted <= words_of(one)})
    return [condition_of(shown, label) for label in labels]


def all_stimuli(truth: Truth) -> Events:
    """Return all stimuli of all runs as one table."""
    tables = [stimuli_of(truth.drawn(one).events) for one in truth.runs]
    columns = [np.concatenate([getattr(one, name) for one in tables])
               for name in ("onset", "duration", "response_time")]  # fmt: skip
    labels = tuple(label for one in tables for label in one.trial_type)
    return Events(columns[0], columns[1], labels, columns[2])


def statistical_map(made: Made, who: str, question: tuple[str, str]) -> StatisticalMap:
    """Return a map as the command wrote it; z is 0 where nothing was tested."""
    image = nib.load(_path(made, who, question, "effect"))
    effect = np.asarray(image.dataobj, dtype=np.float64)
    mask: Bool[ndarray, "x y z"] = np.any(effect != 0, axis=-1)
    nothing = np.zeros((int(mask.sum()), effect.shape[-1]))
    z, seen = nothing, nothing > 0
    if (path := _path(made, who, question, "z")).is_file():
        z = np.asarray(nib.load(path).dataobj, dtype=np.float64)[mask]
        corrected = nib.load(_path(made, who, question, "z_desc-fdr"))
        seen = np.asarray(corrected.dataobj)[mask] != 0
    start, step = float(image.header["toffset"]), float(image.header.get_zooms()[3])
    times = start + step * np.arange(effect.shape[-1])
    grid = VoxelGrid(mask.shape, np.asarray(image.affine, dtype=np.float64))
    return StatisticalMap(effect[mask], z, seen, mask, grid, times)


def _path(made: Made, who: str, question: tuple[str, str], of: str) -> Path:
    """Return where a map of a question is."""
    label = "Minus".join("".join(c for c in name if c.isalnum()) for name in question if name)
    return made.statistics / who / f"{who}_contrast-{label}_stat-{of}_statmap.nii.gz"


def score(made: Made, *, rivals: bool = True) -> list[Row]:
    """Score the maps of the group, of subjects, of a rival and of a null.

    With one subject there are those of subjects alone.
    """
    found: list[Row] = []
    several = len(made.subjects) > 1
    beside = Rivals.of(made.study, made.out, made.simulated) if rivals and several else None
    for first, second, truth in truths(made):
        asked = (first, second)
        question = f"{first} - {second}" if second else first
        maps = {"subjects": [statistical_map(made, who, asked) for who in made.subjects]}
        if several:
            maps["group"] = [statistical_map(made, "group", asked)]
        if beside is not None:
            maps |= {name: [one] for name, one in beside.maps(*asked).items()}
        for of, each in maps.items():
            rows = rows_of(made.name, of, question, [score_map(one, truth) for one in each])
            tested = of != "group" or _path(made, "group", asked, "z").is_file()
            found += rows if tested else untested(rows)
    return found


def courses(made: Made) -> str:
    """Say whose time course regions show: in the mean of all subjects, where there are more."""
    who = "group" if len(made.subjects) > 1 else made.subjects[0]
    of = {}
    for first, second, truth in truths(made):
        found = statistical_map(made, who, (first, second))
        of[f"{first} - {second}" if second else first] = likenesses(found, truth)
    return likeness_table(of)


def native_facts(made: Made) -> str:
    """Say where voxels of native images were taken, and how much of the truth they can show."""
    lines = [places_table(place_errors(made.simulated, made.out / "preprocessed"))]
    study = load_truth(made.simulated)
    lines += ["| question | map | truth in voxels | map | map with truth in voxels |"]
    lines += ["|---|---|---|---|---|"]
    for first, second, truth in truths(made):
        question = f"{first} - {second}" if second else first
        for who in made.subjects:
            found = statistical_map(made, who, (first, second))
            one = limit(found, truth, study, int(who.removeprefix("sub-")) - 1)
            cells = f"{one.voxels:.2f} | {one.map:.2f} | {one.map_with_voxels:.2f}"
            lines.append(f"| {question} | {who} | {cells} |")
    return "\n".join(lines)


def _sizes(given: argparse.Namespace) -> dict[str, object]:
    """Return what `experiment_scenario` takes of the words of the command."""
    scenario = experiment_scenario(given.experiment)
    return {
        "preset": given.preset,
        "subjects": given.subjects,
        "runs": given.runs,
        "seed": given.seed,
        "duration": given.seconds or scenario.duration,
        "head": {"channels": scenario.head.channels[:: given.thin]},
        **({"native": NATIVE} if given.native else {}),
    }


def main() -> None:
    """Make, run and score one experiment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--experiment", choices=EXPERIMENTS, required=True)
    parser.add_argument("--preset", default="tiny", choices=("tiny", "small", "paper"))
    parser.add_argument("--subjects", type=int)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, help="of a run; those of the experiment")
    parser.add_argument("--thin", type=int, default=1, help="every so many-th electrode alone")
    parser.add_argument("--native", action="store_true", help="T1 images, EPI not in MNI")
    parser.add_argument("--no-rivals", action="store_true")
    parser.add_argument("--set", action="append", default=[], help="of `run`; may be repeated")
    given = parser.parse_args()
    if given.native and given.experiment == "oddball":
        parser.error("--native is of oddball-paper and faces")
    sizes = _sizes(given)
    scenario = experiment_scenario(given.experiment, **sizes)  # type: ignore[arg-type]
    events = events_of(given.experiment, scenario.n_subjects, scenario.runs_per_subject)
    made = make(given.experiment, given.out, events=events, **sizes)
    voxels = [f"images.bold.voxel_size={VOXELS[given.preset]}"] if made.native else []
    chain(made, [*voxels, *given.set])
    if made.native:
        print(native_facts(made))
    rows = score(made, rivals=not given.no_rivals)
    write_rows(given.out / "scores.tsv", rows)
    print(summary(rows))
    print(f"{table(rows)}\n{courses(made)}")
    group = {f"{r.question} {r.activation} {r.measure}": r.value for r in rows
             if r.of == "group" and np.isfinite(r.value)}  # fmt: skip
    print(json.dumps({"experiment": given.experiment, "subjects": len(made.subjects), **group}))


if __name__ == "__main__":
    main()
