"""EEG files that go over into a study as they are: only the names in their headers change."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder.core.errors import ClockError, Problem, StudyError
from neurotranscoder.core.recording import Events, RunId
from neurotranscoder.io.eeg import EegHeader, read_eeg_header
from neurotranscoder.io.filters import described
from neurotranscoder.io.layouts.files import place, present
from neurotranscoder.io.layouts.plan import ImagePart, Placing
from neurotranscoder.io.store import write_bytes, write_json
from neurotranscoder.io.study_writer import eeg_sidecar, write_channels
from neurotranscoder.io.triggers import trigger_names, volume_triggers

_NAMED = re.compile(rb"(?m)^(DataFile|MarkerFile)=([^\r\n]*)")
_MARKER = re.compile(rb"(?m)^Mk(\d+)=[^\r\n]*(\r?\n|\Z)")


@dataclass(frozen=True, slots=True, eq=False)
class BrainVisionPart:
    """A BrainVision recording; its samples are placed, headers rewritten with the new names.

    Parameters
    ----------
    path : Path
        Its header.
    header : EegHeader
        What it says.
    filtering : str
        Filters that the data set states, beside those in the header.
    volumes : tuple of int
        Samples, counted from 0, that get a marker ``Response,R128`` in addition to its own.
    """

    path: Path
    header: EegHeader
    filtering: str = ""
    volumes: tuple[int, ...] = ()

    @property
    def sources(self) -> tuple[Path, ...]:
        """Header, markers and samples."""
        return (self.path, *companions(self.path).values())

    def write(
        self, folder: Path, run: RunId, facts: Mapping[str, object], placing: Placing
    ) -> Events | None:
        """Write the three files and their sidecars."""
        base = folder / f"{run.label}_eeg"
        beside = companions(self.path)
        place(beside["DataFile"], base.with_name(f"{base.name}.eeg"), placing)
        markers = _renamed(beside["MarkerFile"].read_bytes(), base.name)
        write_bytes(base.with_name(f"{base.name}.vmrk"), _marked(markers, self.volumes))
        header = _renamed(self.path.read_bytes(), base.name)
        write_bytes(base.with_name(f"{base.name}.vhdr"), header)
        write_sidecars(folder, run, self.header, facts, self.filtering)
        return None


@dataclass(frozen=True, slots=True, eq=False)
class EeglabPart:
    """An EEGLAB recording; ``.set`` and the ``.fdt`` that it names are placed unchanged."""

    path: Path
    header: EegHeader
    filtering: str = ""

    @property
    def sources(self) -> tuple[Path, ...]:
        """The file, and the one beside it where there is one."""
        samples = self.path.with_suffix(".fdt")
        return (self.path, samples) if samples.is_file() else (self.path,)

    def write(
        self, folder: Path, run: RunId, facts: Mapping[str, object], placing: Placing
    ) -> Events | None:
        """Place the files and write their sidecars."""
        for source in reversed(self.sources):
            place(source, folder / f"{run.label}_eeg{source.suffix}", placing)
        write_sidecars(folder, run, self.header, facts, self.filtering)
        return None


def read_brainvision(path: Path, *, filtering: str = "") -> BrainVisionPart:
    """Return a BrainVision recording whose files are there and can be read."""
    for companion in companions(present(path)).values():
        present(companion)
    return BrainVisionPart(path, read_eeg_header(path), filtering)


def read_eeglab(path: Path, *, filtering: str = "") -> EeglabPart:
    """Return an EEGLAB recording that can be read and holds no cuts.

    Raises
    ------
    StudyError
        When a part of its samples is missing, or was cut out of its middle.
    """
    header = read_eeg_header(present(path))
    marks = zip(header.markers.onsets, header.markers.names, strict=True)
    cuts = [float(onset) for onset, name in marks if "boundary" in name.lower() and onset > 0]
    if cuts:
        got = f"{len(cuts)} cuts ('boundary'), the first at {cuts[0]:.3f} s"
        needed = "samples without gaps, so that EEG time can become scanner time"
        cure = "take the raw EEG (eeg = 'raw')"
        raise StudyError([Problem(str(path), "events", got, needed, cure)])
    return EeglabPart(path, header, filtering)


def companions(path: Path) -> dict[str, Path]:
    """Return the data and marker file that a BrainVision header names; both lie beside it."""
    named = {key.decode(): name.decode("latin-1").strip() for key, name in
             _NAMED.findall(path.read_bytes())}  # fmt: skip
    problems, found = [], {}
    for key in ("DataFile", "MarkerFile"):
        name = named.get(key, "").replace("$b", path.stem)
        if not name or Path(name).name != name or name in (".", ".."):
            got, needed = repr(name) if name else "nothing", "the name of a file beside it"
            problems.append(Problem(str(path), key, got, needed, "correct the header"))
        found[key] = path.parent / name
    if problems:
        raise StudyError(problems)
    return found


def write_sidecars(
    folder: Path, run: RunId, header: EegHeader, facts: Mapping[str, object], filtering: str
) -> None:
    """Write the table of channels and, last, the JSON of an EEG file."""
    kinds = [kind_of(name) for name in header.names]
    write_channels(folder, run, header.names, kinds, sfreq=header.sfreq)
    duration = header.n_times / header.sfreq
    fields = eeg_sidecar(kinds, header.sfreq, duration=duration, filters=described(filtering))
    write_json(folder / f"{run.label}_eeg.json", {**fields, **facts})


def kind_of(name: str) -> str:
    """Return what a channel of a common cap is, from its name."""
    word = name.upper()
    kinds = {"ECG": "ECG", "EKG": "ECG", "EOG": "EOG", "VEOG": "EOG", "HEOG": "EOG"}
    return next((kind for start, kind in kinds.items() if word.startswith(start)), "EEG")


def check_triggers(path: Path, header: EegHeader, *, tr: float, n_volumes: int) -> tuple[str, int]:
    """Return the name of the volume markers and how many there are.

    Raises
    ------
    StudyError
        When no marker repeats with the TR, or several do.
    """
    where, size = (header.markers.onsets, header.markers.names), (tr, n_volumes)
    try:
        times = volume_triggers(*where, tr=size[0], n_volumes=size[1])
        return trigger_names(*where, tr=size[0], n_volumes=size[1])[0], len(times)
    except ClockError as error:
        got, needed, cure = [*str(error).split("; ", 2), "see above", "take other EEG"][:3]
        problem = Problem(str(path), "markers", got, needed.removeprefix("need "), cure)
        raise StudyError([problem]) from error


def marker_note(
    part: BrainVisionPart | EeglabPart, images: ImagePart, tr: float
) -> tuple[str, ...]:
    """Say when there are other numbers of volume markers and of volumes; refuse EEG without."""
    n_volumes = images.n_volumes - images.first
    n_markers = len(part.volumes) if isinstance(part, BrainVisionPart) else 0
    if not n_markers:
        _, n_markers = check_triggers(part.path, part.header, tr=tr, n_volumes=n_volumes)
    if n_markers == n_volumes:
        return ()
    return (
        f"{n_markers} volume markers for {n_volumes} volumes: where they do not span the same "
        "time, set study.sync.n_triggers_before when the study is opened.",
    )


def _renamed(header: bytes, stem: str) -> bytes:
    """Return a header or marker file that names the files of a study."""
    endings = {b"DataFile": ".eeg", b"MarkerFile": ".vmrk"}
    return _NAMED.sub(
        lambda found: found[1] + b"=" + f"{stem}{endings[found[1]]}".encode(), header
    )


def _marked(markers: bytes, volumes: Sequence[int]) -> bytes:
    """Return a marker file with further volume markers behind its own."""
    own = list(_MARKER.finditer(markers))
    if not volumes or not own:
        return markers
    first = int(own[-1][1]) + 1
    new = "".join(
        f"Mk{first + i}=Response,R128,{sample + 1},1,0\r\n" for i, sample in enumerate(volumes)
    )
    end = own[-1].end()
    newline = b"" if markers[:end].endswith(b"\n") else b"\r\n"
    return markers[:end] + newline + new.encode() + markers[end:]
