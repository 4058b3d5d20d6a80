"""A tiny simultaneous recording, and a study on disk that holds it."""

import numpy as np
import pytest

from neurotranscoder.core.axes import Montage, VolumeAxis, VoxelGrid
from neurotranscoder.core.recording import Bold, Clock, Eeg, Events, Recording, RunId
from neurotranscoder.io.study_writer import start_study, write_recording

TR, N_VOLUMES, SFREQ = 2.16, 20, 1000.0
CLOCK = Clock("measured", -3.3, 13.7, 0.0, N_VOLUMES)


def make_bold(seed=0):
    rng = np.random.default_rng(seed)
    shape = (10, 9, 6)
    grid = VoxelGrid(shape, np.diag([4.0, 4, 4, 1]) + np.eye(4, k=3) * -20)
    centre = (np.array(shape) - 1) / 2
    distance = np.linalg.norm(
        (np.argwhere(np.ones(shape)) - centre) / (0.42 * np.array(shape)), axis=1
    )
    brain = (distance < 1).reshape(shape)
    data = 5 * rng.random((*shape, N_VOLUMES))
    data[brain] += 1000 + 10 * rng.standard_normal((brain.sum(), N_VOLUMES))
    return Bold(data, grid, VolumeAxis(TR, N_VOLUMES, 0.3 * np.array([0, 3, 1, 4, 2, 5.0])), brain)


def make_recording(run=None, *, clock=CLOCK, seconds=52.0, seed=0):
    rng = np.random.default_rng(seed)
    names = ("Fp1", "Cz", "Pz", "Oz")
    data = 2e-5 * rng.standard_normal((4, int(seconds * SFREQ)))
    eeg = Eeg(data, SFREQ, Montage(names, 60 * rng.standard_normal((4, 3))), "0.1-100 Hz")
    events = Events(
        np.array([1.0, 4.5, 30.0]), np.array([0.2, np.nan, 0.2]), ("odd", "std", "odd"),
        np.array([0.41, np.nan, np.nan]),
    )  # fmt: skip
    return Recording(run or RunId("01", "oddball", run="01"), eeg, make_bold(seed), clock, events)


def write_study(root, recordings):
    subjects = tuple(sorted({recording.run.subject for recording in recordings}))
    readme = "A simulated study of simultaneous EEG and fMRI, made for tests. " * 4
    start_study(root, name="Test", authors=("A. Author",), readme=readme, subjects=subjects)
    for recording in recordings:
        write_recording(root, recording, task_description="Count the odd tones")


@pytest.fixture
def recording():
    return make_recording()


@pytest.fixture
def study_folder(tmp_path, recording):
    write_study(tmp_path / "study", [recording])
    return tmp_path / "study"
