"""How strong the parts of the signals are, fixed for a scenario, not fitted to a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.hrf import HrfShape, hrf_kernel
from neurotranscoder.physics.kernel import transfers
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.rhythms import rhythm_frequencies
from neurotranscoder.simulate.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Levels:
    """Scales of a scenario.

    Parameters
    ----------
    rhythm_sd : float
        Standard deviation of a rhythm of X, in 1/s.
    moment : float
        Dipole moment of a voxel per unit of P, in A m s.
    bold_gain : float
        BOLD signal per unit of F, in s.
    """

    rhythm_sd: float
    moment: float
    bold_gain: float


def expected_levels(
    scenario: Scenario,
    regions: Regions,
    leadfield: Float[ndarray, "channels regions"],
    hrfs: tuple[HrfShape, ...],
) -> Levels:
    """Return the scales that reach the levels a scenario asks for, in expectation.

    Impulses count as a Poisson train (Campbell's theorem: variance = rate x mean square
    amplitude x energy of the response); rhythms have a flat spectrum.

    Parameters
    ----------
    scenario : Scenario
        Levels and design.
    regions : Regions
        Kinds and sizes.
    leadfield : array, shape (channels, regions)
        Potential per moment of a region's voxels, in V/(A m).
    hrfs : tuple of HrfShape
        Hemodynamic response of each region.
    """
    kernels = {shape: hrf_kernel(shape) for shape in dict.fromkeys(hrfs)}
    which = np.array([list(kernels).index(shape) for shape in hrfs])
    families = [
        (tuple(kernels.values()), which),
        ((evoked_kernel(scenario.evoked),), np.zeros_like(which)),
    ]
    impulses = _mean_square_rate(scenario, regions)
    frequencies = rhythm_frequencies(scenario.rhythm_band, scenario.duration)
    energies = [np.array([k.energy for k in kinds])[of] for kinds, of in families]
    gains = [
        (np.abs(transfers(kinds, frequencies)) ** 2).mean(axis=1)[of] for kinds, of in families
    ]
    share = scenario.rhythm_share / (1 - scenario.rhythm_share)
    if regions.rhythmic.any():
        ratios = [
            (impulses @ energy) / (regions.rhythmic @ gain)
            for energy, gain in zip(energies, gains, strict=True)
        ]
        of_both = np.sqrt(np.prod(ratios))
        variance = share * (ratios[1] if scenario.rhythm_share_of == "eeg" else of_both)
    else:
        variance = 0.0
    f, p = (
        impulses * energy + variance * gain * regions.rhythmic
        for energy, gain in zip(energies, gains, strict=True)
    )
    inside = regions.labels >= 0
    bold = np.mean(regions.weights[inside] ** 2 * f[regions.labels[inside]])
    eeg = np.mean(leadfield**2 @ p)
    return Levels(
        float(np.sqrt(variance)),
        float(scenario.eeg_rms_uv * 1e-6 / np.sqrt(eeg)),
        float(scenario.bold_percent / 100 * scenario.bold_baseline / np.sqrt(bold)),
    )


def _mean_square_rate(scenario: Scenario, regions: Regions) -> Float[ndarray, " regions"]:
    """Return impulses per second times their mean square amplitude, 0 for rhythms."""
    settings, design = scenario.regions, scenario.oddball
    squares = np.exp(settings.amplitude_log_sd**2)
    if settings.timing == "spontaneous":
        return np.where(regions.oscillatory, 0.0, settings.spontaneous_rate * squares)
    rate = 1 / np.mean(design.soa_deciles)
    targets = design.target_share
    by_stimulus = settings.participation * (1 - targets + targets * regions.target_gain**2)
    by_response = settings.motor_participation * targets * regions.target_gain**2
    chance = np.where(regions.motor, by_response, by_stimulus)
    return np.asarray(np.where(regions.oscillatory, 0.0, rate * squares * chance))
