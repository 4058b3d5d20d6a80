"""Runs that are learnt from together have to be alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import GridError, Problem, StudyError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.core.spread import each

_SAME_RATE = 1e-6  # Hz


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """What has to be the same in all runs, and what may differ.

    Parameters
    ----------
    label : str
        Of the run.
    rate : float
        In Hz.
    channels : tuple of str
        In order.
    n_blocks : int
        Source blocks.
    has_blocks : bool
        Whether they are those of the first run.
    bands : tuple
        How many bands of band power there are, and which.
    """

    label: str
    rate: float
    channels: tuple[str, ...]
    n_blocks: int
    has_blocks: bool
    bands: tuple[int, tuple[tuple[float, float], ...]]


def check_alike(training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> bool:
    """Refuse runs that differ in rate, channels or blocks.

    Parameters
    ----------
    training, validation : sequence of AlignedRun
        Runs to learn from, and to choose on.

    Returns
    -------
    share_bands : bool
        Whether all have power of the same bands: it is not read otherwise.

    Raises
    ------
    GridError
        When there are none of one role.
    StudyError
        When runs differ from the first; all of them are listed.
    """
    if not len(training) or not len(validation):
        raise GridError(
            f"got {len(training)} runs to train on and {len(validation)} to choose on; it needs "
            "at least one of each; add runs, or lower train.split.validation or test"
        )
    of_run = partial(_kind_of, blocks=training[0].blocks)
    first, *others = [*each(of_run, training), *each(of_run, validation)]
    if problems := [problem for other in others for problem in _differences(first, other)]:
        raise StudyError(problems)
    return first.bands[0] > 0 and {other.bands for other in others} == {first.bands}


def _kind_of(run: AlignedRun, blocks: BlockMap) -> _Kind:
    return _Kind(
        label=run.run.label,
        rate=run.axis.sfreq,
        channels=run.montage.names,
        n_blocks=run.blocks.n_blocks,
        has_blocks=run.blocks.matches(blocks),
        bands=(0 if run.power is None else len(run.power), run.power_bands),
    )


def _differences(first: _Kind, other: _Kind) -> Iterator[Problem]:
    """Yield what of a run is not as in the first."""
    if abs(other.rate - first.rate) > _SAME_RATE:
        got, needed = f"{other.rate:g} Hz", f"{first.rate:g} Hz, as in {first.label}"
        cure = "runs of another TR need their own align.frames_per_tr, or their own model"
        yield Problem(other.label, "group rate", got, needed, cure)
    if other.channels != first.channels:
        different = sorted(set(other.channels) ^ set(first.channels)) or "another order"
        needed = f"the channels of {first.label}, in order"
        cure = "leave channels out, or bring them into one order"
        yield Problem(other.label, "channels", f"{different}", needed, cure)
    if not other.has_blocks:
        got = f"{other.n_blocks} blocks of its own"
        needed = f"the {first.n_blocks} blocks of {first.label}"
        yield Problem(other.label, "source blocks", got, needed, "align all runs to one block map")
