"""Read-outs of models on the page of a report: where they are, and the leadfield of some regions.

Everything is read from the results as they were written; nothing is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from neurotranscoder.core.errors import StoreError
from neurotranscoder.evaluate.findings import Topography
from neurotranscoder.io.manifest import MANIFEST, read_manifest
from neurotranscoder.io.store import read_table

READOUTS = "readouts"
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class ReadoutsOfModel:
    """What there is of the read-outs of one model.

    Parameters
    ----------
    name : str
        Of the model.
    link : str
        Where their page is, relative to the results.
    channels : tuple of str
        Of the leadfield.
    leadfields : tuple of Topography
        Regions whose BOLD the EEG explains best, best first.
    """

    name: str
    link: str
    channels: tuple[str, ...]
    leadfields: tuple[Topography, ...]


def read_readouts(out: Path) -> tuple[ReadoutsOfModel, ...]:
    """Read where the read-outs of models are, and some of their leadfields.

    Parameters
    ----------
    out : Path
        Results of `analyse`. Read-outs without a manifest were not finished and are left out.

    Raises
    ------
    StoreError
        When a table is damaged.
    """
    folders = sorted(path.parent for path in (out / READOUTS).glob(f"*/{MANIFEST}"))
    return tuple(_of_model(folder, out) for folder in folders)


def _of_model(folder: Path, out: Path) -> ReadoutsOfModel:
    """Read one model's."""
    read_manifest(folder, kind="readouts")
    link = quote((folder / "readouts.html").relative_to(out).as_posix())
    regions, long = read_table(folder / "regions.tsv"), read_table(folder / "leadfield.tsv")
    try:
        names, channels = regions["region"], tuple(dict.fromkeys(long["channel"]))
        values = np.array(long["value"], dtype=float).reshape(len(names), len(channels))
        explained = np.array(regions["bold_explained"], dtype=float)
        places = np.array([regions[axis] for axis in "xyz"], dtype=float).T
    except (KeyError, ValueError) as error:
        raise StoreError(
            f"{folder}: regions.tsv and leadfield.tsv do not belong together ({error}); need what "
            "this version writes; run `neurotranscoder analyse` again"
        ) from error
    best = np.argsort(-np.nan_to_num(explained, nan=-np.inf), kind="stable")[:_SHOWN]
    leadfields = tuple(
        Topography(
            f"{names[region]} at {', '.join(f'{at:.0f}' for at in places[region])} mm",
            ("leadfield",),
            values[[region]],
        )
        for region in best.tolist()
    )
    return ReadoutsOfModel(folder.name, link, channels, leadfields)
