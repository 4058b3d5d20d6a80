"""Motion and noise of the BOLD of one run, drawn from the streams of its scenario."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.simulate.bold_noise import BoldNoise, Part, draw_bold_noise
from neurotranscoder.simulate.motion import Motion, apply_motion, draw_motion
from neurotranscoder.simulate.noise import add_white_noise, noise_sd
from neurotranscoder.simulate.physiology import Physiology, draw_physiology
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.seeds import Stage, generator
from neurotranscoder.simulate.seen_head import SeenHead
from neurotranscoder.simulate.spin_history import apply_spin_history


def run_motion(scenario: Scenario, subject: int, run: int) -> Motion | None:
    """Return how the head moves in a run, or None in a scenario where it lies still."""
    if scenario.motion is None:
        return None
    rng = generator(scenario.seed, Stage.MOTION, subject=subject, run=run)
    return draw_motion(scenario.motion, scenario.volumes, rng)


def volume_motion(
    scenario: Scenario, subject: int, run: int
) -> Float[ndarray, "6 volumes"] | None:
    """Return where the head was in the middle of each volume; None where it lies still.

    Rows are translations along x, y, z (RAS) in mm and rotations about them in rad.
    """
    motion = run_motion(scenario, subject, run)
    if motion is None:
        return None
    middles = np.arange(scenario.volumes.n_volumes) + 0.5
    return motion.parameters(scenario.tr * middles)


def run_physiology(scenario: Scenario, subject: int, run: int) -> Physiology:
    """Return the beats and breaths of a run."""
    rng = generator(scenario.seed, Stage.PHYSIOLOGY, subject=subject, run=run)
    stop = scenario.duration + scenario.eeg_tail
    return draw_physiology(scenario.physiology, start=-scenario.eeg_lead[1], stop=stop, rng=rng)


def run_bold_noise(scenario: Scenario, head: SeenHead, subject: int, run: int) -> BoldNoise | None:
    """Return the noise of a run by parts, or None in a scenario without `bold_noise`."""
    if scenario.bold_noise is None:
        return None

    def stream(part: Part) -> np.random.Generator:
        return generator(scenario.seed, Stage[part.upper()], subject=subject, run=run)

    return draw_bold_noise(
        scenario.bold_noise,
        head,
        scenario.volumes,
        run_physiology(scenario, subject, run),
        maps_rng=generator(scenario.seed, Stage.NOISE_MAPS, subject=subject),
        rngs=stream,
    )


def move_head(
    bold: Float[ndarray, "x y z volumes"], scenario: Scenario, head: SeenHead, motion: Motion
) -> None:
    """Displace images and their spins, in place, as the settings of the motion say."""
    if scenario.motion is None:
        return
    volumes = scenario.volumes
    apply_motion(bold, motion, head.grid, volumes, method=scenario.motion.method)
    if scenario.motion.spin_history:
        apply_spin_history(bold, motion, head.grid, volumes, scenario.motion)


def add_noise(
    bold: Float[ndarray, "x y z volumes"],
    scenario: Scenario,
    head: SeenHead,
    noise: BoldNoise,
    *,
    signal: float,
    baseline: Float[ndarray, "x y z"],
    only: str | None = None,
) -> None:
    """Add all parts of the noise, in place.

    Parameters
    ----------
    bold : array, shape (x, y, z, volumes)
        Images with their baseline.
    scenario : Scenario
        With ``bold_snr_db`` a common factor brings the parts together to that ratio.
    head : SeenHead
        Voxels of the brain.
    noise : BoldNoise
        The parts.
    signal : float
        Mean variance of the noise-free signal over the voxels with a source.
    baseline : array, shape (x, y, z)
        Mean signal, 0 outside the brain.
    only : str, optional
        The one part to add, as large as it is among the others.
    """
    unit = baseline / 100
    scale = 1.0
    if scenario.bold_snr_db is not None and noise.parts:
        variances = sum(noise.variance(part) for part in noise.parts)
        expected = float(np.mean(variances * unit[head.brain] ** 2))
        scale = noise_sd(signal, scenario.bold_snr_db) / np.sqrt(expected)
    for part in noise.parts:
        if only in (None, part):
            noise.add(part, bold, unit, scale)


def add_white(
    bold: Float[ndarray, "x y z volumes"],
    scenario: Scenario,
    which: tuple[int, int],
    *,
    signal: float,
) -> None:
    """Add white noise of equal sd at the ratio of the scenario, in place; none where it is null.

    Parameters
    ----------
    bold : array, shape (x, y, z, volumes)
        Images with their baseline.
    scenario : Scenario
        Its ``bold_snr_db``.
    which : tuple of int
        Subject and run.
    signal : float
        Mean variance of the noise-free signal over the voxels with a source.
    """
    if scenario.bold_snr_db is None:
        return
    rng = generator(scenario.seed, Stage.BOLD_NOISE, subject=which[0], run=which[1])
    add_white_noise(bold, noise_sd(signal, scenario.bold_snr_db), rng)


def mean_variance(bold: Float[ndarray, "x y z volumes"], mask: Bool[ndarray, "x y z"]) -> float:
    """Return the variance over time, averaged over the voxels of a mask."""
    total = sum(
        float(np.var(bold[:, :, z][mask[:, :, z]], axis=1, dtype=np.float64).sum())
        for z in range(mask.shape[2])
    )
    return total / int(mask.sum())
