"""Which code made a result."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import neurotranscoder

_LIBRARIES = ("numpy", "scipy", "torch", "mne")

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
    libraries : str
        Versions of Python and of what computes; empty in results of older code.
    """

    version: str
    code: str
    commit: str
    libraries: str = ""

    @classmethod
    def here(cls) -> Provenance:
        """Return that of this process."""
        root = Path(neurotranscoder.__file__).parent
        return cls(neurotranscoder.__version__, code_digest(root), _commit(root), _libraries())


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


def _libraries() -> str:
    """Return the versions of Python and of what computes."""
    versions = [f"{name} {metadata.version(name)}" for name in _LIBRARIES]
    return ", ".join([f"Python {platform.python_version()}", *versions])


def _git(root: Path, *words: str) -> str:
    """Return what git says, empty where it fails or is not installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
