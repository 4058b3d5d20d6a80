import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.evaluate.methods.nested import Nested
from neurotranscoder.evaluate.scoring import HeldOut
from synthetic_runs import block_map, run_of

NOISE = 0.5  # of good estimates, relative to the truth


@pytest.fixture
def runs(rng):
    """Runs of 100 s whose blocks are evoked, oscillatory and silent in turn."""
    blocks = block_map()
    n_blocks = blocks.n_blocks
    kinds = np.array(["evoked", "oscillatory", "silent"])[np.arange(n_blocks) % 3]
    made = []
    for number in range(3):
        bold, sources = rng.standard_normal((2, n_blocks, 250))
        run = run_of(rng.standard_normal((5, 250)), bold, blocks, number=number + 1)
        made.append(HeldOut(run, sources, kinds))
    return made


def good_at(runs, kind, rng):
    """Return an estimate that knows the sources of one kind, and nothing of the others."""
    found = {}
    for run in runs:
        noise = rng.standard_normal(run.sources.shape)
        known = (run.kinds == kind)[:, np.newaxis]
        found[run.aligned.run] = np.where(known, run.sources + NOISE * noise, noise)
    return lambda run: found[run.run]


def test_blocks_of_each_kind_have_the_estimate_that_suits_them(runs, rng):
    estimates = [good_at(runs, kind, rng) for kind in ("oscillatory", "evoked")]
    nested = Nested.choose("source_from_eeg", estimates, runs[:2])
    kinds = runs[0].kinds
    assert_array_equal(nested.which[kinds == "oscillatory"], 0)
    assert_array_equal(nested.which[kinds == "evoked"], 1)
    found = nested.predict(runs[2].aligned)
    for which, estimate in enumerate(estimates):
        rows = nested.which == which
        assert_allclose(found[rows], estimate(runs[2].aligned)[rows])


def test_blocks_of_no_kind_have_what_is_best_for_all(runs, rng):
    silent = runs[0].kinds == "silent"
    for best, estimates in enumerate(([0.1, 3.0], [3.0, 0.1])):
        noisy = [noise_beside(runs, noise, rng) for noise in estimates]
        nested = Nested.choose("source_from_eeg", noisy, runs[:2])
        assert_array_equal(nested.which[silent], best)


def noise_beside(runs, noise, rng):
    """Return the truth with noise."""
    found = {
        run.aligned.run: run.sources + noise * rng.standard_normal(run.sources.shape)
        for run in runs
    }
    return lambda run: found[run.run]


def test_of_equals_the_narrower_one_is_kept(runs, rng):
    one = noise_beside(runs, NOISE, rng)
    nested = Nested.choose("source_from_eeg", [one, lambda run: 2 * one(run)], runs[:2])
    assert not nested.which.any()


def test_bold_is_chosen_as_a_whole_by_measured_volumes(runs):
    bold = lambda run: run.bold  # noqa: E731
    nested = Nested.choose("bold_from_eeg", [lambda run: -run.bold, bold], runs[:2])
    assert nested.scores.shape == (1, 2)
    assert nested.scores[0, 0] == pytest.approx(-nested.scores[0, 1])
    assert nested.which.all() or nested.scores[0, 1] < 0
