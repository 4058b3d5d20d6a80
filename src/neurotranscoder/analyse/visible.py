"""Voxels that statistics are restricted to: those that the model of a subject can see.

Trust maps never look at events. Where events have nothing to do with the activity, so does the
mask, and a test over its voxels alone keeps its level, whichever runs both are made from:
independent filtering [1]_.

References
----------
.. [1] Bourgon, R., Gentleman, R. & Huber, W. (2010). Independent filtering increases detection
   power for high-throughput experiments. PNAS 107, 9546-9551.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from neurotranscoder.analyse.trust import TrustMap
from neurotranscoder.analyse.zmaps import Samples
from neurotranscoder.core.errors import GridError


@dataclass(frozen=True, slots=True, eq=False)
class Visible:
    """Which voxels can be seen, in words as well.

    Parameters
    ----------
    mask : array of bool, shape (x, y, z), or None
        The voxels; None where all count.
    words : str
        What statistics are restricted to, or why they are not; stands beside every result.
    hidden : str
        What the other voxels are, for the legend of a picture.
    q : float or None
        False discovery rate of the trust maps; None where all count.
    """

    mask: Bool[ndarray, "x y z"] | None
    words: str
    hidden: str = ""
    q: float | None = None

    def within(self, samples: Samples) -> Samples:
        """Return samples of the voxels that are seen.

        Raises
        ------
        GridError
            When none is.
        """
        if self.mask is None:
            return samples
        if not np.any(self.mask & samples.mask):
            raise GridError(
                f"no voxel to test: {self.words}; fit the subject on more runs, or look at all "
                "voxels with analyse.trials.trust_q=none"
            )
        return samples.within(self.mask)

    def rows(self, mask: Bool[ndarray, "x y z"]) -> Bool[ndarray, " voxels"]:
        """Return which voxels of a mask are seen."""
        return np.ones(int(mask.sum()), dtype=bool) if self.mask is None else self.mask[mask]


UNMASKED = Visible(None, "all voxels, as there is no trust map; what no model sees is among them")
"""All voxels, where nothing is known of them."""


def visible_voxels(trust: TrustMap | None, q: float, *, reason: str = "") -> Visible:
    """Return the voxels that a subject's model sees.

    Parameters
    ----------
    trust : TrustMap or None
        None where there is none.
    q : float
        False discovery rate; 1 for no mask.
    reason : str
        Why there is no trust map.
    """
    if trust is None:
        return (
            Visible(None, f"all voxels, as there is no trust map ({reason})")
            if reason
            else UNMASKED
        )
    if q >= 1:
        return Visible(None, "all voxels, as analyse.trials.trust_q is none")
    seen = trust.seen(q)
    mask = np.zeros(trust.mask.shape, dtype=bool)
    mask[trust.mask] = seen
    words = f"the {seen.sum()} of {len(seen)} voxels that the model sees (trust map, q <= {q:g})"
    return Visible(mask, words, f"not seen by the model (trust map, q > {q:g})", q)


def visible_in_half(parts: Sequence[Visible]) -> Visible:
    """Return the voxels that are seen in at least half of the subjects.

    To ask for all subjects would leave nothing of a large group: where one model sees 80 % of
    what there is, ten see 11 % of it. Subjects without a mask have no say.

    Parameters
    ----------
    parts : sequence of Visible
        One of each subject, all on one grid.
    """
    masks = [one.mask for one in parts if one.mask is not None]
    rates = [one.q for one in parts if one.mask is not None]
    if not masks:
        return parts[0] if parts else UNMASKED
    mask = 2 * np.sum(masks, axis=0) >= len(masks)
    of = f"{len(masks)} subjects" + (
        "" if len(masks) == len(parts) else f" with a trust map, of {len(parts)}"
    )
    return Visible(
        np.asarray(mask),
        f"the {mask.sum()} voxels that models see in at least half of {of}",
        f"seen in fewer than half of {of}",
        rates[0],
    )
