from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import WeightsError
from neurotranscoder.live.frames import CausalFrames
from neurotranscoder.live.sources import LiveSources, VoxelCoder
from neurotranscoder.live.subject import CausalCourses
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.train.subject import fit_subject
from neurotranscoder.train.subject_signals import scaled_eeg
from subject_runs import QUICK, tiny_subject


@pytest.fixture(scope="module", params=["closed_form", "sparse"])
def study(request):
    subject = tiny_subject(request.param)
    return fit_subject(subject.recordings[:2], subject.group, QUICK), subject.recordings[3]


def test_live_voxels_are_the_causal_movie_frame_by_frame(study):
    trained, run = study
    movie = subject_movie(replace(trained, coder=replace(trained.coder, causal=True)), run)
    eeg = scaled_eeg(run.eeg, run.clock, movie.axis, trained.montage, trained.eeg_scale)
    coder = VoxelCoder(trained.maps, CausalCourses(trained))
    found = np.stack([coder(trained.eeg_scale * frame) for frame in eeg.T[:50]], axis=1)
    want = movie.at(slice(0, 50))
    assert_allclose(found, want, atol=1e-4 * np.abs(want).max())  # float32


def test_samples_of_a_run_give_sources_near_those_of_the_whole_movie(study):
    trained, run = study
    frames = CausalFrames(len(run.eeg.data), run.eeg.sfreq, rate=trained.rate)
    coder = CausalCourses(trained)
    live = LiveSources(frames, VoxelCoder(trained.maps, coder))
    found = np.stack(live.push(run.eeg.data[:, : round(60 * run.eeg.sfreq)]), axis=1)
    movie = subject_movie(trained, run)
    late = round((float(run.clock.scanner_times(1, run.eeg.sfreq)[0])) * trained.rate)
    first, last = round(30 * trained.rate), round(55 * trained.rate)
    want = movie.at(slice(first + late, last + late))
    assert np.corrcoef(found[:, first:last].ravel(), want.ravel())[0, 1] > 0.7
    assert 0 < coder.delay < 0.1


def test_other_channels_are_refused(study):
    trained, _ = study
    with pytest.raises(WeightsError, match="same channels in the same order"):
        CausalCourses(trained)(np.zeros(3))
