import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_export.py"


def test_killed_exports_go_on_and_end_with_the_same_bytes():
    command = [sys.executable, str(SCRIPT), "--trials", "2", "--seed", "1"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    counts = json.loads(found.stdout)
    assert (counts["killed"], counts["passed"], counts["computed_again"]) == (2, 2, 0)
    assert 0 < max(counts["tiles_committed_at_kill"]) < counts["tiles"]
