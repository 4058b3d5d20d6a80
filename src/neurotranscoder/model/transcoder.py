"""The cyclic transcoder: four coders, and the paths that they form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from neurotranscoder.core.errors import WeightsError
from neurotranscoder.model.joint import JointEegToSource
from neurotranscoder.model.power import PowerEegToSource
from neurotranscoder.model.sparse import SparseEegToSource


@dataclass(frozen=True, slots=True, eq=False)
class CycleOutputs:
    """What the four paths of a transcoder return for one window.

    Parameters
    ----------
    bold_from_eeg, bold_from_bold : tensor, shape (batch, picked, frames)
        BOLD of the blocks that were asked for.
    eeg_from_bold, eeg_from_eeg : tensor, shape (batch, channels, frames)
        EEG.
    source_from_eeg, source_from_bold : tensor, shape (batch, blocks, frames)
        The two estimates of the source.
    """

    bold_from_eeg: Float[Tensor, "batch picked frames"]
    eeg_from_bold: Float[Tensor, "batch channels frames"]
    bold_from_bold: Float[Tensor, "batch picked frames"]
    eeg_from_eeg: Float[Tensor, "batch channels frames"]
    source_from_eeg: Float[Tensor, "batch blocks frames"]
    source_from_bold: Float[Tensor, "batch blocks frames"]


class GatedCoder(nn.Module):
    """A linear coder that a network may correct: ``linear(x) + gate * network(x)``.

    Parameters
    ----------
    linear, network : Module
        Two coders with the same inputs and outputs.
    gate : float
        Weight of the network at the start; it is learned.
    """

    def __init__(self, linear: nn.Module, network: nn.Module, gate: float = 0.0) -> None:
        super().__init__()
        self.linear = linear
        self.network = network
        self.gate = nn.Parameter(torch.tensor(float(gate)))

    def forward(
        self, signal: Float[Tensor, "batch _ time"], *picked: Int[Tensor, " picked"]
    ) -> Float[Tensor, "batch _ _"]:
        """Return the corrected output of the linear coder; a closed gate costs nothing.

        A coder of sources to BOLD can be asked for picked blocks alone.
        """
        if not self.training and not torch.is_grad_enabled() and float(self.gate) == 0:
            closed: Tensor = self.linear(signal, *picked)
            return closed
        corrected: Tensor = self.linear(signal, *picked) + self.gate * self.network(
            signal, *picked
        )
        return corrected


class CyclicTranscoder(nn.Module):
    """Four coders around one source space (Fig. 1b of the paper).

    Parameters
    ----------
    eeg_to_source, source_to_eeg, bold_to_source, source_to_bold : Module
        The coders: the paper's EEG decoder, EEG encoder, fMRI decoder and fMRI encoder.
    bold_projection : Module, optional
        Applied to BOLD before ``bold_to_source``; the paper has none.
    source_sign : float
        1 or -1; turns both source estimates over and leaves transcoded signals as they are.
    source_delay : int
        Frames by which both source estimates are moved later, so that responses come earlier;
        transcoded signals stay as they are. Frames that leave at one end of an excerpt come in at
        the other: no excerpt loses what its transcoded signals need.
    """

    source_sign: Tensor
    source_delay: Tensor

    def __init__(
        self,
        eeg_to_source: nn.Module,
        source_to_eeg: nn.Module,
        bold_to_source: nn.Module,
        source_to_bold: nn.Module,
        *,
        bold_projection: nn.Module | None = None,
        source_sign: float = 1.0,
        source_delay: int = 0,
    ) -> None:
        super().__init__()
        self.eeg_to_source = eeg_to_source
        self.source_to_eeg = source_to_eeg
        self.bold_to_source = bold_to_source
        self.source_to_bold = source_to_bold
        self.bold_projection = bold_projection or nn.Identity()
        if source_sign not in (1.0, -1.0):
            raise WeightsError(f"source_sign is {source_sign}; it needs to be 1 or -1")
        self.register_buffer("source_sign", torch.tensor(float(source_sign)))
        self.register_buffer("source_delay", torch.tensor(int(source_delay)))

    @property
    def reads_power(self) -> bool:
        """Whether sources from EEG are read from its band power as well."""
        return isinstance(self.eeg_to_source, PowerEegToSource)

    @property
    def reads_blocks(self) -> bool:
        """Whether sources from BOLD are read block by block, not through components."""
        return isinstance(self.bold_projection, nn.Identity)

    @property
    def gates(self) -> dict[str, float]:
        """How much a network corrects each linear coder, by name; empty without gated coders."""
        return {
            name: coder.gate.item()
            for name, part in self.named_children()
            for coder in [part.coder if isinstance(part, PowerEegToSource) else part]
            if isinstance(coder, GatedCoder)
        }

    @property
    def joint_coder(self) -> JointEegToSource | None:
        """The coder of EEG, or its linear part, that knows what both modalities say together.

        None for a network from a random start.
        """
        coder = self.eeg_to_source
        coder = coder.coder if isinstance(coder, PowerEegToSource) else coder
        coder = coder.linear if isinstance(coder, GatedCoder) else coder
        return coder if isinstance(coder, JointEegToSource) else None

    @property
    def sparse_coder(self) -> SparseEegToSource | None:
        """The same, where it has sparse sources."""
        coder = self.joint_coder
        return coder if isinstance(coder, SparseEegToSource) else None

    def as_stated(
        self, learnt: Float[Tensor, "batch blocks time"]
    ) -> Float[Tensor, "batch blocks time"]:
        """Return a source between the coders by the conventions for sign and lag."""
        return self.source_sign * _moved(learnt, int(self.source_delay))

    def as_learnt(
        self, stated: Float[Tensor, "batch blocks time"]
    ) -> Float[Tensor, "batch blocks time"]:
        """Return a source as it is between the coders: what `as_stated` was given."""
        return self.source_sign * _moved(stated, -int(self.source_delay))

    def source_from_eeg(
        self, eeg: Float[Tensor, "batch rows time"]
    ) -> Float[Tensor, "batch blocks time"]:
        """Return the source estimated from EEG, with rows of band power if `reads_power`."""
        return self.as_stated(self.eeg_to_source(eeg))

    def source_from_bold(
        self, bold: Float[Tensor, "batch blocks time"]
    ) -> Float[Tensor, "batch blocks frames"]:
        """Return the source estimated from BOLD."""
        return self.as_stated(self.bold_to_source(self.bold_projection(bold)))

    def eeg_from_source(
        self, source: Float[Tensor, "batch blocks time"]
    ) -> Float[Tensor, "batch channels time"]:
        """Return the EEG of a source."""
        eeg: Tensor = self.source_to_eeg(self.as_learnt(source))
        return eeg

    def bold_from_source(
        self, source: Float[Tensor, "batch blocks time"], *picked: Int[Tensor, " picked"]
    ) -> Float[Tensor, "batch picked time"]:
        """Return the BOLD of a source; of picked blocks alone if there are any."""
        bold: Tensor = self.source_to_bold(self.as_learnt(source), *picked)
        return bold

    def bold_from_eeg(
        self, eeg: Float[Tensor, "batch rows time"]
    ) -> Float[Tensor, "batch blocks time"]:
        """Transcode EEG to BOLD."""
        bold: Tensor = self.source_to_bold(self.eeg_to_source(eeg))
        return bold

    def eeg_from_bold(
        self, bold: Float[Tensor, "batch blocks time"]
    ) -> Float[Tensor, "batch channels frames"]:
        """Transcode BOLD to EEG."""
        eeg: Tensor = self.source_to_eeg(self.bold_to_source(self.bold_projection(bold)))
        return eeg

    def forward(
        self,
        eeg: Float[Tensor, "batch rows time"],
        bold: Float[Tensor, "batch blocks volumes"],
        *,
        core: slice = slice(None),
        picked: Int[Tensor, " picked"] | None = None,
    ) -> CycleOutputs:
        """Return the outputs of all four paths of Eq. 5.

        Both sources pass through an encoder as one batch, so that batch normalisation sees in
        training the mixture that its running statistics describe.

        Parameters
        ----------
        eeg : tensor, shape (batch, rows, time)
            EEG at the group rate, with rows of band power if `reads_power`.
        bold : tensor, shape (batch, blocks, volumes)
            BOLD at the group rate, or at its own volumes if ``bold_to_source`` upsamples.
        core : slice
            Frames that are returned; the others only give context to the temporal coders.
        picked : tensor of int, shape (picked,), optional
            Blocks whose BOLD is returned; all by default.
        """
        decoded = self.bold_to_source(self.bold_projection(bold))
        sources = torch.cat([self.eeg_to_source(eeg), decoded])
        only = () if picked is None else (picked,)
        bold_from_eeg, bold_from_bold = self.source_to_bold(sources, *only)[..., core].chunk(2)
        eeg_from_eeg, eeg_from_bold = self.source_to_eeg(sources[..., core]).chunk(2)
        source_from_eeg, source_from_bold = self.as_stated(sources)[..., core].chunk(2)
        return CycleOutputs(
            bold_from_eeg=bold_from_eeg,
            eeg_from_bold=eeg_from_bold,
            bold_from_bold=bold_from_bold,
            eeg_from_eeg=eeg_from_eeg,
            source_from_eeg=source_from_eeg,
            source_from_bold=source_from_bold,
        )


def _moved(
    source: Float[Tensor, "batch blocks time"], delay: int
) -> Float[Tensor, "batch blocks time"]:
    """Return a source later by some frames, round and round."""
    return torch.roll(source, delay, dims=-1) if delay else source
