import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from movie_example import random_movie
from neurotranscoder.core.errors import GridError
from neurotranscoder.reconstruct.movies import compact, fuse_movies

SHAPE = (6, 5, 4)
ROUNDING = 2e-6
"""Of float32 factors; values are of the order of one."""


@pytest.fixture
def movie(rng):
    return random_movie(rng, shape=SHAPE, n_times=200)


def dense(movie):
    return movie.maps.astype(float) @ movie.courses.astype(float)


def test_fused_movie_is_the_weighted_sum(movie, rng):
    maps = rng.standard_normal(movie.maps.shape).astype(np.float32)
    other = dataclasses.replace(movie, maps=maps, courses=movie.courses[::-1], origin="bold")
    fused = fuse_movies(movie, other, weights=(2.0, 0.5))
    assert fused.origin == "fused"
    assert_allclose(dense(fused), 2 * dense(movie) + 0.5 * dense(other), atol=ROUNDING)


def test_sum_of_movies_that_share_their_courses_needs_no_more_of_them(movie, rng):
    maps = rng.standard_normal(movie.maps.shape).astype(np.float32)
    mixing = rng.standard_normal((movie.n_components,) * 2).astype(np.float32)
    other = dataclasses.replace(movie, maps=maps, courses=mixing @ movie.courses)
    fused = fuse_movies(movie, other)
    assert fused.n_components == movie.n_components
    assert_allclose(dense(fused), dense(movie) + dense(other), atol=5 * ROUNDING)


def test_movie_of_full_rank_is_left_as_it_is(movie):
    assert compact(movie) is movie


def test_silent_movie_keeps_one_component(movie):
    silent = compact(dataclasses.replace(movie, maps=np.zeros_like(movie.maps)))
    assert silent.n_components == 1
    assert_allclose(dense(silent), 0)


def test_movies_of_other_frames_or_voxels_are_not_added(movie, rng):
    late = dataclasses.replace(movie, axis=dataclasses.replace(movie.axis, start=1.0))
    elsewhere = random_movie(rng, shape=SHAPE, n_times=200)
    for other in (late, elsewhere):
        with pytest.raises(GridError, match="same voxels and frames"):
            fuse_movies(movie, other)
