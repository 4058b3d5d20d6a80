"""Excerpts of runs for training, and the order in which they are used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from pydantic import Field
from torch import Tensor
from torch.utils.data import Dataset

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.settings import Settings
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.core.spread import Lazily, Spreading
from neurotranscoder.train.scaling import Scaling

BoldInput = Literal["frames", "volumes"]


class WindowSettings(Settings):
    """How runs are cut into training windows."""

    seconds: float = Field(default=30.0, gt=0)
    """Length of the core of a window, in s; losses are taken there (paper 4.4.1)."""
    overlap: float = Field(default=0.5, ge=0, lt=1)
    """Share of a core that the next one repeats."""
    context: float = Field(default=0.0, ge=0)
    """Real data on each side of the core, in s, so that filters see no edge; the paper has
    none, 32 s cover a haemodynamic response."""


@dataclass(frozen=True, slots=True, eq=False)
class ScaledRun:
    """One run as the transcoder sees it: demeaned, in units of the global scales.

    Parameters
    ----------
    run : RunId
        Which run this is.
    eeg : array, shape (channels, frames)
        Scaled EEG.
    bold : array, shape (blocks, frames)
        Scaled BOLD, interpolated to the frames: what losses compare with.
    rate : float
        Frames per second.
    volumes : array, shape (blocks, volumes), optional
        Scaled BOLD at its own volumes, where the transcoder reads it there; each volume lasts a
        whole number of frames.
    power : array, shape (rows, frames), optional
        Scaled power of the EEG in bands, where the transcoder reads it.
    """

    run: RunId
    eeg: Float[ndarray, "channels frames"]
    bold: Float[ndarray, "blocks frames"]
    rate: float
    volumes: Float[ndarray, "blocks volumes"] | None = None
    power: Float[ndarray, "rows frames"] | None = None

    def __post_init__(self) -> None:
        frames, read = self.eeg.shape[1], self.bold_read.shape[1]
        if frames % read:
            raise GridError(
                f"{self.run}: {frames} frames and {read} volumes; each volume needs a whole "
                "number of frames; set align.frames_per_tr"
            )

    @classmethod
    def of(
        cls,
        run: AlignedRun,
        scaling: Scaling,
        bold_input: BoldInput = "frames",
        *,
        with_power: bool = False,
    ) -> ScaledRun:
        """Return an aligned run in units of the scales, with band power if it is read."""
        eeg, bold = scaling.scale_eeg(run.eeg), scaling.scale_bold(run.bold)
        volumes = scaling.scale_bold(run.bold_volumes) if bold_input == "volumes" else None
        power = run.power if with_power else None
        rows = None if power is None else scaling.scale_power(power)
        return cls(run.run, eeg, bold, run.axis.sfreq, volumes, rows)

    @property
    def eeg_read(self) -> Float[ndarray, "rows frames"]:
        """EEG as the transcoder reads it: channels, and rows of band power if it reads them."""
        return self.eeg if self.power is None else np.concatenate([self.eeg, self.power])

    @property
    def bold_read(self) -> Float[ndarray, "blocks samples"]:
        """BOLD as the transcoder reads it: at its own volumes, or at the frames."""
        return self.bold if self.volumes is None else self.volumes

    @property
    def upsampling(self) -> int:
        """Frames per sample of `bold_read`."""
        return int(self.eeg.shape[1] // self.bold_read.shape[1])


Batch = tuple[
    Float[Tensor, "1 channels frames"],
    Float[Tensor, "1 blocks frames"],
    Float[Tensor, "1 blocks samples"],
    Float[Tensor, "1 rows frames"],
]
"""EEG and BOLD of a run, then BOLD and EEG as they are read."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingWindow:
    """One excerpt of one run, with a batch axis of one.

    Parameters
    ----------
    run : RunId
        Where it comes from.
    start : int
        First frame of the core.
    eeg : tensor, shape (1, channels, frames)
        Scaled EEG, context included.
    bold : tensor, shape (1, blocks, frames)
        Scaled BOLD, context included.
    bold_read : tensor, shape (1, blocks, samples)
        The same BOLD as the transcoder reads it: at its own volumes, or at the frames.
    eeg_read : tensor, shape (1, rows, frames)
        The same EEG as the transcoder reads it, with rows of band power if it reads them.
    """

    run: RunId
    start: int
    eeg: Float[Tensor, "1 channels frames"]
    bold: Float[Tensor, "1 blocks frames"]
    bold_read: Float[Tensor, "1 blocks samples"]
    eeg_read: Float[Tensor, "1 rows frames"]


def frames_of(settings: WindowSettings, rate: float, unit: int = 1) -> tuple[int, int]:
    """Return the frames of a core and of the context on each of its sides, in whole units."""
    core = max(1, round(settings.seconds * rate / unit))
    return core * unit, round(settings.context * rate / unit) * unit


def plan_windows(n_frames: int, rate: float, settings: WindowSettings, unit: int = 1) -> list[int]:
    """Return the first core frame of each window whose context lies within the run.

    Parameters
    ----------
    n_frames : int
        Length of the run.
    rate : float
        Frames per second.
    settings : WindowSettings
        How the run is cut.
    unit : int
        Windows start and end at multiples of this many frames: those of a volume, where BOLD is
        read at its own volumes.

    Raises
    ------
    GridError
        When the run is shorter than one window.
    """
    core, context = frames_of(settings, rate, unit)
    needed = core + 2 * context
    if n_frames < needed:
        raise GridError(
            f"a run has {n_frames} frames ({n_frames / rate:.1f} s); a window with its context "
            f"needs {needed} ({needed / rate:.1f} s); shorten train.network.windows.seconds or "
            "context"
        )
    step = max(1, round(core * (1 - settings.overlap) / unit)) * unit
    return list(range(context, n_frames - core - context + 1, step))


def order(seed: int, training_pass: int, n_windows: int) -> Int[ndarray, " windows"]:
    """Return the order of the windows in one pass; a pure function of its arguments."""
    return np.random.default_rng([seed, training_pass, 0]).permutation(n_windows)


def pick_blocks(seed: int, step: int, n_blocks: int, n_picked: int) -> Int[ndarray, " picked"]:
    """Return a random subset of blocks, sorted; a pure function of its arguments."""
    rng = np.random.default_rng([seed, step, 1])
    return np.sort(rng.choice(n_blocks, size=min(n_picked, n_blocks), replace=False))


class TrainingWindows(Dataset[TrainingWindow]):
    """All windows of a list of runs, in the order of the runs.

    Parameters
    ----------
    runs : sequence of ScaledRun
        Scaled training runs; held as tensors, or one at a time where they lie in files.
    settings : WindowSettings
        How they are cut.
    dtype : torch.dtype
        Precision of the tensors.
    device : torch.device
        Where the tensors are.
    """

    def __init__(
        self,
        runs: Sequence[ScaledRun],
        settings: WindowSettings,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> None:
        batch = partial(as_batch, dtype=dtype, device=device)
        self._signals: Sequence[Batch] = Lazily(batch, runs)
        if not isinstance(runs, Spreading):
            self._signals = [*self._signals]
        self._latest: tuple[int, Batch] | None = None
        self._runs: list[RunId] = []
        self._places: list[tuple[int, int]] = []
        units = set()
        for index, run in enumerate(runs):
            starts = plan_windows(run.eeg.shape[1], run.rate, settings, run.upsampling)
            self._places += [(index, start) for start in starts]
            self._runs.append(run.run)
            units.add(run.upsampling)
        if len(units) != 1:
            raise GridError(
                f"training got {len(runs)} runs with {sorted(units)} frames per BOLD sample; it "
                "needs at least one run, and one number in all; set align.frames_per_tr"
            )
        self._unit = units.pop()
        self._n_core, self._n_context = frames_of(settings, runs[0].rate, self._unit)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def core(self) -> slice:
        """The frames of a window that are not context."""
        return slice(self._n_context, self._n_context + self._n_core)

    def __getitem__(self, index: int) -> TrainingWindow:
        """Return one window."""
        run, start = self._places[index]
        eeg, bold, bold_read, eeg_read = self._signals_of(run)
        first, last = start - self._n_context, start + self._n_core + self._n_context
        frames = slice(first, last)
        samples = slice(first // self._unit, last // self._unit)
        return TrainingWindow(
            self._runs[run],
            start,
            eeg[..., frames],
            bold[..., frames],
            bold_read[..., samples],
            eeg_read[..., frames],
        )

    def _signals_of(self, run: int) -> Batch:
        """Return the signals of a run; those asked for last are still there."""
        if self._latest is None or self._latest[0] != run:
            self._latest = run, self._signals[run]
        return self._latest[1]


def as_batch(run: ScaledRun, *, dtype: torch.dtype, device: torch.device | None) -> Batch:
    """Return EEG, BOLD, and both as they are read, as tensors with a batch axis of one."""

    def batch(values: Float[ndarray, "rows times"]) -> Float[Tensor, "1 rows times"]:
        return torch.as_tensor(values, dtype=dtype, device=device)[None]

    eeg_read, bold = batch(run.eeg_read), batch(run.bold)
    eeg = eeg_read[:, : len(run.eeg)]
    return eeg, bold, bold if run.volumes is None else batch(run.volumes), eeg_read
