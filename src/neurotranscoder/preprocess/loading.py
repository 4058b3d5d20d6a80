"""Read one run of a study; everything that is wrong with it is said at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

from neurotranscoder.core.errors import ClockError, GridError, Problem, StoreError, StudyError
from neurotranscoder.core.recording import Bold, BoldRun, Clock, Eeg, EegRun, Events, Recording
from neurotranscoder.io.bids import ASSUMPTIONS, LoneFiles, RunFiles, mask_of, sidecars_of_eeg
from neurotranscoder.io.eeg import EegSpan, Markers, read_eeg, read_eeg_header
from neurotranscoder.io.electrodes import EegSidecars, read_places
from neurotranscoder.io.events import read_events
from neurotranscoder.io.inheritance import metadata_of, nearest
from neurotranscoder.io.nifti import read_bold
from neurotranscoder.io.triggers import trigger_names, volume_triggers
from neurotranscoder.preprocess.channel_set import match_eeg
from neurotranscoder.preprocess.checks import (
    eeg_problems,
    hole_words,
    length_problems,
    span_problems,
)
from neurotranscoder.preprocess.gradient_seen import WORDS, has_gradient
from neurotranscoder.preprocess.own_span import own_span
from neurotranscoder.preprocess.scan_blocks import refuse_several
from neurotranscoder.preprocess.stated_clock import STATED, stated_clock
from neurotranscoder.preprocess.study_settings import StudySettings
from neurotranscoder.preprocess.sync import ClockReport, declared_clock, measure_clock

GUESSED = "InterpolatedChannels"  # field of our own: channels that cleaning made up
Part = TypeVar("Part")


def load_alone(files: LoneFiles, options: StudySettings) -> EegRun | BoldRun:
    """Read a run of one modality; StudyError lists everything that is wrong."""
    problems: list[Problem] = []
    run = _attempt(problems, files.path, lambda: _read_alone(files, options, problems))
    if problems or run is None:
        raise StudyError(problems)
    return run


def load_run(files: RunFiles, options: StudySettings) -> tuple[Recording, tuple[str, ...]]:
    """Read a run and say what had to be done; StudyError lists everything that is wrong."""
    problems: list[Problem] = []
    eeg_part, span = None, _attempt(problems, files.eeg, lambda: own_span(files, options))
    if not problems:
        eeg_part = _read_eeg(files.eeg, files.eeg_sidecars, options, problems, span)
    bold = _attempt(
        problems,
        files.bold,
        lambda: read_bold(
            files.bold,
            files.bold_metadata,
            mask_path=files.mask,
            max_bytes=options.max_image_bytes,
        ),
    )
    report = None
    if eeg_part is not None and bold is not None:
        eeg, markers, _ = eeg_part
        short = [] if options.clock else length_problems(files.eeg, eeg, bold)
        problems += short
        if short:
            raise StudyError(problems)
        report = _attempt(problems, files.eeg, lambda: _clock(files, eeg, markers, bold, options))
    clock = report.clock if report else declared_clock(0.0)
    events = _attempt(problems, files.eeg, lambda: _events(files, clock, span))
    if report is not None and eeg_part is not None and bold is not None:
        problems += span_problems(files.eeg, eeg_part[0], bold, clock)
    if problems or eeg_part is None or bold is None or report is None or events is None:
        raise StudyError(problems)
    recording = Recording(files.run, eeg_part[0], bold, clock, events)
    where = (span.words,) if span else ()
    notes = (*where, *_notes(recording, report), *eeg_part[2], *_stated(files))
    return recording, notes


def _read_eeg(
    path: Path,
    sidecars: EegSidecars,
    options: StudySettings,
    problems: list[Problem],
    span: EegSpan | None = None,
) -> tuple[Eeg, Markers, tuple[str, ...]] | None:
    """Return EEG with the channels of the study, markers, and notes; add what is wrong."""
    part = _attempt(
        problems,
        path,
        lambda: read_eeg(path, sidecars, exclude=options.exclude_channels, span=span),
    )
    if part is None:
        return None
    eeg, markers = part
    wrong = eeg_problems(path, eeg, options.max_eeg)
    problems += wrong
    guessed = _guessed(sidecars)
    if wrong or not isinstance(options.channels, tuple):
        return _naming(eeg, guessed), markers, ()
    wanted, limit = options.channels, options.max_interpolated
    matched = _attempt(
        problems,
        path,
        lambda: match_eeg(eeg, wanted, read_places(sidecars), max_interpolated=limit),
    )
    if matched is None:
        return None
    found, change = matched
    if change is None:
        return _naming(found, guessed), markers, ()
    return _naming(found, (*guessed, *change.interpolated)), markers, (f"EEG {change}",)


def _guessed(sidecars: EegSidecars) -> tuple[str, ...]:
    """Return the channels that cleaning made up, as the sidecar of a clean run says."""
    listed = sidecars.metadata.get(GUESSED, [])
    return tuple(map(str, listed)) if isinstance(listed, list) else ()


def _naming(eeg: Eeg, guessed: Collection[str]) -> Eeg:
    """Return EEG that says which of its channels are guesses."""
    names = tuple(name for name in eeg.montage.names if name in guessed)
    return dataclasses.replace(eeg, interpolated=names)


def _read_alone(
    files: LoneFiles, options: StudySettings, problems: list[Problem]
) -> EegRun | BoldRun | None:
    """Read the signals and events of a run of one modality."""
    path, root = files.path, files.root
    metadata = metadata_of(path, root)
    table = nearest(path, root, "events", ".tsv")
    events = read_events(table) if table is not None else Events.none()
    if files.modality == "eeg":
        sidecars = sidecars_of_eeg(path, root, metadata)
        part = _read_eeg(path, sidecars, options, problems)
        return None if part is None else EegRun(files.run, part[0], events)
    bold = read_bold(path, metadata, mask_path=mask_of(path), max_bytes=options.max_image_bytes)
    return BoldRun(files.run, bold, events)


def _attempt(problems: list[Problem], path: Path, read: Callable[[], Part]) -> Part | None:
    """Return what can be read; add what is wrong to the problems."""
    try:
        return read()
    except StudyError as error:
        problems += error.problems
    except (ClockError, GridError, StoreError) as error:
        field = "clock" if isinstance(error, ClockError) else "data"
        got, needed, cure = [*str(error).split("; ", 2), "see above", "repair the file"][:3]
        problems.append(Problem(str(path), field, got, needed.removeprefix("need "), cure))
    return None


def _clock(
    files: RunFiles, eeg: Eeg, markers: Markers, bold: Bold, options: StudySettings
) -> ClockReport:
    """Measure the clock of a run, or take one that is declared or was measured before."""
    if options.clock is not None:
        return ClockReport(declared_clock(options.clock.eeg_start), ())
    if (stated := stated_clock(files.eeg_sidecars.metadata)) is not None:
        return stated
    tr, n_volumes, name = bold.volumes.tr, bold.volumes.n_volumes, options.trigger_name
    where = markers.onsets, markers.names
    times = volume_triggers(*where, tr=tr, n_volumes=n_volumes, name=name)
    refuse_several(times, tr, n_volumes)
    chosen = trigger_names(*where, tr=tr, n_volumes=n_volumes, name=name)
    report = measure_clock(
        times, tr=tr, n_volumes=n_volumes, resolution=1 / eeg.sfreq, settings=options.sync
    )
    return ClockReport(report.clock, (f"volume triggers are {', '.join(chosen)}", *report.notes))


def _events(files: RunFiles, clock: Clock, span: EegSpan | None) -> Events:
    """Read the events of a run onto the scanner clock; none where there is no table."""
    if files.bold_events is not None:
        return read_events(files.bold_events)
    if files.eeg_events is None:
        return Events.none()
    events = read_events(files.eeg_events)
    if span is not None:
        sfreq = read_eeg_header(files.eeg).sfreq
        events = events.within(span.start / sfreq, span.stop / sfreq)
    onset = clock.eeg_start + (1 + clock.drift_ppm * 1e-6) * events.onset
    return dataclasses.replace(events, onset=onset)


def _stated(files: RunFiles) -> tuple[str, ...]:
    """Return what an import assumed of a run and cleaning made up, as its sidecars say."""
    assumed = files.eeg_sidecars.metadata.get(ASSUMPTIONS, [])
    guessed = _guessed(files.eeg_sidecars)
    notes = [f"assumed: {text}" for text in assumed] if isinstance(assumed, list) else []
    if guessed:
        notes.append(f"EEG channels that cleaning interpolated: {', '.join(guessed)}")
    return tuple(notes)


def _notes(recording: Recording, report: ClockReport) -> tuple[str, ...]:
    """Say what a reader of the results has to know about a run."""
    notes = [str(recording.clock), *report.notes]
    if (
        recording.clock.source == "measured"
        and recording.eeg.sfreq < 500
        and STATED not in report.notes
    ):
        notes.append(f"triggers are rounded to the EEG samples, {1e3 / recording.eeg.sfreq:g} ms")
    if has_gradient(recording.eeg, recording.clock, recording.bold.volumes):
        notes.append(WORDS)
    if recording.events.n_dropped:
        notes.append(f"{recording.events.n_dropped} events without an onset left out")
    if recording.eeg.filtering:
        notes.append(f"filters applied before: {recording.eeg.filtering}")
    if (passband := recording.eeg.passband) is not None:
        low = f"{passband.low_cut:.3g} Hz"
        notes.append(f"filters of the EEG let half the power pass from {low} ({passband.source})")
    notes += hole_words(recording.bold)
    if recording.eeg.montage.positions is None:
        notes.append("electrode positions unknown")
    return tuple(notes)
