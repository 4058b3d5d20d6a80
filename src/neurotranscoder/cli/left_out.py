"""Steps of ``neurotranscoder run`` that were left out: said, kept with results, on the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from neurotranscoder.cli.common import say
from neurotranscoder.core.errors import GridError, PartialError, SettingsError, StudyError
from neurotranscoder.io.store import read_json, write_json

_FILE = "left_out.json"
_KEY = "left_out"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Collects the steps that could not be done.

    Parameters
    ----------
    results : Path
        The folder of results.
    lines : list of str
        Each step with its reason.
    asked : list of str
        Those of them that settings asked for and the study cannot give.
    """

    results: Path
    lines: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def attempt(self, what: str, step: Callable[[], None]) -> None:
        """Do what not all studies have the data for; say loudly where it is left out."""
        try:
            step()
        except (GridError, SettingsError, StudyError) as error:
            self.lines.append(f"{what}: {error}")
            if isinstance(error, SettingsError):
                self.asked.append(self.lines[-1])
            say(f"LEFT OUT: {self.lines[-1]}")

    def keep(self) -> None:
        """Write what is left out; where nothing is, also what was left out before is gone."""
        write_json(self.results / _FILE, {_KEY: self.lines})

    def settle(self) -> None:
        """End with a fault where settings ask for what was left out.

        Raises
        ------
        PartialError
            With each of them.
        """
        if self.asked:
            raise PartialError("left out, though settings ask for it: " + "; ".join(self.asked))


def left_out_of(results: Path) -> tuple[str, ...]:
    """Return what a page of results warns of: what `run` left out."""
    path = results / _FILE
    lines = read_json(path).get(_KEY) if path.is_file() else None
    if not isinstance(lines, list):
        return ()
    return tuple(f"Left out ({line}). What is here of it is of an earlier run." for line in lines)
