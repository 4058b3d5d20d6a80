"""``neurotranscoder run``: from raw BIDS to a report, as a BIDS App."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

from cyclopts import Parameter

from neurotranscoder.cli.analyse import analyse
from neurotranscoder.cli.common import Common, Workers, say
from neurotranscoder.cli.evaluate import evaluate, report
from neurotranscoder.cli.left_out import LeftOut
from neurotranscoder.cli.other_subjects import name_the_gone, settle_results
from neurotranscoder.cli.places import CLEAN, EVALUATION, MODELS, RESULTS
from neurotranscoder.cli.preprocess import clean_study
from neurotranscoder.cli.preprocess_faults import Sorted
from neurotranscoder.cli.preprocess_images import any_images
from neurotranscoder.cli.reconstruct import reconstruct
from neurotranscoder.cli.run_checks import (
    check_conditions,
    check_group,
    check_model,
    check_results,
    check_split,
)
from neurotranscoder.cli.subjects import all_for_testing
from neurotranscoder.cli.train import train
from neurotranscoder.cli.workspace import Workspace, refuse_folder
from neurotranscoder.core.errors import PartialError
from neurotranscoder.io.folder_locks import held
from neurotranscoder.preprocess.listing import list_study
from neurotranscoder.report.subjects import read_subject_stage

Level = Literal["participant", "group"]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, slots=True)
class RunOptions:
    """What `run` does about faults, and about results of other subjects."""

    strict: Annotated[
        bool,
        Parameter(
            help="End with 2 when one subject has a fault; else it is left out, and the end is 1.",
            negative="",
        ),
    ] = False
    fresh: Annotated[
        bool,
        Parameter(
            help="Set results aside that are of other subjects than there are now, and make new "
            "ones; nothing is thrown away.",
            negative="",
        ),
    ] = False


def run_app(
    bids: Path,
    out: Path,
    level: Level,
    /,
    *,
    model: Path | None = None,
    options: RunOptions | None = None,
    common: Common | None = None,
    workers: Workers | None = None,
) -> None:
    """Clean a study, train on it, reconstruct, analyse and report; what is there is kept.

    Parameters
    ----------
    bids
        The study, as recorded.
    out
        Where everything goes: preprocessed/ (a BIDS derivative) and results/ (models, movies,
        statistics, report.html).
    level
        participant: clean each subject and, where there is a group model, fit its subject stage
        and make its movies (with EEG alone: sources in blocks, by the group model); group: train
        the group model on all clean subjects, then the subjects, scores, statistics and the
        report.
    model
        Group model of another study that participants start from; default: that of OUT/results.
    """
    common, workers = common or Common(), workers or Workers()
    options = options or RunOptions()
    refuse_folder(bids, out)
    check_model(model)
    study = RawStudy(bids, out, common, workers)
    asked = study.asked if level == "participant" else ()
    with held(out, asked):
        fault = study.clean(level, options)
        name_the_gone(bids, out / CLEAN)
        settle_results(study.results, out / CLEAN, fresh=options.fresh, subjects=asked)
        if fault is not None:
            study = study.without(fault)
        if level == "participant":
            study.participants(model)
        else:
            study.group()
    if fault is not None:
        raise fault


@dataclasses.dataclass(frozen=True, slots=True)
class RawStudy:
    """A raw study and where all of it goes."""

    bids: Path
    out: Path
    common: Common
    workers: Workers

    @property
    def results(self) -> Path:
        """Where models, movies, statistics and the report go."""
        return self.out / RESULTS

    @property
    def asked(self) -> tuple[str, ...]:
        """The subjects that are asked for; none where all are."""
        return self.common.settings().study.participants

    @property
    def read(self) -> Common:
        """The options, for clean EEG beside its images: the raw ones where none were made."""
        settings = self.common.settings().study
        if settings.images is not None or any_images(self.out / CLEAN):
            return self.common
        images = f"study.images={str(self.bids.resolve())!r}"
        return dataclasses.replace(self.common, set=(*self.common.set, images))

    def clean(self, level: Level, options: RunOptions) -> PartialError | None:
        """Clean all subjects; return the fault of some, if there is one."""

        def check(found: Sorted) -> None:
            check_results(found, self.out, fresh=options.fresh)
            if level == "group":
                check_group(found, self.out)
                check_conditions(found)
                check_split(found, self.bids)

        try:
            clean_study(
                self.bids,
                self.out / CLEAN,
                self.common,
                self.workers,
                strict=options.strict,
                one_grid=True,
                check=check,
            )
        except PartialError as error:
            if not any((self.out / CLEAN).glob("sub-*")):
                raise
            return error
        return None

    def without(self, fault: PartialError) -> RawStudy:
        """Leave out subjects that failed now; raise the fault where none is left."""
        clean = {path.name.removeprefix("sub-") for path in (self.out / CLEAN).glob("sub-*")}
        wanted = {label.removeprefix("sub-") for label in self.asked} or clean
        left = tuple(sorted((wanted & clean) - set(fault.subjects)))
        if not left:
            raise fault
        if clean.isdisjoint(fault.subjects):
            return self
        return dataclasses.replace(
            self, common=dataclasses.replace(self.common, participant_label=left)
        )

    def participants(self, model: Path | None) -> None:
        """Fit subjects and make their movies, if there is a group model."""
        clean, read = self.out / CLEAN, self.read
        labels = {label.removeprefix("sub-") for label in self.asked}
        if labels and not any((clean / f"sub-{label}").is_dir() for label in labels):
            asked = ", ".join(f"sub-{label}" for label in sorted(labels))
            say(f"{asked}: nothing is clean; no model is fitted, and no movies are made")
            return
        if model is None and not any((self.results / MODELS).glob("*/manifest.json")):
            given = self.common.words()
            say(
                "participants are clean; there is no group model yet: next, neurotranscoder run "
                f"{quote(str(self.bids))} {quote(str(self.out))} group{given}"
            )
            return
        study = list_study(clean, read.settings().study, alone=True)
        if study.runs and all_for_testing(study.runs, self.results, model):
            with Workspace(study, self.results, read.settings()).started(each=True):
                pass  # results are of these recordings as well
        elif study.runs:
            train(
                clean,
                self.results,
                stage="subject",
                model=model,
                common=read,
                workers=self.workers,
            )
            reconstruct(clean, self.results, stage="subject", model=model, common=read)
        both = {run.subject for run in study.runs}
        without = {one.run.subject for one in study.alone.values() if one.modality == "eeg"} - both
        if without:
            names = sorted(without)
            say(f"{', '.join(names)}: EEG alone; sources in blocks, by the group model")
            own = dataclasses.replace(read, participant_label=tuple(names))
            reconstruct(clean, self.results, model=model, from_="eeg", common=own)

    def group(self) -> None:
        """Train the group model, then everything that follows from it."""
        clean, results, read = self.out / CLEAN, self.results, self.read
        train(clean, results, common=read, workers=self.workers)
        self.participants(None)
        left_out = LeftOut(results)
        left_out.attempt("scores", lambda: evaluate(clean, results, common=read))
        left_out.attempt("read-outs of the group", lambda: analyse(clean, results, common=read))
        left_out.attempt(
            "statistics of conditions",
            lambda: analyse(clean, results, stage="subject", common=read),
        )
        left_out.keep()
        if not (results / EVALUATION).is_dir() and not read_subject_stage(results):
            raise PartialError(
                "models and movies are there; of scores and statistics, which a report is of, all "
                "was left out: " + "; ".join(left_out.lines)
            )
        report(results)
        left_out.settle()
