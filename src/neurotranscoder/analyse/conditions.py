"""What conditions do: every mean and contrast of a study, within subjects and across them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from jaxtyping import Bool
from numpy import ndarray
from pydantic import Field, field_validator, model_validator

from neurotranscoder.analyse.clusters import Cluster, ClusterSettings, cluster_test
from neurotranscoder.analyse.peaks import Peak, peaks_of
from neurotranscoder.analyse.subjects import SubjectMeans, difference
from neurotranscoder.analyse.trials import Trials, TrialSettings
from neurotranscoder.analyse.units import Units, UnitSettings, contrast_units, mean_units
from neurotranscoder.analyse.visible import UNMASKED, Visible, visible_in_half
from neurotranscoder.analyse.zmaps import Correction, Samples, Significant, ZMap, z_map
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.settings import Settings

POOLED = "all"
"""Name of the mean over all conditions."""


class TrialAnalysisSettings(Settings):
    """What is asked about conditions, and how it is tested."""

    window: TrialSettings = TrialSettings()
    """Window and baseline."""
    units: UnitSettings = UnitSettings()
    """What tests within a subject are over."""
    clusters: ClusterSettings = ClusterSettings()
    """Cluster test; with its own level."""
    pools: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Names that stand for several values of ``trial_type`` together, as ``face = ["face_high",
    "face_low"]``; conditions and contrasts may be these."""
    conditions: tuple[str, ...] = ()
    """Values of ``trial_type``, or pools, that are looked at; when empty all pools, where there
    is none all values."""
    contrasts: tuple[tuple[str, str], ...] = ()
    """Pairs of conditions, the first less the second; when empty every pair that shares no
    ``trial_type``."""
    correction: Correction = "cluster"
    """What is done about the number of voxels and frames: 'cluster', 'fdr' or 'uncorrected'."""
    level: float = Field(default=0.05, gt=0, lt=1)
    """Of q ('fdr') or p ('uncorrected')."""
    unseen_runs: bool = False
    """Only runs that the subject's model was not fitted on."""
    trust_q: float = Field(default=0.05, gt=0, le=1)
    """Tests, pictures and tables are of the voxels that the trust map of a subject shows at this
    false discovery rate; 'none', or 1: of all voxels."""
    seed: int = 0
    """Of the permutations."""

    def described(self) -> dict[str, object]:
        """Return how it is tested, for sidecars: what a correction does not use is left out."""
        known: dict[str, object] = {"Window": self.window.model_dump(mode="json")}
        if self.correction == "cluster":
            known["ClusterTest"] = self.clusters.model_dump(mode="json")
        return known

    @field_validator("trust_q", mode="before")
    @classmethod
    def _none_is_one(cls, value: object) -> object:
        """Take 'none' (TOML has no null) for a rate that leaves all voxels in."""
        return 1.0 if value is None or value == "none" else value

    @model_validator(mode="after")
    def _distinct_pairs(self) -> TrialAnalysisSettings:
        """Refuse contrasts of pools that have trials in common."""
        for first, second in self.contrasts:
            if first != second and (shared := self.shared(first, second)):
                raise ValueError(
                    f"the contrast of {first!r} and {second!r} has trials of {shared[0]!r} on "
                    "both sides; it needs pools that share no trial_type"
                )
        return self

    @field_validator("pools")
    @classmethod
    def _named_pools(cls, pools: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """Refuse pools that hold nothing, or whose names are no bare words."""
        for name, types in pools.items():
            if not types or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
                raise ValueError(
                    f"pool {name!r} of {list(types)}; its name needs letters, digits, '_' or '-', "
                    "and it needs at least one trial_type"
                )
        return pools

    def types_of(self, name: str) -> tuple[str, ...]:
        """Return the values of ``trial_type`` that a condition stands for."""
        return self.pools.get(name, (name,))

    def shared(self, first: str, second: str) -> list[str]:
        """Return the values of ``trial_type`` that are in two conditions."""
        return sorted(set(self.types_of(first)) & set(self.types_of(second)))

    @property
    def trial_types(self) -> tuple[str, ...]:
        """The values of ``trial_type`` that are looked at; none where all are."""
        return tuple(t for name in self.conditions or self.pools for t in self.types_of(name))


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
    """Return all means and contrasts of some conditions.

    Raises
    ------
    SettingsError
        When a condition does not exist, or two questions have one label.
    """
    known = sorted(set(names))
    wanted = sorted(settings.conditions or settings.pools or known)
    asked = [*wanted, *(name for pair in settings.contrasts for name in pair)]
    if unknown := sorted({t for name in asked for t in settings.types_of(name)} - set(known)):
        raise SettingsError(
            f"analyse.trials names the conditions {', '.join(map(repr, unknown))}; events.tsv "
            f"has {', '.join(map(repr, known)) or 'none'} as trial_type; choose among these"
        )
    pooled = [POOLED] if len(wanted) > 1 else []
    contrasts = settings.contrasts or tuple(
        pair for pair in combinations(wanted, 2) if not settings.shared(*pair)
    )
    found = (*(Question(name) for name in [*pooled, *wanted]), *(Question(*c) for c in contrasts))
    labels = [one.label for one in found]
    if double := sorted({label for label in labels if labels.count(label) > 1 or not label}):
        raise SettingsError(
            f"two questions about conditions would be called {double[0]!r} in file names, which "
            "have letters and digits only; rename a trial_type, or choose with "
            "analyse.trials.conditions and contrasts"
        )
    return found


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
