"""Which condition a trial type is of: by the whole label, or by the words in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SYNONYMS = {"target": "oddball", "deviant": "oddball", "nontarget": "standard"}
_NON_TARGET = re.compile(r"\bnon[\W_]*target\b", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")


def words_of(label: str) -> frozenset[str]:
    """Return the words of a label, in small letters.

    Words end at spaces, signs, digits and capitals after small letters. Target and deviant are
    words for oddball, non-target is one for standard.
    """
    spaced = _HUMP.sub(" ", _NON_TARGET.sub(" standard ", label))
    words = (word.casefold() for word in _WORD.findall(spaced))
    return frozenset(_SYNONYMS.get(word, word) for word in words)


def matching_condition(conditions: Iterable[str], trial_type: str) -> str | None:
    """Return the condition that a trial type is of, None when it is of none.

    That is the one that equals it, capitals aside; else the one of most words that are all in
    it, the first of these in the order given. So 'face' and 'low' are both conditions of
    'face_low', and 'oddball' is one of 'auditory target stimulus presentation'.

    Parameters
    ----------
    conditions : iterable of str
        Names of conditions.
    trial_type : str
        Label of an event.
    """
    mine = words_of(trial_type)
    best, best_score = None, 0.0
    for condition in conditions:
        words = words_of(condition)
        same = condition.casefold() == trial_type.casefold()
        score = float("inf") if same else len(words) if words <= mine else 0
        if score > best_score:
            best, best_score = condition, score
    return best
