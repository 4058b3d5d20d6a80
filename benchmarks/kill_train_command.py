"""Kill ``neurotranscoder train`` with -9 at random moments, run it again, compare the weights.

Prints one line of JSON: python benchmarks/kill_train_command.py --trials 20 --seed 0
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.session import simulate_study

SETTINGS = (
    "train.residual.steps=12",
    "train.residual.validate_every=4",
    "train.residual.checkpoint_every=1",
    "train.residual.windows.context=20",
    "train.split.test=1",
)


def command(study: Path, out: Path) -> list[str]:
    """Return the command line of one training."""
    words = [sys.executable, "-c", "from neurotranscoder.cli import main; main()", "train"]
    words += [str(study), str(out)]
    for setting in SETTINGS:
        words += ["--set", setting]
    return words


def run_to_the_end(study: Path, out: Path, environment: dict[str, str]) -> float:
    """Train without interruption; return how long it took."""
    start = time.perf_counter()
    subprocess.run(command(study, out), check=True, env=environment, capture_output=True)
    return time.perf_counter() - start


def digest_of(out: Path) -> str:
    """Return the SHA-256 of weights, curve and split of a trained model."""
    folder = out / "models" / "transcoder"
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name not in ("timing.json", "manifest.json"):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def main() -> None:
    """Run the trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    passed = killed = 0
    with tempfile.TemporaryDirectory() as folder:
        study, reference = Path(folder) / "study", Path(folder) / "reference"
        simulate_study(PRESETS["tiny"].model_copy(update={"runs_per_subject": 4}), study)
        seconds = run_to_the_end(study, reference, environment)
        wanted = digest_of(reference)
        for trial in range(arguments.trials):
            out = Path(folder) / f"trial{trial}"
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process = subprocess.Popen(command(study, out), env=environment, **quiet)
            time.sleep(rng.uniform(0.1, 1.0) * seconds)
            killed += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
            run_to_the_end(study, out, environment)
            passed += digest_of(out) == wanted
            shutil.rmtree(out)
    result = {"tried": arguments.trials, "passed": passed, "killed_while_running": killed}
    print(json.dumps({**result, "seed": arguments.seed, "seconds_uninterrupted": seconds}))


if __name__ == "__main__":
    main()
