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
from neurotranscoder.io.bids import EegFiles
from neurotranscoder.io.brainvision import Marker
from neurotranscoder.io.eeg import Markers, eeg_from_raw, raw_from_eeg, read_eeg
from neurotranscoder.io.electrodes import read_places
from neurotranscoder.io.triggers import volume_triggers
from neurotranscoder.preprocess.channel_set import ChannelChange
from neurotranscoder.preprocess.channels import BadChannels
from neurotranscoder.preprocess.checks import refuse_unreadable
from neurotranscoder.preprocess.clean import (
    CleanEeg,
    EegCleanSettings,
    Step,
    WantedChannels,
    clean_eeg_alone,
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
    clock : ClockReport or None
        Where the EEG is on the scanner clock, as measured before it was resampled; None without
        images.
    facts : RunFacts
        What a page shows of it.
    recorded : mapping
        Of the recording as it was read: sampling rate (``sfreq``, Hz), number of EEG ``channels``,
        ``seconds``, where its ``clock`` is from ('none' without images), and ``residual_ms`` and
        ``drift_ppm`` of it.
    """

    eeg: Eeg
    markers: tuple[Marker, ...]
    steps: tuple[Step, ...]
    clock: ClockReport | None
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
    files: EegFiles, volumes: VolumeAxis | None, options: StudySettings, settings: EegCleanSettings
) -> CleanRun:
    """Read the EEG of a run and clean it.

    Parameters
    ----------
    files : RunFiles
        Where it is.
    volumes : VolumeAxis or None
        When its images were acquired; None where there are none.
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
    scan = None if volumes is None else _Scan.of(files, marks, eeg.sfreq, volumes, options)
    clean = _cleaned(raw, scan, _wanted(files, options), settings)
    cleaned = dataclasses.replace(eeg_from_raw(clean.raw), filtering=eeg.filtering)
    lines = [] if span is None else [span.words]
    lines += ["no images were recorded with it"] if scan is None else scan.lines
    lines += [*map(str, clean.steps), *(said for step in clean.steps for said in step.warnings)]
    lags, before, after = average_blinks(step.report for step in clean.steps)
    facts = RunFacts(
        files.run.label,
        lines,
        median_spectrum(eeg.data, eeg.sfreq),
        median_spectrum(cleaned.data, cleaned.sfreq),
        *(([], []) if scan is None else scan.residuals),
        lags=lags,
        blink_before=before,
        blink_after=after,
    )
    clock = None if scan is None else scan.clock
    recorded = _recorded(eeg, None if clock is None else clock.clock)
    return CleanRun(cleaned, _markers_at(marks, cleaned), clean.steps, clock, facts, recorded)


@dataclass(frozen=True, slots=True, eq=False)
class _Scan:
    """The scan during which EEG was recorded: its volumes, and when they came on its clock."""

    volumes: VolumeAxis
    clock: ClockReport
    triggers: Float[ndarray, " triggers"]

    @classmethod
    def of(
        cls,
        files: EegFiles,
        marks: Markers,
        sfreq: float,
        volumes: VolumeAxis,
        options: StudySettings,
    ) -> _Scan:
        """Find the volumes of a run on the clock of its EEG."""
        return cls(volumes, *_clock(files, marks, sfreq, volumes, options))

    @property
    def lines(self) -> list[str]:
        """What is said of the clock."""
        return [str(self.clock.clock), *self.clock.notes]

    @property
    def residuals(self) -> tuple[list[float], list[float]]:
        """When triggers came, less the clock; none where it was not measured on them."""
        if self.clock.clock.source != "measured" or STATED in self.clock.notes:
            return [], []
        return trigger_residuals(self.triggers, self.clock.clock, self.volumes.tr)


def _cleaned(
    raw: mne.io.BaseRaw,
    scan: _Scan | None,
    channels: WantedChannels | None,
    settings: EegCleanSettings,
) -> CleanEeg:
    """Clean a recording, of a scan or of none."""
    if scan is None:
        return clean_eeg_alone(raw, channels=channels, settings=settings)
    times = scan.volumes.slice_times
    known = len(np.unique(times)) > 1  # images that were resampled have one time
    return clean_scanner_eeg(
        raw,
        tr=scan.volumes.tr,
        slice_times=times if known else None,
        triggers=scan.triggers,
        channels=channels,
        settings=settings,
    )


def _recorded(eeg: Eeg, clock: Clock | None) -> Numbers:
    """Return the numbers of a recording as it was read."""
    channels, samples = eeg.data.shape
    known: Numbers = {"sfreq": float(eeg.sfreq), "channels": channels}
    known |= {"seconds": samples / eeg.sfreq, "clock": clock.source if clock else "none"}
    if clock is None or not np.isfinite(clock.residual_sd):  # none, or declared
        return known
    return {**known, "residual_ms": 1e3 * clock.residual_sd, "drift_ppm": clock.drift_ppm}


def _wanted(files: EegFiles, options: StudySettings) -> WantedChannels | None:
    """Return the channels of the study, and where the electrodes of the run are."""
    if not isinstance(options.channels, tuple):
        return None
    places = read_places(files.eeg_sidecars)
    return WantedChannels(options.channels, places, options.max_interpolated)


def _clock(
    files: EegFiles, marks: Markers, sfreq: float, volumes: VolumeAxis, options: StudySettings
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
