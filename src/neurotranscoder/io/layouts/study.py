"""Import a data set: plan everything, then write run by run, what is there already left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder.core.errors import Problem, SettingsError, StudyError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.layouts.plan import ImportSettings, Layout, RunPlan, Scan
from neurotranscoder.io.layouts.registry import layout_named
from neurotranscoder.io.layouts.run import is_done, write_run
from neurotranscoder.io.layouts.scan import check_folder
from neurotranscoder.io.output_folder import open_output_folder
from neurotranscoder.io.study_writer import start_study

KIND = "imported study"
_FREE = {"participants", "faulty"}  # settings that add runs and change none


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do.

    Parameters
    ----------
    runs : tuple of RunId
        Runs of the study.
    alone : tuple of str
        Runs of one modality, in words; left out.
    faulty : tuple of Problem
        What is wrong with runs that were left out, when they may be.
    notes : tuple of str
        What was assumed because the data set does not say it, each once.
    """

    runs: tuple[RunId, ...]
    alone: tuple[str, ...]
    faulty: tuple[Problem, ...]
    notes: tuple[str, ...]


def import_study(
    layout: str,
    source: Path | str,
    out: Path | str,
    *,
    settings: ImportSettings | None = None,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Turn a data set in its own layout into a BIDS study that `load_study` opens.

    Nothing is written to the data set. An interrupted import goes on where it stopped; one that is
    complete changes nothing; further participants are added to the same study.

    Parameters
    ----------
    layout : str
        'ds000116', 'noddi', 'ds002336' or 'natview'.
    source : Path or str
        The data set, unpacked.
    out : Path or str
        New or empty folder, or one with this very study; not inside the data set.
    settings : ImportSettings, optional
        What to take, and what the layout does not say.
    dry_run : bool
        Look at everything and write nothing.
    progress : callable, optional
        Called with the number of runs that are done and of all runs.

    Returns
    -------
    imported : Imported
        Runs of the study, and what was left out or assumed.

    Raises
    ------
    SettingsError
        When layout or kind of EEG is unknown.
    StudyError
        With everything that is wrong with the data set; nothing was written.
    StoreError
        When the output folder holds something else, or cannot be written to.
    """
    origin, target = Path(source).absolute(), Path(out).absolute()
    options = settings or ImportSettings()
    chosen = layout_named(layout, options.eeg)
    options = options.model_copy(update={"eeg": options.eeg or chosen.eeg[0]})
    check_folder(origin)
    _check_apart(origin, target)
    scan = chosen.scan(origin, options)
    problems = [*scan.problems, *(scan.faulty if options.faulty == "refuse" else ())]
    if problems or not scan.plans:
        raise StudyError(problems or scan.faulty)
    if not dry_run:
        _write(chosen, scan, target, options, progress)
    notes = dict.fromkeys(text for plan in scan.plans for text in plan.assumptions)
    runs = tuple(plan.run for plan in scan.plans)
    return Imported(runs, scan.alone, scan.faulty, tuple(notes))


def _check_apart(source: Path, out: Path) -> None:
    """Refuse an output folder inside the data set, or the data set inside it."""
    inner, outer = out.resolve(), source.resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise SettingsError(
            f"{out}: lies in the data set {source}, or around it; need a folder beside it, as "
            "nothing is written to the data set; choose another output folder"
        )


def _write(
    layout: Layout,
    scan: Scan,
    out: Path,
    settings: ImportSettings,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Write the runs that are not there, and what a study has at its root."""
    kept = settings.model_copy(
        update={name: ImportSettings.model_fields[name].default for name in _FREE}
    )
    identity = f"{layout.name}-{kept.digest()}"
    facts = {"layout": layout.name, **kept.by_name()}
    with open_output_folder(out, kind=KIND, identity=identity, facts=facts):
        todo = [plan for plan in scan.plans if not is_done(out, plan)]
        if todo or not (out / "README").is_file():
            _start(layout, scan.plans, out, settings)
        for done, plan in enumerate(todo, start=1):
            write_run(out, plan, settings.images)
            if progress is not None:
                progress(done, len(todo))


def _start(layout: Layout, plans: Sequence[RunPlan], out: Path, settings: ImportSettings) -> None:
    """Write the description of the study, with the subjects that are there already."""
    there = {path.name.removeprefix("sub-") for path in out.glob("sub-*") if path.is_dir()}
    subjects = sorted(there | {plan.run.subject for plan in plans})
    readme = (
        f"{layout.title}, imported by neurotranscoder from the layout {layout.name!r} with the "
        f"EEG files {settings.eeg!r}.\n\nSignals are those of the data set; what it does not say "
        "stands as 'Assumptions' in the JSON of each run. Licence and citation are those of the "
        "data set.\n"
    )
    start_study(out, name=layout.title, authors=layout.authors, readme=readme,
                subjects=tuple(subjects), licence=None)  # fmt: skip
