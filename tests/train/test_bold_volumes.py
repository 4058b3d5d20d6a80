"""BOLD read at its own volumes: the same moments, another sampling."""

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.errors import GridError, SettingsError, WeightsError
from neurotranscoder.core.source import SliceCells
from neurotranscoder.reconstruct.group import estimate_group
from neurotranscoder.train.network import NetworkSettings, build_network
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split
from neurotranscoder.train.trained import load_trained, save_trained
from neurotranscoder.train.training import Training
from neurotranscoder.train.windows import (
    ScaledRun,
    TrainingWindows,
    WindowSettings,
    frames_of,
    plan_windows,
)
from synthetic_runs import N_CHANNELS, block_map, run_of, synthetic_runs

PER_VOLUME = 5
NETWORK = NetworkSettings(
    architecture="paper",
    bold_input="volumes",
    spatial_features=(8, 8, 6, 4),
    temporal_features=(4, 4, 4, 4),
    temporal_kernel=5,
    steps=2,
    validate_every=1,
    windows=WindowSettings(seconds=15, context=3),
)
UNIT = Scaling(1.0, 1.0)
RUNS = synthetic_runs(2)


def ramp_run():
    """BOLD of every block is the number of the volume, in each of its frames."""
    eeg = np.random.default_rng(0).standard_normal((N_CHANNELS, 200))
    bold = np.repeat(np.arange(40.0), PER_VOLUME) * np.ones((block_map().n_blocks, 1))
    return run_of(eeg, bold, block_map())


@functools.cache
def trained(settings=NETWORK):
    split = Split(("a",), ("b",), ("c",))
    settings = TrainSettings(architecture="paper", paper=settings, probe_seconds=20)
    return fit_transcoder(RUNS[:1], RUNS[1:], split, settings, device="cpu")


def test_block_is_the_mean_over_its_voxels_whatever_their_slice():
    volumes = RUNS[0].cells.volumes
    data = np.array([[1.0, 2.0], [4.0, 8.0], [5.0, 6.0]])
    cells = SliceCells(
        data, np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([2, 1, 7]), volumes
    )
    assert_allclose(cells.block_volumes(2), [[2.0, 4.0], [5.0, 6.0]])


def test_windows_start_and_end_with_volumes():
    settings = WindowSettings(seconds=15, context=3)  # 37.5 and 7.5 frames
    core, context = frames_of(settings, 2.5, PER_VOLUME)
    starts = plan_windows(203, 2.5, settings, PER_VOLUME)
    assert core % PER_VOLUME == context % PER_VOLUME == 0
    assert all(start % PER_VOLUME == 0 for start in starts)
    assert starts[-1] + core + context <= 203


def test_volumes_of_a_window_are_those_of_its_frames():
    run = ScaledRun.of(ramp_run(), UNIT, "volumes")
    windows = TrainingWindows([run], NETWORK.windows, dtype=torch.float64)
    for window in (windows[0], windows[len(windows) - 1]):
        assert_array_equal(
            window.bold_read.repeat_interleave(PER_VOLUME, -1).numpy(), window.bold.numpy()
        )
        first = window.start - windows.core.start
        assert_array_equal(window.eeg[0, :, 0].numpy(), run.eeg[:, first])


def test_bold_at_frames_is_read_as_it_is_compared():
    windows = TrainingWindows([ScaledRun.of(ramp_run(), UNIT)], NETWORK.windows)
    assert_array_equal(windows[0].bold_read.numpy(), windows[0].bold.numpy())


def test_source_from_bold_lies_at_the_frames_of_its_volume():
    model = build_network(N_CHANNELS, block_map().mask, NETWORK, upsampling=PER_VOLUME).eval()
    quiet = torch.zeros(1, block_map().n_blocks, 40)
    loud = quiet.clone()
    loud[0, 3, 20] = 1.0
    with torch.no_grad():
        moved = (model.source_from_bold(loud) - model.source_from_bold(quiet))[0]
    where = moved.abs().sum(-1).nonzero().flatten().tolist()
    frames = moved[3].nonzero().flatten()
    assert where == [3]
    assert moved.shape[-1] == 40 * PER_VOLUME
    # one layer of 5 taps makes frames 100-104, four more reach 2 frames further each
    assert frames.min() >= 100 - 8
    assert frames.max() <= 104 + 8


def test_two_steps_train_on_volumes():
    run = ScaledRun.of(RUNS[0], Scaling.fit(RUNS), "volumes")
    assert run.upsampling == PER_VOLUME
    model = build_network(N_CHANNELS, block_map().mask, NETWORK, upsampling=run.upsampling)
    first = model.bold_to_source.layers[0].convolution.weight.detach().clone()
    training = Training(model, [run], [run], NETWORK, None)
    training.start()
    losses = [training.advance(), training.advance()]
    assert np.isfinite(losses).all()
    assert training.finished
    moved = model.bold_to_source.layers[0].convolution.weight.detach() - first
    assert moved.abs().min() > 0  # gradients reach the upsampling layer


def test_saved_model_gives_the_same_sources_from_volumes(tmp_path):
    model = trained()
    save_trained(tmp_path / "model", model)
    loaded = load_trained(tmp_path / "model")
    assert loaded.reads_volumes
    assert loaded.upsampling == PER_VOLUME
    before, after = (estimate_group(one, RUNS[1]) for one in (model, loaded))
    assert_array_equal(after.source_from_bold.data, before.source_from_bold.data)
    assert_array_equal(after.eeg_from_bold, before.eeg_from_bold)
    assert before.source_from_bold.data.shape == RUNS[1].bold.shape


def test_model_of_volumes_does_not_look_at_interpolated_bold():
    model = trained()
    run = RUNS[1]
    between = np.arange(200) % PER_VOLUME != 0  # cells hold every fifth frame
    changed = np.where(between, run.bold + 1.0, run.bold)
    other = run_of(run.eeg, changed, run.blocks)
    assert_array_equal(
        estimate_group(model, other).source_from_bold.data,
        estimate_group(model, run).source_from_bold.data,
    )


def test_model_of_frames_reads_frames():
    model = trained(NETWORK.model_copy(update={"bold_input": "frames"}))
    assert not model.reads_volumes
    assert model.upsampling == 1
    assert estimate_group(model, RUNS[1]).source_from_bold.data.shape == RUNS[1].bold.shape


def test_run_with_another_tr_is_refused():
    run = RUNS[1]
    axis = VolumeAxis(4.0, 20, run.cells.volumes.slice_times)
    slow = replace(run, cells=replace(run.cells, data=run.cells.data[:, ::2], volumes=axis))
    with pytest.raises(WeightsError, match=r"10 frames per volume, the model 5"):
        trained().check(slow)


def test_run_that_ends_within_a_volume_is_refused():
    model = trained()
    run = synthetic_runs(1, n_frames=202)[0]  # the last two frames belong to no volume
    with pytest.raises(GridError, match=r"40 volumes of 2 s do not fit 202 frames"):
        model.check(run)


def test_linear_coders_cannot_read_volumes():
    with pytest.raises(SettingsError, match="filters read BOLD at the frames"):
        NetworkSettings(architecture="gated", bold_input="volumes")


def test_frames_that_are_no_whole_number_of_volumes_are_refused():
    eeg, bold = np.ones((2, 11)), np.ones((3, 11))
    with pytest.raises(GridError, match="whole number of frames"):
        ScaledRun(RUNS[0].run, eeg, bold, 2.5, volumes=np.ones((3, 2)))
