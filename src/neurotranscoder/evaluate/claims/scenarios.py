"""Scenarios in which a claim can be put to the test."""

from __future__ import annotations

from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.scenario import Scenario

FAST = (0.6, 1.2)
"""Band of rhythms in Hz that frames of .4 s show and BOLD does not follow."""


def noisy_scenario(preset: str, **changes: object) -> Scenario:
    """Return 'realistic' with blinks: cardiac and respiratory noise in BOLD, blinks in EEG.

    Parameters
    ----------
    preset : str
        How many voxels.
    **changes
        Fields of `Scenario` that replace those, such as ``seed=100``.
    """
    return named_scenario("realistic", preset=preset, **{"blinks": {}} | changes)


def fast_scenario(preset: str, **changes: object) -> Scenario:
    """Return 'interleave5-snr10' with fast rhythms, beside evoked responses and alone.

    Of 100 regions 40 have evoked responses, 30 these and a rhythm, 30 a rhythm alone. Arguments
    as for `noisy_scenario`.
    """
    regions = {"n_evoked": 70, "n_mixed": 30, "n_oscillatory": 30}
    fixed = {"rhythm_band": FAST, "rhythm_share_of": "eeg", "regions": regions}
    return named_scenario("interleave5-snr10", preset=preset, **fixed | changes)


def independent_scenario(preset: str, **changes: object) -> Scenario:
    """Return 'interleave5-snr10' with regions that are active at times of their own.

    What an estimate says about a region that it cannot see is then nothing, not what others do
    at the same time. Arguments as for `noisy_scenario`.
    """
    regions = {"n_evoked": 100, "n_oscillatory": 0, "n_motor": 0, "timing": "spontaneous"}
    return named_scenario("interleave5-snr10", preset=preset, **{"regions": regions} | changes)
