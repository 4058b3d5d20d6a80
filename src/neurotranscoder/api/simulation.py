"""A simulated run as arrays with axes, as an MNE recording, as an image, with its truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.recording import Events, Recording
from neurotranscoder.io.eeg import raw_from_eeg
from neurotranscoder.io.events import read_events
from neurotranscoder.io.nifti import image_of
from neurotranscoder.io.study_writer import events_on_eeg_clock, ideal_triggers
from neurotranscoder.physics.head import Head, build_head
from neurotranscoder.physics.leadfield import digitised
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import cohort_of_run
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.run_truth import RunTruth
from neurotranscoder.simulate.scenario import Scenario


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Simulation:
    """One simulated run.

    Parameters
    ----------
    recording : Recording
        EEG (V) and BOLD with their axes, clock and events.
    truth : RunTruth
        Every term of Eqs. 1-3 on request.
    triggers : array of int, shape (triggers,)
        EEG samples of volume triggers, faults included where the scenario has them.
    """

    recording: Recording
    truth: RunTruth
    triggers: Int[ndarray, " triggers"]

    def __repr__(self) -> str:
        return f"Simulation({self.recording!r}, {self.truth!r})"

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
        """The EEG as an MNE recording in V.

        Events and volume triggers ('R128') are annotations. Electrodes of the template's head are
        in head coordinates, with its fiducials.
        """
        eeg = self.recording.eeg
        raw = raw_from_eeg(eeg)
        if eeg.montage.positions is not None and self.truth.subject.head.origin is not None:
            raw.set_montage(digitised(eeg.montage), verbose="error")
        events = events_on_eeg_clock(self.recording.events, self.recording.clock)
        names = [*events.trial_type, *(["R128"] * len(self.triggers))]
        onsets = np.concatenate([events.onset, self.triggers / eeg.sfreq])
        lengths = np.concatenate([np.nan_to_num(events.duration), np.zeros(len(self.triggers))])
        raw.set_annotations(mne.Annotations(onsets, lengths, names))
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
    seed: int | None = None,
    subject: int = 0,
    run: int = 0,
    head: Head | None = None,
    events: Events | Path | str | None = None,
) -> Simulation:
    """Simulate one run of simultaneous EEG-fMRI.

    Parameters
    ----------
    scenario : str or Scenario, optional
        A scenario by name, the path of a TOML file, or one that was made before, whose preset and
        seed then count; the preset's own by default.
    preset : {'small', 'tiny', 'paper'}
        How many voxels there are, and how long a run is.
    seed : int, optional
        Of everything random; by default what the scenario says, 0 where it says nothing.
    subject, run : int
        Which run, both from 0.
    head : Head, optional
        A head of one's own (`neurotranscoder.physics.own_head`); the scenario's by default.
    events : Events, or path of an events.tsv, optional
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
        chosen = {} if seed is None else {"seed": seed}
        scenario = named_scenario(scenario, preset=preset, **chosen)
    if isinstance(events, Path | str):
        events = read_events(Path(events))
    template = build_head(scenario.head) if head is None else head
    cohort = cohort_of_run(scenario, template, subject, run)
    made = simulate_run_of(cohort, subject, run, events=events)
    recording, triggers = made.recording, made.triggers
    if triggers is None:
        triggers = ideal_triggers(recording)
    return Simulation(recording, RunTruth(cohort, recording.run, made.drawn), triggers)
