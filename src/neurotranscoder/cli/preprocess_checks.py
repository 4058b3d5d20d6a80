"""What `preprocess` refuses, and what it takes for done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from neurotranscoder import __version__
from neurotranscoder.config import Config, load_config
from neurotranscoder.core.errors import SettingsError, StoreError
from neurotranscoder.io.bids import RunFiles
from neurotranscoder.io.manifest import sha256_of

SETTINGS = "settings.toml"
_SHORT = 10_000_000  # bytes


def refuse_output_inside(bids: Path, out: Path) -> None:
    """Refuse to write into the study, but for its derivatives, or around it.

    Raises
    ------
    StoreError
        When that would happen.
    """
    study, folder = bids.resolve(), out.resolve()
    inside = study in (folder, *folder.parents) and study / "derivatives" not in folder.parents
    if inside or folder in study.parents:
        raise StoreError(
            f"{out}: lies in the study, or the study in it; results need a folder of their own; "
            f"choose another one, or one in {bids / 'derivatives'}"
        )


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
    for section in ("clean", "images"):
        if getattr(before, section) != getattr(config, section):
            raise SettingsError(
                f"{out} holds subjects that were preprocessed with other settings ([{section}] "
                f"of {SETTINGS}); give all subjects at once (without --participant-label), or "
                "choose another output folder"
            )


def identity_of(files: RunFiles, config: Config) -> str:
    """Return a hash of the recording and of how it is cleaned."""
    facts = {
        "version": __version__,
        "eeg": sorted(_print_of(path) for path in files_of(files.eeg)),
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


def is_whole(path: Path, record: Mapping[str, object], identity: str) -> bool:
    """Return whether a clean recording is there as it was written, of this very input."""
    sizes = {one.name: one.stat().st_size for one in sorted(files_of(path))}
    return record.get("identity") == identity and record.get("files") == sizes
