"""``neurotranscoder benchmark``: simulate worlds, fit and score methods, one table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from neurotranscoder.cli.benchmark_text import compact_tables
from neurotranscoder.cli.common import Workers, progress, say
from neurotranscoder.cluster.pool import pool
from neurotranscoder.config import load_config
from neurotranscoder.core.errors import CheckError, SettingsError
from neurotranscoder.evaluate.benchmark.checks import TOLERANCE, describe
from neurotranscoder.evaluate.benchmark.entrants import Chosen
from neurotranscoder.evaluate.benchmark.export import export_worlds
from neurotranscoder.evaluate.benchmark.plan import BenchmarkPlan, make_plan
from neurotranscoder.evaluate.benchmark.run import Outcome, run_benchmark
from neurotranscoder.report.benchmark.page import write_benchmark_page
from neurotranscoder.simulate.catalogue import scenario_names
from neurotranscoder.train.device import Device, resolve_device


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Worlds:
    """What is simulated."""

    scenario: Annotated[
        tuple[str, ...],
        Parameter(
            help="Scenarios by name, or TOML files of your own.",
            negative="",
            consume_multiple=True,
        ),
    ] = ()
    geometry_seeds: Annotated[
        tuple[int, ...],
        Parameter(
            help="Seeds of the regions; 0-4 are those of the published table, tune on seeds from "
            "100.",
            negative="",
            consume_multiple=True,
        ),
    ] = (0, 1, 2, 3, 4)
    preset: Annotated[str, Parameter(help="How many voxels: small, tiny or paper.")] = "small"


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Runs:
    """How many runs each world has."""

    train_runs: Annotated[
        int | None, Parameter(help="Runs to fit and choose on: 30, with the preset paper 300.")
    ] = None
    validation_runs: Annotated[
        int | None, Parameter(help="How many of these are for choices: a tenth, at least 2.")
    ] = None
    test_runs: Annotated[
        int | None, Parameter(help="Runs that are scored: 5, with the preset paper 19.")
    ] = None
    duration: Annotated[float, Parameter(help="Length of a run, in s.")] = 600.0


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Methods:
    """What is compared."""

    methods: Annotated[
        tuple[str, ...],
        Parameter(
            help="Methods of the package; default: all that take less than two minutes.",
            negative="",
            consume_multiple=True,
        ),
    ] = ()
    method: Annotated[
        tuple[str, ...],
        Parameter(
            help="A method of your own as package.module:factory, or with its name before it, "
            "mine=package.module:factory; may be repeated.",
            negative="",
            consume_multiple=True,
        ),
    ] = ()
    predictions: Annotated[
        tuple[str, ...],
        Parameter(
            help="Predictions that were made elsewhere, as NAME=FOLDER; see --export.",
            negative="",
            consume_multiple=True,
        ),
    ] = ()
    keep_older: Annotated[
        bool,
        Parameter(help="Keep results that other code made; benchmark.json names it.", negative=""),
    ] = False


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Choices:
    """Settings of alignment, training and fusion."""

    config: Annotated[Path | None, Parameter(help="Settings as a TOML file.")] = None
    set: Annotated[
        tuple[str, ...],
        Parameter(
            help="One setting, as train.residual.steps=60; may be repeated.",
            negative="",
            consume_multiple=False,
        ),
    ] = ()
    device: Annotated[Device, Parameter(help="Where networks are trained.")] = "auto"


NO_WORLD = Worlds()
AS_PRESET = Runs()
ALL_QUICK = Methods()
DEFAULTS = Choices()
HERE = Workers()


def benchmark(
    out: Path,
    /,
    *,
    worlds: Worlds = NO_WORLD,
    runs: Runs = AS_PRESET,
    methods: Methods = ALL_QUICK,
    choices: Choices = DEFAULTS,
    export: Path | None = None,
    workers: Workers = HERE,
) -> None:
    """Simulate scenarios over geometry seeds, fit and score methods: tables and report.html.

    Parameters
    ----------
    out
        Where results go; what is done there already is not done again.
    worlds
        What is simulated.
    runs
        How many runs each world has.
    methods
        What is compared.
    choices
        Settings of alignment, training and fusion.
    export
        Write the runs of all worlds, without truth, to this folder, and do nothing else.
    workers
        Where worlds are worked on.
    """
    plan = plan_of(worlds, runs, choices)
    if export is not None:
        with pool(workers.jobs, workers.cluster) as spread, progress("exporting") as advance:
            export_worlds(plan, out, export.absolute(), progress=advance, map=spread)
        say(f"runs in {export}; its README.txt says how predictions come back")
        return
    resolve_device(choices.device)
    places = tuple(_absolute(words) for words in methods.predictions)
    entrants = Chosen(plan, methods.methods, methods.method, places, choices.device)
    with pool(workers.jobs, workers.cluster) as spread, progress("benchmark") as advance:
        outcome = run_benchmark(
            plan,
            out.absolute(),
            entrants,
            keep_older=methods.keep_older,
            report=say,
            progress=advance,
            map=spread,
        )
    for text in compact_tables(outcome.tables):
        say(text)
    say(f"tables in {out}, page in {write_benchmark_page(out)}")
    finish(outcome)


def plan_of(worlds: Worlds, runs: Runs, choices: Choices) -> BenchmarkPlan:
    """Return the plan that the options describe.

    Raises
    ------
    SettingsError
        When a scenario is missing, or a value is impossible.
    """
    if not worlds.scenario:
        raise SettingsError(
            f"no scenario was given; need --scenario with some of {', '.join(scenario_names())}, "
            "or a TOML file"
        )
    config = load_config(choices.config, choices.set)
    return make_plan(
        {
            "scenarios": worlds.scenario,
            "preset": worlds.preset,
            "geometry_seeds": worlds.geometry_seeds,
            "train_runs": runs.train_runs,
            "validation_runs": runs.validation_runs,
            "test_runs": runs.test_runs,
            "duration": runs.duration,
            "align": config.align,
            "train": config.train,
            "fusion": config.reconstruct.fusion,
        }
    )


def finish(outcome: Outcome) -> None:
    """Refuse an outcome in which a method failed or a limit was passed.

    Raises
    ------
    CheckError
        Naming each.
    """
    problems = [f"failed: {failure}" for failure in outcome.failures]
    problems += [
        f"a method passes its limit by more than {TOLERANCE:g}: {describe(check)}"
        for check in outcome.tables.violated
    ]
    if problems:
        raise CheckError(
            "\n".join(
                [
                    f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in the benchmark; "
                    "the tables hold everything else:",
                    *(f"  {problem}" for problem in problems),
                ]
            )
        )


def _absolute(words: str) -> str:
    """Return NAME=FOLDER with a folder that other processes find."""
    name, found, place = words.partition("=")
    return f"{name}={Path(place).absolute()}" if found and place else words
