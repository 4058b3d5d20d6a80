from dataclasses import replace

import pytest
from numpy.testing import assert_array_equal

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError, StoreError, WeightsError
from neurotranscoder.core.tiles import Box
from neurotranscoder.reconstruct.paper_subject import fit_paper_subject, latent_sources
from neurotranscoder.train.paper_subject import PaperSubjectSettings
from neurotranscoder.train.trained_paper_subject import load_paper_subject, save_paper_subject
from small_study import bytes_below
from subject_runs import tiny_subject

QUICK = PaperSubjectSettings(
    rate=25.0,
    tile=(6, 6, 6, 75),
    spatial_features=(2, 2, 2, 2),
    temporal_features=(2, 2, 2, 2),
    temporal_kernel=5,
    steps=2,
)


@pytest.fixture(scope="module")
def subject():
    return tiny_subject("closed_form")


@pytest.fixture(scope="module")
def trained(subject):
    return fit_paper_subject(subject.recordings[:2], subject.group, QUICK, device="cpu")


def test_saved_coders_give_the_same_latent_sources_to_the_bit(subject, trained, tmp_path):
    save_paper_subject(tmp_path, trained)
    box = Box((0, 0, 0, 50), (12, 12, 9, 90))
    one, two = (
        latent_sources(model, subject.group, subject.recordings[3])
        for model in (trained, load_paper_subject(tmp_path))
    )
    assert one.fused.values(box).any()
    for name in ("from_eeg", "from_bold", "fused"):
        assert_array_equal(getattr(two, name).values(box), getattr(one, name).values(box))


def test_loaded_coders_are_saved_to_the_same_bytes(trained, tmp_path):
    save_paper_subject(tmp_path / "one", trained)
    loaded = load_paper_subject(tmp_path / "one")
    save_paper_subject(tmp_path / "two", loaded)
    assert bytes_below(tmp_path / "two") == bytes_below(tmp_path / "one")
    assert repr(loaded) == repr(trained)
    assert loaded.runs == ("sub-01_task-oddball_run-01", "sub-01_task-oddball_run-02")


@pytest.mark.parametrize("pattern", ["*.safetensors", "paper_subject.json"])
def test_damaged_coders_are_refused(trained, tmp_path, pattern):
    save_paper_subject(tmp_path, trained)
    [file] = tmp_path.glob(pattern)
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)
    with pytest.raises(StoreError, match="damaged, got SHA-256"):
        load_paper_subject(tmp_path)


def test_another_group_model_and_other_voxels_are_refused(subject, trained):
    scaling = replace(subject.group.scaling, eeg=2 * subject.group.scaling.eeg)
    other = replace(subject.group, scaling=scaling)
    with pytest.raises(WeightsError, match="name the one that it was fitted with"):
        latent_sources(trained, other, subject.recordings[3])
    affine = trained.grid.voxel_to_world.copy()
    affine[0, 3] += 5
    moved = replace(trained, grid=VoxelGrid(trained.grid.shape, affine))
    with pytest.raises(GridError, match="bring the run to the grid of the subject"):
        latent_sources(moved, subject.group, subject.recordings[3])
