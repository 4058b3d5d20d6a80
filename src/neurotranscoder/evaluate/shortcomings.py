"""What a scenario leaves out of a real recording, and how its heads move."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.recording import RunId
from neurotranscoder.simulate.bold_artefacts import run_motion
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
        (
            scenario.rhythm_band[1] < _SLOW,
            f"Rhythms are slower than {scenario.rhythm_band[1]:g} Hz: there is no alpha rhythm, "
            "and BOLD follows them linearly.",
        ),
        (scenario.blinks is None, "Eyes neither blink nor move."),
    )
    return tuple(words for lacking, words in facts if lacking)


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
    which = divmod(scenario.run_ids.index(run), scenario.runs_per_subject)
    motion = run_motion(scenario, *which)
    if motion is None:
        return None
    middles = np.arange(scenario.volumes.n_volumes) + 0.5
    return motion.parameters(scenario.volumes.tr * middles)
