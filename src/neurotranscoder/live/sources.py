"""Sources of one frame of EEG after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray

from neurotranscoder.core.errors import WeightsError
from neurotranscoder.live.frames import CausalFrames
from neurotranscoder.train.trained import TrainedTranscoder

FrameCoder = Callable[[Float[ndarray, " channels"]], Float[ndarray, " sources"]]
"""From one frame of EEG (V, around its mean) to one frame of sources."""


class GroupCoder:
    """Sources on the blocks, by the coder of a group model that acts on single frames.

    Its sign is that of the model's convention; its lag is not applied: a source is that of the
    EEG it was read from. Models that read band power see that of the mean.

    Parameters
    ----------
    trained : TrainedTranscoder
        In evaluation mode.
    gain : float
        What frames are multiplied by: those shorter than the group's hold more variance, which
        the coder was not trained on.
    """

    def __init__(self, trained: TrainedTranscoder, *, gain: float = 1.0) -> None:
        self.trained, self.gain = trained, gain
        n_power = len(trained.montage.names) * len(trained.scaling.power)
        self._power = torch.zeros(1, n_power if trained.reads_power else 0, 1)

    def __call__(self, frame: Float[ndarray, " channels"]) -> Float32[ndarray, " blocks"]:
        """Return the sources of one frame, in the unit of the model's estimates."""
        scaled = torch.from_numpy(frame * (self.gain / self.trained.scaling.eeg)).float()
        with torch.inference_mode():
            rows = torch.cat([scaled[None, :, None], self._power], dim=1)
            found = self.trained.module.source_sign * self.trained.module.eeg_to_source(rows)
        return np.asarray(found[0, :, 0].numpy())


class VoxelCoder:
    """Sources at voxels: a subject's maps times what a coder gives.

    Parameters
    ----------
    maps : array of float32, shape (voxels, components)
        Those of a `SourceMovie`.
    coder : callable
        From a frame of EEG to its components; ``weights.__matmul__`` for a matrix (components,
        channels).
    """

    def __init__(self, maps: Float32[ndarray, "voxels components"], coder: FrameCoder) -> None:
        self.maps, self.coder = maps, coder

    def __call__(self, frame: Float[ndarray, " channels"]) -> Float32[ndarray, " voxels"]:
        """Return the sources of one frame at the voxels of the mask."""
        courses = np.asarray(self.coder(frame), dtype=np.float32)
        if courses.shape != self.maps.shape[1:]:
            raise WeightsError(
                f"a coder gave {courses.shape} components, the maps have {self.maps.shape[1]}; "
                "use the coder that the maps were fitted with"
            )
        return np.asarray(self.maps @ courses)


class LiveSources:
    """Samples in, sources out, as they come.

    Parameters
    ----------
    frames : CausalFrames
        Makes frames of samples.
    coder : callable
        Makes sources of each.
    """

    def __init__(self, frames: CausalFrames, coder: FrameCoder) -> None:
        self.frames, self.coder = frames, coder

    @property
    def time(self) -> float:
        """Centre of the next frame, in s after the first sample."""
        return (self.frames.n_frames + 0.5) / self.frames.rate

    def push(
        self, samples: Float[ndarray, "channels samples"]
    ) -> tuple[Float[ndarray, " sources"], ...]:
        """Return the sources of the frames that samples complete, one array per frame.

        Parameters
        ----------
        samples : array, shape (channels, samples)
            The next ones, in V.

        Raises
        ------
        GridError
            When they cannot be used (see `CausalFrames.push`).
        """
        return tuple(self.coder(frame) for frame in self.frames.push(samples).T)
