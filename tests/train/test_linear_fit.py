import numpy as np
from numpy.testing import assert_allclose
from scipy.signal import firwin

from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.train.linear_fit import LinearFit, with_own_share
from neurotranscoder.train.signals import Signals

N_COMPONENTS, N_FRAMES = 20, 4000
HRF, DECODER = np.ones(8) / 8, firwin(21, 0.2)
SLOW = np.arange(N_COMPONENTS) < 6


def regions(rng):
    """Regions of three blocks each, the first ones slow; the EEG mixes all of them."""
    maps = np.kron(np.eye(N_COMPONENTS), np.full((3, 1), 1 / np.sqrt(3)))
    leadfield = np.eye(N_COMPONENTS) + 0.1 * rng.standard_normal((N_COMPONENTS, N_COMPONENTS))
    runs = []
    for _ in range(3):
        sources = rng.standard_normal((N_COMPONENTS, N_FRAMES))
        passed = apply_fir(sources, firwin(41, 0.1), first_lag=-20)
        sources[SLOW] = (passed / passed.std(axis=1, keepdims=True))[SLOW]
        runs.append(Signals(leadfield @ sources, maps @ apply_fir(sources, HRF)))
    return maps, runs


def test_a_fit_knows_in_which_regions_the_eeg_is_about_others(rng):
    maps, runs = regions(rng)
    turned = np.linalg.qr(rng.standard_normal((N_COMPONENTS, N_COMPONENTS)))[0]
    fit = LinearFit(
        maps=maps @ turned,
        eeg_weights=turned.T,
        hrf=HRF,
        decoder=DECODER,
        decoder_lag=-13,
        leadfield=rng.standard_normal((N_COMPONENTS, N_COMPONENTS)),
        rate=1.0,
        whitening=0.0,
        ridge=0.0,
        decoder_ridge=0.0,
        leadfield_ridge=0.0,
    )
    found = with_own_share(fit, runs)
    assert_allclose(found.maps @ found.eeg_weights, fit.maps @ fit.eeg_weights, atol=1e-9)
    assert_allclose(found.leadfield @ found.maps.T, fit.leadfield @ fit.maps.T, atol=1e-9)
    assert_allclose(found.maps.T @ found.maps, np.eye(N_COMPONENTS), atol=1e-9)
    region = np.abs(found.maps.T @ maps).argmax(axis=1)  # components are regions again
    assert_allclose(np.abs(found.maps), maps[:, region], atol=1e-3)
    share = found.own.share
    assert share[SLOW[region]].mean() < 0.2
    assert share[~SLOW[region]].mean() > 0.8
