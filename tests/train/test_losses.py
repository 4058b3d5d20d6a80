import pytest
import torch
from torch.testing import assert_close

from neurotranscoder.model.transcoder import CycleOutputs
from neurotranscoder.train.losses import LossWeights, cycle_losses, disagreement, silent_loss

ALL = slice(None)


def outputs_of(*, n_picked=2, n_blocks=2, n_channels=1, n_frames=3):
    def constant(value, rows):
        return torch.full((1, rows, n_frames), value, dtype=torch.float64)

    return CycleOutputs(
        bold_from_eeg=constant(1.0, n_picked),
        eeg_from_bold=constant(2.0, n_channels),
        bold_from_bold=constant(3.0, n_picked),
        eeg_from_eeg=constant(4.0, n_channels),
        source_from_eeg=constant(-0.5, n_blocks),
        source_from_bold=constant(0.25, n_blocks),
    )


def zeros(rows, n_frames=3):
    return torch.zeros(1, rows, n_frames, dtype=torch.float64)


def value(number):
    return torch.tensor(number, dtype=torch.float64)


def test_loss_is_the_sum_of_four_mean_squared_errors():
    losses = cycle_losses(outputs_of(), zeros(1), zeros(2), ALL, LossWeights())
    assert_close(losses.total, value(1.0 + 4.0 + 9.0 + 16.0))


def test_sums_count_every_block_and_channel_as_in_eq_5():
    weights = LossWeights(reduction="sum")
    losses = cycle_losses(outputs_of(), zeros(1), zeros(2), ALL, weights)
    assert_close(losses.total, value(6 * 1.0 + 3 * 4.0 + 6 * 9.0 + 3 * 16.0))


def test_sum_over_picked_blocks_stands_for_all_blocks():
    outputs = outputs_of(n_picked=2, n_blocks=10)
    losses = cycle_losses(outputs, zeros(1), zeros(2), ALL, LossWeights(reduction="sum"))
    assert_close(losses.bold_from_eeg, value(10 * 3 * 1.0))


def test_only_core_frames_count():
    eeg, bold = zeros(1), zeros(2)
    eeg[..., 0], bold[..., 2] = 1e6, float("nan")
    losses = cycle_losses(outputs_of(), eeg, bold, slice(1, 2), LossWeights())
    assert_close(losses.total, value(30.0))


@pytest.mark.parametrize(("alpha", "expected"), [(1.0, 2 * 20.0), (0.0, 2 * 10.0), (0.5, 30.0)])
def test_alpha_trades_eeg_against_bold(alpha, expected):
    weights = LossWeights(alpha=alpha)
    assert_close(
        cycle_losses(outputs_of(), zeros(1), zeros(2), ALL, weights).total, value(expected)
    )


def test_sparsity_is_the_mean_absolute_source():
    weights = LossWeights(sparsity=2.0)
    losses = cycle_losses(outputs_of(), zeros(1), zeros(2), ALL, weights)
    assert_close(losses.penalty, value(2.0 * (0.5 + 0.25)))


def test_smoothness_is_the_mean_squared_step():
    outputs = outputs_of()
    outputs.source_from_eeg[..., 1] += 3.0
    losses = cycle_losses(outputs, zeros(1), zeros(2), ALL, LossWeights(smoothness=0.1))
    assert_close(losses.penalty, value(0.1 * 9.0))


def two_sources(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 1, 4, 30, generator=generator, dtype=torch.float64)


def test_disagreement_is_one_minus_r_over_all_blocks_and_frames():
    first, second = two_sources()
    rows = [(source - source.mean(-1, keepdim=True)).flatten() for source in (first, second)]
    r = torch.corrcoef(torch.stack(rows))[0, 1]
    assert_close(disagreement(first, second), 1 - r)


def test_agreement_sees_neither_scales_nor_means_but_signs():
    first, second = two_sources()
    expected = disagreement(first, second)
    assert_close(disagreement(1e3 * first + 5.0, 1e-3 * second - 2.0), expected)
    assert_close(disagreement(-first, second), 2 - expected)
    assert_close(disagreement(first, 3 * first), value(0.0))


def test_gradient_of_agreement_leaves_the_scale_alone():
    first, second = two_sources().requires_grad_()
    (slope,) = torch.autograd.grad(disagreement(first, second), first)
    assert slope.abs().max() > 1e-4
    assert_close((slope * first).sum(), value(0.0))  # no gain from larger or smaller sources


def test_silent_sources_disagree_without_a_slope_that_is_no_number():
    silent = torch.zeros(1, 2, 5, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(disagreement(silent, silent), silent)
    assert torch.isfinite(slope).all()


def test_agreement_counts_by_its_weight_alone():
    outputs = outputs_of()
    outputs.source_from_eeg[..., 1] += 1.0
    outputs.source_from_bold[..., 1] -= 1.0  # r = -1
    for weight in (0.0, 0.3):
        losses = cycle_losses(outputs, zeros(1), zeros(2), ALL, LossWeights(agreement=weight))
        assert_close(losses.disagreement, value(2.0))
        assert_close(losses.total, value(30.0 + weight * 2.0))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_silent_loss_is_that_of_zeros_for_signals_of_unit_power(reduction):
    weights = LossWeights(eeg_from_eeg=0.5, alpha=0.3, reduction=reduction)
    silent = outputs_of(n_channels=4)
    for part in (silent.bold_from_eeg, silent.bold_from_bold, silent.eeg_from_bold):
        part.zero_()
    silent.eeg_from_eeg.zero_()
    losses = cycle_losses(silent, zeros(4) + 1, zeros(2) - 1, ALL, weights)
    assert_close(losses.total, value(silent_loss(weights, n_eeg=12, n_bold=6)))
