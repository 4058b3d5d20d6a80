from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.train.alternating import Pair
from neurotranscoder.train.bold_noise_filter import (
    bold_without_noise,
    choose_noise_filter,
    without_noise,
)
from neurotranscoder.train.signals import Signals

HRF = np.exp(-0.5 * ((np.arange(20) - 8) / 3) ** 2) / 7.5  # stops all beyond .11 per frame
DECODER = np.array([0.25, 0.5, 0.25]), -9  # about where the response is delayed to
N_FRAMES, N_COMPONENTS = 3000, 4
SHARED = np.array([1.0, -0.8, 0.6, 0.0])  # how much of one noise each component has
STRENGTHS = (0.25, 0.5, 1.0)


def runs(rng, n_runs, *, shared=0.5, own=0.03):
    """White sources, BOLD components that share a white noise, and EEG that has half of them."""
    found = []
    for _ in range(n_runs):
        sources, error, noise = rng.standard_normal((3, N_COMPONENTS, N_FRAMES))
        noise = shared * np.outer(SHARED, noise[0]) + own * noise
        bold = apply_fir(sources, HRF) + noise
        found.append(SimpleNamespace(pair=Pair(sources + error, bold), noise=noise))
    return found


def chosen(known, unseen, hrf=HRF, strengths=STRENGTHS):
    pairs = [[run.pair for run in part] for part in (known, unseen)]
    return choose_noise_filter(*pairs, np.eye(N_COMPONENTS), hrf, DECODER, strengths)


def decoded(rows):
    taps, first_lag = DECODER
    return apply_fir(rows, taps, first_lag=first_lag)


def test_noise_that_components_share_is_taken_out_of_them(rng):
    found = runs(rng, 5)
    mixing = chosen(found[:4], found[4:])
    noise = decoded(found[4].noise)
    signal = decoded(found[4].pair.components) - noise
    left, before = (np.var(x, axis=1) for x in (mixing @ noise, noise))
    assert np.all(left[:3] < 0.4 * before[:3])
    kept = [np.corrcoef(*pair)[0, 1] for pair in zip(mixing @ signal, signal, strict=True)]
    assert min(kept) > 0.8


def test_filter_is_the_wiener_filter_of_white_noise(rng):
    found = runs(rng, 25, shared=1.0)
    mixing = chosen(found[:24], found[24:], strengths=(0.5,))
    noise, bold = (
        np.cov(np.concatenate([decoded(rows) for rows in every], axis=1))
        for every in ([run.noise for run in found], [run.pair.components for run in found])
    )
    wiener = np.eye(N_COMPONENTS) - 0.5 * noise @ np.linalg.inv(bold)
    # where the response stops them, sources are a tenth of what they are, not nothing
    assert_allclose(mixing, wiener, atol=0.1)


def test_noise_that_is_not_shared_is_left_alone(rng):
    found = runs(rng, 5, shared=0.0)
    assert chosen(found[:4], found[4:]) is None


def test_nothing_is_taken_out_where_the_response_lets_all_pass(rng):
    found = runs(rng, 5)
    assert chosen(found[:4], found[4:], hrf=np.ones(1)) is None


def test_nothing_is_taken_out_without_candidates(rng):
    found = runs(rng, 2)
    assert chosen(found[:1], found[1:], strengths=()) is None


def test_silent_components_are_left_alone():
    silent = Pair(np.zeros((N_COMPONENTS, 500)), np.zeros((N_COMPONENTS, 500)))
    run = [SimpleNamespace(pair=silent)]
    assert chosen(run, run) is None


@pytest.mark.parametrize("n_components", [1, 3])
def test_blocks_and_components_are_filtered_alike(rng, n_components):
    maps = np.linalg.qr(rng.standard_normal((8, n_components)))[0]
    mixing = rng.standard_normal((n_components, n_components))
    bold = rng.standard_normal((8, 50))
    run = bold_without_noise(Signals(np.zeros((2, 50)), bold), maps, mixing)
    pair = without_noise(Pair(np.zeros((2, 50)), maps.T @ bold), mixing)
    assert_allclose(maps.T @ run.bold, pair.components, atol=1e-12)
    outside = np.eye(8) - maps @ maps.T
    assert_allclose(outside @ run.bold, outside @ bold, atol=1e-12)
