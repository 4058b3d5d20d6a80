"""How a recording looks, beside what is known of real ones: the table, panels and maps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import signal

from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import Recording
from neurotranscoder.evaluate import bold_measures, eeg_measures
from neurotranscoder.evaluate.bold_measures import BrainSignal
from neurotranscoder.evaluate.bold_responses import BoldResponses, bold_responses
from neurotranscoder.evaluate.coupling import chance_coupling, coupling_by_lag
from neurotranscoder.evaluate.potentials import (
    Condition,
    EvokedPotential,
    conditions_of,
    evoked_potential,
)
from neurotranscoder.evaluate.spectra import Spectrum
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.signal.frames import frame_means

LAG_RANGE = (-10.0, 20.0)  # s
_LEAST_SHIFT = 30.0  # s
_AUTOCORRELATION_LAGS = 10  # volumes


@dataclass(frozen=True, slots=True, eq=False)
class Coupling:
    """How one part of the EEG goes together with BOLD.

    Parameters
    ----------
    lags : array, shape (lags,)
        How much later BOLD is, in s.
    r : array, shape (lags,)
        The strongest correlation over channels and blocks, with its sign.
    chance : float
        Size of the strongest one over shifts in time; NaN for short runs.
    """

    lags: Float[ndarray, " lags"]
    r: Float[ndarray, " lags"]
    chance: float

    @property
    def strongest(self) -> float:
        """The correlation of largest size over lags."""
        return float(self.r[np.argmax(np.abs(self.r))])

    @property
    def lag(self) -> float:
        """The lag of the strongest correlation, in s; NaN where chance gives as much."""
        beyond = abs(self.strongest) > self.chance
        return float(self.lags[np.argmax(np.abs(self.r))]) if beyond else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Everything that is measured on a recording.

    Parameters
    ----------
    recording : Recording
        What was measured; its EEG is sampled below 500 Hz.
    blocks : BlockMap
        Where BOLD is averaged for spectra, responses and coupling.
    brain : BrainSignal
        BOLD of the brain's voxels.
    autocorrelations : array, shape (voxels, lags)
        At lags of 0, 1, .. volumes.
    block_spectrum, eeg_spectrum : Spectrum
        Of blocks and channels.
    displacement : array, shape (steps,), or None
        Framewise displacement in mm, where motion is known.
    potentials : tuple of EvokedPotential
        One per condition, the rarest last.
    responses : BoldResponses or None
        Of BOLD to events, in % of the baseline.
    coupling, alpha_coupling : Coupling or None
        Of EEG as it is (averaged over frames) and of its alpha power with BOLD.
    rare : bool
        Whether fewer than three in ten events are of the rarest condition.
    """

    recording: Recording
    blocks: BlockMap
    brain: BrainSignal
    autocorrelations: Float[ndarray, "voxels lags"]
    block_spectrum: Spectrum
    eeg_spectrum: Spectrum
    displacement: Float[ndarray, " steps"] | None
    potentials: tuple[EvokedPotential, ...]
    responses: BoldResponses | None
    coupling: Coupling
    alpha_coupling: Coupling | None
    rare: bool


def measure(
    recording: Recording,
    *,
    blocks: BlockMap | None = None,
    settings: AlignSettings | None = None,
    motion: Float[ndarray, "6 volumes"] | None = None,
) -> Measured:
    """Measure a recording, simulated or real.

    Parameters
    ----------
    recording : Recording
        One run.
    blocks : BlockMap, optional
        Blocks of voxels; by default those of this run.
    settings : AlignSettings, optional
        Size of blocks and rate of frames.
    motion : array, shape (6, volumes), optional
        Place of the head: translations in mm, rotations in rad.

    Raises
    ------
    GridError
        When no brain voxel changes, or EEG does not cover BOLD.
    """
    options = settings or AlignSettings()
    if blocks is None:
        blocks = common_blocks([recording.bold], options)
    recording = replace(recording, eeg=eeg_measures.slow_eeg(recording.eeg))
    brain = bold_measures.brain_signal(recording.bold)
    aligned = align(recording, blocks, options)
    series = _in_percent(aligned.bold, has_baseline=brain.has_baseline)
    tr = recording.bold.volumes.tr
    conditions = conditions_of(recording.events)
    volumes = _in_percent(
        aligned.cells.block_volumes(blocks.n_blocks), has_baseline=brain.has_baseline
    )
    return Measured(
        recording,
        blocks,
        brain,
        bold_measures.autocorrelations(brain.data, _AUTOCORRELATION_LAGS),
        bold_measures.bold_spectrum(volumes, tr),
        eeg_measures.eeg_spectrum(recording.eeg),
        None if motion is None else bold_measures.framewise_displacement(motion),
        _potentials(recording, conditions),
        bold_responses(series, aligned.axis.times, conditions, tr=tr),
        _coupling(aligned.eeg, series, aligned.axis),
        _alpha_coupling(recording, series, aligned.axis),
        _rarest_share(conditions) < 0.3,
    )


def _in_percent(
    series: Float[ndarray, "blocks times"], *, has_baseline: bool
) -> Float[ndarray, "blocks times"]:
    """Return changes in % of each block's mean (or in sd), without linear trends."""
    unit = series.mean(axis=1) / 100 if has_baseline else series.std(axis=1)
    known = np.where(unit > 0, unit, np.inf)
    return np.asarray(signal.detrend(series, axis=1) / known[:, np.newaxis])


def _rarest_share(conditions: tuple[Condition, ...]) -> float:
    """Return the share of the rarest condition in all events, 1 without events."""
    counts = [len(condition.onset) for condition in conditions]
    return counts[-1] / sum(counts) if counts else 1.0


def _potentials(
    recording: Recording, conditions: tuple[Condition, ...]
) -> tuple[EvokedPotential, ...]:
    """Return the average of each condition that has enough trials."""
    found = (evoked_potential(recording.eeg, recording.clock, one) for one in conditions)
    return tuple(one for one in found if one is not None)


def _coupling(
    first: Float[ndarray, "rows frames"], bold: Float[ndarray, "blocks frames"], axis: TimeAxis
) -> Coupling:
    """Correlate signals with BOLD at every lag and at shifts."""
    trendless = signal.detrend(first, axis=1)
    trendless = (trendless / (trendless.std() or 1.0)).astype(np.float32)  # twice as fast
    bold = bold.astype(np.float32)
    low, high = (round(border * axis.sfreq) for border in LAG_RANGE)
    furthest = axis.n_times // 2
    lags = np.arange(max(low, -furthest), min(high, furthest) + 1)
    least = round(_LEAST_SHIFT * axis.sfreq)
    return Coupling(
        lags / axis.sfreq,
        coupling_by_lag(trendless, bold, lags),
        chance_coupling(trendless, bold, least=least),
    )


def _alpha_coupling(
    recording: Recording, bold: Float[ndarray, "blocks frames"], axis: TimeAxis
) -> Coupling | None:
    """Correlate alpha power with BOLD."""
    power = eeg_measures.alpha_power(recording.eeg)
    if power is None:
        return None
    times = recording.clock.scanner_times(len(power), recording.eeg.sfreq)
    return _coupling(frame_means(power[np.newaxis], times, axis), bold, axis)
