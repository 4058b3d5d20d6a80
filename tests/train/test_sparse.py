from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.train.signals import Signals
from neurotranscoder.train.sparse import (
    SparseSettings,
    _at_least,
    fit_sparse_sources,
    leadfield_statistics,
)
from sparse_runs import ACTIVE, QUIET, SparseRegions

EPS = 0.1
SETTINGS = SparseSettings(frames=800)
REGIONS = SparseRegions()
CASES = {
    "few channels": REGIONS,
    "average reference": replace(REGIONS, average_reference=True),
    "much noise": replace(REGIONS, n_channels=16, eeg_noise=1.0),
    "rarely active": replace(REGIONS, share=0.04),
}
BUFFERS = ("leadfield", "noise", "weights", "means", "variances")


def training_data(regions, runs):
    return [Signals(eeg, bold) for eeg, bold, _ in runs], regions.maps


def statistics(regions, runs, eps=EPS):
    return leadfield_statistics(*training_data(regions, runs), regions.hrf, eps)


def learnt(regions, runs, settings=SETTINGS):
    return fit_sparse_sources(*training_data(regions, runs), regions.hrf, settings)


def best_linear(regions, eeg):
    """Return the best linear estimate of sources of unit power, all true covariances known."""
    leadfield = regions.leadfield
    noise = regions.eeg_noise**2 * np.eye(len(leadfield))
    if regions.average_reference:
        noise = noise @ (np.eye(len(leadfield)) - 1 / len(leadfield))
    return leadfield.T @ np.linalg.pinv(leadfield @ leadfield.T + noise) @ eeg


@pytest.fixture(scope="module", params=CASES)
def case(request):
    regions = CASES[request.param]
    *runs, held_out = regions.runs(101, 5)
    return regions, learnt(regions, runs), held_out


@pytest.fixture(scope="module")
def runs():
    return REGIONS.runs(101, 4)


def test_statistics_of_runs_add_up_by_their_frames(rng):
    runs = [REGIONS.run(rng, 300), REGIONS.run(rng, 500)]
    together, first, second = (statistics(REGIONS, part) for part in (runs, runs[:1], runs[1:]))
    valid = np.array([300, 500]) - len(REGIONS.hrf) + 1
    for field in fields(together):
        parts = [getattr(one, field.name) for one in (first, second)]
        pooled = sum(n * part for n, part in zip(valid, parts, strict=True)) / valid.sum()
        assert_allclose(getattr(together, field.name), pooled, rtol=1e-9, atol=1e-12)


def test_noise_outside_the_components_is_what_the_filter_leaves_of_it(runs):
    power = np.abs(np.fft.rfft(REGIONS.hrf, 4096)) ** 2
    filtered = np.mean(1 / (power / power.max() + EPS)) / power.max()
    expected = REGIONS.bold_noise**2 * filtered
    # 36 blocks outside, 4 runs of 800 frames, three quarters of which the filter takes away
    assert_allclose(statistics(REGIONS, runs).rest, expected, rtol=4 * np.sqrt(8 / (36 * 3200)))


def test_components_that_are_all_of_bold_leave_no_noise(rng):
    bold = rng.standard_normal((3, 200))
    runs = [Signals(rng.standard_normal((4, 200)), bold)]
    assert leadfield_statistics(runs, np.eye(3), REGIONS.hrf, EPS).rest < 1e-9


def test_powers_below_a_share_of_the_largest_are_raised_to_it(rng):
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    found = _at_least(turn @ np.diag([4.0, -1.0, 0.01]) @ turn.T, 0.1)
    assert_allclose(found, turn @ np.diag([4.0, 0.4, 0.4]) @ turn.T, atol=1e-12)
    assert_allclose(_at_least(found, 0.1), found, atol=1e-12)


def test_noiseless_statistics_hold_the_leadfield(rng):
    regions = replace(REGIONS, n_channels=16, eeg_noise=0.0, bold_noise=0.0)
    found = statistics(regions, [regions.run(rng, 800)])
    leadfield = np.linalg.solve(found.components, found.cross.T).T
    # what is left are the ends of the runs
    assert_allclose(leadfield, regions.leadfield, atol=0.05)


def test_leadfield_is_learnt_with_its_scale(case):
    regions, sparse, _ = case
    found, truth = sparse.leadfield.numpy(), regions.leadfield
    for column, true_column in zip(found.T, truth.T, strict=True):
        assert np.corrcoef(column, true_column)[0, 1] > 0.98
    assert_allclose(np.linalg.norm(found), np.linalg.norm(truth), rtol=0.05)


def test_leadfield_is_no_smaller_where_bold_is_noisy():
    """Noise of the components, known from BOLD outside them, is taken out of the regression."""
    regions = replace(REGIONS, bold_noise=0.5)  # filtered, its power is 1.2 times the sources'
    found = learnt(regions, regions.runs(102, 4)).leadfield.numpy()
    slope = np.sum(found * regions.leadfield) / np.sum(regions.leadfield**2)
    assert_allclose(slope, 1.0, rtol=0.1)


def test_share_of_active_frames_is_learnt(case):
    regions, sparse, _ = case
    shares = sparse.weights[:, 1].numpy()
    # 800 frames show some 80 events a region; small events count as quiet
    assert_allclose(shares.mean(), regions.share, rtol=0.25)
    assert_allclose(shares, regions.share, rtol=0.5)


def test_power_of_active_and_quiet_sources_is_learnt(case):
    regions, sparse, _ = case
    power = regions.share * ACTIVE + (1 - regions.share) * QUIET
    quiet, active = sparse.variances.numpy().T
    assert_allclose(active.mean(), ACTIVE / power, rtol=0.3)
    assert (quiet < 0.05 * active).all()
    assert_array_equal(sparse.means[:, 0].numpy(), 0.0)
    assert_allclose(sparse.prior_variance.numpy().mean(), 1.0, rtol=0.15)


def test_noise_of_the_eeg_is_what_bold_does_not_explain(runs):
    unlearnt = learnt(REGIONS, runs, SETTINGS.model_copy(update={"noise_rounds": 0}))
    power = np.trace(unlearnt.noise.numpy()) / REGIONS.n_channels
    # the slow part of 4 runs of 800 frames, seen through 10 channels less 12 sources
    assert_allclose(power, REGIONS.eeg_noise**2, rtol=0.4)


def test_learnt_noise_is_positive_and_no_smaller_than_the_truth(case):
    """It also holds what errors of the leadfield do to the EEG: up to a few times as much."""
    regions, sparse, _ = case
    values = np.linalg.eigvalsh(sparse.noise.numpy())
    assert values.min() > 0.02 * values.max()
    assert 0.8 < values.mean() / regions.eeg_noise**2 < 4.0


def test_learnt_sparse_sources_beat_the_best_linear_estimate_on_a_held_out_run(case):
    regions, sparse, (eeg, _, sources) = case
    found = sparse(torch.tensor(eeg)[None])[0].numpy()
    error, linear = (np.mean((one - sources) ** 2) for one in (found, best_linear(regions, eeg)))
    assert error < 0.35 * linear


def test_learnt_sparse_sources_are_nearly_those_of_the_true_prior(case):
    regions, sparse, (eeg, _, sources) = case
    power = regions.share * ACTIVE + (1 - regions.share) * QUIET
    states = ([1 - regions.share, regions.share], [0.0, 0.0], [QUIET / power, ACTIVE / power])
    noise = regions.eeg_noise**2 * np.eye(regions.n_channels)
    prior = (np.tile(values, (regions.n_regions, 1)) for values in states)
    errors = [
        np.mean((one(torch.tensor(eeg)[None])[0].numpy() - sources) ** 2)
        for one in (sparse, SparseSources(regions.leadfield, noise, *prior, rounds=16))
    ]
    assert errors[0] < 1.6 * errors[1]


def test_frames_of_all_runs_are_learnt_from(runs):
    """Silence in one of two runs makes every region half as often active."""
    silent = [(0 * eeg, bold, sources) for eeg, bold, sources in runs[:1]]
    shares = [
        learnt(REGIONS, several).weights[:, 1].numpy().mean()
        for several in (runs[:2], silent + runs[1:2], runs[1:2] + silent)
    ]
    assert_allclose(shares[1:], shares[0] / 2, rtol=0.25)


def test_learning_twice_gives_the_same_bytes(runs):
    first, second = (learnt(REGIONS, runs[:2]) for _ in range(2))
    for name in BUFFERS:
        assert getattr(first, name).numpy().tobytes() == getattr(second, name).numpy().tobytes()


def test_scale_of_the_eeg_is_that_of_leadfield_and_noise(runs):
    louder = [(1000 * eeg, bold, sources) for eeg, bold, sources in runs[:2]]
    found, expected = learnt(REGIONS, louder), learnt(REGIONS, runs[:2])
    for name, factor in zip(BUFFERS, (1e3, 1e6, 1.0, 1.0, 1.0), strict=True):
        values = [getattr(one, name).numpy() for one in (found, expected)]
        assert_allclose(values[0], factor * values[1], rtol=1e-5, atol=1e-7 * factor)


@pytest.mark.parametrize(("n_channels", "n_regions"), [(1, 12), (10, 1), (1, 1), (2, 30), (24, 3)])
def test_any_number_of_channels_and_components_is_learnt(n_channels, n_regions):
    regions = replace(REGIONS, n_channels=n_channels, n_regions=n_regions)
    run = regions.run(np.random.default_rng(103), 400)
    sparse = learnt(regions, [run])
    assert sparse.leadfield.shape == (n_channels, n_regions)
    assert np.isfinite(sparse(torch.tensor(run[0])[None]).numpy()).all()


@pytest.mark.parametrize("damage", ["silent channel", "equal channels", "silent component"])
def test_signals_without_full_rank_are_learnt(runs, damage):
    eeg, bold, sources = (x.copy() for x in runs[0])
    if damage == "silent channel":
        eeg[3] = 0.0
    elif damage == "equal channels":
        eeg[3:6] = eeg[3]
    else:
        bold[:4] = 0.0
    sparse = learnt(REGIONS, [(eeg, bold, sources)])
    for name in BUFFERS:
        assert np.isfinite(getattr(sparse, name).numpy()).all(), name
    found = sparse(torch.tensor(eeg)[None])[0].numpy()
    assert np.isfinite(found).all()
    assert np.corrcoef(found[6:].ravel(), sources[6:].ravel())[0, 1] > 0.8
