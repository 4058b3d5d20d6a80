import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import gamma

from neurotranscoder.core.errors import GridError
from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.train.alternating import convention, whiten
from neurotranscoder.train.closed_form import ClosedFormSettings, fit_closed_form
from neurotranscoder.train.components import bold_components
from neurotranscoder.train.linear_transcoder import linear_transcoder
from neurotranscoder.train.regression import ridge_solve
from neurotranscoder.train.signals import Signals

RATE = 2.5
REGIONS, CHANNELS, BLOCKS = 6, 12, 30


def true_hrf():
    times = np.arange(0, 32, 1 / RATE) + 0.5 / RATE
    hrf = gamma.pdf(times, 6) - gamma.pdf(times, 16) / 6
    return hrf / hrf.sum() * RATE


def simulated_runs(rng, n_runs, *, n_frames=500, noise=0.1):
    """White regional sources seen by a random leadfield and through one response."""
    leadfield = np.random.default_rng(1).standard_normal((CHANNELS, REGIONS))
    maps = np.kron(np.eye(REGIONS), np.ones((BLOCKS // REGIONS, 1)))
    runs = []
    for _ in range(n_runs):
        sources = rng.standard_normal((REGIONS, n_frames + 80))
        bold = maps @ apply_fir(sources, true_hrf() / RATE)[:, 80:]
        eeg = leadfield @ sources[:, 80:]
        runs.append(
            (
                eeg + noise * eeg.std() * rng.standard_normal(eeg.shape),
                bold + noise * bold.std() * rng.standard_normal(bold.shape),
            )
        )
    centred = [Signals(*(x - x.mean(axis=1, keepdims=True) for x in run)) for run in runs]
    return centred, maps, leadfield


@pytest.fixture
def fitted(rng):
    runs, maps, leadfield = simulated_runs(rng, 6)
    return (
        fit_closed_form(runs[:4], runs[4:5], RATE, ClosedFormSettings()),
        runs[5],
        maps,
        leadfield,
    )


def test_response_is_recovered_blindly(fitted):
    fit = fitted[0]
    assert np.corrcoef(fit.hrf, true_hrf())[0, 1] > 0.99
    assert_allclose(fit.hrf.sum() / RATE, 1.0)


def test_regional_leadfield_is_recovered_up_to_scale(fitted):
    fit, _, maps, leadfield = fitted
    found = fit.leadfield @ fit.maps.T @ maps
    for column, truth in zip(found.T, leadfield.T, strict=True):
        assert np.corrcoef(column, truth)[0, 1] > 0.95


def test_sources_keep_their_sign_when_bold_turns_over(rng):
    upright, _, _ = simulated_runs(rng, 4)
    inverted = [Signals(run.eeg, -run.bold) for run in upright]
    fits = [
        fit_closed_form(runs[:3], runs[3:], RATE, ClosedFormSettings(n_components=6))
        for runs in (upright, inverted)
    ]
    assert_allclose(fits[0].hrf, fits[1].hrf, rtol=1e-6, atol=1e-9)
    maps = [fit.maps @ fit.eeg_weights for fit in fits]
    assert_allclose(maps[0], -maps[1], rtol=1e-6, atol=1e-9)


def test_held_out_components_are_as_many_as_there_are_regions(fitted):
    assert fitted[0].maps.shape == (BLOCKS, REGIONS)


def test_transcoder_of_the_fit_computes_the_same_as_the_fit(fitted):
    fit, (eeg, bold, _), _, _ = fitted
    transcoder = linear_transcoder(fit)
    source = fit.maps @ fit.eeg_weights @ eeg
    deconvolved = apply_fir(fit.maps.T @ bold, fit.decoder, first_lag=fit.decoder_lag)
    expected = (apply_fir(source, fit.hrf), fit.leadfield @ deconvolved)
    signals = [torch.tensor(x, dtype=torch.float32)[None] for x in (eeg, bold)]
    found = (transcoder.bold_from_eeg(signals[0]), transcoder.eeg_from_bold(signals[1]))
    for mine, theirs in zip(found, expected, strict=True):
        assert_allclose(mine[0].numpy(), theirs, atol=1e-4 * np.abs(theirs).max())


def test_runs_may_differ_in_length(rng):
    runs, _, _ = simulated_runs(rng, 4)
    cut = [
        Signals(run.eeg[:, :n], run.bold[:, :n])
        for run, n in zip(runs, (500, 450, 400, 350), strict=True)
    ]
    fit = fit_closed_form(cut[:3], cut[3:], RATE, ClosedFormSettings())
    assert np.corrcoef(fit.hrf, true_hrf())[0, 1] > 0.98  # a quarter less data than above


def guessed(run, mixing, n_guesses=3):
    """The same run, whose last channels are sums of the others."""
    eeg = run.eeg.copy()
    eeg[-n_guesses:] = mixing @ eeg[:-n_guesses]
    return Signals(eeg, run.bold)


@pytest.mark.parametrize("n_odd", [1, 5])
def test_channels_that_are_sums_of_others_add_nothing_and_break_nothing(rng, n_odd):
    runs, _, _ = simulated_runs(rng, 6)
    mixing = rng.standard_normal((3, CHANNELS - 3)) / 3
    few = [Signals(run.eeg[:-3], run.bold) for run in runs]
    odd = [guessed(run, mixing) if i < n_odd else run for i, run in enumerate(runs)]
    odd[5] = guessed(runs[5], mixing)
    r = []
    for given in (few, odd):
        fit = fit_closed_form(given[:4], given[4:5], RATE, ClosedFormSettings())
        found = apply_fir(fit.maps @ fit.eeg_weights @ given[5].eeg, fit.hrf)
        r.append(np.corrcoef(found[:, 80:].ravel(), given[5].bold[:, 80:].ravel())[0, 1])
    assert r[0] > 0.9
    # one odd run of four: whole runs teach weights of channels that are guesses when they test
    assert r[1] > r[0] - (0.01 if n_odd == 5 else 0.05)


def test_run_shorter_than_its_filters_is_refused(rng):
    runs, _, _ = simulated_runs(rng, 2, n_frames=90)
    with pytest.raises(GridError, match=r"lasts 36\.0 s"):
        fit_closed_form(runs[:1], runs[1:], RATE, ClosedFormSettings())


def test_span_without_lag_zero_is_refused():
    with pytest.raises(ValueError, match="needs to hold lag 0"):
        ClosedFormSettings(decoder_span=(-30.0, -10.0))


@pytest.mark.parametrize(
    "values",
    [
        {"ridges": ()},
        {"final_whitening": (0.0,)},
        {"decoder_ridges": (-1.0,)},
        {"peak_window": (8.0, 2.0)},
        {"peak_window": (6.0, 8.0), "hrf_duration": 5.0},
    ],
)
def test_impossible_choices_are_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        ClosedFormSettings(**values)


def test_components_are_orthonormal(rng):
    maps = bold_components([rng.standard_normal((8, 50))], 5)
    assert_allclose(maps.T @ maps, np.eye(5), atol=1e-12)


def test_ridge_without_weight_is_least_squares(rng):
    inputs, outputs = rng.standard_normal((3, 40)), rng.standard_normal((2, 40))
    found = ridge_solve(outputs @ inputs.T, inputs @ inputs.T, 0.0)
    assert_allclose(found, np.linalg.lstsq(inputs.T, outputs.T, rcond=None)[0].T)


def test_whitening_flattens_what_the_response_coloured(rng):
    coloured = apply_fir(rng.standard_normal((1, 20_000)), true_hrf())
    white = whiten(coloured, true_hrf(), 1e-6)[0]
    spectrum = np.abs(np.fft.rfft(white)) ** 2
    low, high = spectrum[10:800].mean(), spectrum[1600:2400].mean()  # up to .1, .2-.3 Hz
    # of 790 chi-square values: 4 standard errors of a ratio are 20 %
    assert_allclose(low / high, 1.0, rtol=0.2)


def test_convention_makes_the_lobe_positive_and_the_area_one():
    hrf = -3.0 * true_hrf()
    fixed = hrf * convention(hrf, RATE, (2.0, 8.0))
    assert_allclose(fixed, true_hrf(), rtol=1e-9)
