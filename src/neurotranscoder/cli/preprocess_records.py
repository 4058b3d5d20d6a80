"""What `preprocess` keeps of each run beside its clean files, and the page made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from neurotranscoder.config import Config
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.derivatives import path_from, start_derivative
from neurotranscoder.io.output_folder import MARKER
from neurotranscoder.io.store import read_json, write_bytes, write_json
from neurotranscoder.preprocess.clean_facts import RunFacts
from neurotranscoder.preprocess.clean_run import CleanRun
from neurotranscoder.preprocess.clean_study import (
    RECORDS,
    CleanStudy,
    read_clean_study,
    write_clean_study,
)
from neurotranscoder.report.cleaning import RunPage, write_cleaning_page
from neurotranscoder.report.cleaning_summary import CleaningSummary, cleaning_summary
from neurotranscoder.report.image_pictures import FIGURES, read_pictures
from neurotranscoder.simulate.session import KIND as SIMULATED

SETTINGS = "settings.toml"
PAGE = "preprocessing.html"


def start_clean_study(out: Path, bids: Path) -> None:
    """Write what a clean study needs at its root; keep what is not BIDS from the validator."""
    start_derivative(out, name="neurotranscoder preprocess", sources=[path_from(out, bids)])
    ignored = (out / ".bidsignore").read_text(encoding="utf-8")
    write_bytes(out / ".bidsignore", f"{ignored}{RECORDS}\n{SETTINGS}\n{FIGURES}\n".encode())


def record_path(out: Path, run: RunId) -> Path:
    """Return where the record of a run's EEG is."""
    return out / RECORDS / f"{run.label}.json"


def write_record(
    out: Path,
    run: RunId,
    clean: CleanRun,
    config: Config,
    *,
    identity: str,
    sizes: Mapping[str, int],
) -> None:
    """Write what was done to the EEG of a run, with which settings, and to which files."""
    steps = [
        {
            "step": step.name,
            "done": step.done,
            "said": step.words,
            "warnings": step.warnings,
            "numbers": dict(step.numbers),
        }
        for step in clean.steps
    ]
    content = {
        "identity": identity,
        "files": dict(sizes),
        "steps": steps,
        "recorded": dict(clean.recorded),
        "settings": config.clean.model_dump(mode="json"),
        "facts": clean.facts.to_json(),
    }
    write_json(record_path(out, run), content)


def keep_study(bids: Path, out: Path, faults: Mapping[str, str], clean: set[str]) -> CleanStudy:
    """Keep the name of the study and the faults of subjects, also those of earlier commands."""
    now = CleanStudy(bids.resolve().name, is_simulated(bids), dict(faults))
    study = now.after(read_clean_study(out), clean)
    write_clean_study(out, study)
    return study


def is_simulated(root: Path) -> bool:
    """Return whether a study was simulated by this package, as its marker says."""
    marker = root / MARKER
    return marker.is_file() and read_json(marker).get("kind") == SIMULATED


Records = dict[str, dict[str, Any]]


def read_records(root: Path) -> tuple[Records, Records]:
    """Return the records of EEG and of images of a clean study, by run."""
    eeg: Records = {}
    images: Records = {}
    for path in sorted((root / RECORDS).glob("*.json")):
        record = cast(dict[str, Any], read_json(path))
        if "facts" in record:
            eeg[path.stem] = record
        elif "steps" in record:
            images[path.stem.removesuffix("_bold")] = record
    return eeg, images


def runs_alone(root: Path) -> set[str]:
    """Return the runs of a clean study that have EEG alone, by their names."""
    eeg, _ = read_records(root)
    clocks = {run: record.get("recorded", {}).get("clock") for run, record in eeg.items()}
    return {run for run, clock in clocks.items() if clock == "none"}


def summary_of(root: Path, study: CleanStudy, *, link: str = "") -> CleaningSummary:
    """Return what was done to each run of a clean study, in one table."""
    faults = [f"sub-{subject}: {why}" for subject, why in study.left_out.items()]
    return cleaning_summary(*read_records(root), faults, link=link)


def write_page(out: Path, study: CleanStudy) -> None:
    """Write the page of all runs that are clean, also those of earlier commands."""
    eeg, images = read_records(out)
    runs = []
    for label, record in eeg.items():
        other = images.get(label, {})
        pictures = read_pictures(out, other.get("pictures", ()))
        facts = RunFacts.of_json(record["facts"])
        runs.append(RunPage(facts, tuple(other.get("steps", ())), pictures))
    write_cleaning_page(
        out / PAGE, runs, summary_of(out, study), name=study.name, simulated=study.simulated
    )


def discard(runs: Sequence[RunId], out: Path) -> None:
    """Remove what was made of runs; records first, so that the rest counts for nothing."""
    for run in runs:
        for record in (f"{run.label}.json", f"{run.label}_bold.json"):
            (out / RECORDS / record).unlink(missing_ok=True)
        for path in sorted((out / run.folder).glob(f"*/{run.label}_*")):
            path.unlink()
