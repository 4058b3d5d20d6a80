"""Data sets that are nearly BIDS: runs by their names, timing and events from their sidecars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder.core.errors import Problem, StudyError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.inheritance import metadata_of
from neurotranscoder.io.layouts.files import image_size
from neurotranscoder.io.layouts.plan import ImagePart, ImportSettings
from neurotranscoder.io.layouts.scan import run_of
from neurotranscoder.io.layouts.slices import slice_order_missing, slice_times_of
from neurotranscoder.io.slice_timing import volume_axis

_FACTS = (
    "Manufacturer", "ManufacturersModelName", "MagneticFieldStrength", "EchoTime", "FlipAngle",
    "PhaseEncodingDirection", "EffectiveEchoSpacing", "TotalReadoutTime", "SliceThickness",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Images, what the sidecar says of them, and what had to be assumed."""

    images: ImagePart
    facts: dict[str, object]
    assumptions: tuple[str, ...]


def by_run(
    files: Iterable[Path], endings: tuple[str, ...], problems: list[Problem]
) -> dict[RunId, Path]:
    """Return one file per run; names that are no labels and second files are problems."""
    found: dict[RunId, Path] = {}
    for path in files:
        ending = next((e for e in endings if path.name.endswith(e)), None)
        if ending is None:
            continue
        labels = dict(p.split("-", 1) for p in path.name.split("_") if "-" in p)
        run = run_of(
            path,
            problems,
            labels.get("sub", ""),
            labels.get("task", ""),
            session=labels.get("ses", ""),
            run=labels.get("run", ""),
        )
        if run in found:
            got = f"{found[run].name}, {path.name}"
            problems.append(Problem(str(run), "files", got, "one", "move the others away"))
        elif run is not None:
            found[run] = path
    return found


def series_of(path: Path, root: Path, tr: float, settings: ImportSettings) -> Series:
    """Return images of a known TR, with the slice times of their sidecar or of the settings.

    Parameters
    ----------
    path : Path
        The 4-D series.
    root : Path
        The data set, up to which sidecars are inherited.
    tr : float
        TR of the data set, in seconds.
    settings : ImportSettings
        Its ``slice_order`` goes before the sidecar.

    Raises
    ------
    StudyError
        When header, sidecar and TR contradict each other, or nothing states slice times.
    """
    n_slices, n_volumes = image_size(path, tr=tr)
    sidecar = _sidecar(path, root)
    facts = {key: sidecar[key] for key in _FACTS if key in sidecar}
    if settings.slice_order:
        times = slice_times_of(settings.slice_order, n_slices=n_slices, tr=tr)
        name = Path(settings.slice_order).name
        assumed: tuple[str, ...] = (
            f"Slice order '{name}' was given by the user; slices are equally spaced over the TR.",
        )
        return Series(ImagePart(path, tr, n_volumes, times), facts, assumed)
    if "SliceTiming" not in sidecar:
        raise StudyError([slice_order_missing(path)])
    axis = volume_axis(path, {"RepetitionTime": tr, **sidecar}, tr, (n_slices, n_volumes))
    times = tuple(float(time) for time in axis.slice_times)
    return Series(ImagePart(path, tr, n_volumes, times), facts, ())


def _sidecar(path: Path, root: Path) -> dict[str, object]:
    """Return the JSON of images, empty where there is none."""
    try:
        return metadata_of(path, root)
    except StudyError as error:
        if all(problem.field == "sidecar" for problem in error.problems):
            return {}
        raise
