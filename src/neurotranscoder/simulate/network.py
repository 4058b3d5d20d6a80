"""Regions that drive regions: impulses that are followed elsewhere, rhythms that are shared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int
from numpy import ndarray
from pydantic import Field

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.settings import PositiveSpan, Settings
from neurotranscoder.simulate.regions import Regions
from neurotranscoder.simulate.trains import Impulses


class NetworkSettings(Settings):
    """How regions drive each other; nothing returns to where it came from."""

    n_links: int = Field(default=50, ge=0)
    """Pairs of a driving and a driven region whose impulses are linked."""
    n_rhythm_links: int = Field(default=15, ge=0)
    """Pairs whose rhythms are linked; each rhythm has one driver at most, so that its variance
    stays. None is linked where BOLD follows their power."""
    probability: float = Field(default=0.5, gt=0, le=1)
    """Probability that an impulse of the driving region is followed by one of the driven."""
    gain: float = Field(default=0.7, gt=0, le=1)
    """Amplitude of an impulse relative to the one that it follows."""
    coherence: float = Field(default=0.5, ge=0, lt=1)
    """Share of a driven rhythm's variance that is the driving one, late."""
    delay: PositiveSpan = (0.01, 0.1)
    """Range of the delay of a link, in s."""


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Which region drives which; every driver stands before what it drives.

    Parameters
    ----------
    source, target : array of int, shape (links,)
        Driving and driven region.
    delay : array, shape (links,)
        In seconds.
    of_rhythms : array of bool, shape (links,)
        Whether rhythms are linked; impulses otherwise.
    """

    source: Int[ndarray, " links"]
    target: Int[ndarray, " links"]
    delay: Float[ndarray, " links"]
    of_rhythms: ndarray

    def only(self, *, rhythms: bool) -> Links:
        """Return the links of rhythms, or those of impulses."""
        mine = self.of_rhythms == rhythms
        return Links(self.source[mine], self.target[mine], self.delay[mine], self.of_rhythms[mine])


def draw_links(
    settings: NetworkSettings, regions: Regions, *, rhythms: bool, rng: np.random.Generator
) -> Links:
    """Draw which region drives which, without a way back.

    Parameters
    ----------
    settings : NetworkSettings
        How many links, and their delays.
    regions : Regions
        Their kinds.
    rhythms : bool
        Whether rhythms are linked as well as impulses.
    rng : Generator
        Source of chance.

    Raises
    ------
    SettingsError
        When there are more links than pairs of regions.
    """
    evoked = rng.permutation(np.flatnonzero(~regions.oscillatory))
    first, second = np.triu_indices(len(evoked), 1)
    rhythmic = rng.permutation(np.flatnonzero(regions.rhythmic & rhythms))
    n_rhythm = settings.n_rhythm_links if rhythms else 0
    for name, count, most in (
        ("n_links", settings.n_links, len(first)),
        ("n_rhythm_links", n_rhythm, max(len(rhythmic) - 1, 0)),
    ):
        if count > most:
            raise SettingsError(
                f"network.{name} is {count}; {len(evoked)} evoked regions and "
                f"{len(rhythmic)} with rhythms allow at most {most}; lower it or make more regions"
            )
    # in the order of their drivers, so that every driver is complete before it drives
    chosen = np.sort(rng.choice(len(first), settings.n_links, replace=False))
    driven = np.sort(1 + rng.choice(max(len(rhythmic) - 1, 0), n_rhythm, replace=False))
    driving = np.array([rng.integers(place) for place in driven], dtype=np.int64)
    source = np.concatenate([evoked[first[chosen]], rhythmic[driving]])
    target = np.concatenate([evoked[second[chosen]], rhythmic[driven]])
    delay = rng.uniform(*settings.delay, len(source))
    return Links(source, target, delay, np.repeat([False, True], (len(chosen), len(driven))))


def follow_impulses(
    impulses: Impulses,
    links: Links,
    settings: NetworkSettings,
    *,
    sfreq: float,
    rng: np.random.Generator,
) -> Impulses:
    """Add the impulses that follow others, those that follow followers included.

    Parameters
    ----------
    impulses : Impulses
        What regions do by themselves.
    links : Links
        Which drives which.
    settings : NetworkSettings
        Probability and gain.
    sfreq : float
        Impulses fall on multiples of ``1 / sfreq`` s.
    rng : Generator
        Source of chance.
    """
    mine = links.only(rhythms=False)
    for source, target, delay in zip(mine.source, mine.target, mine.delay, strict=True):
        driving = np.flatnonzero(impulses.region == source)
        followed = driving[rng.random(len(driving)) < settings.probability]
        time = np.round((impulses.time[followed] + delay) * sfreq) / sfreq
        impulses = Impulses(
            np.concatenate([impulses.region, np.full(len(followed), target)]),
            np.concatenate([impulses.time, time]),
            np.concatenate([impulses.amplitude, settings.gain * impulses.amplitude[followed]]),
        )
    return impulses


def follow_rhythms(
    waves: Complex[ndarray, "rhythms waves"],
    frequencies: Float[ndarray, " waves"],
    rhythm_region: Int[ndarray, " rhythms"],
    links: Links,
    settings: NetworkSettings,
) -> Complex[ndarray, "rhythms waves"]:
    """Return rhythms that are partly those of the regions that drive them; variances stay."""
    place = {int(region): row for row, region in enumerate(rhythm_region)}
    own, shared = np.sqrt(1 - settings.coherence), np.sqrt(settings.coherence)
    waves, mine = waves.copy(), links.only(rhythms=True)
    for source, target, delay in zip(mine.source, mine.target, mine.delay, strict=True):
        late = waves[place[int(source)]] * np.exp(-2j * np.pi * frequencies * delay)
        row = place[int(target)]
        waves[row] = own * waves[row] + shared * late
    return waves


def driven_rates(
    rates: Float[ndarray, " regions"],
    links: Links,
    settings: NetworkSettings,
    *,
    squared: bool = False,
) -> Float[ndarray, " regions"]:
    """Return mean square amplitudes per second, with those of impulses that follow others.

    With ``squared`` the amplitudes are squares (`coupling.power_of_impulses`).
    """
    gain = settings.gain ** (4 if squared else 2)
    rates, mine = rates.copy(), links.only(rhythms=False)
    for source, target in zip(mine.source, mine.target, strict=True):
        rates[target] += settings.probability * gain * rates[source]
    return rates
