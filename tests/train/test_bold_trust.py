from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import lfilter

from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.train.alternating import Pair
from neurotranscoder.train.bold_trust import trust_in_bold
from neurotranscoder.train.component_filters import Filters
from neurotranscoder.train.signals import Signals

N_REST = 20
HRF = np.array([0.1, 0.4, 0.3, 0.15, 0.05])
DECODER = np.array([0.05, 0.3, 0.6, 0.3, 0.05])  # smooths; lags -4 to 0
SMOOTH = np.exp(-0.5 * (np.arange(-7, 8) / 2) ** 2) / 5  # lets nothing pass above 0.2 per frame
VARIANCES = np.array([2.0, 2.0, 8.0])


def world(
    rng,
    *,
    eeg_says=(1.0, 1.0, 1.0),
    noise=0.3,
    noise_of_sources=0.0,
    hrf=HRF,
    n_runs=4,
    n_frames=4000,
):
    """Slow sources, their BOLD among blocks of noise, and posterior means given some EEG.

    ``eeg_says`` is the part of each posterior mean that really is about the source,
    ``noise_of_sources`` the noise that is in their BOLD alone.
    """
    bolds, means, truth = [], [], []
    for _ in range(n_runs):
        white = rng.standard_normal((2, 3, n_frames))
        slow = np.sqrt(VARIANCES * (1 - 0.9**2))[:, None] * lfilter([1], [1, -0.9], white)
        sources, other = slow
        about = np.where(np.array(eeg_says)[:, None] > rng.random(), sources, other)
        seen = about + np.sqrt(VARIANCES)[:, None] * rng.standard_normal(about.shape)
        means.append(seen / 2)  # signal and noise have equal variance
        bold = noise * rng.standard_normal((3 + N_REST, n_frames))
        bold[:3] += apply_fir(sources, hrf)
        if noise_of_sources:
            bold[:3] += noise_of_sources * rng.standard_normal((3, n_frames))
        bolds.append(bold)
        truth.append(sources)
    return SimpleNamespace(bolds=bolds, means=means, truth=truth)


def trust(found, variances=VARIANCES, hrf=HRF):
    return trust_in_bold(
        [Signals(np.zeros((1, bold.shape[1])), bold) for bold in found.bolds],
        np.eye(3 + N_REST, 3),
        [Pair(e, bold[:3]) for e, bold in zip(found.means, found.bolds, strict=True)],
        variances,
        Filters(hrf, DECODER, -4),
    )


def measured(found):
    """Gain and precision of what BOLD gives, with the true sources at hand."""
    given = np.concatenate(
        [apply_fir(bold[:3], DECODER, first_lag=-4)[:, 9:-9] for bold in found.bolds], axis=1
    )
    truth = np.concatenate([x[:, 9:-9] for x in found.truth], axis=1)
    gain = (given * truth).mean(axis=1) / (truth**2).mean(axis=1)
    return gain, gain**2 / (given - gain[:, None] * truth).var(axis=1)


@pytest.mark.parametrize("noise", [0.3, 1.5, 3.0])
def test_gain_and_precision_are_those_of_the_true_sources(rng, noise):
    found = world(rng, noise=noise)
    gain, precision = measured(found)
    says = trust(found)
    assert_allclose(says.gain, gain, rtol=0.3)
    # little noise is not told from spectra that windows smear: never surer than BOLD is
    assert (says.precision < 1.1 * precision).all()
    assert (says.precision > (0.2 if noise < 1 else 0.4) * precision).all()


def test_noise_of_bold_lowers_the_precision(rng):
    quiet, loud = (trust(world(rng, noise=noise)).precision for noise in (0.3, 4.0))
    assert (loud < 0.3 * quiet).all()


def test_noise_that_is_in_components_alone_lowers_the_precision(rng):
    found = world(rng, noise_of_sources=2.0, hrf=SMOOTH)
    _, precision = measured(found)
    says = trust(found, hrf=SMOOTH)
    assert (says.precision < 1.1 * precision).all()
    assert (says.precision > 0.3 * precision).all()


def test_eeg_of_other_sources_costs_bold_nothing(rng):
    """Where both do not agree at all, as for power that the mean of the EEG does not tell."""
    agree, apart = (trust(world(rng, eeg_says=(says, 1, 1))) for says in (1.0, 0.0))
    assert apart.precision[0] > 0.5 * agree.precision[0]
    assert_allclose(apart.gain[0], agree.gain[0], rtol=0.3)


def test_a_prior_that_is_too_small_for_bold_is_not_believed(rng):
    found = world(rng)
    small = trust(found, VARIANCES * [0.01, 1, 1])
    assert_allclose(small.gain, trust(found).gain, rtol=0.3)


def test_component_of_noise_counts_for_nothing(rng):
    found = world(rng)
    for bold in found.bolds:
        bold[0] = 0.3 * rng.standard_normal(bold.shape[1])
    says = trust(found)
    assert says.precision[0] < 0.05 * says.precision[1]
    assert np.isfinite(says.gain).all()


def test_bold_that_tells_nothing_of_any_source_is_not_read(rng):
    found = world(rng)
    for bold in found.bolds:
        bold[:3] = 0
    says = trust(found)
    assert_allclose(says.precision, 0)
    assert_allclose(says.gain, 1)
