"""The figure of real_recordings.py: predictions of held-out blocks, and recovered responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from real_recordings import Input, Row


def picture(shown: Sequence[tuple[Input, Row]]) -> Figure:
    """Return the figure: held-out prediction and recovered response of each input."""
    figure = Figure(figsize=(13, 2.7 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), 2, width_ratios=[2.2, 1])
    units = {"calcium_bold": ("BOLD", "a.u."), "lfp_optical": ("optical signal", "% change")}
    for (left, right), (found, row) in zip(axes, shown, strict=True):
        signal, unit = units[found.recording]
        for block, (times, measured, predicted) in enumerate(
            zip(found.run.times, found.held_out.measured, found.held_out.paired(), strict=True)
        ):
            label = (f"measured {signal}", f"predicted from {found.name}")
            names = label if block == 0 else (None, None)
            left.plot(times, measured - measured.mean(), color="0.6", lw=1, label=names[0])
            left.plot(times, predicted - predicted.mean(), color="C3", lw=1.4, label=names[1])
            left.axvline(found.run.starts[block], color="0.85", lw=0.8, zorder=0)
        left.set(
            xlabel="time (s)",
            ylabel=f"{signal} ({unit}),\nblock mean removed",
            title=f"held-out blocks: r = {row.r:.2f} [{row.ci_low:.2f}, {row.ci_high:.2f}], "
            f"another block's input: {row.null_mean:.2f}",
        )
        left.legend(loc="upper right", fontsize=8, ncols=2)
        _response_panel(right, found, row)
    return figure


def _response_panel(axes: Axes, found: Input, row: Row) -> None:
    """Draw the response with its bootstrap band, in units of its largest value."""
    scale = np.abs(found.response).max()
    lags = np.arange(len(found.response)) / found.run.aligned.axis.sfreq
    low, high = np.percentile(found.responses / scale, [2.5, 97.5], axis=0)
    axes.fill_between(lags, low, high, color="C0", alpha=0.25, lw=0, label="95 %, blocks")
    axes.plot(lags, found.response / scale, color="C0", label=f"from {found.name}")
    axes.axhline(0, color="0.5", lw=0.6)
    axes.axvline(row.delay_s, color="C3", lw=0.8, ls="--")
    axes.set(
        xlabel="lag after neural activity (s)",
        ylabel="response (1 = largest size)",
        title=f"peak {row.delay_s:.2f} s [{row.delay_low:.2f}, {row.delay_high:.2f}]",
    )
    axes.legend(loc="best", fontsize=8)
