"""Which runs of a study are for testing alone, as the study itself states it in scans.tsv."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from neurotranscoder.core.recording import RunId
from neurotranscoder.io.store import read_table, write_json, write_table

_COLUMN = "split"
_TRAINING, _TEST = "training", "test"
_ENDINGS = {"eeg": "_eeg.vhdr", "func": "_bold.nii.gz"}


def write_split(
    root: Path,
    runs: Sequence[RunId],
    test: Iterable[RunId],
    *,
    endings: Mapping[str, str] = _ENDINGS,
) -> None:
    """Write the split of a study into the ``scans.tsv`` of its subjects.

    Parameters
    ----------
    root : Path
        Folder of the study.
    runs : sequence of RunId
        All runs.
    test : iterable of RunId
        Those that nothing may be trained or chosen on.
    endings : mapping from folder to str
        How names of the files of a run end; by default BrainVision and gzipped NIfTI.
    """
    held_out = set(test)
    for folder, group in groupby(sorted(runs), key=lambda run: run.folder):
        mine = list(group)
        names, parts = [], []
        for run in mine:
            for kind, ending in endings.items():
                names.append(f"{kind}/{run.label}{ending}")
                parts.append(_TEST if run in held_out else _TRAINING)
        stem = folder.replace("/", "_")
        write_table(root / folder / f"{stem}_scans.tsv", {"filename": names, _COLUMN: parts})
    levels = {
        _TRAINING: "for training and for choices on validation runs taken from these",
        _TEST: "for testing alone",
    }
    described = {"Description": "What a run is for, decided before training", "Levels": levels}
    write_json(root / "scans.json", {_COLUMN: described})


def stated_test_runs(root: Path) -> frozenset[str]:
    """Return the labels of the runs that a study states to be for testing alone.

    Tables without the column, or with other words in it than 'training' and 'test', state nothing.
    """
    found = set()
    for path in sorted([*root.glob("sub-*/*_scans.tsv"), *root.glob("sub-*/ses-*/*_scans.tsv")]):
        table = read_table(path)
        parts = table.get(_COLUMN, [])
        if set(parts) - {_TRAINING, _TEST, "n/a"}:
            continue
        for name, part in zip(table.get("filename", []), parts, strict=False):
            if part == _TEST:
                found.add(name.rpartition("/")[2].rpartition("_")[0].partition("_desc-")[0])
    return frozenset(found)
