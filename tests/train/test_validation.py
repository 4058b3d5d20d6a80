"""Validation in pieces is validation of the whole."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from neurotranscoder.model.assembly import gated_transcoder
from neurotranscoder.model.linear import ComponentProjection
from neurotranscoder.model.transcoder import CyclicTranscoder
from neurotranscoder.train import validation
from neurotranscoder.train.losses import LossWeights
from neurotranscoder.train.network import NetworkSettings, build_network
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.validation import outputs_in_pieces, validate
from neurotranscoder.train.windows import ScaledRun, WindowSettings
from synthetic_runs import N_CHANNELS, block_map, synthetic_runs

SMALL = NetworkSettings(
    architecture="paper",
    spatial_features=(8, 8, 6, 4),
    temporal_features=(4, 4, 4, 4),
    temporal_kernel=5,
)
CORE = slice(10, 190)


def signals(rng, n_samples=200):
    eeg = torch.from_numpy(rng.standard_normal((1, N_CHANNELS, 200)))
    bold = torch.from_numpy(rng.standard_normal((1, block_map().n_blocks, n_samples)))
    return eeg, bold


def assert_pieces_make_the_whole(model, eeg, bold):
    with torch.no_grad():
        whole = model(eeg, bold, core=CORE)
        pieces = outputs_in_pieces(model, eeg, bold, CORE)
    for name in whole.__slots__:
        assert_close(getattr(pieces, name), getattr(whole, name), rtol=0, atol=1e-12)  # float64


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """More than one piece, the last one shorter."""
    monkeypatch.setattr(validation, "_FRAMES_PER_PIECE", 64)
    monkeypatch.setattr(validation, "_BLOCKS_PER_PIECE", 10)


def test_pieces_make_the_whole_with_a_projection_and_a_sign(rng):
    network = build_network(N_CHANNELS, block_map().mask, SMALL)
    maps, _ = np.linalg.qr(rng.standard_normal((block_map().n_blocks, 3)))
    model = CyclicTranscoder(
        *(network.eeg_to_source, network.source_to_eeg),
        *(network.bold_to_source, network.source_to_bold),
        bold_projection=ComponentProjection(maps),
        source_sign=-1.0,
    )
    assert_pieces_make_the_whole(model.double().eval(), *signals(rng))


def test_pieces_make_the_whole_for_gated_coders(rng):
    networks = [build_network(N_CHANNELS, block_map().mask, SMALL) for _ in range(2)]
    model = gated_transcoder(*networks)
    with torch.no_grad():
        for part in model.children():
            if hasattr(part, "gate"):
                part.gate.fill_(0.3)
    assert_pieces_make_the_whole(model.double().eval(), *signals(rng))


def test_pieces_make_the_whole_for_bold_at_its_volumes(rng):
    settings = SMALL.model_copy(update={"bold_input": "volumes"})
    model = build_network(N_CHANNELS, block_map().mask, settings, upsampling=5)
    assert_pieces_make_the_whole(model.double().eval(), *signals(rng, n_samples=40))


def test_first_losses_are_near_those_of_silence_when_encoders_start_quietly():
    runs = synthetic_runs(2)
    held_out = [ScaledRun.of(runs[1], Scaling.fit(runs))]
    settings = SMALL.model_copy(update={"encoder_gain": 0.01})
    model = build_network(N_CHANNELS, block_map().mask, settings)
    values = validate(model, held_out, WindowSettings(), LossWeights())
    power = np.mean(held_out[0].bold ** 2)  # what silence loses
    # outputs of sd .01 against signals of sd 1 change a squared error by 2 % of it at most
    assert abs(values.bold_from_eeg / power - 1) < 0.05
    assert abs(values.bold_from_bold / power - 1) < 0.05


def test_what_frozen_linear_coders_make_of_a_run_is_kept_and_changes_no_bit():
    runs = synthetic_runs(3)
    held_out = [ScaledRun.of(run, Scaling.fit(runs)) for run in runs[1:]]
    model = gated_transcoder(*(build_network(N_CHANNELS, block_map().mask, SMALL) for _ in "ab"))
    kept = {}

    def found(**options):
        return validate(model, held_out, WindowSettings(), LossWeights(), **options)

    assert found(kept=kept) == found()
    assert not kept  # they are trained
    model.eeg_to_source.linear.requires_grad_(False)
    first = found(kept=kept)
    assert sorted(kept) == [0, 1]
    with torch.no_grad():
        model.eeg_to_source.gate.fill_(0.3)
    assert found(kept=kept) == found() != first
    kept[1] = torch.zeros_like(kept[1])
    assert found(kept=kept) != found()  # what is kept is what is read
