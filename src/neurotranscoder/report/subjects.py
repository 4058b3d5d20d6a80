"""The subject stage on the page: what models see, what conditions do, and where it is strongest.

Everything is read from the results as they were written; nothing is computed.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder.analyse.conditions_store import in_order
from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.manifest import MANIFEST, read_manifest
from neurotranscoder.io.store import read_json, read_table
from neurotranscoder.report.figures import MOST_BYTES, file_bytes

STATISTICS, TRUST, FIGURES, EXPECTED = "statistics", "trust", "figures", "expected"
SCORES = "subject_stage.tsv"
_GROUP = "group"
_FEW_PEAKS = 8
_COLUMNS = {
    "zscore": "z",
    "effect": "Effect (a.u.)",
    "latency": "Time (s)",
    "start": "From (s)",
    "stop": "To (s)",
    "x": "x (mm)",
    "y": "y (mm)",
    "z": "z (mm)",
    "size": "Voxels × frames",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as it lies beside the results.

    Parameters
    ----------
    source : str
        Data URI, or empty where the page has no room for it.
    path : str
        Of the file, relative to the results.
    alt : str
        What is seen.
    """

    source: str
    path: str
    alt: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: its picture and its strongest peaks.

    Parameters
    ----------
    name : str
        As 'oddball less standard'.
    words : str
        How it was tested, or why it was not.
    moments : Shown or None
        Deactivation and activation where and when they are strongest.
    picture : Shown or None
        Frames of the effect.
    header : tuple of str
        Of the table of peaks.
    rows : tuple of tuple of str
        The strongest peaks.
    n_peaks : int
        All of them.
    """

    name: str
    words: str
    moments: Shown | None
    picture: Shown | None
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_peaks: int


@dataclass(frozen=True, slots=True)
class SubjectPart:
    """A subject, or the group.

    Parameters
    ----------
    name : str
        As 'sub-01', or 'group'.
    trust : Shown or None
        Voxels that its model sees.
    expected : Shown or None
        Courses of the regions that the experiment expects to act.
    asked : tuple of Asked
        Means and contrasts.
    """

    name: str
    trust: Shown | None
    expected: Shown | None
    asked: tuple[Asked, ...]

    @property
    def pictures(self) -> list[Shown]:
        """All of its pictures."""
        found = [one for each in self.asked for one in (each.moments, each.picture)]
        return [one for one in (self.trust, self.expected, *found) if one is not None]


@dataclass(frozen=True, slots=True)
class SubjectStage:
    """What the page shows of the subject stage.

    Parameters
    ----------
    parts : tuple of SubjectPart
        The group first.
    pages : tuple of str
        Subjects that have pages of their own, as all of them are too much for one.
    scores : tuple of tuple of str
        Scores of movies against the truth, header first; empty where there are none.
    """

    parts: tuple[SubjectPart, ...]
    scores: tuple[tuple[str, ...], ...]
    pages: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.parts or self.scores or self.pages)


def read_subject_stage(out: Path, *, most_bytes: int = MOST_BYTES) -> SubjectStage:
    """Read what there is of the subject stage in a folder of results.

    Parameters
    ----------
    out : Path
        Of `analyse --stage subject`.
    most_bytes : int
        Of the pictures of all subjects. Where they are more, subjects are named alone, each to
        have a page of its own (`read_subject`).

    Raises
    ------
    StoreError
        When a result is damaged. One without a manifest was not finished and is left out.
    """
    folders = [*(out / STATISTICS).glob("*"), *(out / TRUST).glob("*")]
    names = {path.name for path in folders if (path / MANIFEST).is_file()}
    single = sorted(names - {_GROUP})
    group = tuple(read_subject(out, name, most_bytes=most_bytes) for name in names & {_GROUP})
    pictures = _Pictures(out, most_bytes, [one for part in group for one in part.pictures])
    parts = tuple(_part(out, name, pictures) for name in single)
    apart = len(single) > 1 and any(not one.source for part in parts for one in part.pictures)
    path = out / SCORES
    columns = read_table(path) if path.is_file() else {}
    rows = zip(*columns.values(), strict=True)
    scores = (tuple(columns), *(tuple(_rounded(cell) for cell in row) for row in rows))
    return SubjectStage(
        group if apart else group + parts,
        scores if columns else (),
        tuple(single) if apart else (),
    )


def read_subject(out: Path, name: str, *, most_bytes: int = MOST_BYTES) -> SubjectPart:
    """Read what there is of one subject, such as 'sub-01', or of the 'group'.

    Raises
    ------
    StoreError
        See `read_subject_stage`.
    """
    return _part(out, name, _Pictures(out, most_bytes, []))


def _part(out: Path, name: str, pictures: _Pictures) -> SubjectPart:
    """Return what there is of one subject or the group, as far as a page has room for it."""
    trust = _trust(out / TRUST / name, pictures)
    expected = _expected(out / EXPECTED / name, pictures)
    asked = _questions(out / STATISTICS / name, pictures)
    return SubjectPart(name, trust, expected, asked)


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Reads pictures, as long as a page has room for them."""

    out: Path
    most_bytes: int
    read: list[Shown]

    def shown(self, path: Path, alt: str) -> Shown:
        """Return a picture; without its content where a page has no room for it."""
        taken, source = sum(file_bytes(one.source) for one in self.read), ""
        if taken + path.stat().st_size <= self.most_bytes:
            source = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
        found = Shown(source, path.relative_to(self.out).as_posix(), alt)
        self.read.append(found)
        return found


def _trust(folder: Path, pictures: _Pictures) -> Shown | None:
    """Return the picture of a finished trust map."""
    path = folder / f"{folder.name}_res-voxel_desc-trust_r.png"
    if not (folder / MANIFEST).is_file():
        return None
    read_manifest(folder, kind="trust map")
    if not path.is_file():
        return None
    return pictures.shown(path, f"Voxels that the model of {folder.name} sees, on slices.")


def _expected(folder: Path, pictures: _Pictures) -> Shown | None:
    """Return the picture of finished courses of expected regions."""
    path = folder / f"{folder.name}_desc-expected_courses.png"
    if not (folder / MANIFEST).is_file():
        return None
    read_manifest(folder, kind="courses of expected regions")
    if not path.is_file():
        return None
    alt = f"{folder.name}: courses of the regions that are expected to act, by condition."
    return pictures.shown(path, alt)


def _questions(folder: Path, pictures: _Pictures) -> tuple[Asked, ...]:
    """Return what was asked in finished statistics, in the order of asking."""
    if not (folder / MANIFEST).is_file():
        return ()
    read_manifest(folder, kind="statistics of trials")
    ending = "_stat-effect_statmap.json"
    found = {path: read_json(path) for path in folder.glob(f"*{ending}")}
    drawn = _drawn(pictures.out / FIGURES / folder.name)
    return tuple(
        _question(path.with_name(path.name.removesuffix(ending)), found[path], pictures, drawn)
        for path in in_order(found)
    )


def _question(
    stem: Path, sidecar: dict[str, object], pictures: _Pictures, drawn: set[Path]
) -> Asked:
    """Return one question with its picture and peaks."""
    second = str(sidecar["Second"])
    name = str(sidecar["First"]) + ("" if second == "n/a" else f" less {second}")
    more = f" Movies from {sidecar['MoviesFrom']}." if "MoviesFrom" in sidecar else ""
    more += f" Caution: {sidecar['Caution']}." if "Caution" in sidecar else ""
    if "NotTested" in sidecar:
        words = f"Not tested: {sidecar['NotTested']}.{more}"
        return Asked(name, words, None, None, (), (), 0)
    words = (
        f"{sidecar['N']} {sidecar['Over']}; correction '{sidecar['Correction']}' at "
        f"{sidecar['Level']}; tested: {sidecar['Voxels']}.{more}"
    )
    path = pictures.out / FIGURES / stem.parent.name / f"{stem.name}_moments.png"
    alt = f"{name}: deactivation and activation, cuts where and when they are strongest."
    moments = pictures.shown(path, alt) if path in drawn else None
    picture = stem.with_name(f"{stem.name}_frames.png")
    shown = pictures.shown(picture, f"{name}: z on slices of the brain through time. {words}")
    table = read_table(stem.with_name(f"{stem.name}_peaks.tsv"))
    try:
        rows = list(zip(*(table[column] for column in _COLUMNS), strict=True))
    except KeyError as error:
        raise StoreError(
            f"{stem}_peaks.tsv: got no column {error}; need those of this version; run "
            "`neurotranscoder analyse --stage subject` again"
        ) from error
    top = tuple(tuple(_rounded(cell) for cell in row) for row in rows[:_FEW_PEAKS])
    return Asked(name, words, moments, shown, tuple(_COLUMNS.values()), top, len(rows))


def _drawn(folder: Path) -> set[Path]:
    """Return the pictures of moments in finished figures."""
    if not (folder / MANIFEST).is_file():
        return set()
    read_manifest(folder, kind="figures of trials")
    return set(folder.glob("*_moments.png"))


def _rounded(cell: str) -> str:
    """Return a number with four digits, counts and words as they are."""
    if cell.isdecimal():
        return cell
    try:
        return f"{float(cell):.4g}".replace("-", "\N{MINUS SIGN}")
    except ValueError:
        return cell
