"""Stop ``neurotranscoder run`` again and again at random moments, then let it end, compare files.

Prints one line of JSON: python benchmarks/kill_run.py --kills 20 --seed 0

Raw scanner EEG of three simulated subjects is cleaned (``participant``) and analysed (``group``).
Every second time the command is killed with -9, else it gets SIGTERM, as from a scheduler. At the
end all files of the output folder have to be those of a command that nobody stopped, but for run
times: those that hold some are compared without (tables), or left out (``left_out``).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neurotranscoder.io.store import TEMPORARY, read_table
from neurotranscoder.physics.channels import CHANNELS_64
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.session import simulate_study

KEPT = ("Fp1", "F3", "Cz", "T7", "Pz", "O2")
SETTINGS = (
    f"study.exclude_channels={[name for name in CHANNELS_64 if name not in KEPT]}",
    "align.block_size=24",
    "train.architecture=closed_form",
    "train.split.by=subject",
    "train.split.test=1",
    "subject.frames=200",
    "subject.rounds=1",
    "subject.smoothings=[0.1]",
    "subject.loyalties=[1.0]",
    "analyse.figures.most=1",
)
LEVELS = ("participant", "group")
WITH_TIMES = ("timing.json", "manifest.json", "report.html")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def command(study: Path, out: Path, level: str, *, jobs: int = 1) -> list[str]:
    """Return the words of one command."""
    words = [sys.executable, "-m", "neurotranscoder", "run", str(study), str(out), level]
    return [*words, *(word for one in SETTINGS for word in ("--set", one)), "--jobs", str(jobs)]


def to_the_end(study: Path, out: Path, level: str) -> float:
    """Run without interruption; return for how many seconds."""
    start = time.perf_counter()
    subprocess.run(command(study, out, level), check=True, env=ENVIRONMENT, **QUIET)
    return time.perf_counter() - start


def stopped(words: list[str], seconds: float, number: int) -> int:
    """Start a command and stop it after some time; return its exit code."""
    process = subprocess.Popen(words, env=ENVIRONMENT, **QUIET)
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM if number % 2 else signal.SIGKILL)
        return process.wait()


def contents(out: Path) -> dict[str, object]:
    """Return all files of an output folder by name, without run times."""

    def content(path: Path) -> object:
        if path.name != "metrics.tsv":
            return path.read_bytes()
        return {name: cells for name, cells in read_table(path).items() if name != "seconds"}

    paths = (path for path in sorted(out.rglob("*")) if path.is_file())
    return {str(path.relative_to(out)): content(path) for path in paths if is_compared(path)}


def is_compared(path: Path) -> bool:
    """Say whether a file has no run time."""
    return path.name not in WITH_TIMES


def leftovers(out: Path) -> Iterator[Path]:
    """Yield what a killed process should not leave behind in the end."""
    return (path for path in out.rglob(".*") if TEMPORARY.fullmatch(path.name))


def main() -> None:
    """Run the trials and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, base = np.random.default_rng(options.seed), Path(tempfile.mkdtemp(prefix="kill_run."))
    try:
        sizes = {"n_subjects": 3, "runs_per_subject": 1, "duration": 120.0, "drift_ppm": 15.0}
        study = base / "study"
        simulate_study(named_scenario("artefacts", preset="tiny", seed=100, **sizes), study)
        shutil.rmtree(study / "derivatives")
        seconds = {level: to_the_end(study, base / "whole", level) for level in LEVELS}
        codes = []
        for number in range(options.kills):
            level = LEVELS[2 * number // options.kills]
            words = command(study, base / "out", level, jobs=1 + number % 3 // 2)
            codes.append(stopped(words, rng.uniform(0.1, 1.0) * seconds[level], number))
        for level in LEVELS:
            to_the_end(study, base / "out", level)
        whole, found = contents(base / "whole"), contents(base / "out")
        differ = sorted(name for name in whole | found if whole.get(name) != found.get(name))
        result = {
            "test": "kill_run",
            "seed": options.seed,
            "kills": options.kills,
            "killed": codes.count(-signal.SIGKILL),
            "stopped_with_75": codes.count(75),
            "stopped_while_starting": codes.count(-signal.SIGTERM),
            "files_compared": len(whole),
            "left_out": sum(not is_compared(path) for path in (base / "whole").rglob("*")),
            "differ": differ,
            "leftovers": len([*leftovers(base / "out")]),
        }
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(json.dumps(result))
    sys.exit(1 if result["differ"] or result["leftovers"] else 0)


if __name__ == "__main__":
    main()
