import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_examples_run_in_order(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    printed = ""
    for script in sorted(EXAMPLES.glob("0*.py")):
        done = subprocess.run(
            [sys.executable, str(script)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        printed += done.stdout
    assert "BOLD from EEG: (16, 16, " in printed
    assert (tmp_path / "example" / "bold_from_eeg.nii.gz").is_file()
