from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.evaluate.methods.designs import Design, Fitter, Group, around
from neurotranscoder.evaluate.scoring import HeldOut
from synthetic_runs import block_map, run_of

REACH = 0.8  # s: two frames


@pytest.fixture
def runs(rng):
    """Runs whose sources are what the first channel was a frame ago, minus what it will be."""
    blocks = block_map()
    made = []
    for number in range(3):
        eeg = rng.standard_normal((5, 200))
        bold = rng.standard_normal((blocks.n_blocks, 200))
        sources = np.roll(eeg[:1], 1, axis=1) - np.roll(eeg[:1], -2, axis=1)
        run = run_of(eeg, bold, blocks, number=number + 1)
        made.append(HeldOut(run, np.repeat(sources, blocks.n_blocks, axis=0)))
    return made


def test_past_and_future_are_found(runs):
    fitter = Fitter(runs[:1], runs[1:2], (1e-9,))
    design = Design((Group(lambda run: run.eeg[:1], around(REACH)),))
    fit = fitter.best([design], lambda run: run.sources)
    assert_allclose(fit.weights[:, 0], [-1, 0, 0, 1, 0], atol=1e-6)
    inner = slice(5, -5)
    error = fit.predict(runs[2].aligned)[:, inner] - runs[2].sources[:, inner]
    assert_allclose(error - error.mean(axis=1, keepdims=True), 0, atol=1e-6)


def test_validation_leaves_out_what_only_adds_noise(runs):
    design = Design((Group(lambda run: run.eeg[:1], around(REACH)), Group(lambda run: run.bold)))
    fitter = Fitter(runs[:1], runs[1:2], (1e-9,))
    fit = fitter.best(
        [design], lambda run: run.sources + 2 * run.aligned.eeg[1:2], leading=(1, 20)
    )
    assert len(fit.weights) == 5 + 1
    assert fit.predict(runs[2].aligned).shape == runs[2].sources.shape


def test_each_kind_of_block_has_a_ridge_weight_of_its_own(runs, rng):
    kinds = np.where(np.arange(len(runs[0].sources)) % 2, "evoked", "oscillatory")
    evoked = kinds == "evoked"
    noise = [rng.standard_normal(run.sources.shape) for run in runs]
    held = [replace(run, kinds=kinds) for run in runs]
    targets = {
        run.aligned.run: np.where(evoked[:, np.newaxis], run.sources, of_run)
        for run, of_run in zip(held, noise, strict=True)
    }
    design = Design((Group(lambda run: run.eeg[:1], around(REACH)),))
    fit = Fitter(held[:1], held[1:2], (1e-9, 1e3)).best(
        [design], lambda run: targets[run.aligned.run]
    )
    assert fit.ridges == (1e-9, 1e3)  # kinds in the order of their names
    assert_allclose(fit.weights[:, np.flatnonzero(evoked)[0]], [-1, 0, 0, 1, 0], atol=1e-6)
    assert_allclose(fit.weights[:, ~evoked], 0, atol=1e-3)


def test_gain_is_a_ridge_weight_of_its_own(runs):
    def fitted(gains):
        groups = (
            Group(lambda run: run.eeg[:1], around(REACH)),
            Group(lambda run: run.bold, gains=gains),
        )
        return Fitter(runs[:1], runs[1:2], (0.1,)).best([Design(groups)], lambda run: run.sources)

    weak, strong = fitted((0.01,)), fitted((100.0,))
    assert np.abs(weak.weights[5:]).max() < 0.01 * np.abs(strong.weights[5:]).max()
    assert fitted((0.01, 100.0)).gains == ((1.0,), (0.01,))


def test_only_frames_that_all_groups_cover_are_fitted(runs):
    design = Design((Group(lambda run: run.eeg), Group(lambda run: run.eeg, around(REACH))))
    assert design.valid(runs[0].aligned) == slice(2, 198)
