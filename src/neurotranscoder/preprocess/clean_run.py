"""The EEG of one run of a study, cleaned: read with its heart, cleaned, with its markers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.recording import Clock, Eeg
from neurotranscoder.io.bids import RunFiles
from neurotranscoder.io.brainvision import Marker
from neurotranscoder.io.eeg import Markers, eeg_from_raw, raw_from_eeg, read_eeg
from neurotranscoder.io.electrodes import read_places
from neurotranscoder.io.triggers import volume_triggers
from neurotranscoder.preprocess.channel_set import ChannelChange
from neurotranscoder.preprocess.channels import BadChannels
from neurotranscoder.preprocess.checks import refuse_unreadable
from neurotranscoder.preprocess.clean import (
    EegCleanSettings,
    Step,
    WantedChannels,
    clean_scanner_eeg,
)
from neurotranscoder.preprocess.clean_facts import (
    RunFacts,
    average_blinks,
    median_spectrum,
    trigger_residuals,
)
from neurotranscoder.preprocess.own_span import own_span
from neurotranscoder.preprocess.scan_blocks import refuse_several
from neurotranscoder.preprocess.stated_clock import STATED, stated_clock
from neurotranscoder.preprocess.step_numbers import Numbers
from neurotranscoder.preprocess.study_settings import StudySettings
from neurotranscoder.preprocess.sync import ClockReport, declared_clock, measure_clock

_NUMBERED = re.compile(r"^(Stimulus|Response)/[SR]\s*(\d+)$")


@dataclass(frozen=True, slots=True, eq=False)
class CleanRun:
    """The EEG of a run after cleaning.

    Parameters
    ----------
    eeg : Eeg
        Signals in V, without heart and eyes.
    markers : tuple of Marker
        Everything that was marked, at the samples of the clean EEG.
    steps : tuple of Step
        What was done, and what was left out.
    clock : ClockReport
        Where the EEG is on the scanner clock, as measured before it was resampled.
    facts : RunFacts
        What a page shows of it.
    recorded : mapping
        Of the recording as it was read: sampling rate (``sfreq``, Hz), number of EEG ``channels``,
        ``seconds``, where its ``clock`` is from, and ``residual_ms`` and ``drift_ppm`` of it.
    """

    eeg: Eeg
    markers: tuple[Marker, ...]
    steps: tuple[Step, ...]
    clock: ClockReport
    facts: RunFacts
    recorded: Mapping[str, float | str]

    @property
    def channels(self) -> ChannelChange | None:
        """How it was brought to the channels of the study; None where it had them."""
        reports = (step.report for step in self.steps)
        return next((one for one in reports if isinstance(one, ChannelChange)), None)

    @property
    def interpolated(self) -> tuple[str, ...]:
        """Channels that are guesses: bad ones, and those that the recording had not."""
        reports = [step.report for step in self.steps]
        bad = [name for one in reports if isinstance(one, BadChannels) for name in one.names]
        missing = self.channels.interpolated if self.channels else ()
        return tuple(name for name in self.eeg.montage.names if name in {*bad, *missing})


def clean_eeg_run(
    files: RunFiles, volumes: VolumeAxis, options: StudySettings, settings: EegCleanSettings
) -> CleanRun:
    """Read the EEG of a run and clean it.

    Parameters
    ----------
    files : RunFiles
        Where it is.
    volumes : VolumeAxis
        When its images were acquired.
    options : StudySettings
        How the study is read: names of triggers, a declared clock, channels to leave out.
    settings : EegCleanSettings
        What is done.

    Raises
    ------
    StudyError, ClockError, GridError
        When the EEG cannot be read, placed or used.
    """
    span = own_span(files, options)
    eeg, marks = read_eeg(
        files.eeg, files.eeg_sidecars, exclude=options.exclude_channels, others=True, span=span
    )
    refuse_unreadable(files.eeg, eeg)
    raw = raw_from_eeg(eeg)
    raw.set_annotations(mne.Annotations(marks.onsets, 0.0, list(marks.names)), verbose="error")
    clock, triggers = _clock(files, marks, eeg.sfreq, volumes, options)
    known = len(np.unique(volumes.slice_times)) > 1  # images that were resampled have one time
    clean = clean_scanner_eeg(
        raw,
        tr=volumes.tr,
        slice_times=volumes.slice_times if known else None,
        triggers=triggers,
        channels=_wanted(files, options),
        settings=settings,
    )
    cleaned = dataclasses.replace(eeg_from_raw(clean.raw), filtering=eeg.filtering)
    lines = [] if span is None else [span.words]
    lines += [str(clock.clock), *clock.notes, *map(str, clean.steps)]
    lines += [said for step in clean.steps for said in step.warnings]
    measured = clock.clock.source == "measured" and STATED not in clock.notes
    lags, before, after = average_blinks(step.report for step in clean.steps)
    facts = RunFacts(
        files.run.label,
        lines,
        median_spectrum(eeg.data, eeg.sfreq),
        median_spectrum(cleaned.data, cleaned.sfreq),
        *(trigger_residuals(triggers, clock.clock, volumes.tr) if measured else ([], [])),
        lags=lags,
        blink_before=before,
        blink_after=after,
    )
    markers = _markers_at(marks, cleaned)
    return CleanRun(cleaned, markers, clean.steps, clock, facts, _recorded(eeg, clock.clock))


def _recorded(eeg: Eeg, clock: Clock) -> Numbers:
    """Return the numbers of a recording as it was read."""
    channels, samples = eeg.data.shape
    known: Numbers = {"sfreq": float(eeg.sfreq), "channels": channels}
    known |= {"seconds": samples / eeg.sfreq, "clock": clock.source}
    if not np.isfinite(clock.residual_sd):  # declared
        return known
    return {**known, "residual_ms": 1e3 * clock.residual_sd, "drift_ppm": clock.drift_ppm}


def _wanted(files: RunFiles, options: StudySettings) -> WantedChannels | None:
    """Return the channels of the study, and where the electrodes of the run are."""
    if not isinstance(options.channels, tuple):
        return None
    places = read_places(files.eeg_sidecars)
    return WantedChannels(options.channels, places, options.max_interpolated)


def _clock(
    files: RunFiles, marks: Markers, sfreq: float, volumes: VolumeAxis, options: StudySettings
) -> tuple[ClockReport, Float[ndarray, " triggers"]]:
    """Return the clock of a run, and when its volumes are marked on the EEG clock, in s.

    Where the clock is declared, or was measured before, volumes are where it has them.
    """
    known = stated_clock(files.eeg_sidecars.metadata)
    if options.clock is not None:
        known = ClockReport(declared_clock(options.clock.eeg_start), ())
    if known is not None:
        starts = volumes.tr * np.arange(volumes.n_volumes) - known.clock.eeg_start
        return known, starts / (1 + known.clock.drift_ppm * 1e-6)
    tr, n_volumes, name = volumes.tr, volumes.n_volumes, options.trigger_name
    times = volume_triggers(marks.onsets, marks.names, tr=tr, n_volumes=n_volumes, name=name)
    refuse_several(times, tr, n_volumes)
    report = measure_clock(
        times, tr=tr, n_volumes=n_volumes, resolution=1 / sfreq, settings=options.sync
    )
    return report, times


def _markers_at(marks: Markers, eeg: Eeg) -> tuple[Marker, ...]:
    """Return markers at the nearest samples of EEG; those after its end are gone."""
    samples = np.rint(marks.onsets * eeg.sfreq).astype(int)
    found = []
    for sample, name in zip(samples.tolist(), marks.names, strict=True):
        if 0 <= sample < eeg.data.shape[1]:
            numbered = _NUMBERED.match(name)
            kind, text = numbered.groups() if numbered else ("Comment", name.split("/", 1)[-1])
            found.append(Marker(sample, kind, text))
    return tuple(found)
