"""Scalp patterns: heads where the electrodes are known, bars where they are not."""

from __future__ import annotations

import mne
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy import ndarray

from neurotranscoder.core.axes import Montage
from neurotranscoder.evaluate.findings import Topography
from neurotranscoder.preprocess.channel_places import sphere_centre
from neurotranscoder.report.figures import (
    BLUE,
    DIVERGING,
    GREEN,
    PURPLE,
    SEQUENTIAL,
    VERMILLION,
    Picture,
    drawing_style,
    picture_of,
    wrapped,
)
from neurotranscoder.report.words import name_of

_HEAD = 0.095  # m, radius that MNE draws
_COLOURS = ("#8C8C8C", VERMILLION, BLUE, GREEN, PURPLE)
_FEWEST_FOR_A_HEAD = 8
POTENTIAL = "potential (a.u.)"
OVER_LARGEST = "value over\nits largest"


def draw_topography(
    topography: Topography, montage: Montage, *, dense: bool = False, unit: str = POTENTIAL
) -> Picture:
    """Draw the scalp pattern of one region, truth beside estimates; each has its own scale.

    Parameters
    ----------
    topography : Topography
        Patterns of one region.
    montage : Montage
        Where the electrodes are; bars are drawn where that is unknown.
    dense : bool
        Whether bars are pixels as well, as heads are.
    unit : str
        What the values are.
    """
    positions = montage.positions
    names = ", ".join(name_of(label) for label in topography.labels)
    alt = f"{topography.title}: scalp patterns of {names}."
    with drawing_style():
        if positions is None or not _drawable(positions):
            figure = _bars(topography, montage, unit)
            caption = "Pattern per channel; places of the electrodes are not known."
            return picture_of(figure, alt=alt, caption=caption, dense=dense)
        figure = _heads(topography, flat_positions(positions), unit)
        caption = (
            "Seen from above, nose up, left is left. Each head is scaled to its largest value."
        )
        return picture_of(figure, alt=alt, caption=caption, dense=True)


def draw_amplitudes(amplitudes: Topography, montage: Montage) -> Picture:
    """Draw amplitudes over the scalp, each from 0 to its largest, in the unit of the values.

    Parameters
    ----------
    amplitudes : Topography
        Values that are not negative, in µV.
    montage : Montage
        Where the electrodes are; bars are drawn where that is unknown.
    """
    names = ", ".join(amplitudes.labels)
    alt = f"{amplitudes.title}: amplitude over the scalp for {names}."
    positions = montage.positions
    with drawing_style():
        if positions is None or not _drawable(positions):
            figure = _bars(amplitudes, montage, POTENTIAL)
            caption = "Share of the largest channel; places of the electrodes are not known."
            return picture_of(figure, alt=alt, caption=caption)
        flat = flat_positions(positions)
        count = len(amplitudes.labels)
        figure = Figure(figsize=(0.4 + 1.75 * count, 2.1), layout="constrained")
        figure.suptitle(
            wrapped(amplitudes.title, 70), x=0.01, ha="left", fontsize=8.5, fontweight="bold"
        )
        heads = figure.subplots(1, count, squeeze=False)
        for axes, label, values in zip(
            heads[0], amplitudes.labels, amplitudes.values, strict=True
        ):
            scale = Normalize(0.0, float(np.max(values, initial=0.0)) or 1.0)
            _head(axes, values, flat, cmap=SEQUENTIAL, scale=scale)
            axes.set_title(label, loc="center", fontweight="normal", fontsize=7.5)
            bar = figure.colorbar(
                ScalarMappable(scale, cmap=SEQUENTIAL), ax=axes, shrink=0.6, aspect=10, pad=0.03
            )
            bar.outline.set_linewidth(0.5)
        bar.set_label("root mean square (µV)")
        caption = "Seen from above, nose up, left is left. Each head has its own scale from 0."
        return picture_of(figure, alt=alt, caption=caption, dense=True)


def _drawable(positions: Float[ndarray, "channels 3"]) -> bool:
    """Return whether there are enough electrodes, all at known places, for a head."""
    return len(positions) >= _FEWEST_FOR_A_HEAD and bool(np.all(np.isfinite(positions)))


def flat_positions(positions: Float[ndarray, "channels 3"]) -> Float[ndarray, "channels 2"]:
    """Project electrodes from a fitted sphere onto the page (azimuthal equidistant), in m.

    The equator of the sphere falls on the outline of the head that MNE draws.
    """
    x, y, z = (positions - sphere_centre(positions)).T
    from_top = np.arctan2(np.hypot(x, y), z)
    around = np.arctan2(y, x)
    radius = _HEAD * from_top / (np.pi / 2)
    return np.column_stack([radius * np.cos(around), radius * np.sin(around)])


def _scaled(values: Float[ndarray, " channels"]) -> Float[ndarray, " channels"]:
    """Return a pattern over its largest magnitude."""
    filled = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    return np.asarray(filled / (np.max(np.abs(filled), initial=0.0) or 1.0))


def _heads(topography: Topography, flat: Float[ndarray, "channels 2"], unit: str) -> Figure:
    """Return a figure with one head per pattern."""
    count = len(topography.labels)
    figure = Figure(figsize=(0.75 + 1.55 * count, 2.0), layout="constrained")
    figure.suptitle(
        wrapped(topography.title, 70), x=0.01, ha="left", fontsize=8.5, fontweight="bold"
    )
    heads = figure.subplots(1, count, squeeze=False)
    for axes, label, values in zip(heads[0], topography.labels, topography.values, strict=True):
        _head(axes, _scaled(values), flat, cmap=DIVERGING, scale=Normalize(-1.0, 1.0))
        title = wrapped(name_of(label), 20)
        axes.set_title(title, loc="center", fontweight="normal", fontsize=7.5)
    scale = ScalarMappable(Normalize(-1.0, 1.0), cmap=DIVERGING)
    bar = figure.colorbar(scale, ax=heads, shrink=0.7, aspect=12, pad=0.02)
    bar.set_ticks([-1, 0, 1])
    bar.set_label(unit)
    bar.outline.set_linewidth(0.5)
    return figure


def _head(
    axes: Axes, values: Float[ndarray, " channels"], flat: ndarray, *, cmap: str, scale: Normalize
) -> None:
    """Draw one head."""
    mne.viz.plot_topomap(
        values,
        flat,
        axes=axes,
        show=False,
        cmap=cmap,
        vlim=(scale.vmin, scale.vmax),
        contours=4,
        sphere=(0.0, 0.0, 0.0, _HEAD),
        res=128,
    )


def _bars(topography: Topography, montage: Montage, unit: str) -> Figure:
    """Return a figure with one group of bars per channel."""
    count, channels = topography.values.shape
    width = 0.8 / max(count, 1)
    figure = Figure(figsize=(max(4.0, 1.6 + 0.13 * channels), 2.1), layout="constrained")
    axes = figure.subplots()
    for row, values in enumerate(topography.values):
        where = np.arange(channels) + (row - (count - 1) / 2) * width
        colour = _COLOURS[row % len(_COLOURS)]
        axes.bar(
            where, _scaled(values), width, color=colour, label=name_of(topography.labels[row])
        )
    axes.axhline(0.0, color="#333333", lw=0.7)
    axes.set_xlim(-0.7, channels - 0.3)
    axes.set_xticks(range(channels), montage.names, rotation=90, fontsize=6.5)
    axes.set_xlabel("channel")
    axes.set_ylabel(unit)
    axes.set_title(wrapped(topography.title, 70))
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0)
    return figure
