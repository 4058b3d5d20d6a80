"""Whose time course each region of a map shows: its own, or that of another that responds with it.

BOLD cannot tell regions apart that respond in the same trials within a fraction of a second; a
region that the EEG hardly sees may then be read from the EEG of another one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.evaluate.activation_scores import StatisticalMap
from neurotranscoder.evaluate.activation_truth import WINDOW, TaskTruth
from neurotranscoder.signal.correlation import correlate_rows

_SAME = 1e-6  # of the largest value: regions with one course


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like true courses the course of a region in a map is.

    Parameters
    ----------
    region : str
        Its name.
    own : float
        r with its own true course.
    other : str
        The region with another true course that it is most like; empty where there is none.
    r : float
        r with that; negative where it is upside down. NaN where there is none.
    """

    region: str
    own: float
    other: str
    r: float


def likenesses(found: StatisticalMap, truth: TaskTruth) -> list[Likeness]:
    """Return the likeness of each named region that responds and has a voxel in the map.

    Courses are means over the voxels of a region, weighed as the truth has them, from 0 to 1.5 s
    after the event.
    """
    inside = (found.times >= WINDOW[0]) & (found.times <= WINDOW[1])
    labels, weights = truth.labels[found.mask], truth.weights[found.mask]
    true = {one.region: truth.courses[one.index][inside] for one in truth.activations}
    rows = []
    for name, index in {one.region: one.index for one in truth.activations}.items():
        own = labels == index
        if not own.any():
            continue
        course = np.average(found.effect[own], axis=0, weights=weights[own])[inside]
        others = {
            other: _r(course, values)
            for other, values in true.items()
            if np.abs(values - true[name]).max() > _SAME * np.abs(true[name]).max()
        }
        most = max(others, key=lambda other: abs(others[other]), default="")
        rows.append(Likeness(name, _r(course, true[name]), most, others.get(most, np.nan)))
    return rows


def likeness_table(of: dict[str, list[Likeness]]) -> str:
    """Return the likenesses of each question, in Markdown."""
    lines = [
        "| question | region | r with its own true course | most like another: r |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {question} | {one.region} | {one.own:.2f} | {one.other} {one.r:.2f} |"
        for question, rows in of.items()
        for one in rows
    ]
    return "\n".join(lines)


def _r(one: Float[ndarray, " frames"], other: Float[ndarray, " frames"]) -> float:
    """Return the correlation of two courses."""
    return float(correlate_rows(one[np.newaxis], other[np.newaxis])[0])
