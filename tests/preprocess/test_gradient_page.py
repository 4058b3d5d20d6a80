"""The page on cleaning says what the code does."""

import json
import re
from pathlib import Path

import mne
import numpy as np

from gradient_example import SFREQ, raw_example
from neurotranscoder.preprocess.gradient import GradientSettings

ROOT = Path(__file__).resolve().parents[2]


def section():
    text = (ROOT / "docs" / "eeg_cleaning.md").read_text(encoding="utf-8")
    return re.search(r"^## Gradients\n(.*?)(?=^## |\Z)", text, flags=re.DOTALL | re.MULTILINE)[1]


def test_python_of_the_section_on_gradients_runs(rng):
    example = raw_example(rng)
    raw = mne.io.RawArray(example.dirty, mne.create_info(["Cz"], SFREQ, "eeg"), verbose="error")
    raw.set_annotations(mne.Annotations(example.triggers, 0, "R128"))
    [code] = re.findall(r"```python\n(.*?)```", section(), flags=re.DOTALL)
    names: dict[str, object] = {"raw": raw}
    exec(code, names)
    assert names["clean"].get_data().std() < 2e-5
    assert names["weak"].shape == (1, 17)  # multiples of 14.6 Hz up to 250 Hz
    assert names["report"].n_slices == 1


def test_defaults_that_the_section_names_are_those_of_the_code():
    settings, text = GradientSettings(), section()
    assert f"`window` volumes, {settings.window} by default" in text
    assert f"{settings.max_components} at most" in text
    assert f"below {settings.min_sfreq / 1000:g} kHz" in text
    assert not settings.adaptive
    assert json.loads(settings.model_dump_json())["template"] == "slice"


def test_a_table_of_the_section_has_a_row_for_each_case_of_the_benchmark():
    source = (ROOT / "benchmarks" / "gradient.py").read_text(encoding="utf-8")
    cases = re.search(r"CASES.*?= \{\n(.*?)\n\}", source, flags=re.DOTALL)[1].splitlines()
    rows = [line for line in section().splitlines() if line.startswith("|")][2:]
    assert len(rows) == len(cases)
    numbers = np.array([[float(cell) for cell in row.split("|")[2:-1]] for row in rows])
    assert np.all(numbers[:, :2] < 2.7)
