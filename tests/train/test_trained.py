import shutil
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import Montage, TimeAxis
from neurotranscoder.core.errors import StoreError, WeightsError
from neurotranscoder.reconstruct.group import estimate_group
from neurotranscoder.train.closed_form import ClosedFormSettings
from neurotranscoder.train.losses import LossWeights
from neurotranscoder.train.network import NetworkSettings
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split
from neurotranscoder.train.trained import load_trained, save_trained
from neurotranscoder.train.windows import WindowSettings
from synthetic_runs import block_map, run_of, synthetic_runs

SIZES = {
    "spatial_features": (4, 4, 4, 4),
    "temporal_features": (2, 2, 2, 2),
    "temporal_kernel": 3,
    "steps": 4,
    "validate_every": 2,
    "checkpoint_every": 2,
    "windows": WindowSettings(seconds=20.0),
}
SETTINGS = TrainSettings(
    closed_form=ClosedFormSettings(hrf_duration=6.0),
    residual=NetworkSettings(architecture="gated", losses=LossWeights(eeg_from_eeg=0.0), **SIZES),
    paper=NetworkSettings(architecture="paper", **SIZES),
    probe_seconds=20.0,
)
ARCHITECTURES = ("closed_form", "sparse", "transcoder", "paper", "vanilla")


def fit(architecture, runs, **options):
    settings = SETTINGS.model_copy(update={"architecture": architecture})
    labels = [run.run.label for run in runs]
    split = Split(tuple(labels[:3]), (labels[3],), (labels[4],))
    return fit_transcoder(runs[:3], runs[3:4], split, settings, device="cpu", **options)


@pytest.fixture(scope="module")
def runs():
    return synthetic_runs(5, n_frames=300)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def trained(request, runs):
    return fit(request.param, runs)


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "model"
    save_trained(folder, trained)
    return folder


def test_a_loaded_transcoder_says_the_same_to_the_last_bit(trained, saved, runs):
    loaded = load_trained(saved)
    first, second = (estimate_group(one, runs[4]) for one in (trained, loaded))
    assert_array_equal(first.bold_from_eeg, second.bold_from_eeg)
    assert_array_equal(first.eeg_from_bold, second.eeg_from_bold)
    assert_array_equal(first.source_fused.data, second.source_fused.data)
    assert_array_equal(trained.leadfield, loaded.leadfield)
    assert_array_equal(trained.response.values, loaded.response.values)
    same = ("settings", "shape", "scaling", "rate", "split", "gates", "seconds")
    assert [getattr(trained, name) for name in same] == [getattr(loaded, name) for name in same]
    assert loaded.montage.names == trained.montage.names
    assert loaded.blocks.matches(trained.blocks)
    assert_array_equal(loaded.curve.training, trained.curve.training)


def test_saving_what_was_loaded_gives_the_same_bytes(saved, tmp_path):
    save_trained(tmp_path / "again", load_trained(saved))
    for path in saved.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_training_twice_gives_the_same_bytes(trained, saved, runs, tmp_path):
    again = fit(trained.settings.architecture, runs)
    save_trained(tmp_path, replace(again, seconds=trained.seconds))
    for path in saved.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("name", ["weights.json", "curve.tsv", "*.safetensors"])
def test_one_damaged_byte_is_noticed(saved, tmp_path, name):
    shutil.copytree(saved, tmp_path / "model")
    path = next((tmp_path / "model").glob(name))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(StoreError, match="damaged"):
        load_trained(tmp_path / "model")


def test_a_model_that_was_not_finished_is_refused(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "model")
    (tmp_path / "model" / "manifest.json").unlink()
    with pytest.raises(StoreError, match="the step that makes it did not finish, run it again"):
        load_trained(tmp_path / "model")


def test_a_run_with_other_channels_is_refused(trained, runs):
    renamed = replace(runs[0], montage=Montage(("C0", "C1", "C2", "C3", "Fz")))
    with pytest.raises(WeightsError, match=r"differ in \['C4', 'Fz'\]; use recordings with"):
        trained.check(renamed)
    swapped = replace(runs[0], montage=Montage(("C1", "C0", "C2", "C3", "C4")))
    with pytest.raises(WeightsError, match="differ in order"):
        trained.check(swapped)


def test_a_run_on_other_blocks_is_refused(trained, runs):
    blocks = block_map((4, 3, 4))
    bold = np.ones((blocks.n_blocks, runs[0].axis.n_times))
    with pytest.raises(WeightsError, match="align runs to the blocks of the model"):
        trained.check(run_of(runs[0].eeg, bold, blocks))


def test_a_run_at_another_rate_is_refused(trained, runs):
    axis = TimeAxis(runs[0].axis.start, 2.857, runs[0].axis.n_times)
    with pytest.raises(WeightsError, match=r"2\.857 Hz, the model at 2\.5 Hz; set align\.frames"):
        trained.check(replace(runs[0], axis=axis))


def test_outputs_are_around_the_mean_in_the_units_of_the_data(runs):
    trained = fit("closed_form", runs)
    offset = replace(runs[4], eeg=runs[4].eeg + 1.0, bold=runs[4].bold - 7000.0)
    first, second = (estimate_group(trained, run) for run in (runs[4], offset))
    # single precision, beside an offset of 1 V on 1e-5 V in double precision
    assert_allclose(second.bold_from_eeg, first.bold_from_eeg, rtol=1e-4, atol=1e-3)
    assert_allclose(second.eeg_from_bold, first.eeg_from_bold, rtol=1e-4, atol=1e-10)
    ratio = first.bold_from_eeg.std() / runs[4].bold.std(axis=1).mean()
    assert 0.8 < ratio < 1.1  # almost noise-free: nearly all of the variance is predicted
