"""The expected response to one stimulus, as a Fourier transform: gains, delays, response times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Complex, Float
from numpy import ndarray

from neurotranscoder.simulate.activations import Activation, gain_of
from neurotranscoder.simulate.tasks import Condition


def mean_transfers(
    activations: Sequence[Activation], condition: Condition, frequencies: Float[ndarray, " waves"]
) -> Complex[ndarray, "activations waves"]:
    """Return the Fourier transform of the expected X after a stimulus, counted from its onset.

    Parameters
    ----------
    activations : sequence of Activation
        What follows a stimulus.
    condition : Condition
        Of the stimulus.
    frequencies : array, shape (waves,)
        In Hz.

    Returns
    -------
    transfers : array of complex, shape (activations, waves)
        At 0 Hz the expected area.
    """
    answered = condition.responding * chance_transfer(condition.responses, frequencies)
    out = np.empty((len(activations), len(frequencies)), dtype=np.complex128)
    for row, activation in enumerate(activations):
        weight = gain_of(activation, condition.label) * activation.participation
        out[row] = weight * delay_transfer(activation, frequencies)
        if activation.after == "response":
            out[row] *= answered
    return out


def delay_transfer(
    activation: Activation, frequencies: Float[ndarray, " waves"]
) -> Complex[ndarray, " waves"]:
    """Return the characteristic function of the delays of an activation's impulses."""
    middle = activation.latency + activation.duration / 2
    spread = np.exp(-2 * (np.pi * activation.jitter * frequencies) ** 2)
    burst = np.sinc(activation.duration * frequencies)
    return np.asarray(spread * burst * np.exp(-2j * np.pi * middle * frequencies))


def chance_transfer(
    values: Float[ndarray, " values"], frequencies: Float[ndarray, " waves"]
) -> Complex[ndarray, " waves"]:
    """Return the characteristic function of values that are equally likely; 0 without values."""
    phases = np.exp(-2j * np.pi * np.outer(frequencies, values))
    return np.asarray(phases.sum(axis=1) / max(len(values), 1))
