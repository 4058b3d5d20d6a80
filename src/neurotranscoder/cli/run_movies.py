"""Which movies the statistics of subjects are of, and what their runs were recorded with.

Movies from EEG are the same estimate whether or not BOLD was recorded beside it, and are averaged
together. Those from BOLD hold nothing faster than about .2 Hz: they are averaged with the others
only where settings ask for it, and every result says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from neurotranscoder.analyse.condition_settings import MovieKind
from neurotranscoder.cli.common import say
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import Origin
from neurotranscoder.io.movies import movie_path
from neurotranscoder.preprocess.study import Study

Recorded = Literal["both", "EEG alone", "BOLD alone"]
_READ: dict[Origin, str] = {"eeg": "EEG", "bold": "BOLD", "fused": "EEG and BOLD"}
_OF: dict[Recorded, str] = {
    "both": "with both",
    "EEG alone": "of EEG alone",
    "BOLD alone": "of BOLD alone",
}
FROM: dict[MovieKind, str] = {"eeg": "", "bold": " --from bold"}
"""What `reconstruct` needs to be told for movies of a kind; those of other kinds, both."""


@dataclass(frozen=True, slots=True)
class RunMovie:
    """The movie of a run that is looked at.

    Parameters
    ----------
    run : RunId
        Of which run.
    origin : {'eeg', 'bold', 'fused'}
        What it was estimated from.
    recorded : {'both', 'EEG alone', 'BOLD alone'}
        What the run has.
    """

    run: RunId
    origin: Origin
    recorded: Recorded

    def path(self, out: Path) -> Path:
        """Return where it is."""
        return movie_path(out, self.run, self.origin)


def run_movies(study: Study, kind: MovieKind) -> tuple[RunMovie, ...]:
    """Return the movies of a kind that the runs of a study can have, sorted by run.

    Runs that have nothing to make them from are left out, which is said.
    """
    of_both: Origin = "eeg" if kind == "any" else kind
    found = [RunMovie(run, of_both, "both") for run in study.runs]
    left: dict[Recorded, list[RunId]] = {}
    for lone in study.alone.values():
        recorded: Recorded = "EEG alone" if lone.modality == "eeg" else "BOLD alone"
        if kind in ("any", lone.modality):
            found.append(RunMovie(lone.run, lone.modality, recorded))
        else:
            left.setdefault(recorded, []).append(lone.run)
    for recorded, runs in left.items():
        say(
            f"{_count(len(runs))} {_OF[recorded]} ({min(runs)}{', ...' if len(runs) > 1 else ''}) "
            f"left out: analyse.trials.movies is {kind!r}"
        )
    return tuple(sorted(found, key=lambda one: one.run))


def words_of(movies: Sequence[RunMovie]) -> str:
    """Return what movies were estimated from, and what their runs have, for every result."""
    parts = []
    for origin, read in _READ.items():
        own = [one.recorded for one in movies if one.origin == origin]
        counts = [f"{_count(own.count(kind))} {_OF[kind]}" for kind in _OF if kind in own]
        parts += [f"{read}: {', '.join(counts)}"] if counts else []
    return "; ".join(parts)


def caution_of(movies: Sequence[RunMovie]) -> str:
    """Return what to keep in mind where movies are from BOLD, or of two kinds; else nothing."""
    origins = {one.origin for one in movies}
    cautions = []
    if len(origins) > 1:
        cautions.append(
            "movies from EEG and movies from BOLD are in one average: they differ in resolution "
            "and scale"
        )
    if "bold" in origins:
        cautions.append(
            "movies from BOLD hold nothing faster than about .2 Hz: when an effect begins or is "
            "strongest says little"
        )
    return "; ".join(cautions)


def _count(n: int) -> str:
    """Return a number of runs."""
    return f"{n} run{'' if n == 1 else 's'}"
