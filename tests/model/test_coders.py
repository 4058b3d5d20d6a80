"""Laws of the coders of the paper, on coders that were trained for a few steps."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.model.coders import BoldToSource, EegToSource, SourceToBold, SourceToEeg

N_CHANNELS = 5
MASK = np.ones((5, 4, 3), dtype=bool)
MASK[0, 0, 0] = MASK[2, 1, :2] = False
N_BLOCKS = int(MASK.sum())
SMALL = {"features": (4, 4, 3, 3)}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def trained(coder, n_in, n_out, *, n_steps=25):
    coder = coder.double()
    optimiser = torch.optim.Adam(coder.parameters(), lr=1e-2)
    for step in range(n_steps):
        signal, target = noise(1, n_in, 40, seed=step), noise(1, n_out, 40, seed=50 + step)
        optimiser.zero_grad()
        (coder(signal) - target).square().mean().backward()
        optimiser.step()
    return coder.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def coders():
    return {
        "eeg_to_source": trained(
            EegToSource(N_CHANNELS, MASK, **SMALL, generator=generator()), N_CHANNELS, N_BLOCKS
        ),
        "source_to_eeg": trained(
            SourceToEeg(N_CHANNELS, MASK, **SMALL, generator=generator()), N_BLOCKS, N_CHANNELS
        ),
        "bold_to_source": trained(
            BoldToSource(**SMALL, kernel_size=5, generator=generator()), N_BLOCKS, N_BLOCKS
        ),
        "source_to_bold": trained(
            SourceToBold(**SMALL, kernel_size=5, generator=generator()), N_BLOCKS, N_BLOCKS
        ),
    }


def change(coder, signal, row, frame):
    """Return which outputs move when one input moves."""
    moved = signal.clone()
    moved[0, row, frame] += 10.0
    return ((coder(moved) - coder(signal)).abs() > 1e-9)[0]


@pytest.mark.parametrize(("name", "n_in"), [("eeg_to_source", 5), ("source_to_eeg", N_BLOCKS)])
def test_spatial_coder_never_mixes_times(coders, name, n_in):
    moved = change(coders[name], noise(1, n_in, 9), 2, 4)
    assert moved.any(dim=0).nonzero().flatten().tolist() == [4]


@pytest.mark.parametrize("name", ["bold_to_source", "source_to_bold"])
def test_temporal_coder_never_mixes_voxels(coders, name):
    moved = change(coders[name], noise(1, 7, 60), 3, 30)
    assert moved.any(dim=1).nonzero().flatten().tolist() == [3]


@pytest.mark.parametrize("name", ["bold_to_source", "source_to_bold"])
def test_impulse_at_the_first_sample_reaches_half_the_receptive_field_only(coders, name):
    moved = change(coders[name], noise(1, 2, 60), 0, 0)
    assert not moved[0, 11:].any()  # 5 layers see 2 frames to each side


@pytest.mark.parametrize(
    ("name", "n_in"),
    [
        ("eeg_to_source", 5),
        ("source_to_eeg", N_BLOCKS),
        ("bold_to_source", 9),
        ("source_to_bold", 9),
    ],
)
def test_coder_gives_both_signs(coders, name, n_in):
    output = coders[name](noise(1, n_in, 60))
    assert output.min() < 0 < output.max()


@pytest.mark.parametrize(("name", "n_in"), [("eeg_to_source", 5), ("source_to_eeg", N_BLOCKS)])
def test_spatial_coder_in_pieces_equals_the_whole(coders, name, n_in):
    signal = noise(1, n_in, 12)
    pieces = torch.cat([coders[name](signal[..., :5]), coders[name](signal[..., 5:])], dim=-1)
    assert_close(pieces, coders[name](signal))


def test_default_temporal_coder_sees_32_seconds():
    coder = SourceToBold(generator=generator()).double()
    source = noise(1, 30, 201).requires_grad_()
    for _ in range(50):
        coder(source)  # running statistics keep every ReLU alive
    coder.eval()
    coder(source)[0, :, 100].sum().backward()
    seen = source.grad[0].abs().sum(dim=0).nonzero().flatten()  # in any of 30 blocks
    assert seen.max() - seen.min() + 1 == 81  # frames at 2.5 Hz: 32.4 s


@pytest.mark.parametrize("shape", [(16, 16, 12), (5, 4, 3), (1, 1, 1), (9, 2, 1), (17, 3, 8)])
@pytest.mark.parametrize("n_channels", [1, 43])
def test_any_grid_and_any_number_of_channels_fit(shape, n_channels):
    mask = np.ones(shape, dtype=bool)
    small = {"features": (2, 2, 2, 2), "generator": generator()}
    source = EegToSource(n_channels, mask, **small)(torch.zeros(1, n_channels, 3))
    assert source.shape == (1, mask.sum(), 3)
    assert SourceToEeg(n_channels, mask, **small)(source).shape == (1, n_channels, 3)


def test_blocks_are_those_of_the_mask_in_c_order(coders):
    grid = coders["source_to_eeg"].grid
    blocks = noise(2, N_BLOCKS)
    full = grid.scatter(blocks)
    assert_close(full[:, 0][:, torch.tensor(MASK)], blocks)
    assert_close(full[:, 0][:, torch.tensor(~MASK)], torch.zeros(2, 3, dtype=torch.float64))
    assert_close(grid.gather(full), blocks)


@pytest.mark.parametrize(("stride", "n_taps"), [(2, 3), (5, 17), (4, 5), (5, 5)])
def test_upsampling_gives_whole_frames_per_volume(stride, n_taps):
    coder = BoldToSource(
        **SMALL, kernel_size=n_taps, upsampling=stride, generator=generator()
    ).double()
    assert coder(noise(1, 3, 8)).shape == (1, 3, 8 * stride)


def test_upsampled_source_stays_where_its_volume_was():
    coder = BoldToSource(**SMALL, kernel_size=5, upsampling=5, generator=generator())
    moved = change(coder.double().eval(), noise(1, 1, 21), 0, 10)[0]
    touched = moved.nonzero().flatten().double()
    assert abs(touched.mean() - 52) < 3  # frames 50-54 are volume 10; ReLU may hide some


def test_same_generator_gives_the_same_weights_and_leaves_torch_alone():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first = EegToSource(4, MASK, **SMALL, generator=generator(7)).state_dict()
    second = EegToSource(4, MASK, **SMALL, generator=generator(7)).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_even_kernel_is_refused():
    with pytest.raises(SettingsError, match="odd number"):
        SourceToBold(kernel_size=16, generator=generator())


def test_wrong_number_of_layers_is_refused():
    with pytest.raises(SettingsError, match="4 numbers"):
        BoldToSource(features=(8, 8), generator=generator())


def test_kernel_shorter_than_a_volume_is_refused():
    with pytest.raises(SettingsError, match="at least 5 taps"):
        BoldToSource(kernel_size=3, upsampling=5, generator=generator())
