from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import GridError, StoreError, WeightsError
from neurotranscoder.core.spread import Lazily
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.train.subject import at_voxels, fit_subject
from neurotranscoder.train.trained_subject import load_subject, save_subject
from subject_runs import QUICK, tiny_subject


@pytest.fixture(scope="module", params=["closed_form", "sparse"])
def fitted(request):
    """A subject with and without sparse sources, and its fit on three runs."""
    subject = tiny_subject(request.param)
    return subject, fit_subject(subject.recordings[:3], subject.group, QUICK)


def test_movie_of_an_unseen_run_is_near_the_truth_of_active_voxels(fitted):
    subject, trained = fitted
    movie = subject_movie(trained, subject.recordings[3])
    active = (subject.truth.regions.labels >= 0) & trained.mask
    rows = active[trained.mask]
    start, stop = 30.0, 110.0
    truth = subject.truth.of(subject.recordings[3].run).p(active, start, stop, rate=trained.rate)[
        0
    ]
    found = movie.window(start, stop)[rows]
    r = [np.corrcoef(one, two)[0, 1] for one, two in zip(found, truth, strict=True)]
    assert np.median(r) > 0.3  # single trials at 10 dB; by chance it is 0 +- .05


def test_movie_has_the_voxels_of_the_images_and_the_rate_that_was_asked_for(fitted):
    subject, trained = fitted
    movie = subject_movie(trained, subject.recordings[3])
    assert movie.grid.matches(subject.recordings[3].bold.grid)
    assert movie.axis.sfreq == 25.0
    assert movie.axis.n_times == 3_000
    assert_array_equal(movie.mask, subject.recordings[0].bold.mask)


def test_fit_is_the_same_whether_runs_are_in_memory_or_loaded_one_by_one(fitted, one_thread):
    subject, trained = fitted
    loaded = Lazily(subject.recordings.__getitem__, range(3))
    again = fit_subject(loaded, subject.group, QUICK)
    assert_array_equal(again.maps, trained.maps)
    assert again.choices == trained.choices


def test_every_choice_of_maps_has_scores_even_of_one_run(fitted):
    subject, _ = fitted
    trained = fit_subject(subject.recordings[:1], subject.group, QUICK)
    names = ("smoothing", "ridge", "group_weight", "shrinkage")
    assert all(len(trained.choice(name).scores) > 1 for name in names)
    assert np.isfinite(trained.maps).all()


def test_saved_subject_gives_the_same_movie(fitted, tmp_path):
    subject, trained = fitted
    save_subject(tmp_path, trained)
    loaded = load_subject(tmp_path)
    one, two = (subject_movie(model, subject.recordings[3]) for model in (trained, loaded))
    assert_array_equal(one.maps, two.maps)
    assert_array_equal(one.courses, two.courses)
    assert (loaded.choices, loaded.runs, loaded.group) == (
        trained.choices,
        trained.runs,
        trained.group,
    )
    assert loaded.settings == trained.settings


def test_damaged_subject_is_refused(fitted, tmp_path):
    save_subject(tmp_path, fitted[1])
    [file] = tmp_path.glob("*.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(StoreError, match="SHA-256"):
        load_subject(tmp_path)


def test_other_channels_are_refused(fitted):
    subject, trained = fitted
    recording = subject.recordings[3]
    names = tuple(f"x{name}" for name in recording.eeg.montage.names)
    eeg = replace(recording.eeg, montage=Montage(names))
    with pytest.raises(WeightsError, match="use the same channels in the same order"):
        subject_movie(trained, replace(recording, eeg=eeg))


def test_runs_on_other_grids_are_refused(fitted):
    subject, _ = fitted
    first, second = subject.recordings[:2]
    affine = first.bold.grid.voxel_to_world.copy()
    affine[0, 3] += 5
    moved = replace(second.bold, grid=replace(second.bold.grid, voxel_to_world=affine))
    with pytest.raises(GridError, match="bring all runs of a subject to one grid first"):
        fit_subject((first, replace(second, bold=moved)), subject.group, QUICK)
    with pytest.raises(GridError, match="no run was given"):
        fit_subject((), subject.group, QUICK)


def test_maps_of_blocks_that_are_flat_are_flat_at_voxels(fitted):
    subject, trained = fitted
    flat = np.full((subject.group.blocks.n_blocks, 1), 3.0)
    inside = trained.mask & (subject.group.blocks.labels >= 0)
    found = at_voxels(flat, subject.group, inside, trained.grid)
    assert_allclose(found, 3.0)
