import mne
import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from torch.utils.data import DataLoader, Dataset

import neurotranscoder as nt
from neurotranscoder.config import load_config
from neurotranscoder.core.errors import GridError, SettingsError, StudyError, WeightsError
from neurotranscoder.io.eeg import raw_from_eeg
from neurotranscoder.io.nifti import image_of
from small_study import QUICK

CONFIG = load_config(None, QUICK)


@pytest.fixture(scope="module")
def study(tiny_study):
    return nt.load_study(tiny_study)


@pytest.fixture(scope="module")
def fitted(study):
    return nt.Transcoder("closed_form", config=CONFIG).fit(study)


@pytest.fixture(scope="module")
def recording(study):
    return study.load(study.runs[-1])


@pytest.fixture(scope="module")
def raw(recording):
    return raw_from_eeg(recording.eeg)


@pytest.fixture(scope="module")
def image(recording):
    bold = recording.bold
    return image_of(bold.data.astype(np.float32), bold.grid, tr=bold.volumes.tr)


def test_a_fit_in_python_is_that_of_the_command(fitted, tiny_results):
    loaded = nt.Transcoder.load(tiny_results / "models" / "closed_form")
    assert loaded.architecture == "closed_form"
    assert_array_equal(loaded.trained.leadfield, fitted.trained.leadfield)
    assert loaded.trained.split == fitted.trained.split


def test_recordings_in_memory_give_the_same_fit_as_the_path(fitted, study):
    again = nt.Transcoder("closed_form", config=CONFIG).fit(iter(study))
    assert_array_equal(again.trained.leadfield, fitted.trained.leadfield)


def test_eeg_becomes_images_of_the_blocks_on_the_scanner_clock(fitted, recording, raw):
    start = recording.clock.eeg_start
    image = fitted.transcode(raw.copy().crop(-start, 119.9 - start), eeg_start=0.0)
    assert isinstance(image, nib.Nifti1Image)
    expected = fitted.estimate(recording).bold_from_eeg
    blocks = fitted.trained.blocks
    found = np.asarray(image.dataobj)[blocks.mask]
    assert_allclose(image.header.get_zooms()[3], 0.4)
    assert found.shape[1] == 299  # whole frames of .4 s in 119.9 s
    r = np.corrcoef(found[:, 60:-60].ravel(), expected[:, 60:239].ravel())[0, 1]
    assert r > 0.98  # frames begin up to one EEG sample of 10 ms later


def test_bold_becomes_eeg_with_names_and_places(fitted, recording, image):
    times = recording.bold.volumes.slice_times
    raw = fitted.transcode(image, slice_times=list(times))
    assert isinstance(raw, mne.io.BaseRaw)
    assert tuple(raw.ch_names) == recording.eeg.montage.names
    assert raw.info["sfreq"] == 2.5
    expected = fitted.estimate(recording).eeg_from_bold
    tolerance = 1e-3 * np.abs(expected).max()  # float32 images
    assert_allclose(raw.get_data(), expected, atol=tolerance)


def test_sources_from_both_sides_agree_with_the_estimate_of_the_run(fitted, recording, image):
    found = fitted.reconstruct(image, slice_times=recording.bold.volumes.slice_times)
    expected = fitted.estimate(recording).source_from_bold
    assert found.origin == "bold"
    assert_allclose(found.data, expected.data, atol=1e-3 * np.abs(expected.data).max())


def test_channels_are_found_by_name_not_by_place(fitted, raw):
    names = list(reversed(raw.ch_names))
    found = fitted.reconstruct(raw.copy().reorder_channels(names))
    assert_array_equal(found.data, fitted.reconstruct(raw).data)


def test_saved_and_loaded_it_says_the_same(fitted, raw, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = nt.Transcoder.load(tmp_path / "model")
    assert_array_equal(loaded.reconstruct(raw).data, fitted.reconstruct(raw).data)


def test_windows_are_a_torch_dataset_of_the_training_runs(study, fitted):
    dataset = nt.windows(study, config=CONFIG)
    assert isinstance(dataset, Dataset)
    windows = list(DataLoader(dataset, batch_size=None))
    assert len(windows) == len(dataset)
    assert {window.run.label for window in windows} == set(fitted.trained.split.training)
    n_blocks = fitted.trained.blocks.n_blocks
    assert windows[0].bold.shape == (1, n_blocks, 90)  # 20 s and 8 s on both sides, 2.5 Hz
    assert windows[0].eeg.shape[2] == 90


def test_the_architecture_of_the_settings_counts_unless_one_is_named():
    config = load_config(None, ["train.architecture=closed_form"])
    assert nt.Transcoder(config=config).architecture == "closed_form"
    assert nt.Transcoder("paper", config=config).architecture == "paper"
    assert nt.Transcoder().architecture == "sparse"


def test_use_before_fit_is_refused(raw):
    with pytest.raises(WeightsError, match="no weights yet; call `fit` or `load` first"):
        nt.Transcoder().transcode(raw)


def test_recordings_without_a_channel_of_the_model_are_refused(fitted, raw):
    with pytest.raises(WeightsError, match=r"lacks the EEG channels \['Cz'\]; the model needs"):
        fitted.reconstruct(raw.copy().drop_channels(["Cz"]))
    with pytest.raises(WeightsError, match=r"\['Oz'\]; .* set their type to 'eeg'"):
        fitted.reconstruct(raw.copy().set_channel_types({"Oz": "misc"}, on_unit_change="ignore"))


def test_images_need_slice_times_four_axes_and_the_grid_of_the_model(fitted, recording, image):
    times = recording.bold.volumes.slice_times
    with pytest.raises(SettingsError, match="no slice_times; NIfTI headers do not hold them"):
        fitted.transcode(image)
    with pytest.raises(GridError, match="has 3 axes; it needs 4"):
        fitted.transcode(image.slicer[..., 0], slice_times=times)
    with pytest.raises(GridError, match="one time per slice"):
        fitted.transcode(image, slice_times=times[:-1])
    moved = nib.Nifti1Image(image.dataobj, image.affine + np.eye(4, k=3), image.header)
    with pytest.raises(GridError, match="use images in the space of the model"):
        fitted.transcode(moved, slice_times=times)


def test_signals_that_are_not_finite_are_refused(fitted, recording, raw, image):
    broken = raw.copy()
    broken._data[3, 50] = np.nan
    with pytest.raises(GridError, match=r"the EEG holds .* not finite"):
        fitted.transcode(broken)
    data = np.asarray(image.dataobj).copy()
    data[8, 8, 5, 3] = np.inf
    with pytest.raises(GridError, match=r"the image holds .* not finite"):
        fitted.transcode(
            nib.Nifti1Image(data, image.affine, image.header),
            slice_times=recording.bold.volumes.slice_times,
        )


def test_eeg_shorter_than_a_frame_is_refused(fitted, raw):
    with pytest.raises(GridError, match="needs at least 1"):
        fitted.reconstruct(raw.copy().crop(0, 0.1))


def test_a_missing_study_and_an_unknown_architecture_are_refused(tmp_path):
    with pytest.raises(StudyError, match="need a BIDS data set"):
        nt.Transcoder().fit(tmp_path / "nowhere")
    with pytest.raises(
        SettingsError, match="'linear'; known ones are 'transcoder', 'sparse', 'closed_form'"
    ):
        nt.Transcoder(config=CONFIG.model_copy(update={"train": _with("linear")}))


def _with(architecture):
    return CONFIG.train.model_copy(update={"architecture": architecture})
