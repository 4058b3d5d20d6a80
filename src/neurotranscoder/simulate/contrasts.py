"""What is true of the conditions of a task: their mean responses P, and contrasts of them.

All are expectations over who takes part, amplitudes, delays and response times. They are of one
stimulus alone, without what its neighbours in the run add.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.simulate.cohort import Cohort
from neurotranscoder.simulate.design import names_target
from neurotranscoder.simulate.regions import Regions, RegionSettings
from neurotranscoder.simulate.tasks import Condition
from neurotranscoder.simulate.trial_transfers import chance_transfer, mean_transfers
from neurotranscoder.simulate.waves import sum_of_waves

_FASTEST = 150.0  # Hz; the evoked response has nothing beyond
_TAIL = 6.0  # standard deviations of jitter that count
_MARGIN = 0.1  # s


def condition_response(
    cohort: Cohort, condition: Condition, lags: Float[ndarray, " lags"]
) -> Float[ndarray, "regions lags"]:
    """Return the expected P = X * d of each region after a stimulus of a condition.

    Parameters
    ----------
    cohort : Cohort
        The brain, and what its regions do.
    condition : Condition
        From ``scenario.task.condition(trial_type)``, or `condition_of` a table of events.
    lags : array, shape (lags,)
        Times after the onset of the stimulus, in seconds, increasing.

    Returns
    -------
    response : array, shape (regions, lags)
        In 1/s, as `Truth.region_sources`; a subject's is ``strengths`` times that.
    """
    return _response(cohort, condition, lags, latest=_latest_response(condition))


def contrast(
    cohort: Cohort, first: Condition, second: Condition, lags: Float[ndarray, " lags"]
) -> Float[ndarray, "regions lags"]:
    """Return the expected P after a stimulus of one condition minus that of another.

    Parameters
    ----------
    cohort : Cohort
        The brain, and what its regions do.
    first, second : Condition
        What is compared.
    lags : array, shape (lags,)
        Times after the onset of the stimuli, in seconds, increasing.

    Returns
    -------
    contrast : array, shape (regions, lags)
        In 1/s; beside activations it is exactly zero in all other regions. `on_voxels` maps it to
        voxels, ``truth.block_shares(blocks) @ contrast`` to blocks.
    """
    latest = max(map(_latest_response, (first, second)))  # the same sums for what is alike
    ours, theirs = (_response(cohort, one, lags, latest=latest) for one in (first, second))
    return np.asarray(ours - theirs)


def on_voxels(
    regions: Regions, values: Float[ndarray, "regions ..."]
) -> Float[ndarray, "x y z ..."]:
    """Return values of regions at each voxel, scaled with its weight, 0 outside all regions."""
    padded = np.concatenate([values, np.zeros_like(values[:1])])  # label -1 is the last row
    weights = regions.weights.reshape(*regions.weights.shape, *(1,) * (values.ndim - 1))
    return np.asarray(padded[regions.labels] * weights)


def activation_table(cohort: Cohort) -> dict[str, list[object]]:
    """Return one row for each activation and condition: where, how strong, when."""
    names = ("gain", "after", "latency", "jitter", "duration", "n_impulses", "participation")
    table: dict[str, list[object]] = {key: [] for key in ("index", "region", "condition", *names)}
    for activation in cohort.scenario.regions.activations:
        gains = dict(activation.gains)
        if activation.default_gain:
            gains["(any other)"] = activation.default_gain
        for condition, gain in gains.items():
            row = {"gain": gain, "region": activation.region, "condition": condition}
            row["index"] = cohort.regions.names.index(activation.region) + 1
            for key, column in table.items():
                column.append(row.get(key, getattr(activation, key, None)))
    return table


def _response(
    cohort: Cohort, condition: Condition, lags: Float[ndarray, " lags"], *, latest: float
) -> Float[ndarray, "regions lags"]:
    """Return the expected P after a stimulus, given the latest response time that counts."""
    scenario, regions = cohort.scenario, cohort.regions
    kernel = evoked_kernel(scenario.evoked)
    start, stop = _support(scenario.regions, latest)
    stop += kernel.stop
    period = 2 * (stop - start)
    frequencies = np.arange(int(_FASTEST * period)) / period
    waves = np.zeros((regions.n_regions, len(frequencies)), dtype=np.complex128)
    activations = scenario.regions.activations
    each = mean_transfers(activations, condition, frequencies)
    for activation, transfer in zip(activations, each, strict=True):
        waves[regions.names.index(activation.region)] += transfer
    background = _background_transfers(cohort, condition, frequencies)
    waves[: len(background)] = background
    on_samples = np.sinc(frequencies / scenario.source_rate)  # impulses move to samples of X
    waves *= kernel.transfer(frequencies) * on_samples / period
    response = waves[:, :1].real + sum_of_waves(2 * waves[:, 1:], frequencies[1:], lags)
    return np.asarray(np.where((lags >= start) & (lags <= stop), response, 0.0))


def _background_transfers(
    cohort: Cohort, condition: Condition, frequencies: Float[ndarray, " waves"]
) -> ndarray:
    """Return the Fourier transform of the expected X of the regions without a name."""
    settings, regions = cohort.scenario.regions, cohort.regions.background
    gain = regions.target_gain if names_target(condition.label) else 1.0
    chance = np.where(regions.motor, settings.motor_participation, settings.participation)
    locked = ~regions.oscillatory & (settings.timing == "events")
    weight = np.where(locked, chance * gain, 0.0)
    spread = np.exp(-2 * (np.pi * settings.jitter * frequencies) ** 2)
    answered = condition.responding * chance_transfer(condition.responses, frequencies)
    delays = np.exp(-2j * np.pi * np.outer(regions.latency, frequencies))
    delays[regions.motor] = answered
    return np.asarray(weight[:, np.newaxis] * spread * delays)


def _latest_response(condition: Condition) -> float:
    """Return the latest response time of a condition, 0 without any."""
    return float(condition.responses.max(initial=0.0))


def _support(settings: RegionSettings, latest: float) -> tuple[float, float]:
    """Return the earliest and latest time after a stimulus that an impulse can have."""
    ends = [(0.0, settings.latency[1], settings.jitter)]
    for activation in settings.activations:
        last = activation.latency + activation.duration
        ends.append((activation.latency, last, activation.jitter))
    start = min(first - _TAIL * jitter for first, _, jitter in ends)
    stop = max(last + _TAIL * jitter for _, last, jitter in ends)
    return min(start, 0.0) - _MARGIN, stop + latest + _MARGIN
