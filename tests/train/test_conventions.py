import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn
from torch.testing import assert_close

from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.model.coders import SourceToEeg
from neurotranscoder.model.linear import LinearSourceToBold, LinearSourceToEeg
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train.conventions import (
    _smoothed,
    fix_sign_and_lag,
    impulse_response,
    mean_jacobian,
)
from neurotranscoder.train.device import resolve_device
from neurotranscoder.train.loop import train_network
from neurotranscoder.train.network import NetworkSettings, build_network
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.windows import ScaledRun, WindowSettings
from synthetic_runs import N_CHANNELS, block_map, synthetic_runs


def model_with(hrf, leadfield=None):
    leadfield = np.ones((2, 6)) if leadfield is None else leadfield
    return CyclicTranscoder(
        nn.Identity(),
        LinearSourceToEeg.from_matrix(leadfield),
        nn.Identity(),
        LinearSourceToBold(hrf),
    )


@pytest.fixture
def sources(rng):
    return torch.tensor(rng.standard_normal((1, 6, 40)))


@pytest.fixture
def long_sources(rng):
    return torch.tensor(rng.standard_normal((1, 6, 160)))


def test_response_of_a_linear_coder_is_its_filter(rng, sources):
    hrf = rng.standard_normal(8)
    found = impulse_response(model_with(hrf).bold_from_source, sources, frame=12)
    assert_allclose(found.mean, np.pad(hrf, (0, 20)), atol=1e-12)
    assert_allclose(found.spread, 0.0, atol=1e-12)


def test_jacobian_of_a_linear_coder_is_its_matrix(rng, sources):
    leadfield = rng.standard_normal((3, 6))
    found = mean_jacobian(model_with(np.ones(2), leadfield).eeg_from_source, sources)
    assert_allclose(found.mean, leadfield)
    assert_allclose(found.spread, 0.0, atol=1e-12)


def test_jacobian_of_a_network_is_its_mean_slope(sources):
    mask = np.ones((3, 2, 1), dtype=bool)
    generator = torch.Generator().manual_seed(0)
    coder = SourceToEeg(2, mask, features=(4, 4, 4, 4), generator=generator).double().eval()
    coder.requires_grad_(False)
    found = mean_jacobian(coder, sources)
    step = torch.zeros(1, 6, 1, dtype=torch.float64)
    step[0, 4] = 1e-7  # small against the distance to the nearest corner of a ReLU
    slope = (coder(sources + step) - coder(sources - step)) / 2e-7
    assert_allclose(found.mean[:, 4], slope[0].mean(dim=-1).numpy(), atol=1e-6)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_sign_makes_the_largest_lobe_positive(sources, sign):
    hrf = sign * np.concatenate([[-3.0], -0.2 * np.ones(5), np.hanning(9), -0.3 * np.ones(9)])
    model = model_with(hrf)
    assert fix_sign_and_lag(model, sources, 2.5) == (sign, 0)
    response = impulse_response(model.bold_from_source, sources)
    assert response.mean[10] > 0  # 4 s; the narrow lobe at 0 s is not in the window


def response_that_peaks_at(seconds, rate=2.5):
    lags = np.arange(int(20 * rate)) / rate
    lobe = np.exp(-(((lags - seconds) / 1.5) ** 2))
    return lobe - 0.2 * np.exp(-(((lags - seconds - 6) / 2) ** 2))


@pytest.mark.parametrize("seconds", [2.4, 4.8, 7.6])
def test_response_that_peaks_in_the_window_is_left_where_it_is(long_sources, seconds):
    model = model_with(response_that_peaks_at(seconds))
    assert fix_sign_and_lag(model, long_sources, 2.5) == (1.0, 0)


def test_response_that_peaks_elsewhere_is_brought_to_the_middle_of_the_window(long_sources):
    model = model_with(-response_that_peaks_at(12.0))
    before = model.bold_from_eeg(long_sources)
    assert fix_sign_and_lag(model, long_sources, 2.5) == (-1.0, 18)  # from frame 30 to 12
    found = impulse_response(model.bold_from_source, long_sources, frame=20).mean
    assert np.argmax(found) == 12
    assert_close(model.source_from_eeg(long_sources)[..., 18:], -long_sources[..., :-18])
    assert_close(model.bold_from_eeg(long_sources), before, rtol=0, atol=0)
    both = model.bold_from_source(model.source_from_eeg(long_sources))
    assert_close(both, before, rtol=0, atol=0)


class Turned(nn.Module):
    """A coder whose source is turned over and comes later than that of another."""

    def __init__(self, coder, sign, delay, *, decodes):
        super().__init__()
        self.coder, self.sign, self.delay, self.decodes = coder, sign, delay, decodes

    def forward(self, signal):
        if self.decodes:
            return self.sign * torch.roll(self.coder(signal), self.delay, -1)
        return self.coder(self.sign * torch.roll(signal, -self.delay, -1))


@pytest.fixture(scope="module")
def learnt():
    """A network from a random start, after some steps, and what it was trained on."""
    runs = synthetic_runs(3, n_frames=300)
    settings = NetworkSettings(
        architecture="paper",
        spatial_features=(4, 4, 4, 4),
        temporal_features=(2, 2, 2, 2),
        temporal_kernel=5,
        learning_rate=1e-2,
        steps=40,
        validate_every=20,
        windows=WindowSettings(seconds=20.0),
    )
    model = build_network(N_CHANNELS, block_map().mask, settings)
    scaling = Scaling.fit(runs[:2])
    model = train_network(model, runs[:2], runs[2:], settings, scaling=scaling).model.double()
    run = ScaledRun.of(runs[2], scaling)
    return model, torch.as_tensor(run.eeg)[None], torch.as_tensor(run.bold)[None]


def stated(model, eeg, bold, window):
    """Return sources and read-outs by the conventions, without edges, and transcoded signals."""
    sources = model.source_from_eeg(eeg)
    fix_sign_and_lag(model, sources, 2.5, window=window)
    sources = model.source_from_eeg(eeg), model.source_from_bold(bold)
    return (
        *(source[..., 60:-60] for source in sources),
        torch.tensor(impulse_response(model.bold_from_source, sources[0], frame=100).mean[:50]),
        torch.tensor(mean_jacobian(model.eeg_from_source, sources[0]).mean),
        model.bold_from_eeg(eeg),
        model.eeg_from_bold(bold),
    )


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("delay", [0, 14, -9])
@pytest.mark.parametrize("where", ["in the coders", "as stated"])
def test_a_network_that_is_turned_and_moved_says_the_same(learnt, sign, delay, where):
    model, eeg, bold = learnt
    with torch.no_grad():
        sources = model.source_from_eeg(eeg)
        response = impulse_response(model.bold_from_source, sources, frame=100, before=100).mean
    peak = int(np.argmax(np.abs(_smoothed(response, 5)))) - 100
    window = ((peak - 3) / 2.5, (peak + 3) / 2.5)  # its middle is where this response peaks
    expected = stated(copy.deepcopy(model), eeg, bold, window)
    other = copy.deepcopy(model)
    if where == "as stated":
        other.source_sign.fill_(sign)
        other.source_delay.fill_(delay)
    else:
        other.eeg_to_source = Turned(other.eeg_to_source, sign, delay, decodes=True)
        other.bold_to_source = Turned(other.bold_to_source, sign, delay, decodes=True)
        other.source_to_eeg = Turned(other.source_to_eeg, sign, delay, decodes=False)
        other.source_to_bold = Turned(other.source_to_bold, sign, delay, decodes=False)
    for found, wanted in zip(stated(other, eeg, bold, window), expected, strict=True):
        assert_close(found, wanted)


def test_conventions_are_fixed_once(sources):
    model = model_with(-np.hanning(20))
    assert fix_sign_and_lag(model, sources, 2.5) == (-1.0, 0)
    assert fix_sign_and_lag(model, -sources, 2.5) == (-1.0, 0)


def test_excerpt_shorter_than_the_response_is_refused(sources):
    with pytest.raises(GridError, match="longer excerpt"):
        fix_sign_and_lag(model_with(np.ones(3)), sources[..., :15], 2.5)


def test_silent_sources_cannot_set_the_height_of_an_impulse():
    with pytest.raises(GridError, match="height 0"):
        impulse_response(model_with(np.ones(3)).bold_from_source, torch.zeros(1, 6, 30))


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_missing_gpu_is_named():
    assert resolve_device("auto").type == "cpu"
    with pytest.raises(SettingsError, match="finds no GPU"):
        resolve_device("cuda")
