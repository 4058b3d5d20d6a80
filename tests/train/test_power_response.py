"""Runs whose BOLD follows band power, and whose EEG says much or nothing of it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from neurotranscoder.train.closed_form import ClosedFormSettings, fit_closed_form
from neurotranscoder.train.power_response import with_response_of_power
from neurotranscoder.train.signals import Signals
from neurotranscoder.train.sparse import SparseSettings
from neurotranscoder.train.sparse_fit import fit_with_sparse_sources
from synthetic_runs import RATE, response

SETTINGS = ClosedFormSettings(hrf_duration=8.0, decoder_span=(-8.0, 4.0))
PLACE = np.random.default_rng(1).standard_normal((30, 2))


def run(seed, *, in_eeg=0.0, in_power=1.0, noise=0.3):
    """Two rhythms whose amplitudes BOLD follows; EEG and power show them so strongly."""
    rng = np.random.default_rng(seed)
    amplitudes = rng.standard_normal((2, 400))
    late = np.apply_along_axis(np.convolve, 1, amplitudes, response())[:, :400]
    field = np.random.default_rng(2).standard_normal((5, 2))
    bold = PLACE @ late
    signals = [in_eeg * field @ amplitudes, bold, in_power * field @ amplitudes]
    eeg, bold, power = (
        one - one.mean(axis=1, keepdims=True) + noise * rng.standard_normal(one.shape)
        for one in signals
    )
    return Signals(eeg, bold, power)


def fits(runs):
    """The linear fit of the EEG, and what is made of it."""
    known, unseen = runs[:3], runs[3:]
    fit = fit_closed_form(known, unseen, RATE, SETTINGS)
    return fit, with_response_of_power(fit, known, unseen, SETTINGS, pays=0.05)


def likeness(fit):
    """Correlation of a response with the true one."""
    return np.corrcoef(fit.hrf[:12], response())[0, 1]


def test_where_the_eeg_says_nothing_the_response_is_found_with_band_power():
    fit, found = fits([run(seed) for seed in range(4)])
    assert likeness(fit) < 0.9
    assert likeness(found) > 0.98
    assert found.maps.shape[1] >= 2
    assert found.eeg_weights.shape[1] == 5  # it reads EEG alone, as before


@pytest.mark.parametrize("strengths", [{"in_eeg": 1.0}, {"in_power": 0.0}])
def test_eeg_that_says_enough_and_power_that_says_nothing_leave_the_fit_as_it_is(strengths):
    fit, found = fits([run(seed, **strengths) for seed in range(4)])
    assert found is fit


def test_runs_without_power_and_with_other_bands_leave_the_fit_as_it_is():
    whole = [run(seed) for seed in range(4)]
    some = [whole[0]._replace(power=None), *whole[1:]]
    fewer = [whole[0]._replace(power=whole[0].power[:3]), *whole[1:]]
    for runs in (some, fewer, [one._replace(power=None) for one in whole]):
        fit, found = fits(runs)
        assert found is fit


def test_a_response_that_is_known_is_kept():
    runs = [run(seed, in_eeg=1.0) for seed in range(4)]
    known = np.pad(response(), (0, 8))
    fit = fit_closed_form(runs[:3], runs[3:], RATE, SETTINGS, hrf=known)
    assert_array_equal(fit.hrf, known)


def test_power_is_then_read_and_predicts_bold():
    runs = [run(seed) for seed in range(4)]
    sparse = SparseSettings(frames=300, prior_rounds=1, noise_rounds=1)
    fit = fit_with_sparse_sources(runs[:3], runs[3:], RATE, SETTINGS, sparse)
    assert fit.power_weights is not None
    new = run(9, noise=0.0)
    sources = fit.maps @ fit.power_weights @ new.power
    late = np.apply_along_axis(np.convolve, 1, sources, fit.hrf)[:, :400]
    r = [np.corrcoef(one, other)[0, 1] for one, other in zip(late, new.bold, strict=True)]
    assert np.median(r) > 0.95
