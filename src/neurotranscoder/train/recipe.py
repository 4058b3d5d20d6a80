"""From aligned runs to a trained transcoder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from neurotranscoder.core.response import Response
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.core.spread import Lazily
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train.alike import check_alike
from neurotranscoder.train.alternating import convention
from neurotranscoder.train.bold_reading import with_bold_reading
from neurotranscoder.train.build import network_settings
from neurotranscoder.train.closed_form import fit_closed_form
from neurotranscoder.train.conventions import (
    fix_sign_and_lag,
    impulse_response,
    mean_jacobian,
)
from neurotranscoder.train.device import Device, resolve_device
from neurotranscoder.train.linear_fit import LinearFit, with_own_share
from neurotranscoder.train.linear_transcoder import LinearShape, linear_transcoder
from neurotranscoder.train.loop import train_network
from neurotranscoder.train.network import build_network
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.settings import RANDOM_START, TrainSettings
from neurotranscoder.train.signals import Signals
from neurotranscoder.train.sparse_fit import fit_with_sparse_sources
from neurotranscoder.train.split import Split
from neurotranscoder.train.trained import Curve, TrainedTranscoder
from neurotranscoder.train.windows import ScaledRun

Report = Callable[[int, int, float], None]


def fit_transcoder(
    training: Sequence[AlignedRun],
    validation: Sequence[AlignedRun],
    split: Split,
    settings: TrainSettings,
    *,
    folder: Path | None = None,
    device: Device = "auto",
    progress: Report | None = None,
) -> TrainedTranscoder:
    """Train one transcoder, blind: no leadfield, no hemodynamic response, no truth.

    Parameters
    ----------
    training, validation : sequence of AlignedRun
        Runs to learn from, and runs on which everything is chosen.
    split : Split
        What the runs are called, kept with the weights.
    settings : TrainSettings
        Architecture and choices.
    folder : Path, optional
        Where checkpoints are kept, so that a killed training goes on where it was.
    device : {'auto', 'cpu', 'cuda'}
        Where networks are trained; the result is on the CPU.
    progress : callable, optional
        Called with (step, steps, loss) while a network is trained.

    Returns
    -------
    trained : TrainedTranscoder
        In evaluation mode, with its read-outs.

    Raises
    ------
    StudyError
        When runs differ in rate, channels or blocks; all of them are listed.
    GridError
        When there are none of one role, or they are shorter than the filters.
    """
    start = time.perf_counter()
    share_bands = check_alike(training, validation)
    scaling = Scaling.fit(training)
    if not share_bands:
        scaling = replace(scaling, power=(), bands=())
    first = training[0]
    rate = first.axis.sfreq
    module: CyclicTranscoder | None = None
    shape, upsampling = None, 1
    if settings.architecture not in RANDOM_START:
        fit = _fit_of(training, validation, scaling, settings)
        module, shape = linear_transcoder(fit), LinearShape.of(fit)
    curve = Curve()
    if module is None or settings.architecture == "transcoder":
        network = network_settings(settings)
        if network.bold_input == "volumes":
            upsampling = first.frames_per_volume
        module = build_network(
            len(first.eeg), first.blocks.mask, network, upsampling=upsampling, linear=module
        )
        result = train_network(
            module.to(resolve_device(device)),
            training,
            validation,
            network,
            scaling=scaling,
            folder=folder,
            progress=progress,
        )
        module = result.model.cpu()
        curve = Curve(
            tuple(row.step for row in result.curve),
            tuple(row.training.total if row.training else float("nan") for row in result.curve),
            tuple(row.validation.bold_from_eeg for row in result.curve),
        )
    module = module.eval().requires_grad_(False)
    probe = ScaledRun.of(validation[0], scaling, with_power=module.reads_power)
    response, leadfield = read_out(module, probe, settings)
    return TrainedTranscoder(
        module=module,
        shape=shape,
        settings=settings,
        scaling=scaling,
        blocks=first.blocks,
        montage=first.montage,
        rate=rate,
        split=split,
        response=response,
        leadfield=leadfield,
        curve=curve,
        upsampling=upsampling,
        seconds=time.perf_counter() - start,
    )


def _fit_of(
    training: Sequence[AlignedRun],
    validation: Sequence[AlignedRun],
    scaling: Scaling,
    settings: TrainSettings,
) -> LinearFit:
    """Return the part of a transcoder that no network learns."""
    of_run = partial(_signals, scaling=scaling)
    signals, held_out = (Lazily(of_run, runs) for runs in (training, validation))
    rate = training[0].axis.sfreq
    if settings.architecture == "closed_form":
        fit = fit_closed_form(signals, held_out, rate, settings.closed_form)
        fit = with_own_share(fit, signals)
    else:
        choices = settings.closed_form, settings.sparse
        fit = fit_with_sparse_sources(signals, held_out, rate, *choices)
    return with_bold_reading(fit, signals, held_out)


def _signals(run: AlignedRun, scaling: Scaling) -> Signals:
    """Return an aligned run in units of the scales, with band power where all runs have it."""
    found = ScaledRun.of(run, scaling, with_power=bool(scaling.power))
    return Signals(found.eeg, found.bold, found.power)


def read_out(
    module: CyclicTranscoder, run: ScaledRun, settings: TrainSettings
) -> tuple[Response, np.ndarray]:
    """Read the response and the leadfield out of a module, at sources of a validation run.

    Sign and lag of a network from a random start are fixed here, by the convention of the closed
    form: the largest lobe of the response is positive and peaks in a window.
    """
    window = settings.closed_form.peak_window
    sources = _probe(module, run, settings.probe_seconds)
    if settings.architecture in RANDOM_START and settings.closed_form.fix_conventions:
        fix_sign_and_lag(module, sources, run.rate, window=window)
        sources = _probe(module, run, settings.probe_seconds)
    n_lags = round(settings.closed_form.hrf_duration * run.rate)
    frame = max(0, int(module.source_delay))  # where moved sources are not those of the other end
    values = impulse_response(module.bold_from_source, sources, frame=frame).mean[:n_lags]
    if settings.closed_form.fix_conventions:
        values = values * abs(convention(values, run.rate, window))
    response = Response(np.arange(len(values)) / run.rate, values)
    return response, mean_jacobian(module.eeg_from_source, sources).mean


def _probe(module: CyclicTranscoder, run: ScaledRun, seconds: float) -> Tensor:
    """Return sources from EEG in the middle of a run."""
    length = min(round(seconds * run.rate), run.eeg.shape[1])
    start = (run.eeg.shape[1] - length) // 2
    eeg = torch.as_tensor(run.eeg_read[:, start : start + length], dtype=torch.float32)
    with torch.no_grad():
        return module.source_from_eeg(eeg[None])
