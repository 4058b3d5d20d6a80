from dataclasses import replace

import numpy as np
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.methods.filters import canonical_response
from neurotranscoder.evaluate.methods.glm import EegInformedFmri, GlmSettings, MeanVolume
from neurotranscoder.evaluate.scoring import HeldOut, Scorer
from synthetic_runs import N_CHANNELS, block_map, run_of, synthetic_runs


def glm_runs(rng, n_runs=3, n_frames=300, noise=0.0):
    """Runs whose BOLD follows the two strong courses of EEG and power, canonically."""
    blocks = block_map()
    strong, maps = rng.standard_normal((N_CHANNELS, 1)), rng.standard_normal((blocks.n_blocks, 2))
    runs = []
    for number in range(n_runs):
        course = rng.standard_normal((1, n_frames))
        waxing = rng.standard_normal((1, n_frames)) ** 2
        eeg = 3 * strong @ course + 0.01 * rng.standard_normal((N_CHANNELS, n_frames))
        power = np.stack([np.abs(strong) @ waxing, np.ones((N_CHANNELS, n_frames))])
        run = run_of(eeg, np.zeros((blocks.n_blocks, n_frames)), blocks, number=number + 1)
        late = canonical_response()(run).features(np.concatenate([course, waxing]))
        bold = maps @ late + noise * rng.standard_normal((blocks.n_blocks, n_frames))
        runs.append(replace(run, bold=900 + bold, power=power))
    return runs


def test_bold_that_follows_the_leading_components_is_predicted(rng):
    runs = glm_runs(rng)
    method = EegInformedFmri(GlmSettings(n_regressors=(2,)))
    method.fit(runs[:2], runs[2:])
    found = method.predict(runs[2]).bold_from_eeg[:, 79:]
    bold = runs[2].bold[:, 79:]
    expected = bold - bold.mean(axis=1, keepdims=True)
    # channels hold noise of .01 beside 3
    assert_allclose(found, expected, atol=0.02 * expected.std())


def test_validation_chooses_as_many_regressors_as_bold_follows(rng):
    runs = glm_runs(rng, noise=1.0)
    method = EegInformedFmri(GlmSettings(n_regressors=(1, 2, 5)))
    method.fit(runs[:2], runs[2:])
    assert len(method.weights) == 2


def test_mean_volume_is_the_mean_over_all_training_frames():
    runs = synthetic_runs(2, n_frames=100)
    longer = synthetic_runs(1, n_frames=300, seed=1)
    method = MeanVolume()
    method.fit([*runs, *longer], [])
    stacked = np.concatenate([run.bold for run in [*runs, *longer]], axis=1)
    found = method.predict(runs[0]).bold_from_eeg
    assert_allclose(found, np.repeat(stacked.mean(axis=1, keepdims=True), 100, axis=1))


def test_mean_volume_has_no_correlation():
    runs = synthetic_runs(2, n_frames=300)
    method = MeanVolume()
    method.fit(runs[:1], [])
    [row] = Scorer("").score("", [method.predict(runs[1])], [HeldOut(runs[1])], 0.0)
    assert row.r == 0.0
