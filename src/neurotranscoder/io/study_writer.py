"""Write a raw BIDS study of simultaneous EEG-fMRI; equal content gives equal bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder import __version__
from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import StoreError
from neurotranscoder.core.recording import Bold, Clock, Eeg, Events, Recording, RunId
from neurotranscoder.io.brainvision import Marker, write_brainvision
from neurotranscoder.io.electrodes import WORLD_COORDINATES
from neurotranscoder.io.events import EVENT_COLUMNS, write_events
from neurotranscoder.io.filters import described_filters
from neurotranscoder.io.nifti import image_of, write_nifti
from neurotranscoder.io.store import write_json, write_table, write_text

BIDS_VERSION = "1.10.0"


def start_study(
    root: Path,
    *,
    name: str,
    authors: tuple[str, ...],
    readme: str,
    subjects: tuple[str, ...],
    licence: str | None = "CC0",
) -> None:
    """Write what a BIDS study needs at its root.

    Parameters
    ----------
    root : Path
        Folder of the study.
    name : str
        Name of the data set.
    authors : tuple of str
        Who made it.
    readme : str
        What it is, for people.
    subjects : tuple of str
        Labels without ``sub-``.
    licence : str or None
        Licence of the data; None where that is stated elsewhere.
    """
    for subject in subjects:
        RunId(subject, "none")
    description = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        **({"License": licence} if licence else {}),
        "Authors": list(authors),
        "GeneratedBy": [{"Name": "neurotranscoder", "Version": __version__}],
    }
    write_json(root / "dataset_description.json", description)
    write_text(root / "README", readme.rstrip() + "\n")
    write_table(root / "participants.tsv", {"participant_id": [f"sub-{s}" for s in subjects]})
    write_json(root / "participants.json", {"participant_id": {"Description": "Participant"}})
    write_text(root / ".bidsignore", "neurotranscoder.json\nmanifest.json\n")


def write_recording(
    root: Path,
    recording: Recording,
    *,
    task_description: str,
    eeg_reference: str = "average",
    triggers: Int[ndarray, " triggers"] | None = None,
) -> None:
    """Write one run into a BIDS study: EEG with volume markers, BOLD, events on both clocks.

    Parameters
    ----------
    root : Path
        Folder of the study, made by `start_study`.
    recording : Recording
        The run; its EEG may be float32.
    task_description : str
        What the participant did.
    eeg_reference : str
        What the EEG is referenced to.
    triggers : array of int, shape (triggers,), optional
        Samples of the EEG that get a marker ``R128``; by default the one nearest to each start
        of a volume when the clock is 'measured', and none when it is 'declared'.
    """
    run, label = recording.run, recording.run.label
    folder = root / run.folder
    task = {"TaskName": run.task, "TaskDescription": task_description}
    samples = ideal_triggers(recording) if triggers is None else triggers
    _write_eeg(
        folder / "eeg", run, recording.eeg, samples, {**task, "EEGReference": eeg_reference}
    )
    _write_bold(folder / "func" / f"{label}_bold", recording.bold, task)
    if recording.events.trial_type:
        on_eeg = events_on_eeg_clock(recording.events, recording.clock)
        for name, events in (("func", recording.events), ("eeg", on_eeg)):
            write_events(folder / name / f"{label}_events.tsv", events)
            write_json(folder / name / f"{label}_events.json", EVENT_COLUMNS)


def volume_samples(
    clock: Clock, *, tr: float, n_volumes: int, sfreq: float, n_times: int
) -> Int[ndarray, " markers"]:
    """Return the EEG samples nearest to the starts of the volumes, those inside the EEG only."""
    seconds = (tr * np.arange(n_volumes) - clock.eeg_start) / (1 + clock.drift_ppm * 1e-6)
    samples = np.rint(seconds * sfreq).astype(np.int64)
    return np.asarray(samples[(samples >= 0) & (samples < n_times)])


def events_on_eeg_clock(events: Events, clock: Clock) -> Events:
    """Return events whose onsets count EEG seconds from the first EEG sample."""
    onset = (events.onset - clock.eeg_start) / (1 + clock.drift_ppm * 1e-6)
    return Events(onset, events.duration, events.trial_type, events.response_time)


def ideal_triggers(recording: Recording) -> Int[ndarray, " triggers"]:
    """Return the samples at which volumes start, none when the clock is only declared."""
    if recording.clock.source == "declared":
        return np.zeros(0, dtype=np.int64)
    volumes, eeg = recording.bold.volumes, recording.eeg
    return volume_samples(
        recording.clock,
        tr=volumes.tr,
        n_volumes=volumes.n_volumes,
        sfreq=eeg.sfreq,
        n_times=eeg.data.shape[1],
    )


def _write_eeg(
    folder: Path,
    run: RunId,
    eeg: Eeg,
    triggers: Int[ndarray, " triggers"],
    facts: Mapping[str, object],
) -> None:
    """Write the EEG of a run, its sidecars and the places of its electrodes."""
    markers = tuple(Marker(int(sample), "Response", "128") for sample in triggers)
    write_brainvision(folder / f"{run.label}_eeg.vhdr", eeg, markers=markers)
    duration = eeg.data.shape[1] / eeg.sfreq
    fields = eeg_sidecar(
        eeg.all_kinds, eeg.sfreq, duration=duration, filters=described_filters(eeg)
    )
    write_json(folder / f"{run.label}_eeg.json", {**facts, **fields})
    write_channels(folder, run, eeg.all_names, eeg.all_kinds, sfreq=eeg.sfreq)
    _write_montage(folder, run, eeg.montage)


def write_channels(
    folder: Path,
    run: RunId,
    names: Sequence[str],
    kinds: Sequence[str],
    *,
    sfreq: float,
    bad: frozenset[str] = frozenset(),
) -> None:
    """Write ``channels.tsv``: what each channel is and, for those in ``bad``, that it is bad."""
    columns: dict[str, Sequence[object]] = {
        "name": names,
        "type": kinds,
        "units": ["µV"] * len(names),
        "sampling_frequency": [float(sfreq)] * len(names),
        "status": ["bad" if name in bad else "good" for name in names],
    }
    write_table(folder / f"{run.label}_channels.tsv", columns)


def eeg_sidecar(
    kinds: Sequence[str], sfreq: float, *, duration: float, filters: object
) -> dict[str, object]:
    """Return the fields of ``eeg.json`` that describe channels of some kinds, s and Hz."""
    return {
        "EEGGround": "n/a",
        "SamplingFrequency": float(sfreq),
        "PowerLineFrequency": "n/a",
        "SoftwareFilters": filters,
        "HardwareFilters": "n/a",
        "EEGChannelCount": kinds.count("EEG"),
        "EOGChannelCount": kinds.count("EOG"),
        "ECGChannelCount": kinds.count("ECG"),
        "EMGChannelCount": kinds.count("EMG"),
        "MISCChannelCount": 0,
        "TriggerChannelCount": 0,
        "RecordingDuration": duration,
        "RecordingType": "continuous",
        "EEGPlacementScheme": "places as in electrodes.tsv, where known",
        "Manufacturer": "n/a",
    }


def _write_montage(folder: Path, run: RunId, montage: Montage) -> None:
    """Write the places of the electrodes in mm, where they are known."""
    if montage.positions is None:
        return
    session = f"_ses-{run.session}" if run.session else ""
    base = f"sub-{run.subject}{session}"
    x, y, z = montage.positions.T
    columns = {"name": montage.names, "x": x.tolist(), "y": y.tolist(), "z": z.tolist()}
    write_table(folder / f"{base}_electrodes.tsv", columns)
    system = {
        "EEGCoordinateSystem": "Other",
        "EEGCoordinateUnits": "mm",
        "EEGCoordinateSystemDescription": WORLD_COORDINATES,
    }
    write_json(folder / f"{base}_coordsystem.json", system)


def _write_bold(base: Path, bold: Bold, task: Mapping[str, object]) -> None:
    """Write the images of a run and their sidecar."""
    if not np.isfinite([bold.data.min(), bold.data.max()]).all():
        raise StoreError(f"{base}: BOLD holds NaN or infinite values; it needs finite numbers")
    volumes = bold.volumes
    image: Any = image_of(bold.data, bold.grid, tr=volumes.tr)
    image.set_data_dtype(_storage_type(bold.data, bold))
    write_nifti(base.with_name(base.name + ".nii.gz"), image)
    sidecar = {
        **task,
        "RepetitionTime": float(volumes.tr),
        "SliceTiming": [round(float(t), 9) for t in volumes.slice_times],
        "SliceEncodingDirection": "k",
        "Modality": "MR",
    }
    write_json(base.with_name(base.name + ".json"), sidecar)


def _storage_type(data: Float[ndarray, "x y z volumes"], bold: Bold) -> type[np.generic]:
    """Return int16 where its rounding stays below 1e-3 of the temporal sd, else float32."""
    spread = np.std(data[bold.mask], axis=-1)
    step = (float(data.max()) - float(data.min())) / 65_535
    fine = spread.size > 0 and step / np.sqrt(12) < 1e-3 * np.median(spread)
    return np.int16 if fine else np.float32
