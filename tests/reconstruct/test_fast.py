import copy
import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import WeightsError
from neurotranscoder.model.power import PowerEegToSource
from neurotranscoder.reconstruct.fast import fast_source_of_eeg, interpolated
from neurotranscoder.reconstruct.fine import voxel_source_of_bold
from neurotranscoder.reconstruct.group import source_of_eeg
from neurotranscoder.signal.frames import frame_means, weighted_frame_means
from subject_runs import tiny_subject


@pytest.fixture(scope="module", params=["closed_form", "sparse"])
def subject(request):
    """With a linear and with a sparse coder of EEG; the last run was used for nothing."""
    return tiny_subject(request.param)


RATE, FRAMES = 25.0, 3_000  # two minutes; sparse sources take their time


def fast(group, recording, rate=RATE, **changes):
    eeg = dataclasses.replace(recording.eeg, **changes)
    return fast_source_of_eeg(group, eeg, recording.clock, recording.bold.volumes, rate=rate)


def slow_source(group, recording, axis):
    """Sources of the group at its own rate."""
    eeg = recording.eeg
    times = recording.clock.scanner_times(eeg.data.shape[1], eeg.sfreq)
    return source_of_eeg(group, weighted_frame_means(eeg.data, times, axis))


def with_module(group, **changes):
    module = copy.deepcopy(group.module)
    for name, value in changes.items():
        setattr(module, name, value)
    return dataclasses.replace(group, module=module)


def per_row(one, two):
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(one, two, strict=True)])


def test_movie_is_on_the_blocks_at_the_rate_with_the_components_of_the_model(subject):
    movie = fast(subject.group, subject.recordings[3])
    assert (movie.origin, movie.axis.sfreq, movie.axis.n_times) == ("eeg", RATE, FRAMES)
    assert_array_equal(movie.mask, subject.group.blocks.mask)
    assert movie.n_components == subject.group.module.bold_projection.maps.shape[1]


def test_at_the_rate_of_the_group_it_is_the_source_of_the_group(subject):
    recording, group = subject.recordings[3], subject.group
    movie = fast(group, recording, rate=group.rate)
    expected = slow_source(group, recording, movie.axis)
    assert_allclose(movie.at(slice(None)), expected, atol=1e-4 * expected.std())


def test_means_of_a_linear_movie_over_group_frames_are_the_source_but_for_one_gain():
    subject = tiny_subject("closed_form")
    recording, group = subject.recordings[3], subject.group
    movie = fast(group, recording)
    slow = voxel_source_of_bold(group, recording.bold).axis
    means = movie.maps @ frame_means(movie.courses, movie.axis.times, slow)
    expected = slow_source(group, recording, slow)
    gain = np.sum(means * expected) / np.sum(expected**2)
    assert 0 < gain < 1  # shorter frames hold more variance
    assert_allclose(means, gain * expected, atol=1e-3 * expected.std())


def test_movie_has_the_scale_of_the_group_and_follows_that_of_the_eeg(subject):
    recording, group = subject.recordings[3], subject.group
    movie = fast(group, recording)
    slow = slow_source(group, recording, voxel_source_of_bold(group, recording.bold).axis)
    if group.module.sparse_coder is None:
        assert movie.at(slice(None)).std() == pytest.approx(slow.std(), rel=0.3)
    doubled = fast(group, recording, data=2 * recording.eeg.data)
    assert doubled.courses.std() > 1.5 * movie.courses.std()  # no statistics are taken anew


def test_truth_is_nearer_than_that_of_another_run(subject):
    recording, other = subject.recordings[3], subject.recordings[2]
    movie = interpolated(subject.group, recording, rate=RATE).from_eeg
    active = (subject.truth.regions.labels >= 0) & movie.mask
    found = movie.window(30.0, 60.0)[active[movie.mask]]

    def r(run):
        return np.mean(per_row(found, subject.truth.of(run).p(active, 30.0, 60.0, rate=RATE)[0]))

    assert r(recording.run) > r(other.run) + 0.1


def test_finer_frames_say_more_than_group_frames_interpolated(subject):
    recording, group = subject.recordings[3], subject.group
    fine = interpolated(group, recording, rate=RATE).from_eeg
    slow = fast(group, recording, rate=group.rate)
    known = (np.interp(fine.axis.times, slow.axis.times, one) for one in slow.courses)
    blurred = dataclasses.replace(fine, courses=np.stack([*known]).astype(np.float32))
    active = (subject.truth.regions.labels >= 0) & fine.mask
    truth = subject.truth.of(recording.run).p(active, 30.0, 90.0, rate=RATE)[0]
    rows = active[fine.mask]
    r = [np.mean(per_row(one.window(30.0, 90.0)[rows], truth)) for one in (fine, blurred)]
    assert r[0] > r[1] + 0.01


def test_conventions_hold_at_the_finer_rate(subject):
    recording = subject.recordings[3]
    delay = 2
    other = with_module(
        subject.group, source_sign=torch.tensor(-1.0), source_delay=torch.tensor(delay)
    )
    plain = fast(subject.group, recording).courses
    frames = round(delay * RATE / subject.group.rate)
    assert_array_equal(fast(other, recording).courses, -np.roll(plain, frames, axis=1))


def test_band_power_is_taken_to_be_at_its_mean(subject, rng):
    coder = subject.group.module.eeg_to_source
    weights = rng.standard_normal((coder.maps.shape[1], 8))
    power = PowerEegToSource(coder, coder.maps, weights)
    group = with_module(subject.group, eeg_to_source=power)
    recording = subject.recordings[3]
    assert_array_equal(fast(group, recording).courses, fast(subject.group, recording).courses)


def test_interpolated_estimates_share_voxels_of_the_images_and_frames(subject):
    recording = subject.recordings[3]
    both = interpolated(subject.group, recording, rate=RATE)
    for movie, origin in ((both.from_eeg, "eeg"), (both.from_bold, "bold")):
        assert movie.origin == origin
        assert movie.grid.matches(recording.bold.grid)
        assert_array_equal(movie.mask, recording.bold.mask)
        assert (movie.axis.sfreq, movie.axis.n_times) == (RATE, FRAMES)


def test_interpolation_in_time_is_linear_between_group_frames(subject):
    recording = subject.recordings[3]
    movie = interpolated(subject.group, recording, rate=RATE).from_bold
    slow = voxel_source_of_bold(subject.group, recording.bold, interpolation="linear")
    assert_array_equal(movie.maps, slow.maps)
    time = movie.axis.times[1_234]
    expected = [np.interp(time, slow.axis.times, one) for one in slow.courses]
    assert_allclose(movie.courses[:, 1_234], expected, rtol=1e-5)


def test_interpolation_in_space_keeps_a_constant(subject):
    coder = copy.deepcopy(subject.group.module.eeg_to_source)
    coder.maps.data = torch.ones_like(coder.maps)
    group = with_module(subject.group, eeg_to_source=coder)
    maps = interpolated(group, subject.recordings[3], rate=RATE).from_eeg.maps
    near = maps > 1e-3  # voxels far from all blocks in use have none
    assert near.mean() > 0.9
    assert_allclose(maps[near], 1, rtol=1e-5)


def test_networks_and_other_channels_are_refused(subject):
    recording = subject.recordings[3]
    network = with_module(subject.group, eeg_to_source=torch.nn.Identity())
    with pytest.raises(WeightsError, match="architecture = 'sparse'"):
        fast(network, recording)
    names = recording.eeg.montage.names[::-1]
    with pytest.raises(WeightsError, match="same channels in the same order"):
        fast(subject.group, recording, montage=Montage(names))
