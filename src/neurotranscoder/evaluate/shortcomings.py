"""What a scenario leaves out of a real recording, and how its heads move."""

from __future__ import annotations

from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.recording import RunId
from neurotranscoder.simulate.bold_artefacts import volume_motion
from neurotranscoder.simulate.scenario import Scenario

_SLOW = 1.0  # Hz


def shortcomings(scenario: Scenario) -> tuple[str, ...]:
    """Return what is known to be unlike a real recording, as far as settings tell.

    Parameters
    ----------
    scenario : Scenario
        What was simulated; `docs/realism.md` says what no scenario has.
    """
    eeg = scenario.eeg_noise
    facts = (
        (scenario.motion is None, "The head lies still: no motion, no spin history."),
        (
            scenario.bold_noise is None,
            "BOLD noise is white and equal everywhere, or absent: no physiology, no drift.",
        ),
        (
            eeg is None or eeg.brain_uv == 0,
            "EEG noise is white, or absent: no background activity of the brain.",
        ),
        (scenario.hrf_spread is None, "All regions share one hemodynamic response."),
        (scenario.subjects is None, "All subjects share one head and the strengths of sources."),
        (_fastest_rhythm(scenario) == 0, "There are no rhythms, and so no alpha."),
        (
            0 < _fastest_rhythm(scenario) < _SLOW,
            f"No rhythm is faster than {_fastest_rhythm(scenario):g} Hz: there is no alpha.",
        ),
        (
            scenario.coupling.mode == "linear",
            "BOLD follows sources linearly; what it follows in a brain is closer to their power.",
        ),
        (
            scenario.network is None,
            "Regions do not drive each other: there are no networks.",
        ),
        (scenario.blinks is None, "Eyes neither blink nor move."),
    )
    return tuple(words for lacking, words in facts if lacking)


def _fastest_rhythm(scenario: Scenario) -> float:
    """Return the highest frequency of any rhythm, in Hz; 0 where there is none."""
    if not scenario.regions.has_rhythms:
        return 0.0
    bands = [band.band for band in scenario.rhythm_bands] or [scenario.rhythm_band]
    return max(high for _, high in bands)


def simulated_motion(scenario: Scenario, run: RunId) -> Float[ndarray, "6 volumes"] | None:
    """Return where the head was in the middle of each volume; None where it lies still.

    Parameters
    ----------
    scenario : Scenario
        What was simulated.
    run : RunId
        One of its runs.

    Returns
    -------
    motion : array, shape (6, volumes), or None
        Translations in mm, rotations in rad.
    """
    return volume_motion(scenario, *scenario.numbers_of(run))
