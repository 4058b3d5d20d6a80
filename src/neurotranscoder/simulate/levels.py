"""How strong the parts of the signals are, fixed for a scenario, not fitted to a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.kernel import Kernel, transfers
from neurotranscoder.simulate.activation_levels import activation_levels
from neurotranscoder.simulate.coupling import nearest_bands, power_spectrum
from neurotranscoder.simulate.design import names_target
from neurotranscoder.simulate.network import Links, driven_rates
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.rhythms import period_of, power_frequencies, rhythm_frequencies
from neurotranscoder.simulate.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Levels:
    """Scales of a scenario.

    Parameters
    ----------
    rhythm_sd : float
        Standard deviation of a rhythm of X, in 1/s.
    power_gain : float
        What BOLD follows of a rhythm per unit of its relative power, in 1/s; with coupling by
        power.
    moment : float
        Dipole moment of a voxel per unit of P, in A m s.
    bold_gain : float
        BOLD signal per unit of F, in s; its level is that of voxels with a source.
    """

    rhythm_sd: float
    power_gain: float
    moment: float
    bold_gain: float


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Expected variance of each region in one modality, before any scale."""

    evoked: Float[ndarray, " regions"]
    rhythm: Float[ndarray, " regions"]

    @property
    def ratio(self) -> float:
        """The variance of all evoked responses over that of all rhythms."""
        return float(self.evoked.sum() / self.rhythm.sum())

    def with_evoked(self, more: Float[ndarray, " regions"]) -> _Parts:
        """Return these with the variance of more evoked responses."""
        return _Parts(self.evoked + more, self.rhythm)

    def total(self, rhythm_variance: float) -> Float[ndarray, " regions"]:
        """Return the variance of each region."""
        return np.asarray(self.evoked + rhythm_variance * self.rhythm)


def expected_levels(
    scenario: Scenario,
    regions: Regions,
    leadfield: Float[ndarray, "channels regions"],
    hrfs: Sequence[Kernel],
    links: Links | None = None,
) -> Levels:
    """Return the scales that reach the levels a scenario asks for, in expectation.

    Impulses count as a Poisson train (Campbell's theorem: variance = rate x mean square
    amplitude x energy of the response), those of activations by `activation_levels`; rhythms have
    a flat spectrum in their bands.

    Parameters
    ----------
    scenario : Scenario
        Levels and design.
    regions : Regions
        Kinds and sizes.
    leadfield : array, shape (channels, regions)
        Potential per moment of a region's voxels, in V/(A m).
    hrfs : sequence of Kernel
        Hemodynamic response of each region; the same object where it is the same.
    links : Links, optional
        Which region drives which.
    """
    by_power = scenario.coupling.mode == "power"
    evoked = (evoked_kernel(scenario.evoked),) * regions.n_regions
    named = activation_levels(scenario, regions, leadfield, hrfs)
    electric = _parts(scenario, regions, evoked, links).with_evoked(named.eeg)
    hemodynamic = _parts(scenario, regions, hrfs, links, by_power=by_power).with_evoked(named.bold)
    variance, power = _rhythm_variances(scenario, regions, electric, hemodynamic)
    inside = regions.labels >= 0
    f = hemodynamic.total(power if by_power else variance)
    bold = np.mean(regions.weights[inside] ** 2 * f[regions.labels[inside]])
    eeg = np.mean(leadfield**2 @ electric.total(variance)) + named.coherent
    if not (bold > 0 and eeg > 0):
        raise SettingsError(
            f"no source is ever active: the task {scenario.task.name!r} has no event that "
            "activates a region; give the activations gains for its conditions "
            f"({', '.join(scenario.task.labels)})"
        )
    return Levels(
        float(np.sqrt(variance)),
        float(np.sqrt(power)),
        float(scenario.eeg_rms_uv * 1e-6 / np.sqrt(eeg)),
        float(scenario.bold_percent / 100 * scenario.bold_baseline / np.sqrt(bold)),
    )


def region_bands(
    scenario: Scenario, regions: Regions
) -> tuple[list[tuple[float, float]], Float[ndarray, " regions"]]:
    """Return the band (Hz) of the rhythm that each region has, and how BOLD follows its power."""
    if not scenario.rhythm_bands:
        return [scenario.rhythm_band] * regions.n_regions, np.ones(regions.n_regions)
    bands = scenario.rhythm_bands
    which = nearest_bands(regions, bands)
    return [bands[k].band for k in which], np.array([bands[k].bold_gain for k in which])


def _rhythm_variances(
    scenario: Scenario, regions: Regions, electric: _Parts, hemodynamic: _Parts
) -> tuple[float, float]:
    """Return the variance of rhythms of X, and that of what BOLD follows of their power."""
    if not regions.rhythmic.any():
        return 0.0, 0.0
    share = scenario.rhythm_share / (1 - scenario.rhythm_share)
    if scenario.coupling.mode == "power":
        return share * electric.ratio, share * hemodynamic.ratio
    by_modality = {
        "both": np.sqrt(np.prod([hemodynamic.ratio, electric.ratio])),
        "eeg": electric.ratio,
        "bold": hemodynamic.ratio,
    }
    return share * float(by_modality[scenario.rhythm_share_of]), 0.0


def _parts(
    scenario: Scenario,
    regions: Regions,
    kernels: Sequence[Kernel],
    links: Links | None,
    *,
    by_power: bool = False,
) -> _Parts:
    """Return the variances of one modality; kernels that are one object are looked at once."""
    kinds = list(dict.fromkeys(kernels))
    place = {kind: number for number, kind in enumerate(kinds)}
    which = np.array([place[kernel] for kernel in kernels])
    energy = np.array([kernel.energy for kernel in kinds])[which]
    squared = by_power and scenario.coupling.evoked_power
    bands, gains = region_bands(scenario, regions)
    rhythm = np.zeros(regions.n_regions)
    for band in dict.fromkeys(bands):
        mine = regions.rhythmic & np.array([one == band for one in bands])
        if mine.any():
            rhythm[mine] = _transferred(scenario, kinds, band, by_power=by_power)[which][mine]
    if by_power:
        rhythm *= gains**2
    rates = mean_square_rate(scenario, regions, squared=squared)
    if links is not None and scenario.network is not None:
        rates = driven_rates(rates, links, scenario.network, squared=squared)
    return _Parts(rates * energy, rhythm)


def _transferred(
    scenario: Scenario, kernels: list[Kernel], band: tuple[float, float], *, by_power: bool
) -> Float[ndarray, " kernels"]:
    """Return the variance that responses leave of a rhythm of unit variance, or of its power."""
    if by_power and scenario.envelope is not None:
        frequencies = power_frequencies(scenario.duration)
        period = period_of(scenario.duration)
        spectrum = power_spectrum(scenario.envelope, frequencies, period)
        return np.asarray(np.abs(transfers(kernels, frequencies)) ** 2 @ spectrum)
    frequencies = rhythm_frequencies(band, scenario.duration)
    return np.asarray((np.abs(transfers(kernels, frequencies)) ** 2).mean(axis=1))


def mean_square_rate(
    scenario: Scenario, regions: Regions, *, squared: bool = False
) -> Float[ndarray, " regions"]:
    """Return impulses per second times their mean square amplitude, 0 for rhythms and anatomy.

    With ``squared`` the amplitudes are those of `power_of_impulses`.
    """
    settings, task, background = scenario.regions, scenario.task, regions.background
    squares = np.exp((4 if squared else 1) * settings.amplitude_log_sd**2)
    gains = background.target_gain ** (4 if squared else 2)
    rates = np.zeros(regions.n_regions)
    if settings.timing == "spontaneous":
        rates[: background.n_regions] = settings.spontaneous_rate * squares
    else:
        rate = task.rate * task.occupancy(scenario.duration)
        targets = task.share(names_target)
        answers = task.answered(lambda label: not names_target(label))
        by_stimulus = settings.participation * (1 - targets + targets * gains)
        by_response = settings.motor_participation * task.answered(names_target) * gains
        by_response += settings.motor_participation * answers
        chance = np.where(background.motor, by_response, by_stimulus)
        rates[: background.n_regions] = rate * squares * chance
    rates[regions.oscillatory] = 0.0
    return rates
