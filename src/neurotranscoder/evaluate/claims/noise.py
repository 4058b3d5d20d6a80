"""How much of a signal is a noise that is known exactly, before and after the coders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.benchmark.world import World
from neurotranscoder.evaluate.claims.rows import ClaimValue
from neurotranscoder.evaluate.claims.worlds import MODALITY, Noise
from neurotranscoder.evaluate.held_out import inside
from neurotranscoder.evaluate.methods.protocol import Method
from neurotranscoder.evaluate.scoring import Scorer
from neurotranscoder.evaluate.table import Quantity

MEASURED = "measured"
OWN_SOURCE: dict[str, Quantity] = {"bold": "source_from_bold", "eeg": "source_from_eeg"}
CYCLE: dict[str, Quantity] = {"bold": "bold_from_bold", "eeg": "eeg_from_eeg"}
TRANSCODED: dict[str, Quantity] = {"bold": "eeg_from_bold", "eeg": "bold_from_eeg"}
"""From the modality that a noise is in: its source, its cycle, and the other's signal."""
FUSED: Quantity = "source_fused"

CleanRuns = Mapping[Noise, Sequence[AlignedRun]]


def noise_share(
    signal: Float[ndarray, "rows frames"], without: Float[ndarray, "rows frames"]
) -> float:
    """Return the share of a signal's variance that a noise explains.

    It is what a regression of each row on the same row without the noise leaves, over all rows:
    ``sum var (1 - r^2) / sum var``. Where noise and signal add and are uncorrelated, as after
    linear coders, that is the variance of the noise (as it comes out of the coders) over that of
    the whole. It is 0 to 1 for coders of any kind.

    Parameters
    ----------
    signal : array, shape (rows, frames)
        Measured, or estimated from what was measured.
    without : array, shape (rows, frames)
        The same without the noise.

    Returns
    -------
    share : float
        NaN where the signal is constant.
    """
    one, two = (x - x.mean(axis=1, keepdims=True) for x in (signal, without))
    power, clean = np.sum(one**2, axis=1), np.sum(two**2, axis=1)
    common = np.sum(one * two, axis=1) ** 2 / np.where(clean > 0, clean, 1.0)
    total = float(power.sum())
    return float(np.maximum(power - common, 0.0).sum() / total) if total > 0 else float("nan")


def measured_shares(world: World, clean: CleanRuns) -> Iterator[ClaimValue]:
    """Yield the share of each noise in the measured signal of each test run.

    Parameters
    ----------
    world : World
        With all noise.
    clean : mapping from noise to sequence of AlignedRun
        Its test runs without one noise each (see `claims.worlds.runs_without`).
    """
    for noise, runs in clean.items():
        signal = MODALITY[noise]
        for held, run in zip(world.test, runs, strict=True):
            pair = getattr(held.aligned, signal), getattr(run, signal)
            yield _value(world, noise, MEASURED, signal, *_scored(held.aligned, *pair))


def estimated_shares(
    world: World, clean: CleanRuns, name: str, method: Method
) -> Iterator[ClaimValue]:
    """Yield the share of each noise in what a fitted method says about each test run.

    Source and cycle are those of the modality that a noise is in; of the other it is the signal
    that is transcoded to it. What the method does not predict is left out.

    Parameters
    ----------
    world, clean
        As for `measured_shares`.
    name : str
        What rows call the method.
    method : Method
        Coders that were fitted to the world, noise and all; each reads one modality.
    """
    for number, held in enumerate(world.test):
        noisy = method.predict(held.aligned)
        for noise, runs in clean.items():
            quiet = method.predict(runs[number])
            wanted = [found[MODALITY[noise]] for found in (OWN_SOURCE, CYCLE, TRANSCODED)]
            for quantity in (*wanted, FUSED):
                values = [getattr(one, quantity) for one in (noisy, quiet)]
                if values[0] is not None:
                    scored = _scored(held.aligned, *values)
                    yield _value(world, noise, name, quantity, *scored)


def _scored(run: AlignedRun, *signals: Float[ndarray, "rows frames"]) -> list[ndarray]:
    """Return the frames of signals that scores use."""
    part = inside(1 / run.axis.sfreq, run.axis.n_times, Scorer("").edge)
    return [signal[:, part] for signal in signals]


def _value(
    world: World, noise: Noise, method: str, signal: str, one: ndarray, two: ndarray
) -> ClaimValue:
    """Return the number of one run."""
    share = noise_share(one, two)
    return ClaimValue(f"share of {noise} noise", method, signal, share, world.plan.seed)
