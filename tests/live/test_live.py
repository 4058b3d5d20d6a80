import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from movie_example import random_movie
from neurotranscoder.core.axes import TimeAxis
from neurotranscoder.core.errors import GridError, SettingsError, WeightsError
from neurotranscoder.live.frames import CausalFrames
from neurotranscoder.live.sources import GroupCoder, LiveSources, VoxelCoder
from neurotranscoder.reconstruct.group import source_of_eeg
from neurotranscoder.signal.frames import frame_means
from neurotranscoder.train.trained import load_trained

N_CHANNELS, SFREQ, RATE = 5, 250.0, 100.0


@pytest.fixture
def eeg(rng):
    return rng.standard_normal((N_CHANNELS, 1000)) + np.arange(N_CHANNELS)[:, None]


def pushed(frames, samples, sizes):
    """Return all frames of samples that arrive in packages of some sizes, again and again."""
    cuts = np.cumsum(np.tile(sizes, samples.shape[1]))
    parts = np.split(samples, cuts[cuts < samples.shape[1]], axis=1)
    return np.hstack([frames.push(part) for part in parts])


@pytest.fixture(params=["closed_form", "transcoder"])
def trained(request, tiny_results):
    return load_trained(tiny_results / "models" / request.param)


@pytest.mark.parametrize("sizes", [(1,), (3, 2), (7, 0, 11), (1000,)])
@pytest.mark.parametrize("rate", [100.0, 250.0, 70.0])
def test_frames_are_the_means_whatever_packages_samples_come_in(eeg, sizes, rate):
    found = pushed(CausalFrames(N_CHANNELS, SFREQ, rate=rate, memory=30), eeg, sizes)
    axis = TimeAxis.of_frames(eeg.shape[1] / SFREQ, rate)
    means = frame_means(eeg, np.arange(eeg.shape[1]) / SFREQ, axis)
    so_far = np.cumsum(means, axis=1) / np.arange(1, axis.n_times + 1)
    assert_allclose(found, means - so_far, atol=1e-12)


def test_running_mean_forgets_with_its_time_constant():
    frames = CausalFrames(1, RATE, rate=RATE, memory=2.0)
    frames.push(np.zeros((1, 2000)))
    step = frames.push(np.ones((1, 1000)))[0]
    times = np.arange(1, 1001) / RATE  # a step decays as exp(-t / memory)
    assert_allclose(step, np.exp(-times / 2.0), atol=1e-12)


def test_nothing_looks_ahead(eeg, rng):
    coder = rng.standard_normal((3, N_CHANNELS)).__matmul__
    other = eeg.copy()
    other[:, 600:] += 10
    now, later = (
        LiveSources(CausalFrames(N_CHANNELS, SFREQ), coder).push(one) for one in (eeg, other)
    )
    assert_array_equal(now[:240], later[:240])  # 600 samples are 240 frames of 10 ms
    assert np.abs(now[240] - later[240]).max() > 1


def test_sources_of_blocks_are_those_of_the_group_model(trained, rng):
    n_channels, n_frames = len(trained.montage.names), 30
    eeg = trained.scaling.eeg * rng.standard_normal((n_channels, n_frames))
    eeg -= eeg.mean(axis=1, keepdims=True)
    power = None
    if trained.reads_power:
        power = np.ones((len(trained.scaling.power), n_channels, n_frames))  # roots at their mean
    expected = source_of_eeg(trained, eeg, power)
    if delay := int(trained.module.source_delay):
        expected = np.roll(expected, -delay, axis=1)
    found = np.stack([GroupCoder(trained)(frame) for frame in eeg.T], axis=1)
    assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())  # float32


def test_sources_come_with_their_frames(rng):
    live = LiveSources(CausalFrames(N_CHANNELS, SFREQ), rng.standard_normal((3, 5)).__matmul__)
    assert live.time == pytest.approx(0.005)
    assert [len(live.push(np.zeros((N_CHANNELS, n)))) for n in (2, 1, 2, 5)] == [0, 1, 1, 2]
    assert live.time == pytest.approx(0.045)


def test_gain_scales_what_a_linear_coder_reads(tiny_results, rng):
    trained = load_trained(tiny_results / "models" / "closed_form")
    frame = rng.standard_normal(len(trained.montage.names)) * trained.scaling.eeg
    once, twice = (GroupCoder(trained, gain=gain)(frame) for gain in (1.0, 2.0))
    assert_allclose(twice, 2 * once, rtol=1e-4, atol=1e-6 * np.abs(once).max())


def test_live_voxels_are_the_frames_of_the_movie(rng):
    movie = random_movie(rng, shape=(5, 4, 3), n_times=50)
    weights = rng.standard_normal((movie.n_components, N_CHANNELS))
    coder = VoxelCoder(movie.maps, weights.__matmul__)
    frame = rng.standard_normal(N_CHANNELS)
    assert_allclose(coder(frame), movie.maps @ (weights @ frame), rtol=1e-4, atol=1e-5)
    with pytest.raises(WeightsError, match=r"gave .* components, the maps have 6"):
        VoxelCoder(movie.maps, weights[1:].__matmul__)(frame)


def test_samples_that_are_not_finite_are_not_taken(eeg):
    frames = CausalFrames(N_CHANNELS, SFREQ)
    broken = eeg[:, :100].copy()
    broken[3, 50] = np.nan
    with pytest.raises(GridError, match=r"in channels \[3\]"):
        frames.push(broken)
    assert_array_equal(frames.push(eeg), CausalFrames(N_CHANNELS, SFREQ).push(eeg))
    with pytest.raises(GridError, match="4 channels"):
        frames.push(eeg[:4])


def test_frames_without_samples_are_refused():
    with pytest.raises(SettingsError, match="at least one sample in a frame"):
        CausalFrames(N_CHANNELS, 50.0)
