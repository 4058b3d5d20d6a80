import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_analyse.py"


def test_killed_statistics_of_subjects_end_with_the_same_bytes():
    command = [sys.executable, str(SCRIPT), "--trials", "1", "--seed", "1"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    counts = json.loads(found.stdout)
    assert (counts["killed"], counts["passed"], counts["half_finished"]) == (1, 1, 0)
    assert counts["second_run_changes_nothing"]
