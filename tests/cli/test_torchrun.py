"""``torchrun -m neurotranscoder train``, as on a cluster."""

import subprocess
import sys

import pytest
from numpy.testing import assert_allclose

from neurotranscoder.train.trained import load_trained
from small_study import QUICK, bytes_below, command

SETTINGS = (
    *QUICK,
    "train.paper.steps=4",
    "train.paper.validate_every=2",
    "train.paper.windows_per_step=2",
    "train.paper.windows.seconds=20",
    "train.paper.temporal_kernel=5",
)
WORDS = ("--participant-label", "01", "--architecture", "paper")


def by_two_processes(*words):
    """Run one command with torchrun; return what it wrote to the error stream."""
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    line = [*launcher, "--nproc-per-node", "2", "-m", "neurotranscoder", *words, *settings]
    done = subprocess.run(
        [str(word) for word in line], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


@pytest.mark.slow
def test_two_processes_make_the_model_of_one_and_speak_with_one_voice(
    tiny_study, tmp_path, monkeypatch, one_thread
):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    lines = by_two_processes("train", tiny_study, tmp_path / "two", *WORDS)
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    assert command("train", tiny_study, tmp_path / "one", *WORDS, *settings, quick=False) == 0
    one, two = (load_trained(tmp_path / name / "models" / "paper") for name in ("one", "two"))
    assert two.curve.step == (0, 2, 4)
    names = [
        {name for name in bytes_below(tmp_path / out) if "safetensors" not in name}
        for out in ("one", "two")
    ]
    assert names[0] == names[1]  # no checkpoint is left
    assert one.settings == two.settings
    for part in ("training", "validation"):
        assert_allclose(getattr(two.curve, part), getattr(one.curve, part), rtol=1e-5)
    for step in range(1, 5):
        assert sum(f"training paper: {step}/4" in line for line in lines) == 1
    assert sum("paper trained in" in line for line in lines) == 1
    assert not any(line.startswith("rank 1") for line in lines)
