"""Predict BOLD from EEG of a run that the transcoder has never seen."""

from pathlib import Path

import nibabel as nib

import neurotranscoder as nt
from neurotranscoder.io.eeg import raw_from_eeg

transcoder = nt.Transcoder.load(Path("example/model"))
study = nt.load_study("example/study")
held_out = next(run for run in study.runs if run.label in transcoder.trained.split.test)
recording = study.load(held_out)

raw = raw_from_eeg(recording.eeg)
bold = transcoder.transcode(raw, eeg_start=recording.clock.eeg_start)
nib.save(bold, "example/bold_from_eeg.nii.gz")
print("BOLD from EEG:", bold.shape, "at", 1 / bold.header.get_zooms()[3], "Hz")

estimate = transcoder.reconstruct(raw, eeg_start=recording.clock.eeg_start)
print("sources:", estimate.data.shape, "from", estimate.origin)
