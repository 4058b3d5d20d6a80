import copy
import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import GridError, WeightsError
from neurotranscoder.model.linear import ComponentProjection
from neurotranscoder.preprocess.align import AlignSettings, align
from neurotranscoder.reconstruct.fine import voxel_slices_of_bold, voxel_source_of_bold
from neurotranscoder.reconstruct.group import source_of_bold
from neurotranscoder.train.subject import at_voxels
from subject_runs import tiny_subject


@pytest.fixture(scope="module", params=["closed_form", "sparse"])
def subject(request):
    """Without and with decoders of blocks' own; the last run was used for nothing."""
    return tiny_subject(request.param)


def mean_over_blocks(blocks: BlockMap, mask, rows):
    """Average rows of voxels over the brain voxels of each block."""
    full = np.zeros((*mask.shape, rows.shape[1]))
    full[mask] = rows
    return blocks.average(full)


def per_row(one, two):
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(one, two, strict=True)])


def block_source(group, recording):
    run = align(recording, group.blocks, AlignSettings(block_size=24.0))
    return source_of_bold(group, run.bold)


def strong(source):
    """Rows with more than the median power."""
    return source.var(axis=1) > np.median(source.var(axis=1))


def with_module(group, **changes):
    """Return a model with other parts or conventions."""
    module = copy.deepcopy(group.module)
    for name, value in changes.items():
        setattr(module, name, value)
    return dataclasses.replace(group, module=module)


def test_mean_of_voxels_over_a_block_is_the_source_of_the_block(subject):
    recording = subject.recordings[3]
    movie = voxel_source_of_bold(subject.group, recording.bold)
    voxels = movie.at(slice(None)).astype(float)
    means = mean_over_blocks(subject.group.blocks, movie.mask, voxels)
    expected = block_source(subject.group, recording)
    used = strong(expected)
    assert per_row(means[used], expected[used]).min() > 0.95
    gain = np.sum(means * expected) / np.sum(expected**2)
    assert abs(gain - 1) < 1e-3  # BOLD outside the components is orthogonal to their maps


def test_movie_has_as_many_components_as_the_projection_at_all_brain_voxels(subject):
    bold = subject.recordings[3].bold
    movie = voxel_source_of_bold(subject.group, bold)
    assert movie.n_components == subject.group.module.bold_projection.maps.shape[1]
    assert (movie.origin, movie.axis.sfreq) == ("bold", subject.group.rate)
    assert_array_equal(movie.mask, bold.mask)


def test_filter_of_shared_noise_acts_on_courses_and_not_on_maps(subject, rng):
    maps = subject.group.module.bold_projection.maps.numpy()
    n = maps.shape[1]
    mixing = np.float32(np.eye(n) + 0.3 * rng.standard_normal((n, n)))
    group = with_module(subject.group, bold_projection=ComponentProjection(maps, mixing))
    bold = subject.recordings[3].bold
    plain, mixed = voxel_source_of_bold(subject.group, bold), voxel_source_of_bold(group, bold)
    assert_array_equal(mixed.maps, plain.maps)
    means = mean_over_blocks(group.blocks, mixed.mask, mixed.at(slice(None)).astype(float))
    expected = block_source(group, subject.recordings[3])
    used = strong(expected)
    assert np.median(per_row(means[used], expected[used])) > 0.95
    unfiltered = mean_over_blocks(group.blocks, plain.mask, plain.at(slice(None)).astype(float))
    assert np.median(per_row(unfiltered[used], expected[used])) < 0.95


def test_conventions_for_sign_and_lag_are_those_of_the_blocks(subject):
    other = with_module(
        subject.group, source_sign=torch.tensor(-1.0), source_delay=torch.tensor(3)
    )
    bold = subject.recordings[3].bold
    stated = voxel_source_of_bold(other, bold).courses
    assert_array_equal(stated, -np.roll(voxel_source_of_bold(subject.group, bold).courses, 3, 1))


def test_truth_of_active_voxels_is_nearer_than_that_of_another_run(subject):
    recording, other = subject.recordings[3], subject.recordings[2]
    movie = voxel_source_of_bold(subject.group, recording.bold)
    active = (subject.truth.regions.labels >= 0) & movie.mask
    found = movie.window(30.0, 90.0)[active[movie.mask]]

    def r(run):
        truth = subject.truth.of(run).p(active, 30.0, 90.0, rate=movie.axis.sfreq)[0]
        return np.mean(per_row(found, truth))

    assert r(recording.run) > r(other.run) + 0.1


def test_voxels_say_more_than_blocks_interpolated_to_them(subject):
    recording = subject.recordings[3]
    movie = voxel_source_of_bold(subject.group, recording.bold)
    blocks = block_source(subject.group, recording)
    blurred = at_voxels(blocks, subject.group, movie.mask, movie.grid)
    active = (subject.truth.regions.labels >= 0) & movie.mask
    rows, within = active[movie.mask], movie.frames(30.0, 90.0)
    rate = movie.axis.sfreq
    truth = subject.truth.of(recording.run).p(active, 30.0, 90.0, rate=rate)[0]
    r = [np.mean(per_row(one[rows][:, within], truth)) for one in (movie.at(slice(None)), blurred)]
    assert r[0] > r[1] + 0.02


def test_component_has_the_decoder_of_the_block_that_it_rules():
    subject = tiny_subject("sparse")
    decoder = subject.group.module.bold_to_source
    movie = voxel_source_of_bold(subject.group, subject.recordings[3].bold)
    shared = copy.deepcopy(decoder)
    shared.own = None
    plain = voxel_source_of_bold(
        with_module(subject.group, bold_to_source=shared), subject.recordings[3].bold
    )
    expected = block_source(subject.group, subject.recordings[3])
    own, common = (
        per_row(
            mean_over_blocks(subject.group.blocks, one.mask, one.at(slice(None)).astype(float)),
            expected,
        )[strong(expected)]
        for one in (movie, plain)
    )
    assert np.median(own) > np.median(common)


def test_constant_voxel_gets_no_source(subject):
    bold = subject.recordings[3].bold
    first = tuple(np.argwhere(bold.mask)[0].tolist())
    data = bold.data.copy()
    data[first] = 7.0
    movie = voxel_source_of_bold(subject.group, dataclasses.replace(bold, data=data))
    assert_array_equal(movie.voxel(first), 0)


def test_slices_without_projection_average_to_the_blocks_without_projection(subject):
    group = with_module(subject.group, bold_projection=torch.nn.Identity())
    recording = subject.recordings[3]
    mask = recording.bold.mask
    slices = list(voxel_slices_of_bold(group, recording.bold))
    rows = np.zeros((int(mask.sum()), slices[0].axis.n_times))
    for one in slices:
        rows[np.nonzero(mask)[2] == one.index] = one.data
    means = mean_over_blocks(group.blocks, mask, rows)
    expected = block_source(group, recording)
    assert_allclose(means, expected, atol=1e-4 * expected.std())  # all is linear


def test_model_that_reads_block_by_block_has_no_components_to_carry(subject):
    group = with_module(subject.group, bold_projection=torch.nn.Identity())
    with pytest.raises(WeightsError, match="voxel_slices_of_bold"):
        voxel_source_of_bold(group, subject.recordings[3].bold)


def test_network_is_refused_with_what_to_do(subject):
    group = with_module(subject.group, bold_to_source=torch.nn.Identity())
    with pytest.raises(WeightsError, match="architecture = 'sparse'"):
        voxel_source_of_bold(group, subject.recordings[3].bold)


def test_images_of_another_grid_and_empty_masks_are_refused(subject):
    bold = subject.recordings[3].bold
    empty = dataclasses.replace(bold, mask=np.zeros_like(bold.mask))
    with pytest.raises(GridError, match="mask of BOLD is empty"):
        voxel_source_of_bold(subject.group, empty)
    grid = dataclasses.replace(
        bold.grid, voxel_to_world=bold.grid.voxel_to_world @ np.diag([2.0, 1, 1, 1])
    )
    for estimate in (voxel_source_of_bold, lambda *of: list(voxel_slices_of_bold(*of))):
        with pytest.raises(GridError, match="space of the model"):
            estimate(subject.group, dataclasses.replace(bold, grid=grid))
