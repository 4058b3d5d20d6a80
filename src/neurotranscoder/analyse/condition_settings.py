"""What is asked about conditions, and how it is tested: the settings ``analyse.trials``."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from neurotranscoder.analyse.clusters import ClusterSettings
from neurotranscoder.analyse.trials import TrialSettings
from neurotranscoder.analyse.units import UnitSettings
from neurotranscoder.analyse.zmaps import Correction
from neurotranscoder.core.settings import Settings

MovieKind = Literal["eeg", "bold", "fused", "any"]


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
    movies: MovieKind = "eeg"
    """What is averaged: movies from 'eeg' (of runs with both and of EEG alone), from 'bold' (with
    both and of BOLD alone), 'fused' (with both), or 'any': from EEG where a run has it, from BOLD
    where not. What 'any' averages differs in resolution and scale; results say so."""
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
