import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.train.subject_coder import (
    SubjectCoder,
    causal_delay,
    relearnt,
    smoothed,
    smoothed_causally,
    spread_frames,
)
from sparse_runs import ACTIVE, QUIET, SparseRegions

WORLD = SparseRegions(n_regions=6)


def sources(field, noise):
    n, power = field.shape[1], 0.1 * ACTIVE + 0.9 * QUIET
    return SparseSources(
        field,
        noise**2 * np.eye(len(field)),
        np.tile([0.9, 0.1], (n, 1)),
        np.zeros((n, 2)),
        np.tile([QUIET / power, ACTIVE / power], (n, 1)),
    )


def cosines(one, two):
    norms = np.linalg.norm(one, axis=0) * np.linalg.norm(two, axis=0)
    return np.sum(one * two, axis=0) / norms


def test_noise_of_short_frames_is_learnt_from_the_eeg(rng):
    eeg, _, _ = WORLD.run(rng, 3000)
    started = sources(WORLD.leadfield, 0.05)  # as if frames were long
    found = relearnt(started, eeg.T, rounds=12, loyalty=1e6)
    noise = np.trace(found.noise.numpy()) / len(eeg)
    assert_allclose(noise, WORLD.eeg_noise**2, rtol=0.15)  # 3,000 frames; EP is approximate
    assert_allclose(found.leadfield.numpy(), WORLD.leadfield, atol=1e-3)  # it may not move


def test_leadfield_of_a_subject_is_found_from_that_of_a_group(rng):
    eeg, _, _ = WORLD.run(rng, 3000)
    off = WORLD.leadfield + 0.5 * rng.standard_normal(WORLD.leadfield.shape)
    found = relearnt(sources(off, WORLD.eeg_noise), eeg.T, rounds=8, loyalty=0.01)
    before, after = (cosines(one, WORLD.leadfield) for one in (off, found.leadfield.numpy()))
    assert after.min() > 0.95 > before.min()


def test_loyal_sources_keep_the_leadfield_of_the_group(rng):
    eeg, _, _ = WORLD.run(rng, 500)
    off = WORLD.leadfield + 0.5 * rng.standard_normal(WORLD.leadfield.shape)
    moved = [
        np.abs(relearnt(sources(off, 0.5), eeg.T, rounds=4, loyalty=w).leadfield.numpy() - off)
        for w in (0.01, 100.0)
    ]
    assert moved[1].max() < 0.05 * moved[0].max()


def test_courses_without_sparse_sources_are_the_smoothed_eeg(rng):
    eeg = rng.standard_normal((3, 200))
    assert_allclose(SubjectCoder(0.1, None).courses(eeg, 100.0), smoothed(eeg, 100.0, 0.1))
    assert_allclose(SubjectCoder(0.0, None).courses(eeg, 100.0), eeg)


def test_every_few_frames_are_those_of_all(rng):
    eeg, _, _ = WORLD.run(rng, 203)
    coder = SubjectCoder(0.05, sources(WORLD.leadfield, 0.5))
    few, all_of_them = coder.courses(eeg, 100.0, step=5), coder.courses(eeg, 100.0)
    assert_allclose(few, all_of_them[:, 2::5], atol=1e-9)


def test_frames_to_learn_from_are_spread_over_all_runs(rng):
    eegs = [rng.standard_normal((2, n)) for n in (400, 600)]
    found = spread_frames(eegs, 100.0, 0.0, 100)
    assert_allclose(found, np.concatenate([eeg[:, 5::10] for eeg in eegs], axis=1).T)


def test_causal_smoothing_looks_at_nothing_to_come(rng):
    eeg = rng.standard_normal((3, 200))
    other = eeg.copy()
    other[:, 120:] += 10
    now, later = (smoothed_causally(one, 100.0, 0.1) for one in (eeg, other))
    assert_array_equal(now[:, :120], later[:, :120])
    assert np.abs(now[:, 120] - later[:, 120]).min() > 0.1


def test_causal_smoothing_keeps_a_constant_and_is_late_by_its_delay():
    ramp = np.arange(300.0)[np.newaxis] / 100.0  # s
    late = smoothed_causally(ramp, 100.0, 0.1)
    assert_allclose(ramp[0, 50:] - late[0, 50:], causal_delay(100.0, 0.1), rtol=1e-9)
    assert 0.01 < causal_delay(100.0, 0.1) < 0.1
