"""What an evaluation found: the tables, and the numbers behind every picture of the report."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.evaluate.table import MeasureRow, MetricRow, RealismRow

REFERENCE = "reference: "
"""How labels of lines begin that were not measured, in panels of `Realism`."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line of a picture: x (s, or training steps) and y."""

    label: str
    x: Float[ndarray, " points"]
    y: Float[ndarray, " points"]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Lines that share their axes; the first line is the truth or the measurement.

    Parameters
    ----------
    title : str
        What is shown, where and in which run.
    x_label, y_label : str
        Axis labels with units.
    lines : tuple of Line
        Reference first.
    """

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SourceMap:
    """Source activity on all blocks at one moment.

    Parameters
    ----------
    title : str
        Run and moment.
    time : float
        Scanner time, in s.
    labels : tuple of str
        Name of each row: truth first (where there is one), then estimates.
    values : array, shape (rows, blocks)
        Activity in arbitrary units; each row has its own scale.
    """

    title: str
    time: float
    labels: tuple[str, ...]
    values: Float[ndarray, "rows blocks"]


@dataclass(frozen=True, slots=True, eq=False)
class Topography:
    """The scalp pattern of one region: the leadfield's truth beside what was learnt.

    Parameters
    ----------
    title : str
        Region.
    labels : tuple of str
        Name of each row, truth first.
    values : array, shape (rows, channels)
        Patterns, arbitrary units.
    """

    title: str
    labels: tuple[str, ...]
    values: Float[ndarray, "rows channels"]


@dataclass(frozen=True, slots=True, eq=False)
class ValueMap:
    """One number per block, on an absolute scale.

    Parameters
    ----------
    title : str
        What is shown, and of which run.
    label : str
        Quantity and unit, for the scale.
    values : array, shape (blocks,)
        NaN where there is none.
    """

    title: str
    label: str
    values: Float[ndarray, " blocks"]


@dataclass(frozen=True, slots=True, eq=False)
class Realism:
    """What one recording looks like, beside what is known of real ones.

    Parameters
    ----------
    run : str
        Which run was looked at.
    rows : tuple of RealismRow
        The measures, each with its reference.
    spectra : tuple of Panel
        Drawn on logarithmic axes.
    courses : tuple of Panel
        Autocorrelation, displacement, event-related averages, coupling by lag.
    maps : tuple of ValueMap
        Temporal signal-to-noise ratio and autocorrelation over the brain.
    potentials : tuple of Topography
        Event-related potentials over the scalp.
    amplitudes : Topography or None
        Root mean square per frequency band over the scalp, in µV.
    limits : tuple of str
        What is known to be unlike a real recording.
    """

    run: str
    rows: tuple[RealismRow, ...]
    spectra: tuple[Panel, ...]
    courses: tuple[Panel, ...]
    maps: tuple[ValueMap, ...]
    potentials: tuple[Topography, ...]
    amplitudes: Topography | None
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Everything that a report shows.

    Parameters
    ----------
    title : str
        Name of the study or scenario.
    simulated : bool
        Whether the data were simulated.
    facts : tuple of (str, str)
        What was run: name and value, in the order of showing.
    metrics, measures : tuple of rows
        The tables.
    traces : tuple of Panel
        Example time courses of held-out runs.
    maps : tuple of SourceMap
        Example source maps of held-out runs.
    responses : Panel or None
        Hemodynamic responses.
    topographies : tuple of Topography
        Leadfields of some regions.
    curves : tuple of Panel
        Loss curves of the networks.
    warnings : tuple of str
        What a reader must know.
    blocks : BlockMap
        Where the blocks of the maps are.
    montage : Montage
        Where the channels of the topographies are.
    realism : Realism or None
        How the first held-out run looks.
    mni : bool
        Whether images are in MNI space.
    anatomy : array, shape (x, y, z), or None
        Mean BOLD image of the first held-out run on the voxels of the blocks, where they are not.
    """

    title: str
    simulated: bool
    facts: tuple[tuple[str, str], ...]
    metrics: tuple[MetricRow, ...]
    measures: tuple[MeasureRow, ...]
    traces: tuple[Panel, ...]
    maps: tuple[SourceMap, ...]
    responses: Panel | None
    topographies: tuple[Topography, ...]
    curves: tuple[Panel, ...]
    warnings: tuple[str, ...]
    blocks: BlockMap
    montage: Montage
    realism: Realism | None = None
    mni: bool = False
    anatomy: Float[ndarray, "x y z"] | None = None

    @property
    def truth_known(self) -> bool:
        """Whether the truth stands beside estimates, in maps."""
        return any("truth" in one.labels for one in self.maps)
