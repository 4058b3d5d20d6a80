"""Put tables, pictures and words together: everything that a report shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurotranscoder import __version__
from neurotranscoder.evaluate.findings import Findings, Line, Panel, Realism
from neurotranscoder.evaluate.pictures import (
    response_panel,
    signal_panels,
    source_maps,
    source_panels,
    topographies,
)
from neurotranscoder.evaluate.study import Candidate, StudyEvaluation, Tables
from neurotranscoder.physics.evoked import surviving_share
from neurotranscoder.train.settings import RANDOM_START


def assemble(
    evaluation: StudyEvaluation,
    candidates: Sequence[Candidate],
    tables: Tables,
    *,
    notes: Sequence[str] = (),
    realism: Realism | None = None,
    simulated: bool = False,
) -> Findings:
    """Return the findings of an evaluation.

    Parameters
    ----------
    evaluation : StudyEvaluation
        The study that was evaluated.
    candidates : sequence of Candidate
        What was evaluated; examples are those of the first.
    tables : Tables
        Its rows and estimates.
    notes : sequence of str
        What reading the study brought up: repaired triggers, declared clocks, dropped events.
    realism : Realism, optional
        How the first held-out run looks.
    simulated : bool
        Whether the data were simulated, where the truth is not known here.
    """
    first, run = candidates[0], evaluation.test[0]
    estimates = tables.estimates[0][0]
    rivals = [(name, predictions[0]) for name, predictions in tables.rivals]
    truth = evaluation.truth
    return Findings(
        title=_title(evaluation),
        simulated=simulated or truth is not None,
        facts=(*_facts(evaluation, candidates), *(("While reading", note) for note in notes)),
        metrics=tables.metrics,
        measures=tables.measures,
        traces=(*source_panels(run, estimates, rivals), *signal_panels(run.aligned, estimates)),
        maps=tuple(source_maps(run, estimates)),
        responses=response_panel(candidates, truth, evaluation.runs.test),
        topographies=topographies(first, truth, run.aligned) if truth else (),
        curves=tuple(_curve_panel(one) for one in candidates if one.trained.curve.step),
        warnings=tuple(_warnings(evaluation, candidates, simulated=simulated)),
        blocks=run.aligned.blocks,
        montage=run.aligned.montage,
        realism=realism,
    )


def _title(evaluation: StudyEvaluation) -> str:
    """Return the headline."""
    name = evaluation.runs.scenario
    return f"Simulated scenario '{name}'" if evaluation.truth else f"Study '{name}'"


def _facts(
    evaluation: StudyEvaluation, candidates: Sequence[Candidate]
) -> tuple[tuple[str, str], ...]:
    """Return what was run, in words."""
    runs, trained = evaluation.runs, candidates[0].trained
    every = (*runs.training, *runs.validation, *runs.test)
    sizes = trained.blocks.grid.voxel_sizes
    dropped = sum(run.events.n_dropped for run in every)
    declared = sum(run.clock.source == "declared" for run in every)
    minutes = sum(run.axis.duration for run in every) / 60
    residual = max((run.clock.residual_sd for run in every), default=float("nan"))
    clock = f"measured from volume triggers in every run, residual at most {residual * 1e3:.1f} ms"
    if declared:
        clock = f"declared, not measured, in {declared} of {len(every)} runs"
    return (
        (
            "Runs",
            f"{len(runs.training)} training, {len(runs.validation)} validation, "
            f"{len(runs.test)} held out; {minutes:.0f} minutes in all",
        ),
        ("Held-out runs", ", ".join(run.run.label for run in runs.test)),
        ("Subjects", str(len({run.run.subject for run in every}))),
        ("EEG", f"{len(trained.montage.names)} channels, averaged over each frame"),
        (
            "Source grid",
            f"{trained.blocks.n_blocks} blocks of {' x '.join(f'{size:g}' for size in sizes)} mm",
        ),
        ("Group rate", f"{trained.rate:g} Hz"),
        ("EEG-BOLD clock", clock),
        ("Events dropped", f"{dropped} without an onset"),
        (
            "Not scored",
            f"first {evaluation.scorer.edge[0]:g} s and last "
            f"{evaluation.scorer.edge[1]:g} s of each run, for every method",
        ),
        *_surviving(evaluation),
        ("Fusion of both source estimates", evaluation.fusion),
        *((f"Training of {one.name}", _training(one)) for one in candidates),
        ("Version", f"neurotranscoder {__version__}"),
    )


def _surviving(evaluation: StudyEvaluation) -> tuple[tuple[str, str], ...]:
    """Say how much of evoked responses is left at the group rate, where the truth is known."""
    if evaluation.truth is None:
        return ()
    rate = evaluation.runs.test[0].axis.sfreq
    share = surviving_share(evaluation.truth.evoked_kernel, 1 / rate)
    return (("Evoked responses", f"{share:.0%} of their sd survives averaging to {rate:g} Hz"),)


def _training(candidate: Candidate) -> str:
    """Say how one transcoder was trained."""
    curve, seconds = candidate.trained.curve, candidate.trained.seconds
    if not curve.step:
        return f"closed form, {seconds:.0f} s"
    best = curve.step[min(range(len(curve.step)), key=curve.validation.__getitem__)]
    gates = candidate.trained.gates
    text = f"{curve.step[-1]} steps, weights of step {best}, {seconds:.0f} s"
    if gates:
        text += "; gates " + ", ".join(f"{name} {value:+.3f}" for name, value in gates)
    return text


def _curve_panel(candidate: Candidate) -> Panel:
    """Return the loss curve of a network."""
    curve = candidate.trained.curve
    steps = np.asarray(curve.step, dtype=float)
    return Panel(
        f"Losses of {candidate.name}",
        "step",
        "loss (mean squared error)",
        (
            Line("validation, BOLD from EEG", steps, np.asarray(curve.validation)),
            Line("training, weighted sum", steps, np.asarray(curve.training)),
        ),
    )


def _warnings(
    evaluation: StudyEvaluation, candidates: Sequence[Candidate], *, simulated: bool
) -> list[str]:
    """Return what a reader must know before the numbers."""
    warnings = []
    if evaluation.truth is not None:
        warnings.append(
            "The data were simulated: the scores say how well simulated sources are recovered, "
            "not how well those of a brain are."
        )
    elif simulated:
        warnings.append(
            "The data were simulated, but the true sources do not lie beside what was read: "
            "sources have no score here."
        )
    else:
        warnings.append("The true sources are unknown: sources have no score here.")
    n = len(evaluation.test)
    if n < 4:
        held = "1 run is" if n == 1 else f"{n} runs are"
        warnings.append(f"Only {held} held out; intervals over fewer than 4 runs say little.")
    for one in candidates:
        if one.trained.settings.architecture in RANDOM_START:
            done = one.trained.curve.step[-1] if one.trained.curve.step else 0
            warnings.append(
                f"'{one.name}' was trained for {done} steps; the paper's own budget is 32 passes "
                "over all windows."
            )
    return warnings
