"""Cleaning of EEG that was recorded in a scanner, step by step, on MNE recordings."""

from __future__ import annotations

from neurotranscoder.core.passband import Passband
from neurotranscoder.preprocess.channel_set import ChannelChange
from neurotranscoder.preprocess.channels import (
    BadChannels,
    BadChannelSettings,
    ReferenceReport,
    average_reference,
    find_bad_channels,
    interpolate_channels,
)
from neurotranscoder.preprocess.eeg import FilterReport, ResampleReport, filter_eeg, resample_eeg
from neurotranscoder.preprocess.heart import Beats, BeatSettings, find_beats
from neurotranscoder.preprocess.match_channels import match_channels
from neurotranscoder.preprocess.ocular import OcularPart, OcularReport, remove_ocular
from neurotranscoder.preprocess.ocular_found import OcularSettings
from neurotranscoder.preprocess.pulse import project_pulse, remove_pulse, remove_pulse_obs
from neurotranscoder.preprocess.pulse_found import PulseReport, PulseSettings
from neurotranscoder.signal.filters import FilterSettings

__all__ = [
    "BadChannelSettings",
    "BadChannels",
    "BeatSettings",
    "Beats",
    "ChannelChange",
    "FilterReport",
    "FilterSettings",
    "OcularPart",
    "OcularReport",
    "OcularSettings",
    "Passband",
    "PulseReport",
    "PulseSettings",
    "ReferenceReport",
    "ResampleReport",
    "average_reference",
    "filter_eeg",
    "find_bad_channels",
    "find_beats",
    "interpolate_channels",
    "match_channels",
    "project_pulse",
    "remove_ocular",
    "remove_pulse",
    "remove_pulse_obs",
    "resample_eeg",
]
