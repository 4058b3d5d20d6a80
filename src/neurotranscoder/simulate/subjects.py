"""How the subjects of a cohort differ: heads, hemodynamic responses, strengths of sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, NonNegativeFloat
from scipy.special import ndtr, ndtri

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import Settings
from neurotranscoder.physics.head import HeadSettings
from neurotranscoder.physics.hrf import HrfShape, HrfSpread
from neurotranscoder.simulate.seeds import Stage, generator

_CUT = 2.5  # standard deviations
_MOST_BONE = 0.95  # of the way from brain to skin


class SubjectSpread(Settings):
    """How much subjects differ from the template, and so from each other.

    All draws are normal and cut off at 2.5 standard deviations (their sd is 4.5 % less). Each
    property has a stream of its own: one that is set to 0 leaves the others as they are.
    """

    scale_sd: float = Field(default=0.035, ge=0, le=0.1)
    """Standard deviation of the size of the head along each axis, relative to the template's.
    Head lengths are 195 ± 8 mm in British men and 180 ± 7 mm in women (Pheasant, Bodyspace)."""
    skull_conductivity_log_sd: float = Field(default=0.5, ge=0, le=1)
    """Standard deviation of the logarithm of the skull's conductivity. It was 8.4 ± 4.8 mS/m in
    20 adults (Antonakakis et al. 2020, NeuroImage 223:117353)."""
    skull_thickness_log_sd: float = Field(default=0.2, ge=0, le=0.4)
    """Standard deviation of the logarithm of the skull's thickness: 6.0 ± 1.2 mm in the same
    adults. (There, thick skulls conducted better; here both are independent.)"""
    electrode_jitter: NonNegativeFloat = 4.0
    """Standard deviation of the shift of electrodes along each of two directions on the scalp, in
    mm. Caps put on without measuring vary by 3-13 mm (Atcherson et al. 2007, Brain Topogr,
    doi:10.1007/s10548-007-0036-z)."""
    orientation_jitter: NonNegativeFloat = 10.0
    """Standard deviation of the tilt of dipoles about each of two axes, in degrees."""
    hrf_delay_sd: NonNegativeFloat = 0.8
    """Standard deviation of how much later the responses h of a subject peak, in s. Subjects
    differ more than regions of a subject do (Handwerker et al. 2004, NeuroImage 21:1639). Unused
    with the balloon model."""
    hrf_region_delay_sd: NonNegativeFloat = 0.3
    """Standard deviation of a further delay of each region of a subject, in s, where regions
    differ (`hrf_spread`)."""
    strength_log_sd: NonNegativeFloat = 0.3
    """Standard deviation of the logarithm of the strength of each region of a subject."""
    gain_log_sd: NonNegativeFloat = 0.2
    """Standard deviation of the logarithm of the strength of all regions of a subject together."""


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """What is a subject's own.

    Parameters
    ----------
    scale : array, shape (3,)
        Size of the head along x, y and z, relative to the template's.
    skull_conductivity, skull_thickness : float
        Relative to the template's.
    electrode_seed, orientation_seed : int
        Of the shifts of electrodes and the tilts of dipoles.
    hrf_delay : float
        How much later all regions' responses peak, in s.
    hrf_region_delay : array, shape (regions,)
        How much later each region's response peaks besides, in s, where regions differ.
    gain : float
        Strength of all sources.
    strengths : array, shape (regions,)
        Strength of the sources of each region, the gain included.
    """

    scale: Float[ndarray, "axes=3"]
    skull_conductivity: float
    skull_thickness: float
    electrode_seed: int
    orientation_seed: int
    hrf_delay: float
    hrf_region_delay: Float[ndarray, " regions"]
    gain: float
    strengths: Float[ndarray, " regions"]


def draw_traits(spread: SubjectSpread, seed: int, subject: int, n_regions: int) -> Traits:
    """Draw what is a subject's own; the same whatever other subjects there are.

    Parameters
    ----------
    spread : SubjectSpread
        How much subjects differ.
    seed : int
        Of the scenario.
    subject : int
        Which subject, from 0.
    n_regions : int
        Number of regions.
    """

    def normal(stage: Stage, size: int = 1) -> Float[ndarray, " size"]:
        chances = generator(seed, stage, subject=subject).random(size)
        low, high = ndtr([-_CUT, _CUT])
        return np.asarray(ndtri(low + (high - low) * chances))

    def own_seed(stage: Stage) -> int:
        return int(generator(seed, stage, subject=subject).integers(2**31))

    gain = float(np.exp(spread.gain_log_sd * normal(Stage.GAIN)[0]))
    conductivity = np.exp(spread.skull_conductivity_log_sd * normal(Stage.SKULL_CONDUCTIVITY)[0])
    thickness = np.exp(spread.skull_thickness_log_sd * normal(Stage.SKULL_THICKNESS)[0])
    return Traits(
        1 + spread.scale_sd * normal(Stage.HEAD_SCALE, 3),
        float(conductivity),
        float(thickness),
        own_seed(Stage.ELECTRODES),
        own_seed(Stage.ORIENTATIONS),
        float(spread.hrf_delay_sd * normal(Stage.SUBJECT_HRF)[0]),
        spread.hrf_region_delay_sd * normal(Stage.REGION_HRF, n_regions),
        gain,
        gain * np.exp(spread.strength_log_sd * normal(Stage.STRENGTHS, n_regions)),
    )


def own_head_settings(
    traits: Traits, spread: SubjectSpread, template: HeadSettings
) -> HeadSettings:
    """Return what the head of a subject is built from; jitter adds to that of the template."""
    brain, skull, scalp = template.conductivities
    thickness = traits.skull_thickness
    x, y, z = (np.asarray(template.scale) * traits.scale).tolist()
    changes: dict[str, object] = {
        "scale": (x, y, z),
        "conductivities": (brain, skull * traits.skull_conductivity, scalp),
        "skull_share": min(
            template.skull_share * thickness, max(_MOST_BONE, template.skull_share)
        ),
        "skull_range": tuple(thickness * limit for limit in template.skull_range),
    }
    for what, seed in (
        ("electrode", traits.electrode_seed),
        ("orientation", traits.orientation_seed),
    ):
        if own := getattr(spread, f"{what}_jitter"):
            changes[f"{what}_jitter"] = float(np.hypot(own, getattr(template, f"{what}_jitter")))
            changes[f"{what}_seed"] = seed
    return HeadSettings.model_validate(template.model_dump() | changes)


def own_hrfs(
    traits: Traits, template: tuple[HrfShape, ...], spread: HrfSpread | None
) -> tuple[HrfShape, ...]:
    """Return the responses of a subject's regions: those of the template, later or earlier.

    Parameters
    ----------
    traits : Traits
        Delays of the subject.
    template : tuple of HrfShape
        Response of each region of the template.
    spread : HrfSpread or None
        How regions of the template differ; None where they do not. A delay beyond its
        ``peak_range`` (by default that of `HrfSpread`) is cut short.

    Raises
    ------
    SettingsError
        When the template's own responses peak beyond that range.
    """
    low, high = (spread or HrfSpread()).peak_range
    regional = traits.hrf_region_delay if spread else np.zeros(len(template))
    later = (traits.hrf_delay + regional).tolist()
    return tuple(
        _delayed(shape, delay, low, high) if delay else shape
        for shape, delay in zip(template, later, strict=True)
    )


def _delayed(shape: HrfShape, delay: float, low: float, high: float) -> HrfShape:
    """Return a response that peaks later, but within a range."""
    peak = shape.peak_delay - shape.peak_dispersion
    if not low - 1e-9 <= peak <= high + 1e-9:
        raise SettingsError(
            f"subjects: the response of the template peaks at {peak:g} s, and those of subjects "
            f"may peak at {low:g}-{high:g} s; change hrf, or the peak_range of hrf_spread"
        )
    delay = min(max(peak + delay, low), high) - peak
    changes = {
        "peak_delay": shape.peak_delay + delay,
        "undershoot_delay": shape.undershoot_delay + delay,
    }
    return shape.model_copy(update=changes)
