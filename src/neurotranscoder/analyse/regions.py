"""The regions that a transcoder can tell apart, found without truth or atlas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.model.linear import ComponentProjection
from neurotranscoder.train.components import bold_components, regional
from neurotranscoder.train.trained import TrainedTranscoder

_WITHOUT_PROJECTION = 50  # regions, where the model has no components of its own


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Spatial maps, one for each region.

    Parameters
    ----------
    maps : array, shape (blocks, regions)
        Columns of unit length; the time course of a region is ``maps.T`` times that of blocks.
    blocks : BlockMap
        Where the rows are.
    """

    maps: Float[ndarray, "blocks regions"]
    blocks: BlockMap

    @property
    def names(self) -> tuple[str, ...]:
        """What each region is called; the numbers begin at 1, as in the label image."""
        return tuple(f"region-{number:03d}" for number in range(1, self.maps.shape[1] + 1))

    @property
    def centres(self) -> Float[ndarray, "regions 3"]:
        """Centre of each map, weighted with its squares, in RAS mm."""
        return np.asarray((self.maps**2).T @ self.blocks.centres)

    @property
    def sizes(self) -> Float[ndarray, " regions"]:
        """Number of blocks that each map is spread over, ``1 / sum m^4``."""
        return np.asarray(1 / np.sum(self.maps**4, axis=0))

    @property
    def labels(self) -> Int[ndarray, " blocks"]:
        """Number of the region whose map is largest in each block, from 1."""
        return np.asarray(np.abs(self.maps).argmax(axis=1) + 1)


def find_regions(trained: TrainedTranscoder, training: Sequence[AlignedRun]) -> Regions:
    """Return the regions of a model: its BOLD components, turned to be large in few blocks.

    Where a model has no components, those of its training runs are taken.

    Parameters
    ----------
    trained : TrainedTranscoder
        The model.
    training : sequence of AlignedRun
        Its training runs.

    Returns
    -------
    regions : Regions
        Those with the most BOLD first.
    """
    bolds = [trained.scaling.scale_bold(run.bold) for run in training]
    projection = trained.module.bold_projection
    if isinstance(projection, ComponentProjection):
        components = projection.maps.double().numpy()
    else:
        components = bold_components(bolds, _WITHOUT_PROJECTION)
    maps = regional(np.linalg.qr(components)[0])
    power = sum(np.sum((maps.T @ bold) ** 2, axis=1) for bold in bolds)
    order = np.argsort(-np.asarray(power), kind="stable")
    return Regions(maps[:, order], trained.blocks)
