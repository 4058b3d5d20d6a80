"""Pictures of one run that was brought to MNI, as files beside it and as a page embeds them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import Bold, RunId
from neurotranscoder.io.store import write_bytes
from neurotranscoder.preprocess.anatomy import Anatomy
from neurotranscoder.preprocess.bold import PreprocessedBold
from neurotranscoder.preprocess.overlay import epi_on_t1, t1_on_template
from neurotranscoder.preprocess.quality import carpet
from neurotranscoder.report.figures import Picture
from neurotranscoder.report.preprocessing import (
    draw_carpet,
    draw_motion,
    draw_registration,
    draw_snr,
)

FIGURES = "figures"
_KINDS = {"png": "image/png", "svg": "image/svg+xml"}


def image_pictures(run: Bold, t1: Anatomy, result: PreprocessedBold) -> dict[str, Picture]:
    """Return the pictures of a run: both registrations, motion, tSNR, carpet; equal ones twice.

    Parameters
    ----------
    run : Bold
        As the scanner stored it.
    t1 : Anatomy
        That it was brought to.
    result : PreprocessedBold
        What `preprocess_bold` returned.
    """
    placed, normal = epi_on_t1(t1, result, run.grid), t1_on_template(t1, result)
    bold = result.bold
    rows = carpet(bold.data, {"brain": bold.mask}, tr=bold.volumes.tr)
    shown = draw_carpet(rows, result.motion.framewise_displacement)
    names = {"coreg": ("T1 image", "mean EPI"), "norm": ("T1 image in MNI", "template")}
    return {
        "coreg": draw_registration(placed.below, placed.above, placed.grid, names=names["coreg"]),
        "norm": draw_registration(normal.below, normal.above, normal.grid, names=names["norm"]),
        "motion": draw_motion(result.motion, tr=run.volumes.tr),
        "tsnr": draw_snr(result.snr),
        "carpet": replace(shown, caption=f"The run in MNI, cleaned. {shown.caption}"),
    }


def write_pictures(
    root: Path, run: RunId, pictures: Mapping[str, Picture]
) -> list[dict[str, Any]]:
    """Write pictures as ``figures/*_desc-NAME_bold.png`` or ``.svg``; return what records keep.

    Parameters
    ----------
    root : Path
        The derivative.
    run : RunId
        Whose they are.
    pictures : mapping
        By name.
    """
    kept = []
    for name, picture in pictures.items():
        kind, _, content = picture.source.partition(";base64,")
        ending = next(end for end, full in _KINDS.items() if kind == f"data:{full}")
        path = root / run.folder / FIGURES / f"{run.label}_desc-{name}_bold.{ending}"
        write_bytes(path, base64.b64decode(content))
        words = {"alt": picture.alt, "caption": picture.caption}
        sizes = {"width": picture.width, "height": picture.height}
        kept.append({"file": path.relative_to(root).as_posix(), **words, **sizes})
    return kept


def read_pictures(root: Path, kept: Sequence[Mapping[str, Any]]) -> tuple[Picture, ...]:
    """Return pictures that were written; those whose files are gone are left out.

    Raises
    ------
    StoreError
        When a record names no picture.
    """
    found = []
    for one in kept:
        try:
            path, words = root / one["file"], {name: one[name] for name in ("alt", "caption")}
            picture = Picture("", **words, width=one["width"], height=one["height"])
        except KeyError as error:
            raise StoreError(
                f"{root}: a record of a picture has no {error}; run `preprocess` again"
            ) from error
        if path.is_file():
            kind = _KINDS[path.suffix.removeprefix(".")]
            content = base64.b64encode(path.read_bytes()).decode()
            found.append(replace(picture, source=f"data:{kind};base64,{content}"))
    return tuple(found)
