import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from neurotranscoder.model.assembly import gated_transcoder
from neurotranscoder.model.linear import (
    LinearBoldToSource,
    LinearEegToSource,
    LinearSourceToBold,
    LinearSourceToEeg,
)
from neurotranscoder.model.power import PowerEegToSource
from neurotranscoder.model.transcoder import CyclicTranscoder

N_BLOCKS, N_CHANNELS, N_ROWS = 7, 3, 6


def transcoder(rng, *, reads_power=True):
    maps, weights, power = (
        rng.standard_normal(shape).astype(np.float32)
        for shape in ((N_BLOCKS, 2), (2, N_CHANNELS), (2, N_ROWS))
    )
    coder = LinearEegToSource(maps, weights)
    return CyclicTranscoder(
        PowerEegToSource(coder, maps, power) if reads_power else coder,
        LinearSourceToEeg(maps, weights),
        LinearBoldToSource(np.ones(3, dtype=np.float32), -1),
        LinearSourceToBold(np.ones(3, dtype=np.float32)),
    )


def test_source_is_that_of_eeg_and_of_power(rng):
    model = transcoder(rng)
    eeg, power = (torch.randn(1, n, 5) for n in (N_CHANNELS, N_ROWS))
    found = model.source_from_eeg(torch.cat([eeg, power], 1))
    coder = model.eeg_to_source
    expected = coder.coder(eeg) + coder.maps @ coder.weights @ power
    assert_allclose(found.detach(), expected.detach(), atol=1e-5)
    assert model.reads_power
    assert not transcoder(rng, reads_power=False).reads_power


class Constant(nn.Module):
    """A network that shows which rows it was given."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, signal, *_):
        assert signal.shape[1] in (N_CHANNELS, N_BLOCKS)
        return self.weight * torch.ones(len(signal), N_BLOCKS, signal.shape[-1])


@pytest.mark.parametrize("reads_power", [False, True])
def test_networks_correct_the_coder_of_eeg_and_see_no_power(rng, reads_power):
    linear = transcoder(rng, reads_power=reads_power)
    model = gated_transcoder(linear, CyclicTranscoder(*(Constant() for _ in range(4))))
    assert list(model.gates) == [
        "eeg_to_source",
        "source_to_eeg",
        "bold_to_source",
        "source_to_bold",
    ]
    inputs = torch.randn(1, N_CHANNELS + N_ROWS * reads_power, 5)
    before = model.source_from_eeg(inputs)
    assert_allclose(before.detach(), linear.source_from_eeg(inputs).detach(), atol=1e-6)
    coder = model.eeg_to_source.coder if reads_power else model.eeg_to_source
    with torch.no_grad():
        coder.gate.fill_(0.5)
    assert model.gates["eeg_to_source"] == 0.5
    assert_allclose((model.source_from_eeg(inputs) - before).detach(), 0.5, atol=1e-6)
