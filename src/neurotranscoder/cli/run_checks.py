"""What `run` refuses before anything is cleaned: work that would be refused hours later."""

from __future__ import annotations

from pathlib import Path

from neurotranscoder.analyse.conditions import questions_of
from neurotranscoder.cli.other_subjects import known_runs
from neurotranscoder.cli.places import CLEAN, MODELS, RESULTS
from neurotranscoder.cli.preprocess_faults import Sorted
from neurotranscoder.cli.preprocess_records import SETTINGS
from neurotranscoder.cli.recordings import is_of_single_subjects
from neurotranscoder.config import Config, load_config
from neurotranscoder.core.errors import SettingsError, StoreError
from neurotranscoder.io.bids import EegFiles, RunFiles
from neurotranscoder.io.events import read_events
from neurotranscoder.io.output_folder import MARKER
from neurotranscoder.io.scans import stated_test_runs
from neurotranscoder.preprocess.clean_study import read_clean_study
from neurotranscoder.train.split import split_runs
from neurotranscoder.train.trained import load_trained


def check_model(model: Path | None) -> None:
    """Refuse a group model that is named and cannot be read.

    Raises
    ------
    StoreError, WeightsError
        When the folder holds no finished group model.
    """
    if model is not None:
        load_trained(model)


def check_split(found: Sorted, bids: Path) -> None:
    """Refuse a study that is too small for its split.

    Raises
    ------
    SettingsError
        When no run would be left to train, to validate or to test.
    """
    runs = [files.run for subject in found.subjects for files in subject]
    split_runs(runs, found.config.train.split, stated=stated_test_runs(bids))


def check_results(found: Sorted, out: Path, *, fresh: bool = False) -> None:
    """Refuse to clean otherwise, or other subjects, than those that results are made of.

    Other subjects are welcome where results are of single subjects, or are set aside
    (`other_subjects.settle_results`).

    Raises
    ------
    SettingsError
        When settings of the clean study differ from those that results were made with.
    StoreError
        When subjects have come.
    """
    if not ((out / RESULTS / MARKER).is_file() and (out / CLEAN / SETTINGS).is_file()):
        return
    before, now = _cleaning(load_config(out / CLEAN / SETTINGS)), _cleaning(found.config)
    changed = [name for name, value in now.items() if before[name] != value]
    if changed:
        raise SettingsError(
            f"{out / RESULTS} was made with other settings: {', '.join(changed)} of "
            f"{out / CLEAN / SETTINGS}; need the same; choose another output folder, or remove "
            f"{out / RESULTS}"
        )
    there = {path.name.removeprefix("sub-") for path in (out / CLEAN).glob("sub-*")}
    study = read_clean_study(out / CLEAN)
    known = there | set(study.left_out if study is not None else ())
    new = [one for runs in found.recordings if (one := runs[0].run.subject) not in known]
    if new and not (fresh or is_of_single_subjects(out / RESULTS)):
        raise StoreError(
            f"{out / RESULTS} is made of {len(there)} subjects, and {', '.join(new)} would come; "
            "results belong to the subjects that they were made of; add --fresh, which sets them "
            "aside and makes new ones of all subjects, or choose another output folder"
        )


def check_conditions(found: Sorted) -> None:
    """Refuse settings that name conditions which no table of events has; rest has no tables.

    Raises
    ------
    SettingsError
        With the names that there are.
    """
    files = [one for subject in found.recordings for one in subject]
    tables = {path for one in files if (path := _events_of(one)) is not None}
    names = {name for path in sorted(tables) for name in read_events(path).trial_type}
    if names:
        questions_of(sorted(names), found.config.analyse.trials)


def check_group(found: Sorted, out: Path) -> None:
    """Refuse a group model of a part of the subjects where there is one of more.

    Raises
    ------
    StoreError
        When the subjects that are asked for leave out some that the model is of.
    """
    asked = {label.removeprefix("sub-") for label in found.config.study.participants}
    known = {label.partition("_")[0] for label in known_runs(out / RESULTS)}
    known = {label.removeprefix("sub-") for label in known}
    if asked and (without := sorted(known - asked)):
        raise StoreError(
            f"{out / RESULTS / MODELS} has a group model of {len(known)} subjects, and one "
            f"without {', '.join(without)} would take its place; leave out --participant-label, "
            "or ask for the level participant, which makes results of single subjects with that "
            f"model; for a model of fewer subjects, neurotranscoder train {out / CLEAN} OTHER_OUT "
            f"--participant-label {' '.join(sorted(asked))}"
        )


def _events_of(files: EegFiles) -> Path | None:
    """Return the table of events of a run, if it has one."""
    beside = files.bold_events if isinstance(files, RunFiles) else None
    return beside or files.eeg_events


def _cleaning(config: Config) -> dict[str, object]:
    """Return the settings that decide what the clean study is, by their names."""
    found: dict[str, object] = {}
    for section in ("study", "clean", "images"):
        values = getattr(config, section).model_dump(mode="json", exclude={"participants"})
        found |= {f"{section}.{name}": value for name, value in values.items()}
    return found
