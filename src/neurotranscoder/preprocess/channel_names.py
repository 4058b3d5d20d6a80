"""Names of EEG channels: which mean the same, which are sums of others, which set runs share."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from neurotranscoder.core.recording import RunId

ChannelChoice = Literal["most", "shared", "same"]
Terms = tuple[tuple[int, int], ...]
"""A sum of channels: the row of each, and 1 or -1."""

_PAIR = re.compile(r"^[A-Za-z]+\d*[a-z]*\s*-\s*[A-Za-z]+\d*[a-z]*$")
_OLDER = {"t3": "t7", "t4": "t8", "t5": "p7", "t6": "p8"}  # 10-20 names that the 10-10 replaced
_REFERENCE = ""  # what channels of single electrodes are measured against


@dataclass(frozen=True, slots=True)
class Derivation:
    """How wanted channels follow from those of a recording, without any guess.

    Parameters
    ----------
    terms : dict from str to Terms
        What each wanted channel is the sum of.
    missing : tuple of str
        Wanted channels that follow from none.
    """

    terms: dict[str, Terms]
    missing: tuple[str, ...]


def is_pair(name: str) -> bool:
    """Return whether a channel is the difference of two electrodes, such as 'Fp1-F3'."""
    return _PAIR.match(name) is not None


def are_pairs(names: Sequence[str]) -> bool:
    """Return whether most channels are differences of two electrodes, such as 'Fp1-F3'."""
    return 2 * sum(map(is_pair, names)) > len(names)


def place_name(name: str) -> str:
    """Return one name for all spellings of a channel: 'FP1' is Fp1, T3 the older name of T7."""
    parts = (part.strip() for part in name.casefold().split("-"))
    return "-".join(_OLDER.get(part, part) for part in parts)


def derive(names: Sequence[str], wanted: Sequence[str]) -> Derivation:
    """Return how wanted channels follow from others.

    A channel of the very name counts first, then one of another spelling, then the shortest sum:
    A-C is A-B and B-C, or A less C where both have one reference.

    Parameters
    ----------
    names : sequence of str
        Channels of a recording.
    wanted : sequence of str
        Channels that it is to have.
    """
    exact = {name: row for row, name in enumerate(names)}
    spelled = {place_name(name): row for row, name in reversed(list(enumerate(names)))}
    edges = _edges(names)
    terms: dict[str, Terms] = {}
    for name in wanted:
        row = exact.get(name, spelled.get(place_name(name)))
        path = ((row, 1),) if row is not None else _path(edges, *_ends(name))
        if path:
            terms[name] = path
    return Derivation(terms, tuple(name for name in wanted if name not in terms))


def chosen_set(
    channels: Mapping[RunId, tuple[str, ...]], choice: Literal["most", "shared"]
) -> tuple[str, ...]:
    """Return the channels that all runs of a study are to have.

    Parameters
    ----------
    channels : mapping from RunId to tuple of str
        The EEG channels of each run; one at least.
    choice : {'most', 'shared'}
        Those that more than half of the subjects have, or those that all runs have. Pairs and
        single electrodes are not mixed: of 'most', the kind that most subjects have counts.

    Returns
    -------
    names : tuple of str
        In the order and spelling of the first of those runs that have most of them; () where
        there are none.
    """
    if choice == "most":
        channels = _of_one_kind(channels)
    owners: dict[str, set[RunId | str]] = defaultdict(set)
    for run, names in channels.items():
        for place in map(place_name, names):
            owners[place].add(run.subject if choice == "most" else run)
    n_subjects = len({run.subject for run in channels})
    needed = len(channels) if choice == "shared" else n_subjects // 2 + 1
    chosen = {place for place, those in owners.items() if len(those) >= needed}

    def has(run: RunId) -> int:
        return -sum(place_name(name) in chosen for name in channels[run])

    found: dict[str, str] = {}
    for run in sorted(channels, key=lambda run: (has(run), run)):
        for name in channels[run]:
            if place_name(name) in chosen:
                found.setdefault(place_name(name), name)
    return tuple(found.values())


def _of_one_kind(channels: Mapping[RunId, tuple[str, ...]]) -> dict[RunId, tuple[str, ...]]:
    """Return the runs of pairs, or of single electrodes, whichever are of more subjects.

    Of as many, pairs: single electrodes can become pairs, but not the other way round.
    """
    kinds = {run: are_pairs(names) for run, names in channels.items()}
    subjects = {
        kind: len({run.subject for run in channels if kinds[run] == kind})
        for kind in (True, False)
    }
    best = subjects[True] >= subjects[False]
    return {run: names for run, names in channels.items() if kinds[run] == best}


def _ends(name: str) -> tuple[str, str]:
    """Return the electrode of a channel and what it is measured against."""
    if not is_pair(name):
        return place_name(name), _REFERENCE
    one, _, other = place_name(name).partition("-")
    return one, other


def _edges(names: Sequence[str]) -> dict[str, list[tuple[str, int, int]]]:
    """Return what each electrode is measured against: the other, the row, and 1 or -1."""
    found: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for row, name in enumerate(names):
        one, other = _ends(name)
        found[one].append((other, row, 1))
        found[other].append((one, row, -1))
    return found


def _path(edges: Mapping[str, list[tuple[str, int, int]]], start: str, end: str) -> Terms:
    """Return the shortest sum of channels from one electrode to another, () if there is none."""
    found: dict[str, Terms] = {start: ()}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        if here == end:
            return found[here]
        for there, row, sign in edges.get(here, []):
            if there not in found:
                found[there] = (*found[here], (row, sign))
                waiting.append(there)
    return ()
