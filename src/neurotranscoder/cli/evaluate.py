"""``neurotranscoder evaluate`` and ``report``: scores beside rivals, limit and null."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from neurotranscoder.cli.backgrounds import mean_bold
from neurotranscoder.cli.common import Common, say
from neurotranscoder.cli.figures import in_mni
from neurotranscoder.cli.left_out import left_out_of
from neurotranscoder.cli.methods import cleaning_of, methods_of
from neurotranscoder.cli.places import EVALUATION, RESULTS
from neurotranscoder.cli.preprocess_records import is_simulated
from neurotranscoder.cli.run_numbers import write_run_numbers
from neurotranscoder.cli.workspace import Workspace, grouped_notes, load_models
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import SettingsError, StoreError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.assemble import assemble
from neurotranscoder.evaluate.benchmark.record import RECORD
from neurotranscoder.evaluate.findings import Findings, Realism
from neurotranscoder.evaluate.findings_store import load_findings, save_findings
from neurotranscoder.evaluate.realism import measure
from neurotranscoder.evaluate.realism_panels import realism_of
from neurotranscoder.evaluate.shortcomings import shortcomings, simulated_motion
from neurotranscoder.evaluate.study import Candidate, StudyEvaluation, StudyRuns
from neurotranscoder.evaluate.table import write_rows
from neurotranscoder.io.manifest import read_manifest, write_manifest
from neurotranscoder.io.output_folder import MARKER
from neurotranscoder.preprocess.clean_study import read_clean_study
from neurotranscoder.reconstruct.fuse import Fusion
from neurotranscoder.report.benchmark.page import write_benchmark_page
from neurotranscoder.report.methods.text import Methods, write_methods
from neurotranscoder.report.page import write_report
from neurotranscoder.report.readout_links import read_readouts
from neurotranscoder.report.subject_pages import write_subject_page, write_subject_pages
from neurotranscoder.report.subjects import read_subject_stage
from neurotranscoder.simulate.truth import Truth, load_truth
from neurotranscoder.train.trained import TrainedTranscoder


def evaluate(
    bids: Path,
    out: Path,
    /,
    *,
    model: Annotated[tuple[Path, ...], Parameter(negative="", consume_multiple=True)] = (),
    common: Common | None = None,
) -> None:
    """Score trained transcoders on the held-out runs, beside rivals, limit and null.

    Parameters
    ----------
    bids
        The study that the models were trained on.
    out
        Where results go: metrics.tsv, measures.tsv, realism.tsv and evaluation/.
    model
        Folders of models; default: all in OUT/models.
    """
    config = (common or Common()).settings()
    space = Workspace.open(bids, out, config)
    models = load_models(model, out)
    models[0][1].split.check(space.study.runs)
    for _, trained in models:
        space.check(trained)
    with space.started():
        blocks = models[0][1].blocks
        runs, truth = space.align(blocks), truth_at(bids, space.config.study.images, blocks.voxels)
        fusion = config.reconstruct.fusion
        findings = evaluate_models(
            models,
            runs,
            truth,
            space=space,
            name=name_of_study(bids),
            fusion=fusion,
            notes=grouped_notes(space.study),
        )
        simulated, folder = truth is not None, out / EVALUATION
        write_run_numbers(folder, space.study, runs, fusion=fusion, simulated=simulated)
        store(findings, out)


def evaluate_models(
    models: Sequence[tuple[str, TrainedTranscoder]],
    runs: Sequence[AlignedRun],
    truth: Truth | None,
    *,
    space: Workspace,
    name: str,
    fusion: Fusion = "joint",
    notes: Sequence[str] = (),
) -> Findings:
    """Score models that share one split.

    Raises
    ------
    SettingsError
        When the models were trained on different splits.
    """
    split = models[0][1].split
    for other, trained in models[1:]:
        if trained.split != split:
            raise SettingsError(
                f"{other} and {models[0][0]} were trained on different splits; scores on runs "
                "that one of them has seen mean nothing; train them with the same settings"
            )
    parts = {
        part: tuple(run for run in runs if run.run.label in getattr(split, part))
        for part in ("training", "validation", "test")
    }
    scenario = truth.cohort.scenario.name if truth else name
    evaluation = StudyEvaluation(StudyRuns(scenario, **parts), truth, fusion=fusion, progress=say)
    candidates = [Candidate(label, trained) for label, trained in models]
    tables = evaluation.tables(candidates)
    realism = look_at(space, evaluation.runs.test[0], truth)
    origin = _origin(space.study.root, truth)
    found = assemble(
        evaluation,
        candidates,
        tables,
        notes=[*notes, *origin],
        realism=realism,
        simulated=bool(origin),
    )
    mni = truth is not None or in_mni(space)  # brains are simulated in MNI
    image = None if mni else mean_bold(space, evaluation.runs.test[0])
    return replace(found, mni=mni, anatomy=image)


def look_at(space: Workspace, run: AlignedRun, truth: Truth | None) -> Realism:
    """Return how a run looks, beside what is known of real recordings.

    Parameters
    ----------
    space : Workspace
        The study that the run is read from.
    run : AlignedRun
        Which run, and the blocks that BOLD is averaged over.
    truth : Truth or None
        What it was made from, where the study was simulated; it knows how the head moved.
    """
    say(f"comparing {run.run} with real recordings")
    found = measure(
        space.study.load(run.run),
        blocks=run.blocks,
        settings=space.config.align,
        motion=None if truth is None else simulated_motion(truth.cohort.scenario, run.run),
    )
    return realism_of(found, limits=shortcomings(truth.cohort.scenario) if truth else ())


def name_of_study(bids: Path) -> str:
    """Return the name of a study's folder: of a clean one, that of the study as recorded."""
    known = read_clean_study(bids)
    return bids.resolve().name if known is None else known.name


def _origin(bids: Path, truth: Truth | None) -> list[str]:
    """Return a note where data were simulated and their truth is not beside what is read."""
    known = read_clean_study(bids)
    simulated = is_simulated(bids) if known is None else known.simulated
    if not simulated or truth is not None:
        return []
    return ["the data were simulated; their truth is not used here"]


def truth_of_study(bids: Path) -> Truth | None:
    """Return the truth of a simulated study, or None where there is none."""
    return load_truth(bids) if (bids / "derivatives" / "truth").is_dir() else None


def truth_at(bids: Path, images: Path | None, voxels: VoxelGrid) -> Truth | None:
    """Return the truth of a simulated study on the voxels of its images, or None without one.

    Raises
    ------
    SettingsError
        When its images lie in each subject's own space, where the truth is not, and those that
        were brought to MNI are not named.
    """
    truth = truth_of_study(bids)
    if truth is None or truth.cohort.scenario.native is None:
        return truth
    if images is None:
        raise SettingsError(
            f"{bids}: was simulated with images in each subject's own space, and its truth is in "
            "MNI; need images in MNI: `neurotranscoder preprocess`, then train and evaluate with "
            "--set 'study.images=\"OUT\"'"
        )
    return truth.on(voxels)


def store(findings: Findings, out: Path) -> None:
    """Write tables and the numbers behind the pictures; the manifest comes last."""
    folder = out / EVALUATION
    save_findings(folder, findings)
    write_manifest(folder, kind="evaluation", settings_hash="")
    write_rows(out / "metrics.tsv", findings.metrics)
    write_rows(out / "measures.tsv", findings.measures)
    if findings.realism is not None:
        write_rows(out / "realism.tsv", findings.realism.rows)
    say(f"scores in {out / 'metrics.tsv'}")


def describe(out: Path) -> Methods:
    """Return the methods text of results, and write it beside them, for papers."""
    methods = methods_of(out)
    write_methods(out, methods)
    return methods


def report(out: Path, /) -> None:
    """Write OUT/report.html from the results or the benchmark in OUT: one page, no network.

    Subjects whose pictures would make it too large have pages of their own beside it, which it
    links: report_sub-01.html and so on. Beside it, for results: methods.md, what was done as a
    text for a paper, and references.bib.

    Parameters
    ----------
    out
        The results folder of a study (of `evaluate`, of `analyse --stage subject`, or of both),
        or of a benchmark; the OUT of `run`, whose results/ is meant then.

    Raises
    ------
    StoreError
        When it is neither, or was damaged.
    """
    if (out / RECORD).is_file():
        say(f"report in {write_benchmark_page(out)}")
        return
    if (out / RESULTS / MARKER).is_file() and not (out / MARKER).is_file():
        out = out / RESULTS
    folder, stage = out / EVALUATION, read_subject_stage(out)
    if folder.is_dir():
        read_manifest(folder, kind="evaluation")
        findings, page = load_findings(folder), out / "report.html"
        findings = replace(findings, warnings=(*findings.warnings, *left_out_of(out)))
        methods, cleaning = describe(out), cleaning_of(out)
        write_report(
            findings,
            page,
            stage=stage,
            methods=methods,
            cleaning=cleaning,
            readouts=read_readouts(out),
        )
    elif stage:
        page, methods, cleaning = out / "report.html", describe(out), cleaning_of(out)
        write_subject_page(stage, page, methods=methods, cleaning=cleaning)
    else:
        raise StoreError(
            f"{out}: got neither an evaluation, nor statistics of subjects, nor a benchmark; need "
            "the OUT of one; run `neurotranscoder evaluate`, `analyse --stage subject` or "
            "`benchmark` first, or check the path"
        )
    write_subject_pages(out, stage)
    say(f"report in {out / 'report.html'}")
