"""What conditions do: every mean and contrast of a study, within subjects and across them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from neurotranscoder.analyse.clusters import Cluster, cluster_test
from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.peaks import Peak, peaks_of
from neurotranscoder.analyse.subjects import SubjectMeans, difference
from neurotranscoder.analyse.trials import Trials
from neurotranscoder.analyse.units import Units, UnitSettings, contrast_units, mean_units
from neurotranscoder.analyse.visible import UNMASKED, Visible, visible_in_half
from neurotranscoder.analyse.zmaps import Samples, Significant, ZMap, z_map
from neurotranscoder.core.errors import Problem, SettingsError
from neurotranscoder.core.movie import SourceMovie

POOLED = "all"
"""Name of the mean over all conditions."""
_LONGEST = 150  # of the 255 bytes that file systems take, with what else is in the name


@dataclass(frozen=True, slots=True)
class Question:
    """A mean (of one condition, or all pooled), or a contrast.

    Parameters
    ----------
    first : str
        Condition, or ``all``.
    second : str, optional
        Condition that is taken off.
    """

    first: str
    second: str | None = None

    @property
    def name(self) -> str:
        """Its name in words, as ``oddball`` or ``oddball less standard``."""
        return self.first if self.second is None else f"{self.first} less {self.second}"

    @property
    def label(self) -> str:
        """Its name as a BIDS label: letters and digits."""
        names = [self.first] if self.second is None else [self.first, "Minus", self.second]
        return "".join(c for c in "".join(names) if c.isascii() and c.isalnum())

    def samples(self, trials: Trials, settings: UnitSettings) -> Units:
        """Return the units of a subject's trials."""
        if self.second is not None:
            return contrast_units(trials, self.first, self.second, settings)
        return mean_units(self.chosen(trials), settings)

    def average(self, trials: Trials) -> SourceMovie:
        """Return the mean over trials, or the difference of two."""
        if self.second is None:
            return self.chosen(trials).average()
        return difference(trials.of(self.first).average(), trials.of(self.second).average())

    def chosen(self, trials: Trials) -> Trials:
        """Return the trials of its first condition, or all where conditions are pooled."""
        return trials if self.first == POOLED else trials.of(self.first)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What is found of one question.

    Parameters
    ----------
    question : Question
        What was asked.
    over : {'units', 'subjects'}
        What errors are taken over.
    n : int
        How many of these.
    found : ZMap
        Effect and z.
    seen : Significant
        Where and when, with the correction and its level.
    clusters : tuple of Cluster
        All clusters with their p; empty without the cluster test.
    peaks : tuple of Peak
        Of what is seen, strongest first.
    visible : Visible
        Voxels that were tested; effect and z are those of all.
    """

    question: Question
    over: Literal["units", "subjects"]
    n: int
    found: ZMap
    seen: Significant
    clusters: tuple[Cluster, ...]
    peaks: tuple[Peak, ...]
    visible: Visible = UNMASKED


def questions_of(names: Sequence[str], settings: TrialAnalysisSettings) -> tuple[Question, ...]:
    """Return all means and contrasts of some conditions: means in the order of the settings.

    Pairs that settings do not name are by name, the first less the second.

    Parameters
    ----------
    names : sequence of str
        Every ``trial_type`` that the events have.
    settings : TrialAnalysisSettings
        What is asked.

    Raises
    ------
    SettingsError
        With everything that `problems_of_questions` finds.
    """
    if problems := problems_of_questions(names, settings):
        raise SettingsError("\n".join(map(str, problems)))
    return _asked(names, settings)


def problems_of_questions(
    names: Sequence[str], settings: TrialAnalysisSettings
) -> tuple[Problem, ...]:
    """Return why questions cannot be asked of some conditions.

    Conditions that do not exist, contrasts of what settings leave out or of a condition with
    itself, and questions whose files would have one name.
    """
    known = sorted(set(names))
    found = [_lacking(pair, known, settings) for pair in settings.contrasts]
    wanted = [
        *(settings.conditions or settings.pools),
        *(n for c in settings.contrasts for n in c),
    ]
    if unknown := sorted({t for name in wanted for t in settings.types_of(name)} - set(known)):
        got = f"the conditions {_listed(unknown)}"
        needed = f"some of {_listed(known) or 'none'}, which events.tsv has as trial_type"
        found.append(Problem("settings", "analyse.trials", got, needed, "choose among these"))
    found += _unnamable(_asked(names, settings))
    return tuple(one for one in found if one is not None)


def _unnamable(asked: Sequence[Question]) -> list[Problem]:
    """Return the questions that no file can be called by: no label, a long one, or another's."""
    labelled: dict[str, list[str]] = {}
    for one in asked:
        labelled.setdefault(one.label, []).append(one.name)
    found = []
    for label, names in labelled.items():
        if not label:
            got = f"{_listed(names)}, of which file names would have nothing"
        elif len(names) > 1:
            got = f"{_listed(names)}, two questions that would be called {label!r} in file names"
        elif len(label) > _LONGEST:
            got = f"{_listed(names)}, which would be {len(label)} letters of a file name"
        else:
            continue
        needed = f"names that differ in their letters (a to z) and digits, {_LONGEST} at most"
        cure = (
            "rename the trial_type, give it a short name with analyse.trials.pools, or choose "
            "others with analyse.trials.conditions and contrasts"
        )
        found.append(Problem("settings", "analyse.trials", got, needed, cure))
    return found


def _lacking(
    pair: tuple[str, str], known: Sequence[str], settings: TrialAnalysisSettings
) -> Problem | None:
    """Return what is wrong with a contrast whose sides are not both among what is looked at."""
    got = f"the contrast of {pair[0]!r} and {pair[1]!r}"
    field, left = "analyse.trials.contrasts", set(settings.trial_types or known)
    if pair[0] == pair[1]:
        cure = "name another, or leave it out"
        return Problem("settings", field, got, "two different conditions", cure)
    absent = sorted({t for name in pair for t in settings.types_of(name)} & set(known) - left)
    if not absent:
        return None
    where = "conditions" if settings.conditions else "pools"
    return Problem(
        "settings",
        field,
        f"{got}, of which analyse.trials.{where} leave out {_listed(absent)}",
        f"both sides among {_listed(sorted(left))}, or more conditions (events.tsv has "
        f"{_listed(known)})",
        f"add {_listed(absent)} to analyse.trials.conditions, or leave the contrast out",
    )


def _listed(names: Sequence[str]) -> str:
    """Return names in quotes."""
    return ", ".join(map(repr, names))


def _asked(names: Sequence[str], settings: TrialAnalysisSettings) -> tuple[Question, ...]:
    """Return what is asked of conditions, in their order in the settings, or by name."""
    wanted = list(settings.conditions or settings.pools or sorted(set(names)))
    pooled = [POOLED] if len(wanted) > 1 else []
    contrasts = settings.contrasts or tuple(
        pair for pair in combinations(sorted(wanted), 2) if not settings.shared(*pair)
    )
    means = (Question(name) for name in [*pooled, *wanted])
    return (*means, *(Question(*one) for one in contrasts))


def answer(
    question: Question,
    samples: Samples,
    settings: TrialAnalysisSettings,
    over: Literal["units", "subjects"],
    visible: Visible = UNMASKED,
) -> Answer:
    """Test one question at the voxels that can be seen; what is not seen is no test.

    Parameters
    ----------
    question : Question
        What is asked.
    samples : Units or SubjectMeans
        What errors are taken over.
    settings : TrialAnalysisSettings
        How it is tested.
    over : {'units', 'subjects'}
        What the samples are.
    visible : Visible
        The voxels.

    Raises
    ------
    GridError
        When there are too few samples for the test, or no voxel is seen.
    """
    inside = visible.within(samples)
    found = z_map(samples)
    seen, clusters = _test(found, inside, settings, visible.rows(samples.mask))
    peaks = peaks_of(found, seen, settings.clusters.neighbours)
    return Answer(question, over, samples.n, found, seen, clusters, peaks, visible)


def answer_across(
    question: Question,
    averages: Sequence[SourceMovie],
    settings: TrialAnalysisSettings,
    visible: Sequence[Visible] = (),
) -> Answer:
    """Test one question over subjects: random effects.

    Parameters
    ----------
    question : Question
        What is asked.
    averages : sequence of SourceMovie
        ``question.average`` of each subject, all in one space.
    settings : TrialAnalysisSettings
        How it is tested.
    visible : sequence of Visible
        Voxels that can be seen in each subject; those are tested that half of them can.

    Raises
    ------
    GridError
        When grids differ, there are too few subjects for the test, or no voxel is seen.
    """
    samples = SubjectMeans.of(averages)
    return answer(question, samples, settings, "subjects", visible_in_half(visible))


def _test(
    found: ZMap,
    inside: Samples,
    settings: TrialAnalysisSettings,
    rows: Bool[ndarray, " voxels"],
) -> tuple[Significant, tuple[Cluster, ...]]:
    """Return where and when an effect is, among some voxels, and the clusters of the test."""
    if settings.correction == "cluster":
        test = cluster_test(inside, settings.clusters, np.random.default_rng(settings.seed))
        part = test.significant
        seen = np.zeros(found.z.shape, dtype=bool)
        seen[rows] = part.seen
        return replace(part, seen=seen), test.clusters
    among = replace(found, tested=found.tested & rows)
    if settings.correction == "fdr":
        return among.fdr(settings.level, n=inside.n), ()
    every = found.uncorrected(settings.level)
    return replace(every, seen=every.seen & rows[:, np.newaxis]), ()
