from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import Montage, TimeAxis, VolumeAxis, VoxelGrid
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.recording import Bold, Clock, Eeg, Recording, RunId
from neurotranscoder.preprocess.align import (
    AlignSettings,
    align,
    blocks_at_frames,
    common_blocks,
    frames_per_tr,
    slice_cells,
)
from neurotranscoder.simulate.slices import SliceOrder, slice_times

TR, N_VOLUMES, SLICES = 2.0, 60, 20
SETTINGS = AlignSettings(block_size=12.0)
FREQUENCY = 0.05


def volumes_of(tr=TR, step=5, n_slices=SLICES):
    return VolumeAxis(tr, N_VOLUMES, slice_times(SliceOrder(step=step), n_slices, tr))


def wave(times):
    return 100 + 5 * np.sin(2 * np.pi * FREQUENCY * np.asarray(times) + 0.3)


def bold_of(volumes):
    """A sinusoid in time, each slice seen when it was acquired; amplitudes differ by voxel."""
    shape = (8, 8, len(volumes.slice_times))
    seen = np.stack([wave(volumes.times(k)) for k in range(shape[2])])
    grid = VoxelGrid(shape, np.diag([3.0, 3.0, 3.0, 1.0]))
    mask = np.ones(shape, dtype=bool)
    mask[0, :, :7] = mask[4, 5, 3] = False
    return Bold(np.broadcast_to(seen, (8, 8, *seen.shape)).copy(), grid, volumes, mask)


def recording_of(bold, *, eeg_start=-3.37, sfreq=200.0, seconds=130.0, signal=wave):
    times = eeg_start + np.arange(int(seconds * sfreq)) / sfreq
    data = 1e-6 * np.stack([signal(times), -signal(times)])
    eeg = Eeg(data, sfreq, Montage(("Cz", "Pz")))
    return Recording(RunId("01", "rest"), eeg, bold, Clock("measured", eeg_start))


@pytest.mark.parametrize("step", [1, 2, 5])
def test_slices_seen_at_their_own_times_agree_at_the_frames(step):
    bold = bold_of(volumes_of(step=step))
    blocks = common_blocks([bold], SETTINGS)
    found = align(recording_of(bold), blocks, SETTINGS)
    inner = slice(10, -10)  # beyond the first and last acquisition values are held
    error = np.abs(found.bold - wave(found.axis.times))[:, inner].max()
    pretended = replace(bold, volumes=replace(bold.volumes, slice_times=np.zeros(SLICES)))
    without = align(recording_of(pretended), blocks, SETTINGS)
    wrong = np.abs(without.bold - wave(without.axis.times))[:, inner].max()
    assert error < 0.02  # of an amplitude of 5: the cubic spline at 10 samples per period
    assert wrong > 20 * error


def test_interpolated_bold_converges_with_order_four():
    def error_at(tr):
        volumes = VolumeAxis(tr, round(120 / tr), np.zeros(1))
        grid = VoxelGrid((1, 1, 1), 12 * np.eye(4) - 11 * np.eye(4) * np.eye(4)[3])
        data = wave(volumes.times(0))[None, None, None]
        bold = Bold(data, grid, volumes, np.ones((1, 1, 1), dtype=bool))
        blocks = common_blocks([bold], SETTINGS)
        axis = TimeAxis.of_frames(120.0, 2.5)
        found = blocks_at_frames(slice_cells(bold, blocks), 1, axis, kind="cubic")
        return np.abs(found[0] - wave(axis.times))[60:-60].max()

    order = np.log2(error_at(2.0) / error_at(1.0))
    assert 3.5 < order < 4.7  # 4 for a cubic spline, far from its ends


def test_eeg_is_averaged_over_frames_of_the_scanner_clock():
    bold = bold_of(volumes_of())
    found = align(recording_of(bold), common_blocks([bold], SETTINGS), SETTINGS)
    width = np.sinc(FREQUENCY / found.axis.sfreq)  # the mean of a sinusoid over a frame
    expected = 100 + width * (wave(found.axis.times) - 100)
    # samples lie on a grid of 5 ms that need not be centred in the frame of 400 ms
    tolerance = 5 * 2 * np.pi * FREQUENCY * 0.005
    assert_allclose(1e6 * found.eeg[0], expected, atol=tolerance)
    assert_allclose(found.eeg[1], -found.eeg[0])
    assert found.axis.times[0] == pytest.approx(0.2)


def test_a_later_eeg_start_gives_the_same_frames():
    bold = bold_of(volumes_of())
    blocks = common_blocks([bold], SETTINGS)
    runs = [recording_of(bold, eeg_start=start, seconds=140.0) for start in (-3.0, -11.0)]
    first, second = (align(run, blocks, SETTINGS).eeg for run in runs)
    assert_allclose(first, second, rtol=1e-12)


@pytest.mark.parametrize(
    ("volumes", "settings", "expected"),
    [
        (volumes_of(step=5), AlignSettings(), 5),  # five equal passes
        (volumes_of(step=1), AlignSettings(), 5),  # 2.7 Hz x 2 s = 5.4
        (volumes_of(2.1, step=1), AlignSettings(), 6),  # 5.67
        (volumes_of(2.16, step=2), AlignSettings(), 6),  # two passes are too few; 5.83
        (volumes_of(2.16, step=4), AlignSettings(), 4),  # four equal passes
        (volumes_of(0.3, step=1), AlignSettings(), 1),  # never less than one
        (volumes_of(step=5), AlignSettings(frames_per_tr=8), 8),  # the setting wins
        (volumes_of(step=1), AlignSettings(target_rate=4.0), 8),
    ],
)
def test_frames_per_tr_follow_passes_then_the_target_rate(volumes, settings, expected):
    assert frames_per_tr(volumes, settings) == expected


def test_cells_divide_each_block_among_its_slices(rng):
    bold = bold_of(volumes_of())
    bold = replace(bold, data=rng.standard_normal(bold.data.shape))
    blocks = common_blocks([bold], SETTINGS)
    cells = slice_cells(bold, blocks)
    assert cells.n_voxels.sum() == np.sum(blocks.labels >= 0)
    sums = np.zeros((blocks.n_blocks, N_VOLUMES))
    np.add.at(sums, cells.block, cells.data * cells.n_voxels[:, np.newaxis])
    counts = np.bincount(blocks.labels[blocks.labels >= 0])
    assert_allclose(sums / counts[:, np.newaxis], blocks.average(bold.data), atol=1e-12)


def test_blocks_are_brain_in_at_least_half_of_the_runs():
    bold = bold_of(volumes_of())
    empty = replace(bold, mask=np.zeros_like(bold.mask))
    once = common_blocks([bold, empty], SETTINGS)
    assert once.matches(common_blocks([bold], SETTINGS))
    with pytest.raises(GridError, match=r"no block of \(4, 4, 4\) voxels holds 25% brain"):
        common_blocks([bold, empty, empty], SETTINGS)


def test_images_in_another_place_are_refused():
    bold = bold_of(volumes_of())
    moved = VoxelGrid(bold.grid.shape, bold.grid.voxel_to_world + np.eye(4, k=3))
    other = replace(bold, grid=moved)
    with pytest.raises(GridError, match=r"run 2 has a grid .* normalise all runs to one space"):
        common_blocks([bold, other], SETTINGS)
    with pytest.raises(GridError, match="use images in the space of the model"):
        slice_cells(other, common_blocks([bold], SETTINGS))
    with pytest.raises(GridError, match="no run was given"):
        common_blocks([], SETTINGS)


def test_eeg_that_ends_before_bold_is_refused():
    bold = bold_of(volumes_of())
    blocks = common_blocks([bold], SETTINGS)
    with pytest.raises(GridError, match=r"holds no EEG sample; EEG spans -3\.370-96\.625 s"):
        align(recording_of(bold, seconds=100.0), blocks, SETTINGS)


def test_eeg_that_ends_within_the_last_volume_shortens_the_frames():
    volumes = volumes_of()
    bold = bold_of(volumes)
    blocks = common_blocks([bold], AlignSettings())
    seconds = volumes.duration + 3.37 - 0.87  # EEG ends .87 s before BOLD
    run = align(recording_of(bold, seconds=seconds), blocks, AlignSettings())
    assert run.axis.n_times == int((volumes.duration - 0.87) * run.axis.sfreq)


def test_power_of_the_raw_eeg_is_averaged_over_frames():
    def waning(times):
        return np.sqrt(2) * (times < 60) * np.sin(2 * np.pi * 10 * times)

    recording = recording_of(bold_of(volumes_of()), signal=waning)
    found = align(recording, common_blocks([recording.bold], SETTINGS), SETTINGS)
    delta, theta, alpha, beta = 1e12 * found.power[:, 0]
    early = (found.axis.times > 2) & (found.axis.times < 57)
    late = found.axis.times > 63
    assert_allclose(alpha[early], 1, atol=0.02)  # a unit of power in 2 s frames, whole periods
    assert max(alpha[late].max(), *(band[early].max() for band in (delta, theta, beta))) < 0.05


def test_bands_that_the_sampling_does_not_hold_are_left_out():
    recording = recording_of(bold_of(volumes_of()), sfreq=40.0)
    found = align(recording, common_blocks([recording.bold], SETTINGS), SETTINGS)
    assert found.power.shape[0] == 3
    slow = recording_of(bold_of(volumes_of()), sfreq=8.0)
    assert align(slow, common_blocks([slow.bold], SETTINGS), SETTINGS).power is None
