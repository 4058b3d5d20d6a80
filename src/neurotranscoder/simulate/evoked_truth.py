"""The evoked response d that a study was made with."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.physics.evoked import evoked_kernel, sampled_evoked
from neurotranscoder.simulate.scenario import Scenario


@dataclass(frozen=True, slots=True, eq=False)
class EvokedTruth:
    """The evoked response d.

    Parameters
    ----------
    samples : array, shape (lags,)
        Response in 1/s, from lag 0.
    sfreq : float
        Sampling frequency, in Hz.
    delay : float
        Mean lag, in seconds, weighted with the response, or with its square where the mean of the
        response is about zero.
    """

    samples: Float[ndarray, " lags"]
    sfreq: float
    delay: float

    @classmethod
    def of(cls, scenario: Scenario) -> EvokedTruth:
        """Return d of a scenario, at the sampling frequency of its source."""
        kernel = evoked_kernel(scenario.evoked)
        by_area = scenario.evoked.normalise == "area"
        delay = kernel.centre_of_mass if by_area else kernel.centre_of_energy
        samples = sampled_evoked(scenario.source_rate, scenario.evoked)
        return cls(samples, scenario.source_rate, delay)
