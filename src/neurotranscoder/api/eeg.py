"""Cleaning of EEG that was recorded in a scanner, step by step, on MNE recordings."""

from __future__ import annotations

from neurotranscoder.preprocess.heart import Beats, BeatSettings, find_beats
from neurotranscoder.preprocess.pulse import project_pulse, remove_pulse, remove_pulse_obs
from neurotranscoder.preprocess.pulse_found import PulseReport, PulseSettings

__all__ = [
    "BeatSettings",
    "Beats",
    "PulseReport",
    "PulseSettings",
    "find_beats",
    "project_pulse",
    "remove_pulse",
    "remove_pulse_obs",
]
