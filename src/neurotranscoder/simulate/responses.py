"""The hemodynamic response of each region."""

from __future__ import annotations

from neurotranscoder.physics.hrf import HrfShape, draw_hrf_shapes
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator


def region_hrfs(scenario: Scenario, n_regions: int) -> tuple[HrfShape, ...]:
    """Return the shape of h in each region; the same for the same scenario and seed.

    Raises
    ------
    SettingsError
        When the scenario's response lies outside the ranges of its spread.
    """
    if scenario.hrf_spread is None:
        return (scenario.hrf,) * n_regions
    rng = generator(scenario.seed, Stage.HRF)
    return draw_hrf_shapes(n_regions, scenario.hrf, scenario.hrf_spread, rng)
