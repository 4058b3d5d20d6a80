"""Frames of an effect through time on the anatomy, as the paper's Figs. 2 and 3."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from jaxtyping import Float
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
    found = answer.found
    if anatomy.shape != found.mask.shape:
        raise GridError(f"the anatomy is {anatomy.shape}, the statistics are {found.mask.shape}")
    shown = found.unmask(np.where(answer.seen.seen, found.z, np.float32(0)))
    affine = found.grid.voxel_to_world
    mirrored = affine[0, 0] < 0, affine[1, 1] < 0
    order = tuple(slice(None, None, -1 if flip else 1) for flip in mirrored)
    levels = _levels(np.abs(shown).max(axis=(0, 1, 3)), found.mask)
    frames = np.linspace(0, found.axis.n_times - 1, _FRAMES).round().astype(int)
    limit = float(np.abs(shown).max()) or 1.0
    with drawing_style():
        figure = Figure(figsize=(10.6, 0.7 + 1.3 * len(levels)), layout="constrained")
        grid = figure.subplots(len(levels), len(frames), squeeze=False)
        for row, level in zip(grid, levels, strict=True):
            for axes, frame in zip(row, frames, strict=True):
                axes.imshow(anatomy[:, :, level][order].T, cmap="gray", origin="lower")
                values = shown[:, :, level, frame][order].T
                masked = np.ma.masked_equal(values, 0)
                axes.imshow(masked, cmap=DIVERGING, vmin=-limit, vmax=limit, origin="lower")
                axes.set_xticks([])
                axes.set_yticks([])
            height = affine[2, 2] * level + affine[2, 3]
            row[0].set_ylabel(f"z = {height:.0f} mm\nL", rotation=0, ha="right", va="center")
        for axes, time in zip(grid[0], found.axis.times[frames], strict=True):
            axes.set_title(f"{time:.2f} s", loc="center", fontweight="normal")
        over = f"{answer.n} {answer.over}; left is left"
        title = f"{name}, {answer.question.label}: {answer.seen}, {over}"
        figure.suptitle(wrapped(title, 120), x=0.01, ha="left", fontsize=8.5, fontweight="bold")
        bar = figure.colorbar(ScalarMappable(Normalize(-limit, limit), cmap=DIVERGING), ax=grid)
        bar.set_label("z (red: activation,\nblue: deactivation)")
        return picture_of(figure, alt=title, caption=_CAPTION, dense=True)


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
    """Return the slices with the strongest effects, lowest first; of none, middle ones."""
    if not strength.any():
        strength = mask.sum(axis=(0, 1)).astype(np.float64)
    return sorted(np.argsort(-strength, kind="stable")[:_SLICES].tolist())
