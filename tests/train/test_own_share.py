from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import firwin

from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.train.alternating import Pair
from neurotranscoder.train.component_filters import Filters
from neurotranscoder.train.own_share import own_share

N_COMPONENTS = 20
SLOW = np.arange(N_COMPONENTS) < 6
LOW_PASS = firwin(41, 0.2)  # a tenth of the sampling rate: the reach of BOLD
HRF = np.ones(8) / 8  # of no power at an eighth of it
DECODER = firwin(21, 0.2)


def world(rng, *, leakage=0.5, noise=0.3, bold_gain=1.0, slow=SLOW, n_runs=3, n_frames=6000):
    """Slow and white sources of one variance, leaking into each other's estimates from EEG."""
    mixing = rng.standard_normal((N_COMPONENTS, N_COMPONENTS)) / np.sqrt(N_COMPONENTS)
    np.fill_diagonal(mixing, 0.0)
    pairs = []
    for _ in range(n_runs):
        sources = rng.standard_normal((N_COMPONENTS, n_frames))
        passed = apply_fir(sources, LOW_PASS, first_lag=-20)
        passed /= passed.std(axis=1, keepdims=True)
        sources[slow] = passed[slow]
        estimates = sources + leakage * mixing @ sources
        bold = bold_gain * apply_fir(sources, HRF)
        bold += noise * bold.std(axis=1, keepdims=True) * rng.standard_normal(bold.shape)
        pairs.append(Pair(estimates, bold))
    return SimpleNamespace(pairs=pairs)


def found(world):
    """HRF and decoder together are symmetric: the source that BOLD gives does not lag."""
    delay = (len(HRF) + len(DECODER) - 2) // 2
    return own_share(world.pairs, Filters(HRF, DECODER, -delay))


@pytest.mark.parametrize("leakage", [0.2, 0.5, 1.0])
def test_what_leaks_into_slow_sources_is_told_from_what_is_fast(rng, leakage):
    share = found(world(rng, leakage=leakage)).share
    assert share[SLOW].mean() < 0.15
    assert share[~SLOW].mean() > 0.85


@pytest.mark.parametrize("slow", [np.zeros_like(SLOW), np.ones_like(SLOW)], ids=["white", "slow"])
def test_sources_of_one_kind_are_all_believed(rng, slow):
    share = found(world(rng, slow=slow)).share
    assert share.mean() > 0.95


def test_a_component_on_its_own_is_believed(rng):
    pairs = [Pair(pair.eeg[-1:], pair.components[-1:]) for pair in world(rng).pairs]
    assert own_share(pairs, Filters(HRF, DECODER, -13)).share == pytest.approx([1.0])


def test_sources_that_fall_within_the_reach_of_bold_are_not_believed_beyond(rng):
    """Whatever other components leak: here the estimate is of another source where it is fast."""
    pairs = world(rng).pairs
    lowest = firwin(161, 0.06)
    for pair in pairs:
        own = apply_fir(rng.standard_normal((1, pair.eeg.shape[1])), lowest, first_lag=-80)[0]
        other = 0.5 * own.std() * rng.standard_normal(own.shape)
        pair.eeg[-1] = own + other - apply_fir(other[None], lowest, first_lag=-80)[0]
        pair.components[-1] = apply_fir(own[None], HRF)[0]
    assert found(SimpleNamespace(pairs=pairs)).share[-1] < 0.5


def test_scale_is_that_between_the_modalities(rng):
    one, five = (found(world(np.random.default_rng(3), bold_gain=g)).scale for g in (1.0, 5.0))
    assert_allclose(one, 5 * five, rtol=1e-6)
    assert 1 < one < 2  # leakage, and what the response takes away


def test_modalities_that_do_not_agree_have_a_finite_scale(rng):
    pairs = world(rng).pairs
    apart = [Pair(a.eeg, b.components) for a, b in pairwise(pairs)]
    says = own_share(apart, Filters(HRF, DECODER, -13))
    assert 0 < says.scale < 20
    assert ((says.share >= 0) & (says.share <= 1)).all()


def test_silent_components_do_no_harm(rng):
    pairs = world(rng).pairs
    for pair in pairs:
        pair.eeg[0] = pair.components[1] = 0.0
    says = found(SimpleNamespace(pairs=pairs))
    assert np.isfinite(says.share).all()
    assert np.isfinite(says.scale)
