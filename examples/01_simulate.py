"""Simulate a tiny study of simultaneous EEG-fMRI and look at one of its runs (seconds)."""

from pathlib import Path

import neurotranscoder as nt
from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.session import simulate_study

STUDY = Path("example/study")

scenario = PRESETS["tiny"].model_copy(update={"runs_per_subject": 5})
simulate_study(scenario, STUDY)

study = nt.load_study(STUDY)
recording = study.load(study.runs[0])
print(recording.run, recording.clock)
print("EEG", recording.eeg.data.shape, "at", recording.eeg.sfreq, "Hz")
print("BOLD", recording.bold.data.shape, "TR", recording.bold.volumes.tr, "s")
