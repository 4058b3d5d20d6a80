from itertools import product

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from torch.testing import assert_close

from neurotranscoder.core.errors import GridError
from neurotranscoder.model.joint import OwnShare
from neurotranscoder.model.sparse import BoldTrust, SparseEegToSource, SparseSources

SHARE, QUIET, ACTIVE = 0.15, 0.1, 4.0


def mixture(n_sources, *, share=SHARE, quiet=QUIET, mean=0.0):
    """Return weights, means and variances of sources that are active in a share of frames."""
    return tuple(
        np.tile(states, (n_sources, 1))
        for states in ([1 - share, share], [0.0, mean], [quiet, ACTIVE])
    )


def drawn(rng, leadfield, noise, prior, n_frames):
    """Return sources of a prior and the EEG that they make."""
    weights, means, variances = prior
    active = (rng.random((n_frames, len(weights))) < weights[:, 1]).astype(int)[..., np.newaxis]
    mean, variance = (
        np.take_along_axis(np.broadcast_to(x, (n_frames, *x.shape)), active, -1)[..., 0]
        for x in (means, variances)
    )
    sources = mean + np.sqrt(variance) * rng.standard_normal(mean.shape)
    root = np.linalg.cholesky(noise)
    eeg = sources @ leadfield.T + rng.standard_normal((n_frames, len(noise))) @ root.T
    return sources, torch.tensor(eeg)


def wiener(leadfield, noise, prior, eeg):
    """Return the best estimate that is linear in the EEG, and the variance that it leaves."""
    weights, means, variances = prior
    mean = (weights * means).sum(1)
    power = (weights * (variances + means**2)).sum(1) - mean**2
    gain = power[:, np.newaxis] * leadfield.T
    gain = gain @ np.linalg.inv((leadfield * power) @ leadfield.T + noise)
    found = mean + (eeg.numpy() - leadfield @ mean) @ gain.T
    return found, power - np.einsum("sc,cs->s", gain, leadfield * power)


def enumerated(leadfield, noise, prior, eeg):
    """Return the exact posterior moments: one normal per combination of states."""
    weights, means, variances = prior
    each = np.arange(len(weights))
    chances, found, seconds = [], [], []
    for states in product(range(weights.shape[1]), repeat=len(weights)):
        chosen = [x[each, states] for x in (weights, means, variances)]
        single = tuple(x[:, np.newaxis] for x in (np.ones(len(each)), *chosen[1:]))
        mean, variance = wiener(leadfield, noise, single, eeg)
        total = (leadfield * chosen[2]) @ leadfield.T + noise
        rest = eeg.numpy() - leadfield @ chosen[1]
        distance = np.sum(rest * np.linalg.solve(total, rest.T).T, axis=1)
        log_chance = np.log(chosen[0]).sum() - 0.5 * np.linalg.slogdet(total)[1]
        chances.append(log_chance - 0.5 * distance)
        found.append(mean)
        seconds.append(variance + mean**2)
    chance = np.exp(chances - np.max(chances, axis=0))
    chance /= chance.sum(axis=0)
    mean = np.einsum("kf,kfs->fs", chance, found)
    return mean, np.einsum("kf,kfs->fs", chance, seconds) - mean**2


def covariance(rng, size):
    root = rng.standard_normal((size, size))
    return 0.05 * root @ root.T / size + 0.05 * np.eye(size)


@pytest.fixture
def many(rng):
    """40 sources, 2 active at a time, seen by 16 channels."""
    leadfield, noise = rng.standard_normal((16, 40)), covariance(rng, 16)
    prior = mixture(40, share=0.05, quiet=0.01)
    sources, eeg = drawn(rng, leadfield, noise, prior, 600)
    return SparseSources(leadfield, noise, *prior, rounds=8, damping=0.6), sources, eeg


@pytest.mark.parametrize(("n_channels", "n_sources"), [(3, 2), (5, 5), (8, 20), (1, 1), (1, 4)])
def test_posterior_of_normal_sources_is_exact(rng, n_channels, n_sources):
    leadfield, noise = rng.standard_normal((n_channels, n_sources)), covariance(rng, n_channels)
    mean, variance = rng.standard_normal(n_sources), rng.uniform(0.5, 2.0, n_sources)
    prior = np.full((n_sources, 2), 0.5), np.c_[mean, mean], np.c_[variance, variance]
    eeg = torch.tensor(3 * rng.standard_normal((20, n_channels)))
    posterior = SparseSources(leadfield, noise, *prior).posterior(eeg)
    expected = wiener(leadfield, noise, prior, eeg)
    assert_allclose(posterior.mean.numpy(), expected[0], atol=1e-9)
    assert_allclose(posterior.variance.numpy(), np.tile(expected[1], (20, 1)), atol=1e-9)


@pytest.mark.parametrize("mean", [0.0, 1.5])
def test_posterior_of_one_source_is_exact(rng, mean):
    leadfield, noise, prior = (
        rng.standard_normal((3, 1)),
        covariance(rng, 3),
        mixture(1, mean=mean),
    )
    _, eeg = drawn(rng, leadfield, noise, prior, 100)
    posterior = SparseSources(leadfield, noise, *prior).posterior(eeg)
    expected = enumerated(leadfield, noise, prior, eeg)
    assert_allclose(posterior.mean.numpy(), expected[0], atol=1e-9)
    assert_allclose(posterior.variance.numpy(), expected[1], atol=1e-9)


def test_activity_of_one_source_is_what_bayes_says(rng):
    noise, prior = np.array([[0.3]]), mixture(1, mean=1.0)
    _, eeg = drawn(rng, np.ones((1, 1)), noise, prior, 50)
    found = SparseSources(np.ones((1, 1)), noise, *prior).posterior(eeg).activity[:, 0].numpy()
    spread = prior[2] + 0.3
    chance = prior[0] * np.exp(-0.5 * (eeg.numpy() - prior[1]) ** 2 / spread) / np.sqrt(spread)
    assert_allclose(found, chance / chance.sum(axis=1, keepdims=True), atol=1e-9)


def likelihoods(leadfield, noise, prior, eeg):
    """Return the log-likelihood of frames up to a constant: one normal per combination."""
    weights, means, variances = prior
    each, terms = np.arange(len(weights)), []
    for states in product(range(weights.shape[1]), repeat=len(weights)):
        chosen = [x[each, states] for x in (weights, means, variances)]
        total = (leadfield * chosen[2]) @ leadfield.T + noise
        rest = eeg.numpy() - leadfield @ chosen[1]
        distance = np.sum(rest * np.linalg.solve(total, rest.T).T, axis=1)
        terms.append(np.log(chosen[0]).sum() - 0.5 * (np.linalg.slogdet(total)[1] + distance))
    return logsumexp(terms, axis=0)


def as_normal(prior):
    """Return sources that are normal and have the moments of a prior."""
    weights, means, variances = prior
    mean = (weights * means).sum(1)
    power = (weights * (variances + means**2)).sum(1) - mean**2
    return np.ones((len(mean), 1)), mean[:, np.newaxis], power[:, np.newaxis]


# one source: nothing is approximated; several: nats a frame, of about 1 that there are
@pytest.mark.parametrize(("n_channels", "n_sources", "off"), [(3, 1, 1e-9), (6, 4, 0.02)])
def test_evidence_is_that_of_all_states_less_that_of_normal_sources(
    rng, n_channels, n_sources, off
):
    leadfield, noise = rng.standard_normal((n_channels, n_sources)), covariance(rng, n_channels)
    prior = mixture(n_sources, mean=0.5)
    _, eeg = drawn(rng, leadfield, noise, prior, 200)
    found = SparseSources(leadfield, noise, *prior, rounds=16).evidence(eeg).numpy()
    normal = as_normal(prior)
    exact = likelihoods(leadfield, noise, prior, eeg) - likelihoods(leadfield, noise, normal, eeg)
    assert exact.mean() > 0.2
    assert_allclose(found.mean(), exact.mean(), atol=off)


def test_evidence_speaks_for_the_sources_that_there_are(rng, many):
    sparse, _, eeg = many
    assert sparse.evidence(eeg).mean() > 1.0
    sources = np.sqrt(sparse.prior_variance.numpy()) * rng.standard_normal((600, 40))
    noise = rng.standard_normal((600, 16)) @ np.linalg.cholesky(sparse.noise.numpy()).T
    normal = torch.tensor(sources @ sparse.leadfield.numpy().T + noise)
    assert sparse.evidence(normal).mean() < -0.2  # -0.8, within 0.4 from draw to draw


@pytest.mark.parametrize(("n_channels", "n_sources", "excess"), [(3, 2, 0.1), (5, 7, 0.2)])
def test_posterior_of_few_sources_is_nearly_exact(rng, n_channels, n_sources, excess):
    """Expectation propagation is no exact method: its squared error may be a little larger."""
    errors = np.zeros(3)
    prior, noise = mixture(n_sources, mean=0.5), 0.3 * np.eye(n_channels)
    for _ in range(8):
        leadfield = rng.standard_normal((n_channels, n_sources))
        sources, eeg = drawn(rng, leadfield, noise, prior, 60)
        estimates = (
            SparseSources(leadfield, noise, *prior, rounds=16, damping=0.6)
            .posterior(eeg)
            .mean.numpy(),
            enumerated(leadfield, noise, prior, eeg)[0],
            wiener(leadfield, noise, prior, eeg)[0],
        )
        errors += [np.sum((found - sources) ** 2) for found in estimates]
    approximate, exact, linear = errors
    assert approximate < (1 + excess) * exact
    assert linear > 1.3 * exact


def test_sparse_sources_are_found_where_linear_estimates_fail(many):
    sparse, sources, eeg = many
    prior = tuple(x.numpy() for x in (sparse.weights, sparse.means, sparse.variances))
    linear = wiener(sparse.leadfield.numpy(), sparse.noise.numpy(), prior, eeg)[0]
    posterior = sparse.posterior(eeg)
    error = np.mean((posterior.mean.numpy() - sources) ** 2)
    assert error < 0.2 * np.mean((linear - sources) ** 2)
    # it knows how wrong it is; half of it for what is approximate
    assert_allclose(posterior.variance.mean().item(), error, rtol=0.5)


def test_activity_says_when_a_source_is_active(many):
    sparse, sources, eeg = many
    activity = sparse.posterior(eeg).activity
    assert_close(activity.sum(-1), torch.ones(activity.shape[:2], dtype=torch.float64))
    active = activity[..., 1].numpy()
    assert active[np.abs(sources) > 1.5].mean() > 0.9
    assert active[np.abs(sources) < 0.3].mean() < 0.05


def test_moments_are_those_of_the_states(many):
    sparse, _, eeg = many
    found = sparse.posterior(eeg)
    mean = (found.activity * found.state_mean).sum(-1)
    second = (found.activity * (found.state_variance + found.state_mean**2)).sum(-1)
    assert_close(found.mean, mean)
    assert_close(found.variance, second - mean**2, atol=1e-10, rtol=0)


def test_coder_and_posterior_agree(many):
    sparse, _, eeg = many
    assert_array_equal(sparse(eeg.T[None])[0].T.numpy(), sparse.posterior(eeg).mean.numpy())


@pytest.mark.parametrize("lengths", [(1, 127, 472), (129, 471), (300, 300)])
def test_frames_are_estimated_one_by_one_however_they_are_cut(many, lengths):
    sparse, _, eeg = many
    whole = sparse(eeg.T[None])
    parts = torch.cat([sparse(part.T[None]) for part in eeg.split(lengths)], -1)
    # sums in another order, amplified by eight rounds
    assert_close(parts, whole, atol=1e-9, rtol=0)


def test_batches_are_many_recordings(many):
    sparse, _, eeg = many
    recordings = torch.stack([part.T for part in eeg.split(200)])
    whole = sparse(eeg.T[None])[0]
    for found, part in zip(sparse(recordings), whole.split(200, dim=1), strict=True):
        assert_close(found, part, atol=1e-9, rtol=0)


def test_an_artefact_in_one_frame_leaves_the_others_alone(many):
    sparse, _, eeg = many
    damaged = eeg.clone()
    damaged[7] *= 1000
    found, clean = sparse(damaged.T[None]), sparse(eeg.T[None])
    others = torch.arange(600) != 7
    assert_close(found[..., others], clean[..., others], atol=1e-9, rtol=0)


@pytest.mark.parametrize("factor", [0.0, 1e-6, 100.0, 1e6])
def test_any_amplitude_gives_finite_sources(many, factor):
    sparse, _, eeg = many
    posterior = sparse.posterior(factor * eeg[:50])
    for values in (posterior.mean, posterior.variance, posterior.activity):
        assert torch.isfinite(values).all()
    assert (posterior.variance > -1e-9 * factor**2).all()
    fitted = posterior.mean @ sparse.leadfield.T
    if factor > 1:  # far beyond the prior, sources still explain the EEG
        assert_allclose(fitted.numpy(), factor * eeg[:50].numpy(), atol=0.3 * factor)


def test_single_precision_in_is_single_precision_out(many):
    sparse, _, eeg = many
    found = sparse(eeg.T[None].float())
    assert found.dtype == torch.float32
    assert_close(found.double(), sparse(eeg.T[None]), atol=1e-4, rtol=0)


def test_sparse_sources_stay_in_double_precision_inside_any_module(rng, many):
    sparse, _, eeg = many
    maps, weights, beside = (rng.standard_normal(shape) for shape in ((9, 40), (40, 16), (40, 40)))
    expected = sparse(eeg.T[None])
    coder = SparseEegToSource(
        maps,
        weights,
        OwnShare(np.ones(40), 1.0),
        beside,
        sparse,
        BoldTrust(np.ones(40), np.ones(40)),
    ).float()
    assert coder.maps.dtype == torch.float32
    assert all(values.dtype == torch.float64 for values in coder.sparse.buffers())
    assert_array_equal(coder.sparse(eeg.T[None]).numpy(), expected.numpy())


def test_a_source_that_no_channel_sees_stays_at_its_prior(rng):
    leadfield, noise, prior = rng.standard_normal((6, 4)), covariance(rng, 6), mixture(4, mean=0.7)
    leadfield[:, 2] = 0.0
    sparse = SparseSources(leadfield, noise, *prior)
    _, eeg = drawn(rng, leadfield, noise, prior, 50)
    posterior = sparse.posterior(eeg)
    # the EEG is taken to say a millionth of what the prior does
    expected = [sparse.prior_mean[2], sparse.prior_variance[2]]
    for values, wanted in zip((posterior.mean, posterior.variance), expected, strict=True):
        assert_allclose(values[:, 2].numpy(), wanted.item(), rtol=1e-4)
    assert_allclose(posterior.activity[:, 2, 1].numpy(), SHARE, rtol=1e-4)


def test_moments_of_the_prior_are_those_of_its_draws(rng):
    prior = mixture(2, mean=1.0)
    sparse = SparseSources(np.eye(2), np.eye(2), *prior)
    sources, _ = drawn(rng, np.eye(2), np.eye(2), prior, 200_000)
    # four standard errors of a mean, and of a variance of heavy tails (kurtosis 15)
    assert_allclose(sparse.prior_mean.numpy(), sources.mean(axis=0), atol=4 / 450)
    assert_allclose(sparse.prior_variance.numpy(), sources.var(axis=0), rtol=4 * 4 / 450)


def test_an_average_reference_costs_nothing(rng):
    """The direction that it takes away holds no EEG, whatever noise is assumed there."""
    centring = np.eye(8) - 1 / 8
    leadfield, prior = centring @ rng.standard_normal((8, 12)), mixture(12)
    _, eeg = drawn(rng, leadfield, 0.1 * np.eye(8), prior, 100)
    eeg = eeg @ torch.tensor(centring)
    found = [
        SparseSources(leadfield, 0.1 * centring + silent * (np.eye(8) - centring), *prior)
        .posterior(eeg)
        .mean
        for silent in (1e-6, 0.1, 10.0)
    ]
    for other in found[1:]:
        assert_close(other, found[0], atol=1e-7, rtol=0)


def test_the_same_frames_give_the_same_bytes(many):
    sparse, _, eeg = many
    first, second = (sparse(eeg.T[None]).numpy().tobytes() for _ in range(2))
    assert first == second


def test_one_round_more_changes_what_is_found(many):
    """Rounds are no decoration: where they have not settled, another one tells."""
    sparse, _, eeg = many
    prior = (sparse.leadfield, sparse.noise, sparse.weights, sparse.means, sparse.variances)
    found = [
        SparseSources(*prior, rounds=rounds, damping=0.6)(eeg.T[None]) for rounds in (1, 8, 9)
    ]
    steps = [float((one - found[2]).abs().mean()) for one in found[:2]]
    assert 0 < steps[1] < 0.1 * steps[0]


def test_sparse_sources_of_a_state_dict_say_the_same(many):
    sparse, _, eeg = many
    ones = np.ones((40, 2))
    states = ones / 2, 0 * ones, ones
    empty = SparseSources(np.zeros((16, 40)), np.eye(16), *states, rounds=8, damping=0.6)
    empty.load_state_dict(sparse.state_dict())
    assert_array_equal(empty(eeg.T[None]).numpy(), sparse(eeg.T[None]).numpy())


def test_arrays_are_copied_row_by_row(rng):
    leadfield = rng.standard_normal((2, 3)).T
    sparse = SparseSources(leadfield, np.eye(3), *mixture(2))
    leadfield[:] = 0
    assert sparse.leadfield.abs().min() > 0
    assert sparse.leadfield.is_contiguous()


def test_coder_reads_the_eeg_and_its_sparse_sources(rng, many):
    sparse, _, eeg = many
    maps, weights, beside = (rng.standard_normal(shape) for shape in ((9, 40), (40, 16), (40, 40)))
    coder = SparseEegToSource(
        maps,
        weights,
        OwnShare(np.ones(40), 1.0),
        beside,
        sparse,
        BoldTrust(np.ones(40), np.ones(40)),
    )
    found = coder(eeg.T[None]).detach()[0]
    shifted = sparse.posterior(eeg + sparse.mean_eeg).mean
    sources = (shifted - sparse.prior_mean).numpy().T
    assert_allclose(found.numpy(), maps @ (weights @ eeg.numpy().T + beside @ sources), atol=1e-9)


def normal_sources(rng, n_channels=4, n_sources=3):
    """Return sources with one normal state, and what defines them."""
    leadfield = rng.standard_normal((n_channels, n_sources))
    mean, variance = rng.standard_normal(n_sources), rng.uniform(0.5, 2, n_sources)
    states = [np.stack([x, x], axis=1) for x in (np.full(n_sources, 0.5), mean, variance)]
    noise = 0.3 * np.eye(n_channels)
    return SparseSources(leadfield, noise, *states), leadfield, noise, mean, variance


def test_hints_are_observations_of_the_sources(rng):
    sparse, leadfield, noise, mean, variance = normal_sources(rng)
    precision = np.array([0.0, 2.0, 50.0])
    eeg, hint = rng.standard_normal((4, 5)), rng.standard_normal((3, 5))
    found = sparse(torch.tensor(eeg)[None], torch.tensor(hint)[None], torch.tensor(precision))
    inverse = np.linalg.inv(noise)
    total = leadfield.T @ inverse @ leadfield + np.diag(1 / variance + precision)
    pull = leadfield.T @ inverse @ eeg + (mean / variance)[:, None] + precision[:, None] * hint
    assert_allclose(found[0].numpy(), np.linalg.solve(total, pull), atol=1e-8)


def test_around_their_means_nothing_is_known_of_the_means(rng):
    sparse, leadfield, _, mean, _ = normal_sources(rng)
    eeg = torch.tensor(rng.standard_normal((1, 4, 6)))
    found = sparse.around_mean(eeg)
    shifted = sparse(eeg + torch.tensor(leadfield @ mean)[:, None])
    assert_allclose(found.numpy(), shifted.numpy() - mean[:, None], atol=1e-12)
    assert_allclose(sparse.around_mean(0 * eeg).numpy(), 0, atol=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_eeg_that_is_not_finite_is_refused(many, bad):
    sparse, _, eeg = many
    spoilt = eeg.T[None].clone()
    spoilt[0, 2, 3] = bad
    with pytest.raises(GridError, match="NaN or infinite"):
        sparse(spoilt)


def test_joint_sources_follow_what_is_surer(rng, many):
    sparse, sources, eeg = many
    maps = np.eye(40)
    truth = sources - sources.mean(axis=0)
    gain = rng.uniform(0.2, 2, 40)
    bold = torch.tensor((gain * np.asarray(truth)).T)[None]

    alone = sparse.around_mean(eeg.T[None])[0]

    def joint(precision, *, own=1.0, added=0.0, scale=1.0):
        coder = SparseEegToSource(
            maps,
            np.zeros((40, 16)),
            OwnShare(np.full(40, own), scale),
            np.zeros((40, 40)),
            sparse,
            BoldTrust(gain, np.full(40, precision)),
        ).double()
        return coder.joint(eeg.T[None], (alone + added)[None], bold)[0].detach()

    assert_close(joint(0.0), alone, atol=1e-9, rtol=0)
    assert_close(joint(0.0, added=0.3), alone + 0.15, atol=1e-6, rtol=0)
    assert_close(joint(0.0, own=0.0, scale=2.0), 2 * bold[0], atol=1e-9, rtol=0)
    assert_close(joint(0.0, own=0.25), 0.25 * alone + 0.75 * bold[0], atol=1e-9, rtol=0)
    wanted = torch.tensor(np.asarray(truth).T)
    errors = [float(((joint(p) - wanted) ** 2).mean()) for p in (0.0, 1.0, 1e6)]
    assert errors[2] < 1e-3 * errors[0]
    assert errors[2] < errors[1] < errors[0]


def test_what_bold_gives_beyond_the_maps_of_sparse_sources_is_kept(rng, many):
    sparse, _, _ = many
    own, trust = OwnShare(np.ones(40), 2.0), BoldTrust(np.ones(40), np.ones(40))
    zeros = np.zeros((40, 40))
    coder = SparseEegToSource(
        np.eye(45)[:, :40], zeros[:, :16], own, zeros, sparse, trust
    ).double()
    bold = torch.tensor(rng.standard_normal((1, 45, 7)))
    assert_close(coder.beyond(bold)[0, 40:], 2 * bold[0, 40:], atol=1e-12, rtol=0)
    assert_close(coder.beyond(bold)[0, :40], torch.zeros(40, 7).double(), atol=1e-12, rtol=0)
