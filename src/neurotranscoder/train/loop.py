"""Training of a transcoder by gradient descent; a killed training goes on bit by bit the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.core.spread import Lazily, Spreading, each
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train.curve import TrainingResult
from neurotranscoder.train.network import NetworkSettings
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.training import Training
from neurotranscoder.train.windows import ScaledRun

Report = Callable[[int, int, float], None]


def train_network(
    model: CyclicTranscoder,
    training: Sequence[AlignedRun],
    validation: Sequence[AlignedRun],
    settings: NetworkSettings,
    *,
    scaling: Scaling,
    folder: Path | None = None,
    progress: Report | None = None,
) -> TrainingResult:
    """Train a transcoder on the device that it is on.

    Everything that is drawn is a function of the seed and the step, so a training that was
    killed and is called again with its folder ends with the same bytes.

    Parameters
    ----------
    model : CyclicTranscoder
        Untrained, or linear with gates; it is trained in place.
    training, validation : sequence of AlignedRun
        Runs to learn from, and runs to choose the best weights on. Of those that lie in files
        (`io.stored_runs.StoredRuns`), one is in memory at a time.
    settings : NetworkSettings
        How to train.
    scaling : Scaling
        Scales that were fitted on the training runs.
    folder : Path, optional
        Where checkpoints are written and looked for.
    progress : callable, optional
        Called with (steps done, largest number of steps, loss) after each step; the loss is NaN
        for a skipped window. What it raises ends the training, which can be resumed.

    Returns
    -------
    result : TrainingResult
        The best model, its losses and its gates.

    Raises
    ------
    TrainingError
        When training keeps diverging; it names the run.
    WeightsError
        When the folder holds the checkpoint of another training.
    """
    scaled = partial(
        ScaledRun.of, scaling=scaling, bold_input=settings.bold_input, with_power=model.reads_power
    )
    known, held_out = (
        Lazily(scaled, runs) if isinstance(runs, Spreading) else [*map(scaled, runs)]
        for runs in (training, validation)
    )
    return train_scaled(model, known, held_out, settings, folder=folder, progress=progress)


def train_scaled(
    model: CyclicTranscoder,
    known: Sequence[ScaledRun],
    held_out: Sequence[ScaledRun],
    settings: NetworkSettings,
    *,
    folder: Path | None = None,
    progress: Report | None = None,
) -> TrainingResult:
    """Train a transcoder on what is scaled already; all else as `train_network`."""
    rates = {*each(_rate_of, known), *each(_rate_of, held_out)}
    if not known or not held_out or len(rates) != 1:
        raise GridError(
            f"training got {len(known)} runs, {len(held_out)} validation runs and rates "
            f"{sorted(rates)} Hz; it needs at least one of each, all at one rate"
        )
    with torch.backends.cudnn.flags(benchmark=False, deterministic=True):
        state = Training(model, known, held_out, settings, folder)
        state.start()
        while not state.finished:
            loss = state.advance()
            if progress is not None:
                progress(state.progress.step, settings.steps, loss)
        state.keep()
    return state.result()


def _rate_of(run: ScaledRun) -> float:
    return run.rate
