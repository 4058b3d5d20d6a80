from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.recording import RunId
from neurotranscoder.evaluate.methods.deconvolution import (
    NOISES,
    BlindDeconvolution,
    InformedDeconvolution,
    block_responses,
    cross_validation_score,
    deconvolve,
)
from neurotranscoder.evaluate.methods.filters import FilterBank
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.scoring import HeldOut, Scorer
from neurotranscoder.evaluate.truths import true_response
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.truth import Truth, truth_of
from synthetic_runs import RATE, block_map, run_of

# its transfer function has no zeros: 1 + .5 z + .2 z^2 is at least .46 on the unit circle
RESPONSE = np.array([1.0, 0.5, 0.2])


def test_without_noise_the_response_is_inverted(rng):
    source = rng.standard_normal((4, 80))
    bold = apply_fir(source, RESPONSE)
    found = deconvolve(bold, RESPONSE[np.newaxis], 0.0)
    # sources lose the mean of BOLD over the area of the response, away from the ends
    expected = source - bold.mean(axis=1, keepdims=True) / RESPONSE.sum()
    assert_allclose(found[:, 25:55], expected[:, 25:55], atol=1e-8)


def test_noise_divides_what_the_response_passes_fully(rng):
    impulse = np.array([[1.0, 0.0, 0.0]])
    bold = rng.standard_normal((2, 50))
    expected = (bold - bold.mean(axis=1, keepdims=True)) / 1.25
    assert_allclose(deconvolve(bold, impulse, 0.25), expected, atol=1e-12)


def test_the_scale_of_a_response_is_that_of_the_sources(rng):
    bold, response = rng.standard_normal((1, 50)), RESPONSE[np.newaxis]
    expected = deconvolve(bold, response, 0.1) / 7
    assert_allclose(deconvolve(bold, 7 * response, 0.1), expected, atol=1e-12)


def test_sources_never_wrap_around_the_run():
    bold = np.zeros((1, 200))
    bold[0, 0], bold[0, 1] = 1.0, -1.0
    found = np.abs(deconvolve(bold, smooth_response()[np.newaxis], 0.01))
    # the inverse reaches back before the run by the length of the response, not to its end
    assert found[0, -40:].max() < 1e-2 * found.max()


def test_each_block_has_its_own_response(rng):
    bold, responses = rng.standard_normal((2, 60)), rng.standard_normal((2, 5))
    together = deconvolve(bold, responses, 0.1)
    alone = deconvolve(bold[1:], responses[1:], 0.1)
    assert_allclose(together[1:], alone, atol=1e-12)


def test_cross_validation_is_the_residual_over_the_squared_trace(rng):
    n, noise = 21, 0.3
    bold = rng.standard_normal((2, n))
    power = np.abs(np.fft.fft(RESPONSE, n)) ** 2
    kernel = np.fft.ifft(power / (power + noise * power.max())).real
    smoother = np.stack([np.roll(kernel, shift) for shift in range(n)], axis=1)
    left = (np.eye(n) - smoother) @ (np.eye(n) - 1 / n)  # of what has no mean
    expected = np.mean((bold @ left.T) ** 2) / (np.trace(left) / (n - 1)) ** 2
    found = cross_validation_score(bold, RESPONSE, noise, largest=0.5)
    # |FFT|^2 sums to n times the squares, here over n - 1 frequencies
    assert_allclose(found, expected * n * n / (n - 1))


def smooth_response():
    lags = np.arange(80) / RATE
    hrf = lags**4 * np.exp(-lags)
    return hrf / hrf.sum()


@pytest.mark.parametrize("noise", [0.02, 0.5])
def test_blind_noise_is_near_the_best_for_the_sources(noise, rng):
    hrf, blocks = smooth_response(), block_map()
    source = rng.standard_normal((blocks.n_blocks, 1500))
    bold = apply_fir(source, hrf)
    bold += noise * bold.std() * rng.standard_normal(bold.shape)
    run = run_of(np.zeros((2, 1500)), bold, blocks)
    fast = replace(run.cells.volumes, tr=1 / RATE, n_volumes=1500)
    run = replace(run, cells=replace(run.cells, volumes=fast, data=bold))
    method = BlindDeconvolution(lambda _: FilterBank(hrf[np.newaxis]))
    method.fit([], [run])
    held_out = HeldOut(run, source)

    def score(k):
        found = replace(method.predict(run), source_from_bold=deconvolve(bold, hrf[None], k))
        return Scorer("").score("", [found], [held_out], 0.0)[0].r

    best = max(score(k) for k in NOISES)
    assert score(method.noise) > 0.95 * best
    assert min(score(k) for k in NOISES) < 0.8 * best


@pytest.fixture(scope="module")
def study():
    """The truth and an aligned run of a brain whose regions respond differently."""
    scenario = named_scenario(
        "realistic", preset="tiny", n_subjects=1, runs_per_subject=1, duration=120.0, seed=100
    )
    cohort = make_cohort(scenario, build_head(scenario.head))
    made = simulate_run_of(cohort, 0, 0)
    settings = AlignSettings(block_size=24.0)
    blocks = common_blocks([made.recording.bold], settings)
    return truth_of(cohort, [made]), align(made.recording, blocks, settings)


def test_block_response_is_the_mean_of_its_regions(study):
    truth, run = study
    rate, shares = run.axis.sfreq, truth.block_shares(run.blocks)
    times = np.arange(round(32 * rate)) / rate + truth.evoked.delay
    regions = truth.region_hrfs(times, truth.subject(run.run)) / rate
    found = block_responses(truth, run)
    block = int(np.argmax((shares > 0).sum(axis=1)))
    weights = shares[block] / shares[block].sum()
    assert_allclose(found[block], weights @ regions)
    assert np.ptp(found[shares.sum(axis=1) > 0], axis=0).max() > 0.01 * found.max()


def test_silent_blocks_have_the_response_of_the_brain(study, monkeypatch):
    truth, run = study
    shares = truth.block_shares(run.blocks)
    shares[3] = 0
    monkeypatch.setattr(Truth, "block_shares", lambda *_: shares)
    lags = np.arange(round(32 * run.axis.sfreq)) / run.axis.sfreq
    expected = true_response(truth, truth.subject(run.run), lags) / run.axis.sfreq
    assert_allclose(block_responses(truth, run)[3], expected)


def test_informed_noise_is_the_best_for_the_known_sources(study):
    truth, run = study
    sources = truth.block_sources(run.run, run.blocks, run.axis)
    known = HeldOut(run, sources, truth.block_kinds(run.blocks))
    method = InformedDeconvolution(Knowledge(truth, (), (known,)))
    method.fit([run], [run])
    responses = block_responses(truth, run)

    def score(k):
        found = replace(method.predict(run), source_from_bold=deconvolve(run.bold, responses, k))
        return Scorer("").score("", [found], [known], 0.0)[0].r

    assert_allclose(score(method.noise), max(score(k) for k in NOISES))


def test_responses_are_those_of_the_brain_of_the_run(study):
    truth, run = study
    other = replace(run, run=RunId("01", run.run.task, run="7"))
    assert_allclose(block_responses(truth, other), block_responses(truth, run))
