"""Sizes of simulated studies by name."""

from __future__ import annotations

from neurotranscoder.physics.head import HeadSettings
from neurotranscoder.simulate.regions import RegionSettings
from neurotranscoder.simulate.scenario import Scenario

PRESETS: dict[str, Scenario] = {
    "small": Scenario(),
    "tiny": Scenario(
        name="tiny",
        head=HeadSettings(shape=(16, 16, 10), voxel_sizes=(12.0, 12.0, 15.0), ico=2),
        regions=RegionSettings(n_evoked=5, n_oscillatory=3, n_motor=1),
        n_subjects=2,
        runs_per_subject=5,
        duration=120.0,
    ),
    "paper": Scenario(
        name="paper",
        head=HeadSettings(
            shape=(64, 64, 35), voxel_sizes=(3.0, 3.0, 4.0), centre=(0.0, -17.0, 8.0), ico=4
        ),
        regions=RegionSettings(n_evoked=70, n_oscillatory=30),
        n_subjects=1,
        runs_per_subject=319,
        test_runs=19,
        duration=600.0,
        source_rate=105.0,
        eeg_rate=105.0,
    ),
}
"""Sizes by name: 'small' is the standard; 'tiny' is for tests and examples (seconds); 'paper' is
the paper's (section 4.4.1: 319 runs of 600 s)."""
