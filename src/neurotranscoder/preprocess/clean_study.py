"""What a clean study keeps of the one that it was made of: its name, and who was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.store import read_json, write_json

RECORDS = "records"
_FILE = "study.json"


@dataclass(frozen=True, slots=True)
class CleanStudy:
    """The study as recorded, as far as a clean one knows it.

    Parameters
    ----------
    name : str
        Name of its folder.
    simulated : bool
        Whether it was simulated by this package.
    left_out : mapping
        Subjects (labels without ``sub-``) that could not be cleaned, and why.
    """

    name: str
    simulated: bool
    left_out: Mapping[str, str]

    def after(self, earlier: CleanStudy | None, clean: set[str]) -> CleanStudy:
        """Return this, and the faults of an earlier command that are not mended.

        Parameters
        ----------
        earlier : CleanStudy or None
            What was written before.
        clean : set of str
            Subjects that are clean now.
        """
        before = {} if earlier is None else earlier.left_out
        kept = {name: why for name, why in before.items() if name not in clean}
        together = dict(sorted({**kept, **self.left_out}.items()))
        return CleanStudy(self.name, self.simulated, together)


def write_clean_study(root: Path, study: CleanStudy) -> None:
    """Write what is known of the study into a clean one."""
    write_json(root / RECORDS / _FILE, asdict(study))


def read_clean_study(root: Path) -> CleanStudy | None:
    """Return what a clean study knows of the one that it was made of; None of any other folder.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    path = root / RECORDS / _FILE
    if not path.is_file():
        return None
    try:
        return CleanStudy(**cast(dict[str, Any], read_json(path)))
    except TypeError as error:
        raise StoreError(
            f"{path}: {error}; need what `preprocess` writes; run it again"
        ) from error
