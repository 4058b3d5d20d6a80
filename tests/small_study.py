"""A tiny simulated study on disk, quick settings, and the command line inside this process."""

import json
import subprocess
import sys
from pathlib import Path

from neurotranscoder.cli.app import run

QUICK = (
    "align.block_size=24",
    "train.residual.steps=4",
    "train.residual.validate_every=2",
    "train.residual.checkpoint_every=1",
    "train.residual.windows.seconds=20",
    "train.residual.windows.context=8",
    "train.residual.temporal_kernel=5",
    "train.closed_form.hrf_duration=24",
    "train.sparse.frames=500",
    "train.probe_seconds=20",
)

VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")


def command(*words, quick=True):
    """Run one command; return its exit code."""
    settings = [part for setting in QUICK for part in ("--set", setting)] if quick else []
    return run([str(word) for word in (words[0], *settings, *words[1:])])


def bytes_below(folder, *, without=()):
    """Return the bytes of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in without
    }


def validation_errors(folder):
    """Return code and place of every error that the BIDS validator finds."""
    done = subprocess.run(
        [VALIDATOR, "--format", "json", folder], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [(i["code"], i.get("location")) for i in issues if i["severity"] == "error"]
