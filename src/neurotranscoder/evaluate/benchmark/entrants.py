"""Who takes part in a benchmark: methods of the package, of others, and files of predictions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.evaluate.benchmark.plan import BenchmarkPlan, WorldPlan
from neurotranscoder.evaluate.methods.catalogue import known_methods
from neurotranscoder.evaluate.methods.outside import (
    files_spec,
    fingerprint_of,
    fingerprint_of_files,
    outside_spec,
)
from neurotranscoder.evaluate.methods.registry import MethodSpec, methods_named
from neurotranscoder.train.device import Device

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+-]*")


@dataclass(frozen=True, slots=True)
class Entrant:
    """A method that takes part.

    Parameters
    ----------
    spec : MethodSpec
        How it is made.
    fingerprint : str
        Hash of what its results depend on besides the package and the plan.
    origin : str
        Where a method that is not of the package comes from: its address, or a folder.
    """

    spec: MethodSpec
    fingerprint: str = ""
    origin: str = ""

    @property
    def name(self) -> str:
        """What tables call it."""
        return self.spec.name


Entrants = Callable[[WorldPlan], Sequence[Entrant]]
"""From a world to the methods that take part there; other processes have to be able to call it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The methods that a user asks for.

    Parameters
    ----------
    plan : BenchmarkPlan
        How transcoders are trained.
    names : tuple of str
        Methods of the package; all that are not slow without names.
    outside : tuple of str
        Methods of one's own as ``package.module:factory`` or ``NAME=package.module:factory``.
    predictions : tuple of str
        Predictions made elsewhere, as ``NAME=FOLDER``; the files of a world are in
        ``FOLDER/<scenario>/seed-<k>``.
    device : {'auto', 'cpu', 'cuda'}
        Where networks are trained.
    """

    plan: BenchmarkPlan
    names: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    device: Device = "auto"

    def __call__(self, world: WorldPlan) -> tuple[Entrant, ...]:
        """Return the methods of a world.

        Raises
        ------
        SettingsError
            For an unknown or impossible name, or one that is used twice.
        MethodError
            When a method of one's own cannot be made.
        """
        known = known_methods(self.plan.train, fusion=self.plan.fusion, device=self.device)
        entrants = [Entrant(spec) for spec in methods_named(known, self.names)]
        for words in self.outside:
            name, address = _pair(words)
            spec = outside_spec(name, address)
            entrants.append(Entrant(spec, fingerprint_of(address), address))
        for words in self.predictions:
            name, place = _pair(words)
            if name == place:
                raise SettingsError(f"--predictions got {words!r}; it needs NAME=FOLDER")
            if not Path(place).is_dir():
                raise SettingsError(
                    f"--predictions got {words!r}: no folder is there; it needs SCENARIO/seed-K "
                    "with predictions in a folder; check the path, or see README.txt of --export"
                )
            folder = Path(place) / world.name
            spec = files_spec(name, folder)
            entrants.append(Entrant(spec, fingerprint_of_files(folder), str(folder)))
        names = [entrant.name for entrant in entrants]
        if double := sorted({name for name in names if names.count(name) > 1}):
            raise SettingsError(
                f"two methods are called {', '.join(double)}; give one of them another name, as "
                "in --method mine=package.module:factory"
            )
        return tuple(entrants)


def _pair(words: str) -> tuple[str, str]:
    """Return name and place of a method of one's own."""
    name, found, place = words.partition("=")
    if not _NAME.fullmatch(name) or (found and not place):
        raise SettingsError(
            f"method {words!r}: its name {name!r} has to be of letters, digits, '.', ':', '_', "
            "'+' and '-'; as in mine=package.module:factory"
        )
    return name, place if found else name
