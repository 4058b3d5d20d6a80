"""Band power of the EEG as further input of the coder from EEG to source."""

from __future__ import annotations

from jaxtyping import Float
from numpy import ndarray
from torch import Tensor, nn

from neurotranscoder.model.linear import parameter


class PowerEegToSource(nn.Module):
    """A coder of EEG, and a linear map from band power: ``coder(eeg) + maps weights power``.

    BOLD may follow the power of a rhythm whose phase it knows nothing of: no map from the EEG
    itself gives that source.

    Parameters
    ----------
    coder : Module
        From EEG to source.
    maps : array, shape (blocks, components)
        Spatial maps.
    weights : array, shape (components, rows)
        How strongly each row of band power drives each map.
    """

    def __init__(
        self,
        coder: nn.Module,
        maps: Float[Tensor, "blocks components"] | Float[ndarray, "blocks components"],
        weights: Float[Tensor, "components rows"] | Float[ndarray, "components rows"],
    ) -> None:
        super().__init__()
        self.coder = coder
        self.maps = parameter(maps)
        self.weights = parameter(weights)

    @property
    def n_rows(self) -> int:
        """Rows of band power: channels times bands."""
        return int(self.weights.shape[1])

    def forward(
        self, inputs: Float[Tensor, "batch rows time"]
    ) -> Float[Tensor, "batch blocks time"]:
        """Return the source of EEG whose last rows are band power."""
        eeg, power = self.split(inputs)
        source: Tensor = self.coder(eeg) + self.of_power(power)
        return source

    def split(
        self, inputs: Float[Tensor, "batch rows time"]
    ) -> tuple[Float[Tensor, "batch channels time"], Float[Tensor, "batch powers time"]]:
        """Return the EEG and its band power, of rows that hold both."""
        return inputs[:, : -self.n_rows], inputs[:, -self.n_rows :]

    def of_power(
        self, power: Float[Tensor, "batch powers time"]
    ) -> Float[Tensor, "batch blocks time"]:
        """Return what band power adds to the source."""
        return self.maps @ (self.weights @ power)
