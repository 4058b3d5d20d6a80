"""Runs that lie in files, few of them in memory at a time; work on them may be spread."""

from __future__ import annotations

import functools
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, overload

from neurotranscoder.core.spread import Map
from neurotranscoder.io.store import disk_errors

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, eq=False)
class StoredRuns(Sequence[T], Generic[T]):
    """Things of runs, such as aligned runs, each in a file that is read when it is asked for.

    Files are pickles of the same process or its workers: they are read within the context of
    their folder and never later.

    Parameters
    ----------
    paths : tuple of Path
        One file for each run.
    folder : Path
        Where further results go.
    spread : callable
        Like the built-in map; what is done with each run is done by it, where the file is read.
    """

    paths: tuple[Path, ...]
    folder: Path
    spread: Map = map

    @classmethod
    def of(
        cls,
        function: Callable[[Any], T],
        items: Iterable[Any],
        folder: Path,
        *,
        spread: Map = map,
        report: Callable[[int], None] = lambda _: None,
    ) -> StoredRuns[T]:
        """Store what a function makes of each item; the processes that make it write the files.

        Parameters
        ----------
        function : callable
            Of a module, or a `functools.partial` of such.
        items : iterable
            What it is called with, in order.
        folder : Path
            An existing folder.
        spread : callable
            Like the built-in map.
        report : callable, optional
            Called with how many are done.
        """
        with disk_errors(folder):
            own = Path(tempfile.mkdtemp(dir=folder))
        numbered = ((own / f"{number}.pickle", item) for number, item in enumerate(items))
        paths = []
        for path in spread(functools.partial(_store, function), numbered):
            paths.append(path)
            report(len(paths))
        return cls(tuple(paths), folder, spread)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> StoredRuns[T]: ...
    def __getitem__(self, index: int | slice) -> T | StoredRuns[T]:
        if isinstance(index, slice):
            return replace(self, paths=self.paths[index])
        return cast(T, _load(self.paths[index]))

    def __len__(self) -> int:
        return len(self.paths)

    def each(self, function: Callable[[T], R]) -> Iterator[R]:
        """Yield what a function makes of each run, in order (see `core.spread.each`)."""
        return iter(self.spread(functools.partial(_of_stored, function), self.paths))

    def kept(self, function: Callable[[T], R]) -> StoredRuns[R]:
        """Return what a function makes of each run, in files beside them."""
        of_file = functools.partial(_of_stored, function)
        return StoredRuns.of(of_file, self.paths, self.folder, spread=self.spread)


def _load(path: Path) -> object:
    with path.open("rb") as file:
        return pickle.load(file)


def _of_stored(function: Callable[[Any], R], path: Path) -> R:
    return function(_load(path))


def _store(function: Callable[[Any], object], task: tuple[Path, Any]) -> Path:
    """Write what a function makes of an item; return where it is."""
    path, item = task
    made = function(item)
    with disk_errors(path), path.open("wb") as file:
        pickle.dump(made, file, protocol=pickle.HIGHEST_PROTOCOL)
    return path
