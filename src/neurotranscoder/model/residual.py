"""The coders of the paper's subject stage: five layers, residual instead of normalised (4.3.2).

Both measurements are sources already, at the voxels and frames of the latent source. Coders of
space act on single frames and coders of time on single voxels, as in the group model. Each layer
is ``relu(convolution(x)) + shortcut(x)``; the shortcut is a 1 x 1 convolution where the number of
features changes [1]_. Numbers of features and widths of kernels were never published.

References
----------
.. [1] He, K. et al. (2016). Deep residual learning for image recognition. CVPR, 770-778.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import relu

from neurotranscoder.model.banded import convolve_in_space, convolve_in_time
from neurotranscoder.model.coders import block_by_block, feature_pairs
from neurotranscoder.model.layers import Size, check_kernel_size
from neurotranscoder.model.transcoder import CyclicTranscoder

# The usual constructors would draw from the global random state.
_undrawn: Callable[..., nn.Module] = nn.utils.skip_init


class ResidualInSpace(nn.Module):
    """Convolution in space and ReLU beside a shortcut; frames stand on the batch axis.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of features.
    kernel_size : int
        Width along each axis, odd; zero beyond the ends.
    """

    def __init__(self, n_in: int, n_out: int, kernel_size: int) -> None:
        super().__init__()
        check_kernel_size(kernel_size)
        self.convolution = _undrawn(nn.Conv3d, n_in, n_out, kernel_size, padding=kernel_size // 2)
        same = n_in == n_out
        self.shortcut = nn.Identity() if same else _undrawn(nn.Conv3d, n_in, n_out, 1, bias=False)

    def forward(self, values: Float[Tensor, "frames _ x y z"]) -> Float[Tensor, "frames _ x y z"]:
        """Return the new feature maps."""
        convolution = cast(nn.Conv3d, self.convolution)
        if convolution.out_channels == 1:
            maps = relu(convolve_in_space(values, convolution))
        else:  # features innermost in memory: what the library is fastest with
            maps = relu(convolution(values.contiguous(memory_format=torch.channels_last_3d)))
        carried: Tensor = self.shortcut(values)
        return maps + carried


class ResidualInTime(nn.Module):
    """Convolution in time and ReLU beside a shortcut.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of features.
    kernel_size : int
        Number of taps, odd; zero beyond the ends.
    """

    def __init__(self, n_in: int, n_out: int, kernel_size: int) -> None:
        super().__init__()
        check_kernel_size(kernel_size)
        self.convolution = _undrawn(nn.Conv2d, n_in, n_out, (1, kernel_size))
        same = n_in == n_out
        self.shortcut = nn.Identity() if same else _undrawn(nn.Conv2d, n_in, n_out, 1, bias=False)

    def forward(
        self, values: Float[Tensor, "batch _ voxels time"]
    ) -> Float[Tensor, "batch _ voxels time"]:
        """Return the new feature maps."""
        convolution = cast(nn.Conv2d, self.convolution)
        bias = cast(Tensor, convolution.bias)
        maps = relu(convolve_in_time(values, convolution.weight, bias))
        carried: Tensor = self.shortcut(values)
        return maps + carried


class SpaceCoder(nn.Module):
    """Five residual layers of space: from S_E to the latent source, or back.

    Parameters
    ----------
    shape : tuple of int
        Voxels of a tile along x, y and z; ``layers`` take any.
    features : tuple of int
        Features of the four hidden layers.
    kernel_size : int
        Width of the kernels along each axis, odd.
    generator : Generator
        Where the first weights come from.
    """

    def __init__(
        self,
        shape: Size,
        *,
        features: Sequence[int] = (8, 8, 8, 8),
        kernel_size: int = 3,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.shape = shape
        pairs = feature_pairs(1, features, 1)
        self.layers = nn.Sequential(*(ResidualInSpace(*pair, kernel_size) for pair in pairs))
        _initialise(self, generator)

    def forward(
        self, source: Float[Tensor, "batch voxels time"]
    ) -> Float[Tensor, "batch voxels time"]:
        """Return the other source of a tile, frame by frame; voxels in C order."""
        x, y, z = self.shape
        frames = rearrange(source, "batch (x y z) time -> (batch time) 1 x y z", x=x, y=y, z=z)
        found: Tensor = self.layers(frames)
        return rearrange(found, "(batch time) 1 x y z -> batch (x y z) time", batch=len(source))


class TimeCoder(nn.Module):
    """Five residual layers of time: from S_B to the latent source, or back.

    Parameters
    ----------
    features : tuple of int
        Features of the four hidden layers.
    kernel_size : int
        Taps of each layer, odd.
    generator : Generator
        Where the first weights come from.
    """

    def __init__(
        self,
        *,
        features: Sequence[int] = (8, 8, 8, 8),
        kernel_size: int = 17,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        pairs = feature_pairs(1, features, 1)
        self.layers = nn.Sequential(*(ResidualInTime(*pair, kernel_size) for pair in pairs))
        _initialise(self, generator)

    def forward(
        self,
        source: Float[Tensor, "batch voxels time"],
        picked: Int[Tensor, " picked"] | None = None,
    ) -> Float[Tensor, "batch picked time"]:
        """Return the other source, voxel by voxel; of picked voxels alone if there are any."""
        return block_by_block(self.layers, source if picked is None else source[:, picked])


def subject_transcoder(
    shape: Size,
    *,
    spatial_features: Sequence[int] = (8, 8, 8, 8),
    temporal_features: Sequence[int] = (8, 8, 8, 8),
    kernel_sizes: tuple[int, int] = (3, 17),
    generator: torch.Generator,
) -> CyclicTranscoder:
    """Return the cyclic transcoder of the paper's subject stage, with new weights.

    Its "EEG" is the source from EEG, S_E, and its "BOLD" the source from BOLD, S_B.

    Parameters
    ----------
    shape : tuple of int
        Voxels of a training tile along x, y and z.
    spatial_features, temporal_features : tuple of int
        Hidden features of both coders of space, and of both coders of time.
    kernel_sizes : tuple of int
        Kernel width in space (voxels per axis) and in time (frames).
    generator : Generator
        Where the weights come from.
    """
    in_space, in_time = kernel_sizes

    def of_space() -> SpaceCoder:
        return SpaceCoder(
            shape, features=spatial_features, kernel_size=in_space, generator=generator
        )

    def of_time() -> TimeCoder:
        return TimeCoder(features=temporal_features, kernel_size=in_time, generator=generator)

    return CyclicTranscoder(of_space(), of_space(), of_time(), of_time())


@torch.no_grad()
def amplify(coder: nn.Module, gain: float) -> None:
    """Multiply what an untrained `SpaceCoder` or `TimeCoder` gives by a gain above zero.

    The weights of its last layer are multiplied, as biases are zero.

    Where the last layer has as many inputs as outputs its shortcut has no weights, and the gain
    is that of the other way alone.
    """
    for part in cast(nn.Sequential, coder.layers)[-1].modules():
        if isinstance(part, nn.Conv2d | nn.Conv3d):
            part.weight *= gain


@torch.no_grad()
def _initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw convolutions so that a layer keeps the power of its input, about; biases are zero."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Conv3d):
            # Half of the power by each way; ReLU halves that of its own.
            power = 0.5 if part.bias is None else 1.0
            bound = (3 * power * part.out_channels / part.weight.numel()) ** 0.5
            part.weight.uniform_(-bound, bound, generator=generator)
            if part.bias is not None:
                part.bias.zero_()
