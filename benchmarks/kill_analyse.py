"""Kill ``analyse --stage subject`` with SIGKILL at random writes, run it again, compare the bytes.

The command reports each time that it waits for the disk; it is killed after a random one of them.
A trial passes when all results that have a manifest after the kill are whole, the next run ends in
the bytes of a run that nothing interrupted, and nothing else is left; a second run changes
nothing. Prints one line of JSON: python benchmarks/kill_analyse.py --trials 20

STUDY and OUT, where movies of subjects are, can be given; a tiny study is simulated otherwise.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from neurotranscoder.cli.app import run as run_command
from neurotranscoder.core.errors import StoreError
from neurotranscoder.io import store
from neurotranscoder.io.manifest import MANIFEST, read_manifest
from neurotranscoder.io.store import TEMPORARY, read_json
from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.session import simulate_study

FORK = multiprocessing.get_context("forkserver")
FIT = (
    "align.block_size=24",
    "train.closed_form.hrf_duration=24",
    "subject.rounds=1",
    "subject.smoothings=[0.1]",
    "subject.loyalties=[1.0]",
)
TESTS = ('analyse.trials.conditions=["standard"]', "analyse.trials.correction=fdr")
PARTS = ("statistics", "trust")


def words(name: str, study: Path, out: Path, settings: tuple[str, ...]) -> list[str]:
    """Return the words of a command."""
    return [name, str(study), str(out), *(w for one in settings for w in ("--set", one))]


def make(base: Path) -> tuple[Path, Path]:
    """Simulate a tiny study, fit its subjects and make their movies."""
    study, out = base / "study", base / "out"
    simulate_study(PRESETS["tiny"], study)
    done = run_command([*words("train", study, out, FIT), "--architecture", "closed_form"])
    for name in ("train", "reconstruct"):
        done = done or run_command([*words(name, study, out, FIT), "--stage", "subject"])
    if done:
        sys.exit(f"the tiny study could not be made: exit code {done}")
    return study, out


def analyse(study: Path, out: Path, told: Connection) -> None:
    """Analyse in this process; report each wait for the disk before it."""
    flush = store.flush

    def reported(path: Path, flags: int) -> None:
        told.send(str(path))
        flush(path, flags)

    store.flush = reported
    os.close(2)
    os.open(os.devnull, os.O_WRONLY)
    sys.exit(run_command([*words("analyse", study, out, TESTS), "--stage", "subject"]))


def kill_after(study: Path, out: Path, n_waits: int | None = None) -> int:
    """Analyse, and kill at a wait for the disk; return how many there were."""
    reader, writer = FORK.Pipe(duplex=False)
    worker = FORK.Process(target=analyse, args=(study, out, writer))
    worker.start()
    writer.close()
    count = 0
    try:
        while True:
            reader.recv()
            count += 1
            if count == n_waits:
                os.kill(int(worker.pid or 0), signal.SIGKILL)
    except EOFError:
        worker.join()
    if worker.exitcode not in (0, -signal.SIGKILL):
        sys.exit(f"analyse ended with exit code {worker.exitcode}")
    return count


def digest(out: Path) -> str:
    """Return the SHA-256 of all files of the results."""
    total = hashlib.sha256()
    for path in sorted(p for part in PARTS for p in (out / part).rglob("*") if p.is_file()):
        total.update(path.relative_to(out).as_posix().encode() + path.read_bytes())
    return total.hexdigest()


def times(out: Path) -> dict[Path, int]:
    """Return when each file of the results was written."""
    paths = [path for part in PARTS for path in (out / part).rglob("*.*")]
    return {path: path.stat().st_mtime_ns for path in paths}


def half_finished(out: Path) -> int:
    """Return how many results have a manifest and are not whole."""
    count = 0
    for manifest in (path for part in PARTS for path in (out / part).rglob(MANIFEST)):
        try:
            read_manifest(manifest.parent, kind=str(read_json(manifest)["kind"]))
        except StoreError:
            count += 1
    return count


def trial(study: Path, base: Path, whole: tuple[str, int], rng: np.random.Generator) -> list[int]:
    """Kill one run and go on; return whether it was killed, passed, and what was wrong."""
    out = base / "trial"
    shutil.copytree(base / "made", out)
    killed = kill_after(study, out, int(rng.integers(1, whole[1] + 1)))
    broken = half_finished(out)
    kill_after(study, out)
    left = sum(bool(TEMPORARY.fullmatch(path.name)) for path in out.rglob(".*"))
    same = digest(out) == whole[0]
    shutil.rmtree(out)
    return [int(killed < whole[1]), int(same and not broken and not left), broken, left]


def main() -> None:
    """Run the trials and print how many ended with the bytes of an uninterrupted run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("given", nargs="*", type=Path, metavar="STUDY OUT")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    FORK.set_forkserver_preload(["neurotranscoder.cli.app"])
    began, base = time.perf_counter(), Path(tempfile.mkdtemp(prefix="kill_analyse."))
    try:
        study, made = options.given or make(base)
        without = shutil.ignore_patterns(*PARTS, "regions", "readouts", "*.lock")
        shutil.copytree(made, base / "made", ignore=without)
        shutil.copytree(base / "made", base / "whole")
        waits = kill_after(study, base / "whole")
        whole = digest(base / "whole"), waits
        before = times(base / "whole")
        kill_after(study, base / "whole")
        untouched = times(base / "whole") == before
        rng = np.random.default_rng(options.seed)
        found = np.sum([trial(study, base, whole, rng) for _ in range(options.trials)], axis=0)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    result: dict[str, object] = {"test": "kill_analyse", "seed": options.seed}
    result |= {"tried": options.trials, "waits": waits, "second_run_changes_nothing": untouched}
    names = ("killed", "passed", "half_finished", "leftovers")
    result |= dict(zip(names, found.tolist(), strict=True))
    result["seconds"] = round(time.perf_counter() - began, 1)
    print(json.dumps(result))
    sys.exit(0 if result["passed"] == options.trials and untouched else 1)


if __name__ == "__main__":
    main()
