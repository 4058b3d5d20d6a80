"""Which code made a result."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import neurotranscoder

_RESULTS_DEPEND_ON = (
    "core",
    "io",
    "signal",
    "physics",
    "preprocess",
    "simulate",
    "model",
    "train",
    "reconstruct",
    "analyse",
    "evaluate",
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Version, code and commit.

    Parameters
    ----------
    version : str
        Of the package.
    code : str
        SHA-256 of the files of the package that results depend on.
    commit : str
        Of the git checkout that the package is run from, with '+changes' where files of the
        package differ from it; empty elsewhere.
    """

    version: str
    code: str
    commit: str

    @classmethod
    def here(cls) -> Provenance:
        """Return that of this process."""
        root = Path(neurotranscoder.__file__).parent
        return cls(neurotranscoder.__version__, code_digest(root), _commit(root))


def code_digest(root: Path) -> str:
    """Return the SHA-256 of all code and scenarios below a folder that change results."""
    digest = hashlib.sha256()
    for package in _RESULTS_DEPEND_ON:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in (".py", ".toml"):
                name = path.relative_to(root).as_posix()
                digest.update(name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _commit(root: Path) -> str:
    """Return the commit that a folder was checked out from, empty where there is none."""
    if not _git(root, "ls-files", "__init__.py"):
        return ""
    changed = _git(root, "status", "--porcelain", "--", ".")
    return _git(root, "rev-parse", "HEAD") + ("+changes" if changed else "")


def _git(root: Path, *words: str) -> str:
    """Return what git says, empty where it fails or is not installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
