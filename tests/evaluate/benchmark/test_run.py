import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import benchmark_example
from benchmark_example import SPECS, MinimumNorm, entrants, tiny_plan
from neurotranscoder.core.errors import SettingsError, StoreError, TrainingError
from neurotranscoder.evaluate.benchmark.entrants import Entrant
from neurotranscoder.evaluate.benchmark.export import export_worlds
from neurotranscoder.evaluate.benchmark.record import read_record
from neurotranscoder.evaluate.benchmark.rows import (
    BenchmarkMeasure,
    BenchmarkRow,
    CheckRow,
    RunRow,
    SummaryRow,
)
from neurotranscoder.evaluate.benchmark.run import run_benchmark
from neurotranscoder.evaluate.benchmark.tables import are_sealed
from neurotranscoder.evaluate.benchmark.traces import load_traces
from neurotranscoder.evaluate.benchmark.world import open_world
from neurotranscoder.evaluate.table import read_rows
from neurotranscoder.io.arrays import read_arrays
from neurotranscoder.signal.correlation import correlation_interval

NEW = ("report.html", "manifest.json")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A finished benchmark of one world, and its outcome; never write to it."""
    out = tmp_path_factory.mktemp("benchmark") / "out"
    return out, run_benchmark(tiny_plan(), out, entrants)


@pytest.fixture
def copy(done, tmp_path):
    """A copy of the benchmark that a test may write to."""
    return Path(shutil.copytree(done[0], tmp_path / "out"))


def again(out, *, methods=entrants, plan=None, **changes):
    """Run a benchmark once more; return what it did."""
    worked = []
    run_benchmark(plan or tiny_plan(), out, methods, report=worked.append, **changes)
    return [text.rpartition(": ")[2] for text in worked]


def test_tables_hold_what_was_returned(done):
    out, outcome = done
    for name, kind, rows in (
        ("benchmark", BenchmarkRow, outcome.tables.metrics),
        ("benchmark_measures", BenchmarkMeasure, outcome.tables.measures),
        ("benchmark_runs", RunRow, outcome.tables.runs),
        ("summary", SummaryRow, outcome.tables.summary),
        ("checks", CheckRow, outcome.tables.checks),
    ):
        assert len(read_rows(out / f"{name}.tsv", kind)) == len(rows) > 0
    head = (out / "benchmark.tsv").read_text().splitlines()[0].split("\t")
    columns = "scenario method quantity source_kind r ci_low ci_high n seconds geometry_seed"
    assert head == columns.split()


def test_tables_are_sealed_until_one_is_changed(copy):
    assert are_sealed(copy)
    with (copy / "summary.tsv").open("a") as file:
        file.write("\n")
    with pytest.raises(StoreError, match=r"summary\.tsv: got \d+ bytes"):
        are_sealed(copy)
    assert again(copy) == []
    assert are_sealed(copy)


def test_every_row_is_the_mean_of_its_held_out_runs(done):
    tables = done[1].tables
    for row in tables.metrics:
        if row.quantity in ("hrf", "leadfield"):
            continue
        fact = (row.method, row.quantity, row.source_kind)
        runs = [r for r in tables.runs if (r.method, r.quantity, r.source_kind) == fact]
        found = correlation_interval([run.r for run in runs], ["01"] * 3)
        assert_allclose((row.r, row.ci_low, row.ci_high), (found.mean, found.low, found.high))
        assert row.n == 3


def test_methods_score_what_they_can_and_transcoders_their_read_outs(done):
    r = {(m.method, m.quantity): m.r for m in done[1].tables.metrics if m.source_kind == "all"}
    assert {quantity for method, quantity in r if method == "ridge_lags"} == {"bold_from_eeg"}
    assert r["closed_form", "hrf"] > 0.9
    assert r["minimum_norm", "source_from_eeg"] > 0.2 > abs(r["oracle_noise", "source_from_eeg"])


def test_a_limit_that_is_passed_is_named(done):
    [check] = {(c.oracle, c.method): c for c in done[1].tables.violated}
    assert check == ("oracle_noise", "minimum_norm")


def test_informed_methods_know_no_test_run(done):
    knowledge, split = MinimumNorm.seen[-1], tiny_plan().worlds()[0].split
    known = {run.label for run in knowledge.truth.runs}
    assert known == {*split.training, *split.validation}
    [hidden] = [
        run for run in knowledge.truth.cohort.scenario.run_ids if run.label == split.test[0]
    ]
    with pytest.raises(StoreError, match="has no known sources"):
        knowledge.truth.sources(hidden)
    assert len(knowledge.training) == 2


def test_only_a_missing_result_is_made_again_and_has_the_same_bytes(copy):
    path = copy / "worlds" / "sequential-noisefree" / "seed-100" / "ridge_lags.json"
    before = without_times(copy)
    path.unlink()
    assert again(copy) == ["ridge_lags"]
    assert without_times(copy) == before
    assert again(copy) == []
    path.write_text(path.read_text()[:-20])  # damaged
    assert again(copy) == ["ridge_lags"]


def without_times(out):
    """Return every file of a benchmark but page and checksums, seconds left out."""
    files = {}
    for path in sorted(p for p in out.rglob("*") if p.is_file() and p.name not in NEW):
        if path.suffix == ".safetensors":
            files[path.relative_to(out).as_posix()] = path.read_bytes()
            continue
        text = path.read_text()
        if path.suffix == ".json" and path.parent.name.startswith("seed"):
            text = json.loads(text) | {"seconds": None}
        elif path.name == "benchmark.tsv":
            text = [line.split("\t")[:8] + line.split("\t")[9:] for line in text.splitlines()]
        files[path.relative_to(out).as_posix()] = text
    return files


def test_example_time_courses_are_kept_of_some_methods_and_made_again_when_lost(copy):
    folder = copy / "worlds" / "sequential-noisefree" / "seed-100"
    traces = folder / "traces"
    assert sorted(path.stem for path in traces.iterdir()) == ["closed_form", "ridge_lags"]
    before = without_times(copy)
    (traces / "closed_form.safetensors").unlink()
    assert again(copy) == ["closed_form"]
    (traces / "ridge_lags.safetensors").write_bytes(b"damaged")
    assert again(copy) == ["ridge_lags"]
    assert without_times(copy) == before


def test_time_courses_have_the_digest_of_their_result_and_of_the_record(done):
    folder = done[0] / "worlds" / "sequential-noisefree" / "seed-100"
    content = (folder / "traces" / "closed_form.safetensors").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert json.loads((folder / "closed_form.json").read_text())["traces"] == digest
    [world] = read_record(done[0]).worlds
    assert world.traces["closed_form"] == digest
    assert load_traces(folder / "traces" / "closed_form.safetensors").run == world.test_run


def test_results_that_older_code_made_without_time_courses_can_be_kept(copy):
    path = copy / "worlds" / "sequential-noisefree" / "seed-100" / "closed_form.json"
    content = json.loads(path.read_text())
    del content["traces"], content["provenance"]["libraries"]
    content["provenance"]["code"] = "older"
    path.write_text(json.dumps(content))
    assert again(copy, keep_older=True) == []
    assert "closed_form" not in read_record(copy).worlds[0].traces


def test_the_day_changes_with_the_record_alone(copy):
    path = copy / "benchmark.json"
    path.write_text(path.read_text().replace(read_record(copy).day, "2001-02-03"))
    again(copy)
    assert read_record(copy).day == "2001-02-03"
    run_benchmark(tiny_plan(), copy, broken_and_ridge)
    assert read_record(copy).day > "2001-02-03"
    assert [one.method for one in read_record(copy).failures] == ["broken"]


def test_a_world_is_simulated_only_for_methods_that_are_missing(copy, monkeypatch):
    monkeypatch.setattr(benchmark_example, "SPECS", SPECS[:2])
    monkeypatch.setattr("neurotranscoder.evaluate.benchmark.job.open_world", None)
    assert again(copy) == []
    assert {row.method for row in read_rows(copy / "benchmark.tsv", BenchmarkRow)} == {
        "closed_form",
        "ridge_lags",
    }


def test_results_of_other_code_or_settings_are_made_again(copy):
    for path in (copy / "worlds").rglob("*_*.json"):
        content = json.loads(path.read_text())
        content["provenance"]["code"] = "older"
        path.write_text(json.dumps(content))
    assert again(copy, keep_older=True) == []
    assert again(copy) == [spec.name for spec in SPECS]
    fused = {"plan": tiny_plan(fusion="zscored")}
    assert again(copy, keep_older=True, **fused) == [spec.name for spec in SPECS]


def test_training_across_a_split_is_refused_before_anything_is_done(copy):
    before = without_times(copy)
    with pytest.raises(SettingsError, match="2/2/3 training, validation and test runs"):
        again(copy, plan=tiny_plan(train_runs=5))
    assert without_times(copy) == before


class Broken:
    def fit(self, *_):
        raise TrainingError("the loss is 1e9; lower the learning rate")


def broken_and_ridge(world):
    spec = replace(SPECS[1], name="broken", make=lambda *_: Broken())
    return [Entrant(spec), Entrant(SPECS[1])]


def test_a_method_that_fails_stops_no_other_and_is_tried_again(copy):
    outcome = run_benchmark(tiny_plan(), copy, broken_and_ridge)
    [failure] = outcome.failures
    assert str(failure).startswith(
        "sequential-noisefree/seed-100: broken: TrainingError: the loss"
    )
    assert {row.method for row in outcome.tables.metrics} == {"ridge_lags"}
    assert again(copy, methods=broken_and_ridge) == ["broken"]


def test_a_world_in_files_is_the_world_in_memory(tmp_path):
    plan = tiny_plan(train_runs=3, test_runs=1)
    [world] = plan.worlds()
    with (
        open_world(world, plan.align, tmp_path, in_memory=0) as mapped,
        open_world(world, plan.align, tmp_path) as held,
    ):
        assert len(list(tmp_path.rglob("*.npy"))) == 4 * 4
        for one, other in zip(mapped.training, held.training, strict=True):
            assert np.array_equal(one.bold, other.bold)
            assert np.array_equal(one.cells.data, other.cells.data)
        known = mapped.knowledge().training[0].sources, held.knowledge().training[0].sources
        assert np.array_equal(*known)
    assert not list(tmp_path.iterdir())


def test_exported_runs_are_those_that_methods_are_given_and_hold_no_truth(tmp_path):
    plan = tiny_plan(train_runs=3, test_runs=1)
    [world] = plan.worlds()
    export_worlds(plan, tmp_path / "out", tmp_path / "runs")
    folder = tmp_path / "runs" / "sequential-noisefree" / "seed-100"
    with open_world(world, plan.align, tmp_path / "scratch") as opened:
        run = opened.test[0].aligned
    test = folder / "test" / run.run.label
    eeg = read_arrays(test.with_name(f"{test.name}_eeg.safetensors"))
    bold = read_arrays(test.with_name(f"{test.name}_bold.safetensors"))
    assert sorted(eeg) == ["eeg", "power"]
    assert np.array_equal(eeg["eeg"], run.eeg)
    assert np.array_equal(bold["acquired"], run.cells.data)
    training = read_arrays(folder / "training" / f"{world.split.training[0]}.safetensors")
    assert sorted(training) == sorted([*eeg, *bold])
    assert {path.name for path in folder.iterdir()} == {
        "training",
        "validation",
        "test",
        "world.json",
    }
