import re
import runpy
from dataclasses import fields, replace
from math import nan
from pathlib import Path
from typing import get_args

import nibabel as nib
import pytest
from numpy.testing import assert_allclose

from layout_example import write_noddi
from movie_example import random_movie
from neurotranscoder.analyse.trials import TrialSettings, cut_trials
from neurotranscoder.cli.app import COMMANDS
from neurotranscoder.evaluate.benchmark.rows import Statistic
from neurotranscoder.evaluate.methods.outside import checked
from neurotranscoder.evaluate.methods.registry import Role
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.io.layouts.plan import ImportSettings
from neurotranscoder.io.layouts.registry import LAYOUTS
from neurotranscoder.io.movies import save_movie
from neurotranscoder.io.store import write_table
from neurotranscoder.report.words import MEASURES
from neurotranscoder.signal.correlation import correlate_rows, fisher_mean
from neurotranscoder.simulate.catalogue import named_scenario, scenario_names
from neurotranscoder.train.checkpoint import Snapshot, save_snapshot
from neurotranscoder.train.curve import CurveRow, LossValues, Progress
from scanner_eeg import pulse_example
from synthetic_runs import synthetic_runs
from trial_example import events, random_onsets

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("name", "page"),
    [("settings.md", "settings_page"), ("scenario_settings.md", "scenario_page")],
)
def test_pages_of_settings_are_those_of_the_code(name, page):
    written = runpy.run_path(str(ROOT / "docs" / "settings.py"))[page]()
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == written


def test_simulator_page_names_every_scenario_and_its_python_runs():
    text = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    assert [name for name in scenario_names() if f"`{name}`" not in text] == []
    names: dict[str, object] = {}
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)), names)
    assert names["run"].recording.bold.data.ndim == 4
    assert names["voxels"].any()


def test_benchmark_page_defines_every_measure_that_is_taken():
    text = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
    elsewhere = {"surviving_share_of_sd"}  # of `evaluate` alone: a fact about the truth
    assert [name for name in MEASURES if f"`{name}`" not in text] == sorted(elsewhere)


def test_page_on_loaders_names_every_layout_kind_of_eeg_and_setting():
    text = (ROOT / "docs" / "loaders.md").read_text(encoding="utf-8")
    kinds = {kind for layout in LAYOUTS.values() for kind in layout.eeg}
    words = [*LAYOUTS, *kinds, *ImportSettings.model_fields]
    assert [word for word in words if f"`{word}`" not in text] == []


def test_python_on_the_page_of_loaders_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_noddi(tmp_path / "downloads" / "noddi")
    text = (ROOT / "docs" / "loaders.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)), names)
    assert len(names["study"]) == 2


def test_python_on_the_truth_page_runs_on_a_study(tiny_study, tmp_path, monkeypatch):
    (tmp_path / "study").symlink_to(tiny_study)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "truth.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)), names)
    assert names["p"].shape == (names["blocks"].n_blocks, 150)
    assert list(names["noise"]) == ["white"]
    written = {path.name for path in (tiny_study / "derivatives" / "truth").glob("*.*")}
    of_bids = {".bidsignore", "dataset_description.json"}
    tables = {name for name in written - of_bids if not name.endswith(".safetensors")}
    assert [name for name in sorted(tables) if f"`{name}`" not in text] == []


def test_every_scenario_on_the_simulator_page_is_possible(tmp_path):
    text = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    for settings in re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL):
        path.write_text(settings, encoding="utf-8")
        assert named_scenario(str(path), preset="tiny").name == "mine"


def test_python_on_the_page_of_trials_runs(rng, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    movie = random_movie(rng, shape=(4, 3, 2), n_times=22_000)
    runs = [(movie, events(random_onsets(rng, 96, gap=(2.0, 2.4)), ["face", "car"] * 48))]
    averages = [cut_trials(runs, TrialSettings()).average()] * 6
    text = (ROOT / "docs" / "trials.md").read_text(encoding="utf-8")
    text = text.replace("n_permutations=1000", "n_permutations=19")
    names: dict[str, object] = {"runs": runs, "averages": averages}
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)), names)
    image = nib.load("face_z.nii.gz")
    assert image.shape == (4, 3, 2, 350)
    assert_allclose(image.affine, movie.grid.voxel_to_world)
    assert_allclose(image.get_fdata()[movie.mask], names["found"].z, atol=1e-6)


PAGES = ["README.md", "docs/benchmark.md", "docs/realism.md", "docs/simulator.md"]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_links_to_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(((?!https?:)[^)]+)\)", text)
    assert links
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


def test_method_on_the_benchmark_page_learns_and_names_on_it_are_those_of_the_code():
    text = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    runs = synthetic_runs(6)
    method = names["LaggedRidge"]()
    method.fit(runs[:4], runs[4:5])
    found = checked("mine", method.predict(runs[5]), runs[5]).bold_from_eeg
    assert fisher_mean(correlate_rows(found, runs[5].bold)) > 0.5
    for words in (field.name for field in fields(Prediction)), get_args(Role), get_args(Statistic):
        assert [word for word in words if f"`{word}`" not in text] == []


def cells_of(table):
    """Return the rows of a Markdown table, cell by cell, without its two heads."""
    rows = [line for line in table.splitlines() if line.startswith("|")]
    return [re.split(r"(?<!\\)\|", row)[1:-1] for row in rows[2:]]


def number_in(cell):
    """Return the number that a cell begins with, NaN for n/a."""
    return float(cell.split()[0].replace("\N{MINUS SIGN}", "-").replace("n/a", "nan"))


def test_page_on_realism_holds_the_table_of_the_code():
    code = runpy.run_path(str(ROOT / "docs" / "realism.py"))
    found = cells_of(code["table"](code["simulated"]("small")[2].rows))
    written = cells_of((ROOT / "docs" / "realism.md").read_text(encoding="utf-8"))
    assert len(found) == len(written) > 20
    values = [[number_in(row[1]) for row in rows] for rows in (written, found)]
    assert_allclose(*values, rtol=0.03)  # three digits, and sums in another order
    names, verdicts, sources = (0, 3, 5)
    for column in (names, verdicts, sources):
        assert [row[column] for row in written] == [row[column] for row in found]


def test_readme_names_every_command():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    names = [command.__name__.rstrip("_") for command in COMMANDS]
    missing = [name for name in names if f"neurotranscoder {name} " not in text]
    assert missing == []


def test_picture_of_a_curve_is_that_of_the_trained_folder(tmp_path):
    script = runpy.run_path(str(ROOT / "docs" / "curve.py"))
    folder = tmp_path / "paper"
    write_table(
        folder / "curve.tsv", {"step": (0, 4), "training": (nan, 3.0), "validation": (1.0, 0.5)}
    )
    lines = script["panel_of"]([folder]).lines
    assert [line.x.tolist() for line in lines] == [[0, 4], [0, 4]]
    assert (lines[0].y[1], lines[1].y.tolist()) == (3.0, [1.0, 0.5])
    values = LossValues.zero()
    rows = [CurveRow(0, None, values), CurveRow(4, replace(values, total=3.0), values)]
    progress = Progress(step=4, curve=rows)
    save_snapshot(tmp_path / "paper.checkpoint", Snapshot({}, progress.to_json()), "digest")
    unfinished = script["panel_of"]([tmp_path / "paper.checkpoint"]).lines
    assert [line.label for line in unfinished] == [line.label for line in lines]
    assert unfinished[0].y[1] == 3.0
    svg = script["draw_loss_curves"](script["panel_of"]([folder])).source
    assert svg.startswith("data:image/svg")


def test_python_on_the_page_on_movies_runs(rng, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    movie = random_movie(rng, shape=(6, 5, 4), n_times=150)
    movie.mask[2, 2, 1] = True
    maps = rng.standard_normal((int(movie.mask.sum()), 6)).astype("float32")
    save_movie(Path("run.movie"), replace(movie, maps=maps))
    text = (ROOT / "docs" / "movie.md").read_text(encoding="utf-8")
    weights = rng.standard_normal((6, 3))
    amplifier = rng.standard_normal((4, 3, 25))
    names = {"n_channels": 3, "coder": weights.__matmul__, "amplifier": amplifier}
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)), names)
    assert names["live"].frames.n_frames == 10
    assert names["second"].shape[1] == names["image"].shape[3] * 2 == 100
    assert_allclose(names["there"], names["movie"].voxel((2, 2, 1)), atol=1e-6)


def test_python_on_the_page_on_cleaning_runs():
    text = (ROOT / "docs" / "eeg_cleaning.md").read_text(encoding="utf-8")
    names = {"raw": pulse_example(duration=60.0, eeg_rate=500.0).raw}
    first, *_ = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)  # next: gradients
    exec(first, names)
    assert names["raw"].info["sfreq"] == 250.0
    assert (names["raw"].info["highpass"], names["display"].info["highpass"]) == (0.0, 1.0)
