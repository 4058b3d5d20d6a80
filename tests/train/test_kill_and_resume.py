import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_and_resume.py"


@pytest.mark.slow
def test_killed_training_ends_with_the_bytes_of_an_uninterrupted_one():
    command = [sys.executable, str(SCRIPT), "--trials", "3", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["killed"], found["passed"], found["leftovers"]) == (3, 3, 0)
