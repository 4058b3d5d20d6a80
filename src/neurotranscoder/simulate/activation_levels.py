"""How strong the signals of activated regions are expected to be.

Stimuli come at intervals that differ little, not as a Poisson train, and one stimulus activates
many regions. So the second moments are those of a renewal process whose events have random
responses Y: with ``S`` the spectrum of the stimuli over their rate, ``rate (E|Y|^2 - |E Y|^2) +
rate S |E Y|^2`` (Cox and Lewis 1966, The Statistical Analysis of Series of Events).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float
from numpy import ndarray
from scipy.integrate import cumulative_trapezoid

from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.kernel import Kernel
from neurotranscoder.simulate.activations import Activation, any_match, gain_of, known_conditions
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.tasks import Condition, Task
from neurotranscoder.simulate.trial_transfers import (
    chance_transfer,
    delay_transfer,
    mean_transfers,
)

_MEMORY = 100.0  # s after which intervals have forgotten the first stimulus
_LEAST_SPREAD = 0.1  # of intervals, relative; makes lines wide enough for the sums
_TIMES = 4096
_CYCLES = 32  # of the fastest wave in a kernel; faster ones hold 1e-8 of its energy


@dataclass(frozen=True, slots=True, eq=False)
class ActivationLevels:
    """Expected second moments of the activated regions; other regions are 0.

    Parameters
    ----------
    bold : array, shape (regions,)
        Variance of F over a run.
    eeg : array, shape (regions,)
        Variance of P.
    coherent : float
        Mean square of the potential over channels, for a unit moment, less what ``eeg`` gives
        without means and covariances of regions.
    """

    bold: Float[ndarray, " regions"]
    eeg: Float[ndarray, " regions"]
    coherent: float


def activation_levels(
    scenario: Scenario,
    regions: Regions,
    leadfield: Float[ndarray, "channels regions"],
    hrfs: Sequence[Kernel],
) -> ActivationLevels:
    """Return how strong the responses of activated regions are expected to be in a run.

    Parameters
    ----------
    scenario : Scenario
        Its task and activations. A task of which the activations know no condition, as of a
        scenario for tables of events, counts as if their conditions were equally frequent.
    regions : Regions
        The brain.
    leadfield : array, shape (channels, regions)
        Potential per moment of a region's voxels, in V/(A m).
    hrfs : sequence of Kernel
        Hemodynamic response of each region.
    """
    activations = scenario.regions.activations
    bold, eeg = np.zeros((2, regions.n_regions))
    if not activations:
        return ActivationLevels(bold, eeg, 0.0)
    task = _assumed_task(scenario.task, activations)
    occupancy = task.occupancy(scenario.duration)
    of = np.array([regions.names.index(activation.region) for activation in activations])
    active = np.unique(of)
    indicator = (active[:, np.newaxis] == of).astype(np.float64)
    mean = indicator @ mean_rates(activations, task)
    evoked = evoked_kernel(scenario.evoked)
    covariance = indicator @ response_covariance(activations, task, evoked) @ indicator.T
    steady = float(evoked.transfer(np.zeros(1)).real[0])
    moments = occupancy * (covariance + steady**2 * np.outer(mean, mean))
    for region, level in zip(active, mean, strict=True):
        mine = [activations[which] for which in np.flatnonzero(of == region)]
        around = occupancy * response_covariance(mine, task, hrfs[region]).sum()
        bold[region] = around + level**2 * _onset_variance(task, hrfs[region], scenario)
    eeg[active] = occupancy * np.diagonal(covariance)
    potential = leadfield[:, active].T @ leadfield[:, active] / len(leadfield)
    coherent = np.sum(potential * moments) - np.diagonal(potential) @ eeg[active]
    return ActivationLevels(bold, eeg, float(coherent))


def mean_rates(activations: Sequence[Activation], task: Task) -> Float[ndarray, " activations"]:
    """Return the expected area of impulses per second while the task lasts."""
    none = np.zeros(1)
    areas = [c.share * mean_transfers(activations, c, none)[:, 0].real for c in task.conditions]
    return np.asarray(task.rate * np.sum(areas, axis=0))


def response_covariance(
    activations: Sequence[Activation], task: Task, kernel: Kernel
) -> Float[ndarray, "activations activations"]:
    """Return the covariance of ``X * kernel`` between activations, while a task lasts.

    Parameters
    ----------
    activations : sequence of Activation
        What follows stimuli; each takes part, jitters and scales by itself.
    task : Task
        Conditions, response times and intervals.
    kernel : Kernel
        Response to an impulse.
    """
    length = kernel.stop - kernel.start
    step = 1 / (length + _MEMORY)
    frequencies = step * (np.arange(int(_CYCLES / length / step)) + 0.5)
    power = 2 * step * np.abs(kernel.transfer(frequencies)) ** 2
    total = np.zeros((len(activations), len(frequencies)), dtype=np.complex128)
    second = np.zeros((len(activations), len(activations)))
    for condition in task.conditions:
        means = mean_transfers(activations, condition, frequencies)
        total += condition.share * means
        second += condition.share * _products(means, power)
        second += condition.share * _shared_response(activations, condition, frequencies, power)
    np.fill_diagonal(second, _squares(activations, task, frequencies, power))
    excess = _interval_spectrum(task, frequencies) - 1
    return np.asarray(task.rate * (second + _products(total, excess * power)))


def _assumed_task(task: Task, activations: Sequence[Activation]) -> Task:
    """Return a task, with the activations' own conditions where they know none of its."""
    if any_match(activations, task.labels):
        return task
    like = max(task.conditions, key=lambda condition: condition.responding)
    names = known_conditions(activations)
    own = (Condition(name, 1 / len(names), like.responding, like.responses) for name in names)
    return replace(task, conditions=tuple(own))


def _products(
    transfers: Complex[ndarray, "activations waves"], weights: Float[ndarray, " waves"]
) -> Float[ndarray, "activations activations"]:
    """Return weighted sums over frequencies of all products of transfers."""
    return np.asarray(((transfers * weights) @ transfers.conj().T).real)


def _shared_response(
    activations: Sequence[Activation],
    condition: Condition,
    frequencies: Float[ndarray, " waves"],
    power: Float[ndarray, " waves"],
) -> Float[ndarray, "activations activations"]:
    """Return the covariance of what follows one response, whose time is the same for all."""
    follows = np.zeros((len(activations), len(frequencies)), dtype=np.complex128)
    for row, activation in enumerate(activations):
        if activation.after == "response":
            weight = gain_of(activation, condition.label) * activation.participation
            follows[row] = weight * delay_transfer(activation, frequencies)
    answered = condition.responding * chance_transfer(condition.responses, frequencies)
    return _products(follows, power * (condition.responding - np.abs(answered) ** 2))


def _squares(
    activations: Sequence[Activation],
    task: Task,
    frequencies: Float[ndarray, " waves"],
    power: Float[ndarray, " waves"],
) -> Float[ndarray, " activations"]:
    """Return the expected energy of each activation's own response to a stimulus."""
    out = np.empty(len(activations))
    for row, activation in enumerate(activations):
        alone = 1 / activation.n_impulses
        together = np.sinc(activation.duration * frequencies) ** 2
        energy = power @ (alone + (1 - alone) * together)
        chance = sum(
            condition.share
            * (condition.responding if activation.after == "response" else 1.0)
            * gain_of(activation, condition.label) ** 2
            for condition in task.conditions
        )
        out[row] = chance * activation.participation * activation.mean_square * energy
    return out


def _interval_spectrum(
    task: Task, frequencies: Float[ndarray, " waves"]
) -> Float[ndarray, " waves"]:
    """Return the spectrum of stimuli over their rate; that of a Poisson train is 1."""
    phi = chance_transfer(task.intervals, frequencies)
    least = (_LEAST_SPREAD * task.intervals.mean()) ** 2
    missing = max(least - float(task.intervals.var()), 0.0)
    phi *= np.exp(-2 * missing * (np.pi * frequencies) ** 2)
    return np.asarray(((1 + phi) / (1 - phi)).real)


def _onset_variance(task: Task, kernel: Kernel, scenario: Scenario) -> float:
    """Return the variance over a run of the response to a constant rate during the task."""
    times = np.linspace(0.0, scenario.duration, _TIMES)
    reached = cumulative_trapezoid(kernel(kernel.lags), kernel.lags, initial=0.0)
    stop = task.first_onset + task.occupancy(scenario.duration) * scenario.duration
    up, down = (np.interp(times - at, kernel.lags, reached) for at in (task.first_onset, stop))
    return float(np.var(up - down))
