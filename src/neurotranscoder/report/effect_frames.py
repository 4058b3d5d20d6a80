"""Frames of an effect through time on the anatomy, as the paper's Figs. 2 and 3."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy import ndarray

from neurotranscoder.analyse.conditions import Answer
from neurotranscoder.core.errors import GridError
from neurotranscoder.io.store import write_bytes
from neurotranscoder.report.figures import DIVERGING, Picture, drawing_style, picture_of, wrapped

_FRAMES, _SLICES = 8, 3


def draw_frames(answer: Answer, anatomy: Float[ndarray, "x y z"], *, name: str) -> Picture:
    """Draw a row of frames for each of three slices; colour where an effect was found.

    Parameters
    ----------
    answer : Answer
        What was found.
    anatomy : array, shape (x, y, z)
        On the grid of the answer, such as the mean BOLD image.
    name : str
        Of the subject or group.

    Raises
    ------
    GridError
        When the anatomy has another grid.
    """
    with drawing_style():
        figure = figure_of_frames(answer, anatomy, name=name)
        alt = _title(answer, name)
        return picture_of(figure, alt=alt, caption=_CAPTION, dense=True)


def figure_of_frames(answer: Answer, anatomy: Float[ndarray, "x y z"], *, name: str) -> Figure:
    """Return the figure of `draw_frames`: slices downwards, frames from the event on to the right.

    Raises
    ------
    GridError
        When the anatomy has another grid.
    """
    found = answer.found
    if anatomy.shape != found.mask.shape:
        raise GridError(f"the anatomy is {anatomy.shape}, the statistics are {found.mask.shape}")
    shown = found.unmask(np.where(answer.seen.seen, found.z, np.float32(0)))
    affine = found.grid.voxel_to_world
    mirrored = affine[0, 0] < 0, affine[1, 1] < 0
    order = tuple(slice(None, None, -1 if flip else 1) for flip in mirrored)
    after = np.flatnonzero(found.axis.times >= -1e-9)
    after = after if len(after) else np.arange(found.axis.n_times)
    strength = np.abs(shown[..., after])
    levels = _levels(strength.max(axis=(0, 1, 3)), found.mask)
    frames = _frames(after, strength.max(axis=(0, 1, 2)))
    limit = float(strength.max()) or 1.0
    dark, bright = np.percentile(anatomy[found.mask], (2, 98))
    size = np.linalg.norm(affine[:3, :3], axis=0)
    figure = Figure(figsize=(10.6, 0.7 + 1.3 * len(levels)), layout="constrained")
    grid = figure.subplots(len(levels), len(frames), squeeze=False)
    for row, level in zip(grid, levels, strict=True):
        for axes, frame in zip(row, frames, strict=True):
            below = anatomy[:, :, level][order].T
            axes.imshow(below, cmap="gray", vmin=dark, vmax=bright, origin="lower")
            masked = np.ma.masked_equal(shown[:, :, level, frame][order].T, 0)
            axes.imshow(masked, cmap=DIVERGING, vmin=-limit, vmax=limit, origin="lower")
            axes.set_aspect(size[1] / size[0])
            axes.set(xticks=[], yticks=[])
        height = affine[2, 2] * level + affine[2, 3]
        row[0].set_ylabel(f"z = {height:.0f} mm\nL", rotation=0, ha="right", va="center")
    for axes, time in zip(grid[0], found.axis.times[frames], strict=True):
        axes.set_title(f"{time:.2f} s", loc="center", fontweight="normal")
    figure.suptitle(
        wrapped(_title(answer, name), 120), x=0.01, ha="left", fontsize=8.5, fontweight="bold"
    )
    bar = figure.colorbar(ScalarMappable(Normalize(-limit, limit), cmap=DIVERGING), ax=grid)
    bar.set_label("z (red: activation,\nblue: deactivation)")
    return figure


def _title(answer: Answer, name: str) -> str:
    """Return what is shown, of whom, and by which correction."""
    over = f"{answer.n} {answer.over}; left is left"
    return f"{name}, {answer.question.label}: {answer.seen}, {over}"


_CAPTION = (
    "Neurological convention: left is left. Times after the event; z where the effect was found "
    "by the correction that the title names. Background: mean BOLD image."
)


def write_frames(
    path: Path, answer: Answer, anatomy: Float[ndarray, "x y z"], *, name: str
) -> None:
    """Write the picture of `draw_frames` as PNG; equal findings give equal bytes."""
    source = draw_frames(answer, anatomy, name=name).source
    write_bytes(path, base64.b64decode(source.partition(",")[2]))


def _levels(strength: Float[ndarray, " z"], mask: ndarray) -> list[int]:
    """Return slices with the strongest effects, some way apart, lowest first; then most brain."""
    brain, chosen = mask.sum(axis=(0, 1)), list[int]()
    for level in np.lexsort((-brain, -strength)).tolist():
        if brain[level] and all(abs(level - one) >= len(brain) / 10 for one in chosen):
            chosen.append(level)
    return sorted(chosen[:_SLICES])


def _frames(after: Int[ndarray, " frames"], strength: Float[ndarray, " frames"]) -> list[int]:
    """Return frames spread evenly; the one next to the strongest effect is moved there."""
    places = np.unique(np.linspace(0, len(after) - 1, _FRAMES).round().astype(int))
    if strength.any():
        peak = int(np.argmax(strength))
        places[np.argmin(np.abs(places - peak))] = peak
    return [int(frame) for frame in after[places]]
