import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.model.coders import SourceToEeg
from neurotranscoder.model.linear import LinearSourceToBold, LinearSourceToEeg
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train.conventions import fix_sign, impulse_response, mean_jacobian
from neurotranscoder.train.device import resolve_device


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
    assert fix_sign(model, sources, 2.5) == sign
    response = impulse_response(model.bold_from_source, sources)
    assert response.mean[10] > 0  # 4 s; the lobe at 0 s is not in the window


def test_sign_is_fixed_once(sources):
    model = model_with(-np.hanning(20))
    assert fix_sign(model, sources, 2.5) == -1.0
    assert fix_sign(model, sources, 2.5) == 1.0


def test_excerpt_shorter_than_the_response_is_refused(sources):
    with pytest.raises(GridError, match="longer excerpt"):
        fix_sign(model_with(np.ones(3)), sources[..., :15], 2.5)


def test_silent_sources_cannot_set_the_height_of_an_impulse():
    with pytest.raises(GridError, match="height 0"):
        impulse_response(model_with(np.ones(3)).bold_from_source, torch.zeros(1, 6, 30))


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_missing_gpu_is_named():
    assert resolve_device("auto").type == "cpu"
    with pytest.raises(SettingsError, match="finds no GPU"):
        resolve_device("cuda")
