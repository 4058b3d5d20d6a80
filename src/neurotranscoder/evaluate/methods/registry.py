"""Methods by name: what they are called in tables, what they are given, how long they take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.evaluate.methods.protocol import Knowledge, Method

Role = Literal["transcoder", "ablation", "rival", "informed", "oracle", "null", "control"]
"""'informed' rivals are given part of the truth; 'oracle' limits see true sources in training."""

MethodClass = Literal["spatial", "linear", "linear_power", "any"]
"""What the estimate may be: one matrix for each EEG frame; any linear filter of the signals; of
the signals and of a power of the EEG's band power; anything. Each class holds those before it."""


def holds(wide: MethodClass | None, narrow: MethodClass | None) -> bool:
    """Return whether every estimate of one class is one of the other; no class holds nothing."""
    if wide is None or narrow is None:
        return False
    classes = get_args(MethodClass)
    return bool(classes.index(narrow) <= classes.index(wide))


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """A method that can be asked for by its name.

    Parameters
    ----------
    name : str
        As in the tables.
    role : str
        What it is compared for.
    bound : str or None
        Class of estimates that it belongs to; an oracle of that class, or of one that holds it,
        has to reach its score. Of an oracle without one nothing is claimed.
    make : callable
        From what may be known of the truth, and a seed, to a fresh method. Blind methods get None.
    informed : bool
        Whether it is given the truth of training runs, or of the head.
    slow : bool
        Whether it may take more than two minutes, and is left out unless it is asked for.
    """

    name: str
    role: Role
    bound: MethodClass | None
    make: Callable[[Knowledge | None, int], Method]
    informed: bool = False
    slow: bool = False


def methods_named(known: Sequence[MethodSpec], names: Sequence[str]) -> tuple[MethodSpec, ...]:
    """Return methods by their names, all that are not slow without names.

    Raises
    ------
    SettingsError
        For unknown names, all at once.
    """
    if not names:
        return tuple(spec for spec in known if not spec.slow)
    by_name = {spec.name: spec for spec in known}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise SettingsError(
            f"unknown methods {', '.join(unknown)}; known ones are {', '.join(by_name)}, or "
            "give one of your own as package.module:factory"
        )
    return tuple(by_name[name] for name in dict.fromkeys(names))
