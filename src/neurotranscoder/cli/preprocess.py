"""``neurotranscoder preprocess``: raw EEG and images of a study to a BIDS derivative."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote

from neurotranscoder.cli.common import Common, Workers, progress, say
from neurotranscoder.cli.preprocess_checks import (
    files_of,
    identity_of,
    is_whole,
    refuse_mixture,
)
from neurotranscoder.cli.preprocess_faults import Sorted, sorted_out
from neurotranscoder.cli.preprocess_images import SubjectImages, any_images
from neurotranscoder.cli.preprocess_records import (
    PAGE,
    SETTINGS,
    discard,
    keep_study,
    record_path,
    start_clean_study,
    write_page,
    write_record,
)
from neurotranscoder.cli.preprocess_write import (
    copy_eeg_events,
    copy_electrodes,
    copy_files,
    write_clean,
)
from neurotranscoder.cli.workspace import of_all_subjects, refuse_folder
from neurotranscoder.cluster.pool import pool
from neurotranscoder.config import Config, to_toml
from neurotranscoder.core.errors import (
    InputError,
    PartialError,
    SettingsError,
)
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.bids import EegFiles, RunFiles
from neurotranscoder.io.folder_locks import others, shared_files, words_of
from neurotranscoder.io.nifti import read_volumes
from neurotranscoder.io.output_folder import Sharing, open_output_folder
from neurotranscoder.io.scans import stated_test_runs, write_split
from neurotranscoder.io.store import write_text
from neurotranscoder.preprocess.clean_run import clean_eeg_run
from neurotranscoder.preprocess.clean_study import CleanStudy

KIND = "preprocessed"
_ENDING = "_desc-preproc_eeg.vhdr"
_SHARED = ("participants.tsv", "participants.json")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one subject: what was said of its runs, and why it failed, if it did."""

    subject: str
    lines: tuple[str, ...]
    fault: str = ""


def preprocess(
    bids: Path,
    out: Path,
    /,
    *,
    strict: bool = False,
    common: Common | None = None,
    workers: Workers | None = None,
) -> None:
    """Clean the EEG of every run; bring images to MNI where each subject has a T1 image.

    Gradients, pulse, bad channels, drift, reference: each step says what it removed; one that
    finds nothing to do is left out and says why. EEG without images is cleaned as well. Without T1
    images, images stay where they are: train with --set study.images. A subject with a fault is
    left out, the others are done. What is there already is not made again.

    Parameters
    ----------
    bids
        The study, as recorded.
    out
        Where the clean study goes: a BIDS derivative.
    strict
        End with 2, as on bad input, when one subject has a fault; where it is seen before
        anything is cleaned, nothing is written.
    workers
        Where subjects are cleaned.
    """
    try:
        clean_study(bids, out, common or Common(), workers or Workers(), strict=strict)
    except PartialError:
        _say_next(bids, out)
        raise
    _say_next(bids, out)


def _say_next(bids: Path, out: Path) -> None:
    """Say how to train on what is clean."""
    if any(out.glob("sub-*")):
        has_images = any_images(out)
        setting = quote(f'study.images="{bids.resolve()}"')
        images = "" if has_images else f" --set {setting}"
        say(f"next: neurotranscoder train {quote(str(out))} RESULTS{images}")


def clean_study(
    bids: Path,
    out: Path,
    common: Common,
    workers: Workers,
    *,
    strict: bool,
    one_grid: bool = False,
    check: Callable[[Sorted], None] = lambda _: None,
) -> None:
    """Clean all subjects of a study.

    Parameters
    ----------
    bids, out, common, workers, strict
        As of the command.
    one_grid : bool
        Whether images that stay as they are need to be on one grid.
    check : callable
        Called with what is to be cleaned, before anything is; it may refuse.

    Raises
    ------
    PartialError
        When some subjects failed; it names them.
    """
    refuse_folder(bids, out)
    found = sorted_out(bids, common.settings(), strict=strict, one_grid=one_grid)
    subjects, faults, config = found.recordings, found.faults, found.config
    refuse_mixture(out, config)
    check(found)
    if not (subjects or faults):
        say(f"nothing to clean of {', '.join(config.study.participants)}: left out, as said above")
        return
    clean = partial(_clean_subject, bids=bids, out=out, config=config, to_mni=found.to_mni)
    outcomes = [Outcome(subject, (), fault) for subject, fault in faults.items()]
    sharing = Sharing(config.study.participants)
    with (
        ExitStack() as last,  # until others see that these subjects are done
        open_output_folder(out, kind=KIND, identity=bids.resolve().name, sharing=sharing),
        pool(workers.jobs, workers.cluster) as spread,
        progress("cleaning subjects") as advance,
    ):
        _begin(bids, out, config)
        for done, outcome in enumerate(spread(clean, subjects), 1):
            outcomes.append(outcome)
            for line in outcome.lines:
                say(line)
            advance(done, len(subjects))
        failed = {one.subject: one.fault for one in outcomes if one.fault}
        good = [f.run for runs in subjects for f in runs if f.run.subject not in failed]
        last.enter_context(shared_files(out))
        _state_split(bids, out, good)
        study = keep_study(bids, out, failed, {run.subject for run in good})
        page = _page(out, study, sharing.subjects)
    _summarise(outcomes, f"{out}; {page}", strict=strict)


def _begin(bids: Path, out: Path, config: Config) -> None:
    """Write what the subjects of a clean study share."""
    with shared_files(out):
        refuse_mixture(out, config)  # another command may have been faster
        start_clean_study(out, bids)
        write_text(out / SETTINGS, to_toml(of_all_subjects(config)))
        copy_files(bids, out, (bids / name for name in _SHARED))


def _page(out: Path, study: CleanStudy, subjects: Sequence[str]) -> str:
    """Write the page of all runs unless others are at work, who will; return what to say of it."""
    if at_work := others(out, subjects):
        return f"still at work: {words_of(at_work)}; who ends last writes {out / PAGE}"
    write_page(out, study)
    return f"what was done: {out / PAGE}"


def _clean_subject(
    runs: Sequence[EegFiles], bids: Path, out: Path, config: Config, to_mni: bool
) -> Outcome:
    """Clean the runs of a subject; when one fails, nothing is left that this command began."""
    lines: list[str] = []
    images, there = SubjectImages(bids, out, config), _whole_runs(runs, out, config)
    try:
        for files in runs:
            lines += _clean_one(files, bids, out, config)
            if to_mni and isinstance(files, RunFiles):
                lines += images.bring(files)
    except InputError as error:
        discard([files.run for files in runs if files.run not in there], out)
        if not there:
            shutil.rmtree(out / f"sub-{runs[0].run.subject}", ignore_errors=True)
        return Outcome(runs[0].run.subject, tuple(lines), str(error))
    return Outcome(runs[0].run.subject, tuple(lines))


def _whole_runs(runs: Sequence[EegFiles], out: Path, config: Config) -> set[RunId]:
    """Return the runs that are clean already, as they would be now."""
    return {
        files.run
        for files in runs
        if is_whole(
            _clean_path(files.run, out),
            record_path(out, files.run),
            identity_of(files, config),
        )
    }


def _clean_path(run: RunId, out: Path) -> Path:
    """Return where the clean EEG of a run goes."""
    return out / run.folder / "eeg" / f"{run.label}{_ENDING}"


def _clean_one(files: EegFiles, bids: Path, out: Path, config: Config) -> list[str]:
    """Clean one run unless that was done; return what to say."""
    label, identity = files.run.label, identity_of(files, config)
    path, record = _clean_path(files.run, out), record_path(out, files.run)
    copy_electrodes(files.eeg_sidecars, bids, out, config)
    copy_eeg_events(files, bids, out, config)
    if is_whole(path, record, identity):
        return [f"{label}: is there"]
    record.unlink(missing_ok=True)
    volumes = None
    if isinstance(files, RunFiles):
        volumes = read_volumes(files.bold, files.bold_metadata)
    clean = clean_eeg_run(files, volumes, config.study, config.clean)
    write_clean(path, clean, files, bids)
    sizes = {one.name: one.stat().st_size for one in sorted(files_of(path))}
    write_record(out, files.run, clean, config, identity=identity, sizes=sizes)
    return [f"{label}: {line}" for line in clean.facts.lines]


def _state_split(bids: Path, out: Path, runs: Sequence[RunId]) -> None:
    """State which runs are for testing alone, if the study does."""
    stated = stated_test_runs(bids)
    if stated:
        test = [run for run in runs if run.label in stated]
        write_split(out, runs, test, endings={"eeg": _ENDING})


def _summarise(outcomes: list[Outcome], where: str, *, strict: bool) -> None:
    """Say what is there, and name what failed.

    Raises
    ------
    PartialError, SettingsError
        When a subject failed; the others are complete. The second where that is strictly refused.
    """
    failed = [one for one in outcomes if one.fault]
    n_good = len(outcomes) - len(failed)
    say(f"{n_good} of {len(outcomes)} subjects are clean: {where}")
    if failed:
        named = "\n".join(f"  sub-{one.subject}: {one.fault}" for one in failed)
        what = f"{len(failed)} of {len(outcomes)} subjects failed and were left out:\n{named}"
        if strict:
            raise SettingsError(f"--strict: {what}")
        raise PartialError(what, [one.subject for one in failed])
