"""Where electrodes are, and how channels are derived from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import GridError
from neurotranscoder.physics.channels import electrodes_of, referenced
from neurotranscoder.physics.head_model import Head
from neurotranscoder.physics.leadfield import electrodes_on_scalp, fsaverage_surfaces


@dataclass(frozen=True, slots=True, eq=False)
class Electrodes:
    """Places of single electrodes and the channels that are differences of them.

    Parameters
    ----------
    positions : array, shape (electrodes, 3)
        RAS mm of MNI152.
    derivation : array, shape (channels, electrodes)
        A channel is this mixture of the electrodes; every row sums to 0.
    """

    positions: Float[ndarray, "electrodes 3"]
    derivation: Float[ndarray, "channels electrodes"]

    def __post_init__(self) -> None:
        n_columns, n_electrodes = self.derivation.shape[1], len(self.positions)
        if n_columns != n_electrodes or np.any(np.abs(self.derivation.sum(axis=1)) > 1e-9):
            raise GridError(
                f"a derivation of {n_columns} columns got {n_electrodes} electrodes; it needs one "
                "column per electrode and rows that sum to 0 (a channel is a difference)"
            )

    @classmethod
    def average_referenced(cls, positions: Float[ndarray, "electrodes 3"]) -> Electrodes:
        """Return electrodes with a channel each, against the average of all."""
        n = len(positions)
        return cls(positions, np.eye(n) - 1 / n)

    @classmethod
    def of_pairs(
        cls,
        channels: tuple[str, ...],
        names: tuple[str, ...],
        positions: Float[ndarray, "electrodes 3"],
    ) -> Electrodes:
        """Return the electrodes of a bipolar montage.

        Parameters
        ----------
        channels : tuple of str
            Names ``A-B``: A is measured against B.
        names : tuple of str
            Names of the electrodes.
        positions : array, shape (electrodes, 3)
            Their places, RAS mm of MNI152.
        """
        derivation = np.zeros((len(channels), len(names)))
        for row, channel in zip(derivation, channels, strict=True):
            plus, _, minus = channel.partition("-")
            if plus not in names or minus not in names or plus == minus:
                raise GridError(
                    f"channel {channel!r} is no pair of known electrodes; it needs 'A-B' with A "
                    f"and B among {', '.join(names)}"
                )
            row[names.index(plus)], row[names.index(minus)] = 1, -1
        return cls(positions, derivation)


def electrodes_of_head(head: Head) -> Electrodes:
    """Return the electrodes behind the channels of a head.

    Where a head does not know their places, as with bipolar channels, they are where the 10-05
    system puts electrodes of these names on the scalp of the template.

    Raises
    ------
    SettingsError
        When such a name is not in the 10-05 system.
    """
    names = head.montage.names
    if head.montage.positions is not None:
        return Electrodes.average_referenced(head.montage.positions)
    singles = electrodes_of(names)
    montage = electrodes_on_scalp(singles, fsaverage_surfaces()[1])
    derivation = referenced(np.eye(len(singles)), names)
    return Electrodes(np.asarray(montage.positions), derivation)
