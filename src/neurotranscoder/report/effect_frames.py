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
from neurotranscoder.io.store import write_bytes
from neurotranscoder.report.figures import DIVERGING, Picture, drawing_style, picture_of, wrapped
from neurotranscoder.report.slices import Slices

_FRAMES = 8


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
    hidden = found.unmask(~answer.visible.rows(found.mask)) > 0
    slices = Slices(anatomy, found.grid, found.mask, hidden)
    shown = found.unmask(np.where(answer.seen.seen, found.z, np.float32(0)))
    after = np.flatnonzero(found.axis.times >= -1e-9)
    after = after if len(after) else np.arange(found.axis.n_times)
    strength = np.abs(shown[..., after])
    levels = slices.levels(strength.max(axis=(0, 1, 3)))
    frames = _frames(after, strength.max(axis=(0, 1, 2)))
    limit = float(strength.max()) or 1.0
    norm = Normalize(-limit, limit)
    figure = Figure(figsize=(10.6, 0.9 + 1.3 * len(levels)), layout="constrained")
    grid = figure.subplots(len(levels), len(frames), squeeze=False)
    for row, level in zip(grid, levels, strict=True):
        for axes, frame in zip(row, frames, strict=True):
            slices.draw(axes, level, shown[:, :, level, frame], cmap=DIVERGING, norm=norm)
        row[0].set_ylabel(slices.words(level), rotation=0, ha="right", va="center")
    for axes, time in zip(grid[0], found.axis.times[frames], strict=True):
        axes.set_title(f"{time:.2f} s", loc="center", fontweight="normal")
    slices.add_legend(figure, answer.visible.hidden)
    figure.suptitle(
        wrapped(_title(answer, name), 120), x=0.01, ha="left", fontsize=8.5, fontweight="bold"
    )
    bar = figure.colorbar(ScalarMappable(norm, cmap=DIVERGING), ax=grid)
    bar.set_label("z (red: activation,\nblue: deactivation)")
    return figure


def _title(answer: Answer, name: str) -> str:
    """Return what is shown, of whom, and by which correction."""
    over = f"{answer.n} {answer.over}; tested: {answer.visible.words}; left is left"
    return f"{name}, {answer.question.label}: {answer.seen}, {over}"


_CAPTION = (
    "Neurological convention: left is left. Times after the event; z where the effect was found "
    "by the correction that the title names. Background: mean BOLD image; under the veil are "
    "voxels that were not tested."
)


def write_frames(
    path: Path, answer: Answer, anatomy: Float[ndarray, "x y z"], *, name: str
) -> None:
    """Write the picture of `draw_frames` as PNG; equal findings give equal bytes."""
    source = draw_frames(answer, anatomy, name=name).source
    write_bytes(path, base64.b64decode(source.partition(",")[2]))


def _frames(after: Int[ndarray, " frames"], strength: Float[ndarray, " frames"]) -> list[int]:
    """Return frames spread evenly; the one next to the strongest effect is moved there."""
    places = np.unique(np.linspace(0, len(after) - 1, _FRAMES).round().astype(int))
    if strength.any():
        peak = int(np.argmax(strength))
        places[np.argmin(np.abs(places - peak))] = peak
    return [int(frame) for frame in after[places]]
