import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmark_example import tiny_plan
from neurotranscoder.cli.benchmark import finish
from neurotranscoder.core.errors import CheckError
from neurotranscoder.evaluate.benchmark.rows import BenchmarkRow, CheckRow
from neurotranscoder.evaluate.benchmark.run import Outcome
from neurotranscoder.evaluate.benchmark.tables import Tables
from neurotranscoder.evaluate.table import read_rows
from small_study import command

OWN = """
class Copy:
    def fit(self, training, validation): ...
    def predict(self, run): return {"bold_from_eeg": run.bold, "source_from_bold": run.bold}

class Short(Copy):
    def predict(self, run): return {"bold_from_eeg": run.bold[:, 1:]}
"""
TINY = ("--preset", "tiny", "--train-runs", "4", "--test-runs", "2", "--duration", "120")
WORLDS = ("--scenario", "sequential-noisefree", "sparse", "--geometry-seeds", "100", "101")
QUICKEST = ("--methods", "closed_form")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with a module of one's own, made the current one while tests of this file run."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "own_methods_of_cli_tests.py").write_text(OWN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def done(here):
    """A benchmark of four worlds in one process; never write to it."""
    own = ("--method", "copy=own_methods_of_cli_tests:Copy")
    assert command("benchmark", here / "one", *TINY, *WORLDS, *QUICKEST, *own) == 0
    return here / "one"


def without_times(out):
    """Return every file of a benchmark but page and checksums, seconds left out."""
    files, new = {}, ("report.html", "manifest.json")
    for path in sorted(p for p in out.rglob("*") if p.is_file() and p.name not in new):
        if path.suffix == ".safetensors":
            files[path.relative_to(out).as_posix()] = path.read_bytes()
            continue
        text = path.read_text()
        if path.suffix == ".json" and path.parent.name.startswith("seed"):
            text = json.dumps(json.loads(text) | {"seconds": None})
        elif path.name == "benchmark.tsv":
            rows = [line.split("\t") for line in text.splitlines()]
            text = "\n".join("\t".join(row[:8] + row[9:]) for row in rows)
        files[path.relative_to(out).as_posix()] = text
    return files


def test_two_processes_write_the_bytes_of_one(done, here):
    own = ("--method", "copy=own_methods_of_cli_tests:Copy")
    words = (*TINY, *WORLDS, *QUICKEST, *own, "--jobs", "2")
    assert command("benchmark", here / "two", *words) == 0
    assert without_times(here / "two") == without_times(done)


def test_a_method_of_ones_own_is_scored_on_what_it_may_see(done):
    rows = [row for row in read_rows(done / "benchmark.tsv", BenchmarkRow) if row.method == "copy"]
    assert len({(row.scenario, row.geometry_seed) for row in rows}) == 4
    assert {row.r for row in rows if row.quantity == "bold_from_eeg"} == {0.0}
    assert all(row.r != 0 for row in rows if row.quantity == "source_from_bold")
    content = (Path.cwd() / "own_methods_of_cli_tests.py").read_bytes()
    address = "own_methods_of_cli_tests:Copy"
    made = hashlib.sha256(address.encode() + content).hexdigest()
    for world in json.loads((done / "benchmark.json").read_text())["worlds"]:
        assert world["outside"] == {"copy": {"origin": address, "sha256": made}}


def test_answers_that_cannot_be_scored_fail_by_name_and_the_rest_is_kept(done, tmp_path, capsys):
    out = shutil.copytree(done, tmp_path / "out")
    own = ("--method", "own_methods_of_cli_tests:Short")
    assert command("benchmark", out, *TINY, *WORLDS[:2], *WORLDS[3:5], *QUICKEST, *own) == 1
    said = capsys.readouterr().err
    assert "1 problem in the benchmark" in said
    assert "'own_methods_of_cli_tests:Short': bold_from_eeg of" in said
    rows = read_rows(out / "benchmark.tsv", BenchmarkRow)
    assert {(row.scenario, row.method) for row in rows} == {
        ("sequential-noisefree", "closed_form")
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no scenario was given; need --scenario with some of"),
        (("--scenario", "sparse", "--methods", "magic"), "unknown methods magic"),
        (("--scenario", "sparse", "--method", "nowhere_at_all:x"), "cannot be imported"),
        (("--scenario", "sparse", "--predictions", "folder"), "it needs NAME=FOLDER"),
        (("--scenario", "sparse", "--predictions", "x=nowhere"), "no folder is there"),
        (("--scenario", "sparse", "--method", "closed_form=own_methods_of_cli_tests:Copy"), "two"),
        (("--scenario", "sparse", "--method", "a/b=own_methods_of_cli_tests:Copy"), "letters"),
    ],
)
def test_what_is_impossible_is_refused_before_anything_is_written(words, message, here, capsys):
    assert command("benchmark", here / "never", *TINY, *words) == 2
    assert message in capsys.readouterr().err
    assert not (here / "never").exists()


def test_predictions_made_elsewhere_come_back_as_files(tmp_path, capsys):
    words = (*TINY, "--scenario", "sparse", "--geometry-seeds", "100", *QUICKEST)
    assert command("benchmark", tmp_path / "out", *words, "--export", tmp_path / "runs") == 0
    split = tiny_plan(scenarios=("sparse",), test_runs=2).worlds()[0].split
    test = tmp_path / "runs" / "sparse" / "seed-100" / "test"
    mine = tmp_path / "mine" / "sparse" / "seed-100"
    mine.mkdir(parents=True)
    for label in split.test:
        assert (test / f"{label}_eeg.safetensors").is_file()
        np.savez(mine / f"{label}.npz", eeg_from_bold=np.zeros((64, 300)))
    own = ("--predictions", f"mine={tmp_path / 'mine'}")
    assert command("benchmark", tmp_path / "out", *words, *own) == 0
    rows = read_rows(tmp_path / "out" / "benchmark.tsv", BenchmarkRow)
    assert [row.r for row in rows if row.method == "mine"] == [0.0]
    (mine / f"{split.test[0]}.npz").unlink()
    assert command("benchmark", tmp_path / "out", *words, *own) == 1
    assert f"'mine': no file of run {split.test[0]}" in capsys.readouterr().err


def test_the_page_is_made_with_the_tables_and_again_from_them_alone(done, tmp_path, monkeypatch):
    out = shutil.copytree(done, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in out.rglob("*.[hs][tv][mg]*")}
    assert "report.html" in before
    assert "sparse-traces.svg" in before
    (out / "report.html").unlink()
    shutil.rmtree(out / "figures")
    monkeypatch.setattr("neurotranscoder.cli.benchmark.run_benchmark", None)
    assert command("report", out, quick=False) == 0
    assert {path.name: path.read_bytes() for path in out.rglob("*.[hs][tv][mg]*")} == before


def test_a_limit_that_is_passed_ends_in_an_error_that_says_which():
    fact = ("s", 3, "oracle_linear", "mine", "source_fused", "all")
    checks = (CheckRow(*fact, -0.03, -0.04, -0.02, 5, "violated"),)
    outcome = Outcome(Tables((), (), (), (), checks), ())
    with pytest.raises(CheckError, match=r"s seed 3: oracle_linear - mine = -0.0300"):
        finish(outcome)


def test_compact_table_has_a_line_for_each_method(done, here, capsys):
    own = ("--method", "copy=own_methods_of_cli_tests:Copy")
    out = Path(shutil.copytree(done, here / "three"))
    assert command("benchmark", out, *TINY, *WORLDS, *QUICKEST, *own) == 0
    said = capsys.readouterr().err
    assert "seed-100: closed_form" not in said  # all was done
    for line in ("sparse: 2 geometry seeds", "  closed_form ", "  copy "):
        assert line in said
