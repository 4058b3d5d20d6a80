"""What `preprocess` refuses, and what it takes for done."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from neurotranscoder import __version__
from neurotranscoder.cli.preprocess_records import SETTINGS
from neurotranscoder.config import Config, load_config
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.io.bids import EegFiles, RunFiles
from neurotranscoder.io.manifest import sha256_of
from neurotranscoder.io.store import read_json

_SHORT = 10_000_000  # bytes


def refuse_mixture(out: Path, config: Config) -> None:
    """Refuse other settings for some subjects of a folder than for those that are there.

    Raises
    ------
    SettingsError
        When some subjects alone are asked for, with other settings.
    """
    if not config.study.participants or not (out / SETTINGS).is_file():
        return
    before = load_config(out / SETTINGS)
    if before.study.channels != config.study.channels:
        raise SettingsError(
            f"{out} holds subjects that were brought to other channels (study.channels of "
            f"{SETTINGS}); give all subjects at once (without --participant-label), set "
            "study.channels to those that stand there, or choose another output folder"
        )
    for section in ("clean", "images"):
        if getattr(before, section) != getattr(config, section):
            raise SettingsError(
                f"{out} holds subjects that were preprocessed with other settings ([{section}] "
                f"of {SETTINGS}); give all subjects at once (without --participant-label), move "
                "that folder away to give them one by one, or choose another output folder"
            )


def identity_of(files: EegFiles, config: Config) -> str:
    """Return a hash of the recording, of what is known of it, and of how it is cleaned."""
    beside = (files.eeg_sidecars.channels, files.eeg_sidecars.electrodes)
    recording = [*files_of(files.eeg), *(path for path in beside if path is not None)]
    facts = {
        "version": __version__,
        "eeg": sorted(_print_of(path) for path in recording),
        "shared": [(one.run.label, one.path.stat().st_size) for one in files.shared],
        "metadata": [
            dict(files.eeg_sidecars.metadata),
            *([files.bold_metadata] if isinstance(files, RunFiles) else []),
        ],
        "clean": config.clean.model_dump(mode="json"),
        "study": config.study.model_dump(mode="json", exclude={"participants"}),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _print_of(path: Path) -> tuple[str, int, str]:
    """Return name and size of a file, and a hash of its content unless it is long."""
    size = path.stat().st_size
    return path.name, size, sha256_of(path) if size < _SHORT else ""


def files_of(path: Path) -> list[Path]:
    """Return the files of an EEG recording, sidecars as well."""
    return [one for one in path.parent.glob(f"{path.stem}.*") if one.is_file()]


def is_whole(path: Path, record: Path, identity: str) -> bool:
    """Return whether a clean recording is there as its record says, of this very input."""
    if not record.is_file():
        return False
    known = read_json(record)
    sizes = {one.name: one.stat().st_size for one in sorted(files_of(path))}
    return known.get("identity") == identity and known.get("files") == sizes
