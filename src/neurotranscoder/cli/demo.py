"""``neurotranscoder demo``: the main job on a small simulated study, end to end."""

from __future__ import annotations

from pathlib import Path

from neurotranscoder.cli.common import say
from neurotranscoder.cli.evaluate import evaluate_models, store, truth_of_study
from neurotranscoder.cli.methods import methods_of
from neurotranscoder.cli.places import EVALUATION
from neurotranscoder.cli.run_numbers import write_run_numbers
from neurotranscoder.cli.simulate import simulate
from neurotranscoder.cli.train import Parts, train_model
from neurotranscoder.cli.workspace import Workspace, grouped_notes, load_models
from neurotranscoder.config import load_config
from neurotranscoder.evaluate.findings import Findings
from neurotranscoder.evaluate.table import MetricRow, write_rows
from neurotranscoder.io.output_folder import open_output_folder
from neurotranscoder.report.methods.text import write_methods
from neurotranscoder.report.page import write_report
from neurotranscoder.train.device import Device
from neurotranscoder.train.split import split_runs

STEPS = {"small": 200, "tiny": 8}  # of the paper's networks
ARCHITECTURES = ("closed_form", "sparse", "paper")


def demo(out: Path, /, *, preset: str = "small", seed: int = 0, device: Device = "auto") -> None:
    """Simulate a small study, train, reconstruct, evaluate and report.

    Parameters
    ----------
    out
        Where everything goes: report.html, metrics.tsv, study/ and derivatives/.
    preset
        Scenario: small or tiny.
    seed
        Seed of the simulated study.
    device
        Where networks are trained.
    """
    study, results = out / "study", out / "derivatives"
    with open_output_folder(out, kind="demo", identity=f"{preset} {seed}"):
        simulate(study, preset=preset, seed=seed)
        space = Workspace.open(study, results, load_config(None, demo_settings(preset)))
        with space.started():
            findings = _train_and_score(space, preset, device)
        write_rows(out / "metrics.tsv", findings.metrics)
        methods = methods_of(results)
        write_methods(out, methods)
        write_report(findings, out / "report.html", methods=methods)
    summarise(findings)
    say(f"report in {out / 'report.html'}")


def _train_and_score(space: Workspace, preset: str, device: Device) -> Findings:
    """Train the default, its linear part and the paper's network on the study; score them."""
    config = space.config
    runs = space.align()
    split = split_runs(space.study.runs, config.train.split, stated=space.study.test_runs)
    training, validation = (
        [run for run in runs if run.run.label in part]
        for part in (split.training, split.validation)
    )
    parts = Parts(training, validation, split)
    for architecture in ARCHITECTURES:
        settings = config.train.model_copy(update={"architecture": architecture})
        train_model(parts, settings, space.model_folder(architecture), device=device)
    models = load_models((), space.out)
    notes = grouped_notes(space.study)
    truth = truth_of_study(space.study.root)
    findings = evaluate_models(models, runs, truth, space=space, name=preset, notes=notes)
    fusion, folder = config.reconstruct.fusion, space.out / EVALUATION
    write_run_numbers(folder, space.study, runs, fusion=fusion, simulated=truth is not None)
    store(findings, space.out)
    return findings


def demo_settings(preset: str) -> tuple[str, ...]:
    """Return the settings that keep the demo of a preset short: few steps of the networks."""
    steps = STEPS[preset]
    moments = ("validate_every", "checkpoint_every")
    halves = (f"train.paper.{moment}={steps // 2}" for moment in moments)
    return (f"train.paper.steps={steps}", *halves)


def summarise(findings: Findings) -> None:
    """Write the rows that matter most."""
    shown = ("bold_from_eeg", "eeg_from_bold", "source_from_eeg", "source_fused", "hrf")
    for name, fact in findings.facts:
        if name == "Evoked responses":
            say(f"  evoked responses: {fact}")
    for row in findings.metrics:
        if row.quantity in shown and row.source_kind == "all":
            say(line_of(row))


def line_of(row: MetricRow) -> str:
    """Return a row as a line of text."""
    interval = "" if row.ci_low != row.ci_low else f" [{row.ci_low:.3f}, {row.ci_high:.3f}]"
    return f"  {row.quantity:16s} {row.method:28s} r = {row.r:.3f}{interval}"
