from dataclasses import replace

import mne
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.api.transcoder import Transcoder
from neurotranscoder.config import Config
from neurotranscoder.core.errors import WeightsError
from neurotranscoder.reconstruct.group import estimate_group, source_of_eeg
from neurotranscoder.signal.frames import frame_means
from neurotranscoder.signal.power import band_power
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.split import Split
from neurotranscoder.train.trained import load_trained, save_trained
from neurotranscoder.train.windows import ScaledRun, TrainingWindows, WindowSettings
from small_network import RECIPE
from synthetic_runs import N_CHANNELS, response, synthetic_runs

RHYTHM = np.array([0.2, 1.0, 0.6, 0.1, 0.3])  # in which channels a rhythm is strong
PLACE = np.linspace(-1, 2, 34)  # in which blocks BOLD follows its amplitude


def with_rhythm(run, rng):
    """Add a rhythm whose amplitude only power shows, and which BOLD follows."""
    amplitude = 3 + rng.standard_normal(run.axis.n_times)
    roots = 1e-6 * (np.outer(RHYTHM, amplitude) + 0.1 * rng.standard_normal(run.eeg.shape))
    noise = 1e-6 * np.abs(2 + rng.standard_normal(run.eeg.shape))
    late = np.convolve(amplitude, response())[: run.axis.n_times]
    bold = run.bold + 40 * np.outer(PLACE, late)
    cells = replace(run.cells, data=bold[:, ::5])
    return replace(run, bold=bold, cells=cells, power=np.stack([roots, noise]) ** 2)


@pytest.fixture(scope="module")
def runs():
    rng = np.random.default_rng(8)
    return [with_rhythm(run, rng) for run in synthetic_runs(5, n_frames=300)]


def fit(runs, architecture="transcoder"):
    labels = [run.run.label for run in runs]
    split = Split(tuple(labels[:3]), (labels[3],), (labels[4],))
    settings = RECIPE.model_copy(update={"architecture": architecture})
    return fit_transcoder(runs[:3], runs[3:4], split, settings, device="cpu")


@pytest.fixture(scope="module", params=["sparse", "transcoder"])
def trained(request, runs):
    return fit(runs, request.param)


def error(trained, run):
    """Return the share of held-out BOLD that is not predicted from EEG."""
    found = estimate_group(trained, run).bold_from_eeg[:, 20:]
    bold = run.bold[:, 20:] - run.bold[:, 20:].mean(axis=1, keepdims=True)
    left = found - found.mean(axis=1, keepdims=True) - bold
    return float(np.sum(left**2) / np.sum(bold**2))


def test_power_that_bold_follows_is_read_and_predicts_it(trained, runs):
    assert trained.reads_power
    without = fit([replace(run, power=None) for run in runs], "sparse")
    assert not without.reads_power
    assert error(trained, runs[4]) < 0.2
    assert error(without, replace(runs[4], power=None)) > 0.5


def test_saved_model_reads_power_to_the_last_bit(trained, runs, tmp_path):
    save_trained(tmp_path / "model", trained)
    again = load_trained(tmp_path / "model")
    assert again.scaling == trained.scaling
    one, other = (estimate_group(model, runs[4]) for model in (trained, again))
    assert_array_equal(one.source_from_eeg.data, other.source_from_eeg.data)
    assert_array_equal(one.source_fused.data, other.source_fused.data)


@pytest.mark.parametrize("bands", [0, 1])
def test_model_that_reads_power_refuses_runs_without_its_bands(trained, runs, bands):
    run = replace(runs[4], power=runs[4].power[:bands] if bands else None)
    with pytest.raises(WeightsError, match=rf"in {bands} bands, the model reads 2"):
        estimate_group(trained, run)
    with pytest.raises(WeightsError, match="the EEG has band power in"):
        source_of_eeg(trained, run.eeg, run.power)


def test_model_that_reads_power_refuses_other_bands(trained, runs, tmp_path):
    known = replace(trained.scaling, bands=((4.0, 8.0), (8.0, 13.0)))
    save_trained(tmp_path / "model", replace(trained, scaling=known))
    model = load_trained(tmp_path / "model")
    assert model.scaling == known
    estimate_group(model, replace(runs[4], power_bands=known.bands))
    with pytest.raises(WeightsError, match=r"got 1-4 Hz, 4-8 Hz, needs 4-8 Hz, 8-13 Hz"):
        estimate_group(model, replace(runs[4], power_bands=((1.0, 4.0), (4.0, 8.0))))


@pytest.mark.parametrize("architecture", ["closed_form", "paper"])
def test_other_architectures_read_no_power(runs, architecture):
    settings = RECIPE.model_copy(
        update={
            "paper": RECIPE.residual.model_copy(update={"architecture": "paper"}),
            "architecture": architecture,
        }
    )
    split = Split(("a", "b", "c"), ("d",), ("e",))
    model = fit_transcoder(runs[:3], runs[3:4], split, settings, device="cpu")
    assert not model.reads_power
    estimate_group(model, replace(runs[4], power=None))


def test_runs_of_which_one_has_no_power_are_fitted_without_any(runs):
    some = [replace(runs[0], power=None), *runs[1:]]
    assert Scaling.fit(some).power == ()
    assert not fit(some, "sparse").reads_power
    last = [*runs[:3], replace(runs[3], power=None), runs[4]]
    assert not fit(last, "sparse").reads_power


def test_power_is_scaled_by_band_as_roots_without_means(runs):
    scaling = Scaling.fit(runs)
    rows = np.concatenate([scaling.scale_power(run.power) for run in runs], axis=1)
    assert rows.shape[0] == 2 * N_CHANNELS
    for band in (rows[:N_CHANNELS], rows[N_CHANNELS:]):
        assert_allclose(np.mean(band**2), 1)
    strength = rows[:N_CHANNELS].std(axis=1)
    assert_allclose(strength / strength.max(), RHYTHM, atol=0.1)
    one = scaling.scale_power(runs[0].power)
    assert_allclose(one.mean(axis=1), 0, atol=1e-12)


def test_bands_that_are_flat_are_not_read(runs):
    flat = [replace(run, power=np.ones_like(run.power)) for run in runs]
    assert Scaling.fit(flat).power == ()


def test_windows_hold_eeg_and_the_rows_that_are_read(runs):
    scaling = Scaling.fit(runs)
    scaled = [ScaledRun.of(run, scaling, with_power=True) for run in runs]
    window = TrainingWindows(scaled, WindowSettings(seconds=20.0))[3]
    assert window.eeg.shape[1] == N_CHANNELS
    assert window.eeg_read.shape[1] == 3 * N_CHANNELS
    assert_array_equal(window.eeg_read[:, :N_CHANNELS], window.eeg)
    frames = slice(window.start, window.start + 50)
    expected = scaled[0].power[:, frames].astype(np.float32)
    assert_array_equal(window.eeg_read[0, N_CHANNELS:], expected)


def test_power_of_an_mne_recording_is_read_as_well(trained, rng):
    bands = ((2.0, 5.0), (5.0, 10.0))
    config = Config.model_validate({"align": {"power_bands": bands}})
    transcoder = Transcoder(config=config)
    transcoder._trained = trained
    names = list(trained.montage.names)
    data = 1e-5 * rng.standard_normal((N_CHANNELS, 50 * 60))
    raw = mne.io.RawArray(data, mne.create_info(names, 50.0, "eeg"), verbose="error")
    found = transcoder.reconstruct(raw)
    axis, times = found.axis, np.arange(data.shape[1]) / 50
    expected = source_of_eeg(
        trained,
        frame_means(data, times, axis),
        np.stack([frame_means(band_power(data, 50.0, band), times, axis) for band in bands]),
    )
    assert_allclose(found.data, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())
    transcoder.config = Config()
    with pytest.raises(WeightsError, match="in 3 bands, the model reads 2"):
        transcoder.reconstruct(raw)
