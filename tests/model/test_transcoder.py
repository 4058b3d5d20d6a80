import numpy as np
import pytest
import torch
from torch.testing import assert_close

from neurotranscoder.core.errors import WeightsError
from neurotranscoder.model.assembly import gated_transcoder, paper_transcoder
from neurotranscoder.model.linear import (
    ComponentProjection,
    LinearBoldToSource,
    LinearEegToSource,
    LinearSourceToBold,
    LinearSourceToEeg,
)
from neurotranscoder.model.transcoder import (
    CyclicTranscoder,
)

MASK = np.ones((3, 2, 2), dtype=bool)


def linear_transcoder(rng, **options):
    maps, _ = np.linalg.qr(rng.standard_normal((12, 3)))
    return CyclicTranscoder(
        LinearEegToSource(maps, rng.standard_normal((3, 4))),
        LinearSourceToEeg(maps, rng.standard_normal((3, 4))),
        LinearBoldToSource(rng.standard_normal(5), -3),
        LinearSourceToBold(rng.standard_normal(6)),
        bold_projection=ComponentProjection(maps),
        **options,
    )


def network(**options):
    return paper_transcoder(
        4,
        MASK,
        spatial_features=(4, 4, 3, 3),
        temporal_features=(3, 3, 3, 3),
        kernel_sizes=(3, 5),
        generator=torch.Generator().manual_seed(0),
        **options,
    ).double()


@pytest.fixture
def signals(rng):
    eeg, bold = rng.standard_normal((1, 4, 20)), rng.standard_normal((1, 12, 20))
    return torch.tensor(eeg), torch.tensor(bold)


@pytest.fixture
def paper():
    return network().eval().requires_grad_(False)


def test_paths_are_the_compositions_of_the_coders(paper, signals):
    eeg, bold = signals
    outputs = paper(eeg, bold)
    assert_close(outputs.bold_from_eeg, paper.source_to_bold(paper.eeg_to_source(eeg)))
    assert_close(outputs.eeg_from_bold, paper.source_to_eeg(paper.bold_to_source(bold)))
    assert_close(outputs.bold_from_bold, paper.source_to_bold(paper.bold_to_source(bold)))
    assert_close(outputs.eeg_from_eeg, paper.source_to_eeg(paper.eeg_to_source(eeg)))
    assert_close(outputs.bold_from_eeg, paper.bold_from_eeg(eeg))
    assert_close(outputs.eeg_from_bold, paper.eeg_from_bold(bold))


def test_core_and_picked_blocks_are_parts_of_the_whole(paper, signals):
    picked, core = torch.tensor([1, 4, 7]), slice(5, 15)
    whole, part = paper(*signals), paper(*signals, core=core, picked=picked)
    assert_close(part.bold_from_eeg, whole.bold_from_eeg[:, picked, core])
    assert_close(part.bold_from_bold, whole.bold_from_bold[:, picked, core])
    assert_close(part.eeg_from_bold, whole.eeg_from_bold[..., core])
    assert_close(part.source_from_eeg, whole.source_from_eeg[..., core])


@pytest.mark.parametrize("mode", ["linear", "paper"])
def test_sign_turns_sources_over_and_leaves_signals(rng, signals, mode):
    model = (linear_transcoder(rng) if mode == "linear" else network()).eval()
    before = model(*signals)
    model.source_sign.fill_(-1.0)
    after = model(*signals)
    assert_close(after.source_from_eeg, -before.source_from_eeg)
    assert_close(after.source_from_bold, -before.source_from_bold)
    assert_close(after.bold_from_eeg, before.bold_from_eeg)
    assert_close(after.eeg_from_bold, before.eeg_from_bold)


def test_gate_zero_is_the_linear_transcoder_exactly(rng, signals):
    linear = linear_transcoder(rng, source_sign=-1.0)
    gated = gated_transcoder(linear, network()).eval()
    expected, found = linear(*signals), gated(*signals)
    for name in ("bold_from_eeg", "eeg_from_bold", "bold_from_bold", "source_from_bold"):
        assert torch.equal(getattr(found, name), getattr(expected, name))


def test_open_gate_adds_the_network(rng, signals):
    linear, corrections = linear_transcoder(rng), network().eval()
    gated = gated_transcoder(linear, corrections).eval()
    gated.eeg_to_source.gate.data.fill_(0.5)
    expected = linear.source_from_eeg(signals[0]) + 0.5 * corrections.source_from_eeg(signals[0])
    assert_close(gated.source_from_eeg(signals[0]), expected)


def test_closed_gate_can_open(rng, signals):
    gated = gated_transcoder(linear_transcoder(rng), network())
    gated(*signals).bold_from_eeg.square().sum().backward()
    assert gated.eeg_to_source.gate.grad.abs() > 0
    assert gated.source_to_bold.gate.grad.abs() > 0


def test_projection_stands_before_the_temporal_coder(rng, signals):
    model = linear_transcoder(rng)
    inside = model.bold_projection(signals[1])
    assert_close(model.source_from_bold(signals[1]), model.bold_to_source(inside))


def test_bold_at_volumes_meets_eeg_at_frames(signals):
    eeg, bold = signals
    model = network(upsampling=5).eval()
    outputs = model(eeg, bold[..., ::5])
    assert outputs.eeg_from_bold.shape == eeg.shape


def test_sign_other_than_one_is_refused(rng):
    with pytest.raises(WeightsError, match="1 or -1"):
        linear_transcoder(rng, source_sign=0.5)
