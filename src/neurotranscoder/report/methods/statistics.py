"""Sentences about tests of conditions, from the sidecars of their results."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from neurotranscoder.report.methods.phrases import count, number, spread

Tests = Sequence[Mapping[str, Any]]


def statistics_sentences(tests: Tests) -> list[str]:
    """Return how conditions were tested, and how many questions were not.

    Parameters
    ----------
    tests : sequence of mapping
        One sidecar of each question; none gives no sentence.
    """
    if not tests:
        return []
    tested = [one for one in tests if "NotTested" not in one]
    said = [_window(tests), *_movies(tests)]
    for over in dict.fromkeys(str(one["Over"]) for one in tested):
        said.append(_samples([one for one in tested if one["Over"] == over], over))
    for correction in dict.fromkeys(str(one["Correction"]) for one in tested):
        said.append(_correction([one for one in tested if one["Correction"] == correction]))
    masked = [one for one in tested if not str(one["Voxels"]).startswith("all voxels")]
    if masked:
        said.append(
            f"{_share(masked, tested)} restricted to voxels in which the model predicted BOLD of "
            f"runs that it was not fitted on ({_trust(masked)} [@benjamini1995] in each "
            "subject; across subjects, voxels of at least half of them)."
        )
    left = len(tests) - len(tested)
    if left:
        reason = next(str(one["NotTested"]) for one in tests if "NotTested" in one)
        said.append(f"{count(left, 'question')} could not be tested (first reason: {reason}).")
    return said


def _trust(masked: Tests) -> str:
    """Return at which false discovery rate voxels were seen, where sidecars know it."""
    known = [number(float(one["TrustQ"])) for one in masked if "TrustQ" in one]
    words = f" q <= {' or '.join(dict.fromkeys(known))}" if known else ""
    return f"false discovery rate{words}"


def _share(some: Tests, of: Tests) -> str:
    """Return how many tests something was true of, as the subject of a sentence."""
    if len(some) == len(of):
        return "Tests were"
    return f"{len(some)} of {count(len(of), 'test')} {'was' if len(some) == 1 else 'were'}"


def _window(tests: Tests) -> str:
    """Return how trials were cut."""
    questions = {(str(one["First"]), str(one["Second"])) for one in tests}
    contrasts = sum(second != "n/a" for _, second in questions)
    asked = f"{count(len(questions) - contrasts, 'mean')} and {count(contrasts, 'contrast')}"
    window = tests[0].get("Window")
    if not isinstance(window, Mapping):
        return f"Of source courses after events, {asked} of conditions were looked at."
    start, stop, first, last = (
        number(float(window[name])) for name in ("start", "stop", "baseline_start",
                                                 "baseline_stop")
    )  # fmt: skip
    return (
        f"Source courses were cut from {start} to {stop} s after events, less their mean from "
        f"{first} to {last} s; {asked} of conditions were looked at."
    )


def _movies(tests: Tests) -> list[str]:
    """Return what averages are of, where that is not EEG beside BOLD alone."""
    known = dict.fromkeys(str(one["MoviesFrom"]) for one in tests if "MoviesFrom" in one)
    plain = re.compile(r"EEG: \d+ runs? with both")
    if all(plain.fullmatch(words) for words in known):
        return []
    return [f"Averages are of sources from {'; or from '.join(known)}."]


def _samples(tests: Tests, over: str) -> str:
    """Return what tests were over."""
    n = spread([float(one["N"]) for one in tests])
    if over == "subjects":
        return f"Across subjects, t over the averages of {n} subjects was turned into z."
    size = {int(one["TrialsPerUnit"]) for one in tests if "TrialsPerUnit" in one}
    per = f" of {spread(sorted(map(float, size)))} neighbouring trials" if size else " of trials"
    return f"Within subjects, t over {n} units{per} was turned into z."


def _correction(tests: Tests) -> str:
    """Return what was done about the number of voxels and frames."""
    level = number(float(tests[0]["Level"]))
    kind = str(tests[0]["Correction"])
    if kind == "fdr":
        return (
            "The false discovery rate over voxels and frames was kept at "
            f"{level} [@benjamini1995]."
        )
    if kind != "cluster":
        return f"p was {level}, not corrected for the number of voxels and frames."
    said = "Clusters in space and time were tested by permutations of signs [@maris2007]"
    known = tests[0].get("ClusterTest")
    if isinstance(known, Mapping):
        said += (
            f" ({known['n_permutations']} permutations, forming p "
            f"{number(float(known['forming_p']))})"
        )
    return f"{said}, at a family-wise level of {level}."
