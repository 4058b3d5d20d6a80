"""Which voxels the model of a subject sees, on slices of its own images."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy import ndarray

from neurotranscoder.analyse.trust import TrustMap
from neurotranscoder.io.store import write_bytes
from neurotranscoder.report.figures import SEQUENTIAL, drawing_style, picture_of, wrapped
from neurotranscoder.report.slices import Slices

_N_SLICES = 7


def figure_of_trust(trust: TrustMap, anatomy: Float[ndarray, "x y z"], *, name: str) -> Figure:
    """Return a row of slices: r where a voxel is seen, a veil over the others.

    Parameters
    ----------
    trust : TrustMap
        What held-out BOLD says.
    anatomy : array, shape (x, y, z)
        On the grid of the map, such as the mean BOLD image.
    name : str
        Of the subject.

    Raises
    ------
    GridError
        When the anatomy has another grid.
    """
    seen = trust.seen()
    shown = trust.image(np.where(seen, trust.r, 0.0))
    hidden = trust.image((~seen).astype(float)) > 0
    slices = Slices(anatomy, trust.grid, trust.mask, hidden)
    norm = Normalize(0.0, float(np.percentile(trust.r[seen], 98)) if seen.any() else 1.0)
    levels = slices.levels(np.sum(shown > 0, axis=(0, 1)).astype(float), _N_SLICES)
    figure = Figure(figsize=(10.6, 2.25), layout="constrained")
    grid = figure.subplots(1, len(levels), squeeze=False)[0]
    for axes, level in zip(grid, levels, strict=True):
        slices.draw(axes, level, shown[:, :, level], cmap=SEQUENTIAL, norm=norm)
        axes.set_title(slices.words(level).partition("\n")[0], loc="center", fontweight="normal")
    grid[0].set_ylabel("L", rotation=0, ha="right", va="center")
    title = (
        f"{name}: the model sees {seen.sum()} of {len(seen)} voxels (BOLD of other runs from EEG, "
        "false discovery rate .05); left is left"
    )
    figure.suptitle(wrapped(title, 120), x=0.01, ha="left", fontsize=8.5, fontweight="bold")
    slices.add_legend(figure, "not seen by the model (trust map, q > 0.05)")
    bar = figure.colorbar(ScalarMappable(norm, cmap=SEQUENTIAL), ax=grid, extend="max")
    bar.set_label("r of BOLD with its\nprediction from EEG")
    return figure


def write_trust_picture(
    path: Path, trust: TrustMap, anatomy: Float[ndarray, "x y z"], *, name: str
) -> None:
    """Write the picture of a trust map as PNG; equal maps give equal bytes."""
    with drawing_style():
        figure = figure_of_trust(trust, anatomy, name=name)
        source = picture_of(figure, alt="", caption="", dense=True).source
    write_bytes(path, base64.b64decode(source.partition(",")[2]))
