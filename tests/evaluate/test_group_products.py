from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.evaluate.group_products import PAIRS, _score, score_products
from neurotranscoder.evaluate.source_errors import leakage
from neurotranscoder.reconstruct.fast import fast_source_of_eeg
from subject_runs import tiny_subject

RATE = 25.0


@pytest.fixture(scope="module")
def subject():
    return tiny_subject("closed_form")


def test_each_finer_estimate_has_one_interpolated_beside_it(subject):
    tests = subject.recordings[3:]
    found = dict(score_products(subject.group, subject.truth, tests, rate=RATE))
    assert [*found] == [name for pair in PAIRS for name in pair]
    assert all(0 <= one.leakage < 1 and one.spread > 0 for one in found.values())
    assert all(one.r > 0 for one in found.values())


def test_truth_has_full_marks_and_hardly_leaks(subject):
    recording, blocks = subject.recordings[3], subject.group.blocks
    movie = fast_source_of_eeg(
        subject.group, recording.eeg, recording.clock, recording.bold.volumes, rate=RATE
    )
    shares = subject.truth.block_shares(blocks)
    courses = subject.truth.region_sources(recording.run, movie.axis)
    perfect = replace(movie, maps=np.float32(shares), courses=np.float32(courses))
    r, leaks, _, mm = _score(perfect, shares, courses, blocks)
    assert_allclose(r, 1.0, atol=1e-5)  # factors are float32
    assert leaks < 0.05
    assert mm < 24.0  # a block


def test_leakage_from_factors_is_that_of_the_dense_movie(subject, rng):
    recording = subject.recordings[3]
    voxels = BlockMap.from_mask(
        recording.bold.grid, recording.bold.mask, factors=(1, 1, 1), min_share=1.0
    )
    group = subject.group
    axis = fast_source_of_eeg(
        group, recording.eeg, recording.clock, recording.bold.volumes, rate=group.rate
    ).axis
    maps = rng.standard_normal((voxels.n_blocks, 3)).astype(np.float32)
    courses = rng.standard_normal((3, axis.n_times)).astype(np.float32)
    movie = SourceMovie(maps, courses, recording.bold.grid, recording.bold.mask, axis, "bold")
    shares = subject.truth.block_shares(voxels)
    shares[::2] = 0.0  # regions of a tiny brain are everywhere
    known = subject.truth.region_sources(recording.run, axis)
    power = np.var(shares @ known, axis=1)
    silent = power < 0.01 * power.max()
    assert 0 < silent.sum() < len(silent)
    want = leakage(maps.astype(float) @ courses, silent)
    assert_allclose(_score(movie, shares, known, voxels)[1], want, rtol=1e-4)
