"""Work on many runs, one at a time: here, or wherever a sequence of runs spreads it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, overload, runtime_checkable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")
S = TypeVar("S")
Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""Like the built-in; may spread calls over processes or machines."""


@runtime_checkable
class Spreading(Protocol[T_co]):
    """A sequence that says where work on its items is done and where results are kept."""

    def each(self, function: Callable[[T_co], R]) -> Iterator[R]:
        """Yield what a function makes of each item, in order."""
        ...

    def kept(self, function: Callable[[T_co], R]) -> Sequence[R]:
        """Return what a function makes of each item, computed once."""
        ...


def each(function: Callable[[T], R], runs: Sequence[T]) -> Iterator[R]:
    """Yield what a function makes of each run, in their order.

    Parameters
    ----------
    function : callable
        From one run to anything; of a module, or a `functools.partial` of such, as it may be
        sent to other processes.
    runs : sequence
        Plain, or one that spreads the work (`Spreading`).
    """
    return runs.each(function) if isinstance(runs, Spreading) else map(function, runs)


def kept(function: Callable[[T], R], runs: Sequence[T]) -> Sequence[R]:
    """Return what a function makes of each run, computed once and kept where the runs are."""
    return runs.kept(function) if isinstance(runs, Spreading) else [*map(function, runs)]


def summed(function: Callable[[T], S], runs: Sequence[T]) -> S:
    """Return the sum of what a function makes of each run, taken in the order of the runs.

    Parameters
    ----------
    function : callable
        From one run to something that can be added (see `each`).
    runs : sequence
        At least one.
    """
    return functools.reduce(lambda total, one: total + one, each(function, runs))  # type: ignore[operator]


@dataclass(frozen=True, slots=True, eq=False)
class Lazily(Sequence[R], Generic[T, R]):
    """What a function makes of each run, made anew whenever it is asked for.

    Parameters
    ----------
    function : callable
        From one run to anything (see `each`).
    runs : sequence
        Plain, or one that spreads the work.
    """

    function: Callable[[T], R]
    runs: Sequence[T]

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[R]: ...
    def __getitem__(self, index: int | slice) -> R | Sequence[R]:
        if isinstance(index, slice):
            return Lazily(self.function, self.runs[index])
        return self.function(self.runs[index])

    def __len__(self) -> int:
        return len(self.runs)

    def each(self, function: Callable[[R], S]) -> Iterator[S]:
        """Yield what a further function makes of each, in order."""
        return each(functools.partial(_one_after_other, self.function, function), self.runs)

    def kept(self, function: Callable[[R], S]) -> Sequence[S]:
        """Return what a further function makes of each, computed once."""
        return kept(functools.partial(_one_after_other, self.function, function), self.runs)


def _one_after_other(first: Callable[[T], R], then: Callable[[R], S], run: T) -> S:
    return then(first(run))
