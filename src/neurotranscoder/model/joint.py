"""The linear coder from EEG to source that also knows what EEG and BOLD say together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from neurotranscoder.model.linear import LinearEegToSource


@dataclass(frozen=True, slots=True, eq=False)
class OwnShare:
    """What an estimate from EEG is worth beyond the reach of BOLD.

    Parameters
    ----------
    share : array, shape (components,)
        What of it is of the source, relative to that within the reach of BOLD; from 0 to 1.
    scale : float
        Factor that brings sources from BOLD to the scale of those from EEG, where the share is
        low.
    """

    share: Float[ndarray, " components"]
    scale: float


class JointEegToSource(LinearEegToSource):
    """Linear inverse of the EEG, and of EEG and BOLD together.

    Parameters
    ----------
    maps : array, shape (blocks, components)
        Orthonormal spatial maps, each large in few blocks: what the EEG is worth differs between
        regions.
    weights : array, shape (components, channels)
        How strongly each channel drives each map.
    own : OwnShare
        What the source that it gives is worth; only `joint` needs it.
    """

    own_share: Tensor
    bold_scale: Tensor

    def __init__(
        self,
        maps: Float[Tensor, "blocks components"] | Float[ndarray, "blocks components"],
        weights: Float[Tensor, "components channels"] | Float[ndarray, "components channels"],
        own: OwnShare,
    ) -> None:
        super().__init__(maps, weights)
        self.register_buffer("own_share", torch.as_tensor(own.share).float())
        self.register_buffer("bold_scale", torch.as_tensor(own.scale).float())

    def joint(
        self,
        eeg: Float[Tensor, "batch channels time"],
        source_from_eeg: Float[Tensor, "batch blocks time"],
        source_from_bold: Float[Tensor, "batch blocks time"],
    ) -> Float[Tensor, "batch blocks time"]:
        """Return the sources given EEG and BOLD.

        What both say together takes the place of what BOLD gives, as far as the EEG is about the
        source itself where BOLD does not reach.

        Parameters
        ----------
        eeg : tensor, shape (batch, channels, time)
            EEG.
        source_from_eeg, source_from_bold : tensor, shape (batch, blocks, time)
            The sources that each gives over the same frames.
        """
        from_eeg, from_bold = (self.maps.T @ one for one in (source_from_eeg, source_from_bold))
        together = self.together(eeg, from_eeg, from_bold)
        slow = self.bold_scale * from_bold
        return self.maps @ (slow + self.own_share[:, None] * (together - slow))

    def beyond(
        self, source_from_bold: Float[Tensor, "batch blocks time"]
    ) -> Float[Tensor, "batch blocks time"]:
        """Return what BOLD gives beyond the maps, where the EEG has no say, in the same scale."""
        within = self.maps @ (self.maps.T @ source_from_bold)
        return self.bold_scale * (source_from_bold - within)

    def together(
        self,
        eeg: Float[Tensor, "batch channels time"],  # noqa: ARG002, kinds of coders read it
        from_eeg: Float[Tensor, "batch components time"],
        from_bold: Float[Tensor, "batch components time"],
    ) -> Float[Tensor, "batch components time"]:
        """Return the component sources that EEG and BOLD give together: the sum of both.

        It is the paper's (4.3.3). What BOLD gives is a regression on the EEG's estimate, and so is
        the smaller the less they agree.
        """
        return from_eeg + from_bold
