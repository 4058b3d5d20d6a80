"""What to read of a study, and what to refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from neurotranscoder.core.settings import Settings
from neurotranscoder.io.nifti import DEFAULT_MAX_BYTES
from neurotranscoder.preprocess.channel_names import ChannelChoice, place_name
from neurotranscoder.preprocess.channel_set import MAX_INTERPOLATED
from neurotranscoder.preprocess.sync import SyncSettings


class ClockSettings(Settings):
    """A clock that the user declares because the EEG holds no volume triggers."""

    source: Literal["declared"] = "declared"
    """Always 'declared'; without these settings the clock is measured."""
    eeg_start: float
    """Scanner time of the first EEG sample, in seconds (negative when EEG began earlier)."""


class StudySettings(Settings):
    """What to read of a study, and what to refuse."""

    participants: tuple[str, ...] = ()
    """Labels to restrict to, without ``sub-``; empty for all."""
    trigger_name: str | None = None
    """Name of the volume triggers; None finds them by their spacing."""
    clock: ClockSettings | None = None
    """A declared clock; None measures it from volume triggers."""
    sync: SyncSettings = SyncSettings()
    """When volume triggers are good enough."""
    blocks: tuple[str, ...] = ()
    """Of EEG files that hold several scan blocks: the run label of each block in its order, ''
    for one of no run; empty matches blocks with runs by their numbers of volumes."""
    exclude_channels: tuple[str, ...] = ()
    """EEG channels to leave out of every run."""
    channels: ChannelChoice | Annotated[tuple[str, ...], Field(min_length=1)] = "most"
    """The EEG channels that all runs are brought to: 'most', those that more than
    half of the subjects have;
    'shared', those that all runs have; a list of names; 'same' refuses runs that differ. What a
    run lacks is interpolated by spherical splines (bipolar pairs: summed up from others, or
    refused), what the set has not is left out, and both are listed."""
    max_interpolated: float = Field(default=MAX_INTERPOLATED, ge=0, lt=1)
    """Refuse runs in which a larger share of these channels would have to be interpolated."""
    images: Path | None = None
    """Derivative data set that holds the images (fMRIPrep); None takes the study's own."""
    space: str = ""
    """Space of the images, where a derivative holds several."""
    max_image_bytes: int = Field(default=DEFAULT_MAX_BYTES, gt=0)
    """Refuse images that claim to be larger than this."""
    max_eeg: float = Field(default=1e-2, gt=0)
    """Refuse EEG whose median deviation is larger than this, in V (microvolts read as volts)."""

    @field_validator("channels")
    @classmethod
    def _distinct_names(cls, channels: ChannelChoice | tuple[str, ...]) -> object:
        """Refuse names that are empty, or of one channel twice."""
        names = [place_name(one) for one in channels] if isinstance(channels, tuple) else []
        if "" in names or len(set(names)) < len(names):
            raise ValueError("it needs names of channels, each of them once")
        return channels
