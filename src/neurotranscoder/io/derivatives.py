"""Write BIDS derivatives: a description, and a sidecar with its sources beside every file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib

from neurotranscoder import __version__
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import Eeg, Events
from neurotranscoder.io.brainvision import Marker, write_brainvision
from neurotranscoder.io.events import EVENT_COLUMNS
from neurotranscoder.io.events import write_events as write_events_table
from neurotranscoder.io.filters import described_filters
from neurotranscoder.io.nifti import write_nifti
from neurotranscoder.io.store import write_json, write_table, write_text
from neurotranscoder.io.study_writer import BIDS_VERSION


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, and what its sidecar says of it.

    Parameters
    ----------
    values : sequence
        One for each row.
    words : str
        What it holds.
    unit : str
        Of the values; empty where words say it, or there is none.
    """

    values: Sequence[object]
    words: str
    unit: str = ""

    @property
    def described(self) -> dict[str, str]:
        """What the sidecar says."""
        known = {"Description": self.words, "Units": self.unit}
        return {key: text for key, text in known.items() if text}


def start_derivative(folder: Path, *, name: str, sources: Sequence[str]) -> None:
    """Write what a BIDS derivative needs at its root.

    Parameters
    ----------
    folder : Path
        The derivative.
    name : str
        What it is called.
    sources : sequence of str
        Data sets it was made from, as URL or as path from this folder (`path_from`).
    """
    description = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "neurotranscoder", "Version": __version__}],
        "SourceDatasets": [{"URL": source} for source in sources],
    }
    write_json(folder / "dataset_description.json", description)
    readme = (
        f"{name}\n\nMade by neurotranscoder {__version__} from {', '.join(sources)}. Images, EEG "
        "and tables of runs, of subjects and of the group have a JSON file beside them that names "
        "their sources; channels, electrodes and events have that of the EEG beside them. What is "
        "of the whole study (tables at the top, and what lies in evaluation, models and readouts) "
        "is made from all of its runs and has none; the manual says what columns are.\n"
    )
    write_text(folder / "README", readme)
    results = ("*.movie", "*.zarr", "*.safetensors", "*.html")
    images = ("*_xfm.*", "*_transforms.json", "*_boldmap.*", "*_desc-confounds_timeseries.*")
    records = ("neurotranscoder.json", "manifest.json")
    write_text(folder / ".bidsignore", "\n".join([*results, *images, *records]) + "\n")


def path_from(folder: Path, source: Path) -> str:
    """Return the path of a data set as seen from a derivative, however either was given."""
    return Path(os.path.relpath(source.resolve(), folder.resolve())).as_posix()


def write_image(
    path: Path,
    image: nib.Nifti1Image,
    *,
    sources: Sequence[str],
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write an image and its sidecar; the image comes last.

    Parameters
    ----------
    path : Path
        File ``*.nii.gz``.
    image : Nifti1Image
        What to write.
    sources : sequence of str
        Files it was made from.
    metadata : mapping, optional
        Further fields of the sidecar.
    """
    _write_sidecar(path, sources, metadata)
    write_nifti(path, image)


def write_raw(
    path: Path,
    eeg: Eeg,
    *,
    sources: Sequence[str],
    markers: tuple[Marker, ...] = (),
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write EEG as BrainVision, with its sidecar and channels.tsv.

    Parameters
    ----------
    path : Path
        File ``*_eeg.vhdr``.
    eeg : Eeg
        Signals.
    sources : sequence of str
        Files they were made from.
    markers : tuple of Marker
        What to mark.
    metadata : mapping, optional
        Further fields of the sidecar.
    """
    if not path.name.endswith("_eeg.vhdr"):
        raise StoreError(f"{path}: need a name that ends in '_eeg.vhdr'")
    count = len(eeg.data)
    columns = {"name": eeg.montage.names, "type": ["EEG"] * count, "units": ["µV"] * count}
    write_table(path.with_name(path.name.replace("_eeg.vhdr", "_channels.tsv")), columns)
    signal = {"SamplingFrequency": float(eeg.sfreq), "SoftwareFilters": described_filters(eeg)}
    _write_sidecar(path, sources, {**signal, **(metadata or {})})
    write_brainvision(path, eeg, markers=markers)


def write_events(
    path: Path,
    events: Events,
    *,
    sources: Sequence[str],
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write an events table and its sidecar.

    Parameters
    ----------
    path : Path
        File ``*_events.tsv``.
    events : Events
        What happened.
    sources : sequence of str
        Files it was made from.
    metadata : mapping, optional
        Further fields of the sidecar.
    """
    _write_sidecar(path, sources, {**EVENT_COLUMNS, **(metadata or {})})
    write_events_table(path, events)


def write_table_with_sources(
    path: Path,
    columns: Mapping[str, Sequence[object]],
    *,
    sources: Sequence[str],
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write a table and its sidecar.

    Parameters
    ----------
    path : Path
        File ``*.tsv``.
    columns : mapping from name to values
        Columns of equal length.
    sources : sequence of str
        Files it was made from.
    metadata : mapping, optional
        Further fields of the sidecar.
    """
    _write_sidecar(path, sources, metadata)
    write_table(path, columns)


def write_columns_with_sources(
    path: Path,
    columns: Mapping[str, Column],
    *,
    sources: Sequence[str],
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write a table, column by column, and a sidecar that says what its columns are.

    Parameters
    ----------
    path : Path
        File ``*.tsv``.
    columns : mapping from name to Column
        Of equal length.
    sources : sequence of str
        Files it was made from.
    metadata : mapping, optional
        Further fields of the sidecar.
    """
    write_table_with_sources(
        path,
        {name: column.values for name, column in columns.items()},
        sources=sources,
        metadata={
            **{name: column.described for name, column in columns.items()},
            **(metadata or {}),
        },
    )


def write_rows_with_sources(
    path: Path,
    columns: Mapping[str, str],
    rows: Sequence[Sequence[object]],
    *,
    sources: Sequence[str],
    metadata: Mapping[str, object],
) -> None:
    """Write a table, row by row, and a sidecar that says what its columns are.

    Parameters
    ----------
    path : Path
        File ``*.tsv``.
    columns : mapping from name to words
        What each column holds.
    rows : sequence of sequence
        A value of each column.
    sources : sequence of str
        Files it was made from.
    metadata : mapping
        Further fields of the sidecar.
    """
    known = {
        name: Column([row[i] for row in rows], words)
        for i, (name, words) in enumerate(columns.items())
    }
    write_columns_with_sources(path, known, sources=sources, metadata=metadata)


def _write_sidecar(
    path: Path, sources: Sequence[str], metadata: Mapping[str, object] | None
) -> None:
    """Write the JSON file beside a result."""
    stem = path.name.removesuffix(".gz").rpartition(".")[0]
    write_json(path.with_name(f"{stem}.json"), {"Sources": list(sources), **(metadata or {})})
