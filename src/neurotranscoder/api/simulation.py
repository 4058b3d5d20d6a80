"""A simulated run as arrays with axes, as an MNE recording, as an image, with its truth."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import nibabel as nib
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.recording import Events, Recording
from neurotranscoder.io.eeg import raw_from_eeg
from neurotranscoder.io.nifti import image_of
from neurotranscoder.io.study_writer import events_on_eeg_clock
from neurotranscoder.physics.head import Head, build_head
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import cohort_of_run
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.run_truth import RunTruth
from neurotranscoder.simulate.scenario import Scenario


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """One simulated run.

    Parameters
    ----------
    recording : Recording
        EEG (V) and BOLD with their axes, clock and events.
    truth : RunTruth
        Every term of Eqs. 1-3 on request.
    """

    recording: Recording
    truth: RunTruth

    @property
    def eeg_times(self) -> Float[ndarray, " times"]:
        """Scanner time of each EEG sample, in s."""
        eeg = self.recording.eeg
        return self.recording.clock.scanner_times(eeg.data.shape[1], eeg.sfreq)

    @property
    def bold_times(self) -> Float[ndarray, "slices volumes"]:
        """Scanner time at which each slice of each volume was acquired, in s."""
        volumes = self.recording.bold.volumes
        return np.stack([volumes.times(z) for z in range(len(volumes.slice_times))])

    @property
    def raw(self) -> mne.io.BaseRaw:
        """The EEG as an MNE recording in V; events are annotations."""
        raw = raw_from_eeg(self.recording.eeg)
        events = events_on_eeg_clock(self.recording.events, self.recording.clock)
        duration = np.nan_to_num(events.duration)
        raw.set_annotations(mne.Annotations(events.onset, duration, list(events.trial_type)))
        return raw

    @property
    def image(self) -> nib.Nifti1Image:
        """The BOLD as a 4-D image in RAS mm, TR in the header."""
        bold = self.recording.bold
        return image_of(bold.data, bold.grid, tr=bold.volumes.tr)


def simulate_run(
    scenario: str | Scenario | None = None,
    *,
    preset: str = "small",
    seed: int = 0,
    subject: int = 0,
    run: int = 0,
    head: Head | None = None,
    events: Events | None = None,
) -> Simulation:
    """Simulate one run of simultaneous EEG-fMRI.

    Parameters
    ----------
    scenario : str or Scenario, optional
        A scenario by name, the path of a TOML file, or one that was made before, whose preset and
        seed then count; the preset's own by default.
    preset : {'small', 'tiny', 'paper'}
        How many voxels there are, and how long a run is.
    seed : int
        Of everything random.
    subject, run : int
        Which run, both from 0.
    head : Head, optional
        A head of one's own (`neurotranscoder.physics.own_head`); the scenario's by default.
    events : Events, optional
        What happens; the scenario's own task by default.

    Returns
    -------
    simulation : Simulation
        The same bits for the same arguments.

    Raises
    ------
    SettingsError
        When the scenario is unknown or impossible, before anything is computed.
    """
    if not isinstance(scenario, Scenario):
        scenario = named_scenario(scenario, preset=preset, seed=seed)
    template = build_head(scenario.head) if head is None else head
    cohort = cohort_of_run(scenario, template, subject, run)
    made = simulate_run_of(cohort, subject, run, events=events)
    return Simulation(made.recording, RunTruth(cohort, made.recording.run, made.drawn))
