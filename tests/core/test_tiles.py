import dataclasses

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from movie_example import random_movie
from neurotranscoder.core.tiles import Box, MovieTiles, boxes

ALL = (5, 4, 3, 20)


def test_boxes_cover_every_voxel_and_frame_once():
    count = np.zeros(ALL, int)
    for box in boxes(ALL, (2, 4, 2, 7)):
        count[box.slices] += 1
    assert_array_equal(count, 1)


def test_boxes_of_one_time_come_before_those_of_the_next():
    starts = [box.start[3] for box in boxes(ALL, (2, 2, 2, 7))]
    assert starts == sorted(starts)


def test_grown_box_ends_where_the_array_ends():
    box = Box((0, 2, 1, 5), (3, 4, 2, 9))
    around = box.grown((1, 1, 0, 4), ALL)
    assert around == Box((0, 1, 1, 1), (4, 4, 2, 13))
    array = np.arange(np.prod(ALL)).reshape(ALL)
    assert_array_equal(array[around.slices][box.seen_from(around).slices], array[box.slices])


def test_tiles_of_a_movie_are_the_movie(rng):
    movie = random_movie(rng, shape=ALL[:3], n_times=ALL[3])
    whole = movie.unmask(movie.at(slice(None)))
    for box in boxes(ALL, (2, 3, 2, 6)):
        # float32 products of few terms, summed in another order
        assert_allclose(MovieTiles(movie).values(box), whole[box.slices], atol=1e-6)


def test_identity_follows_every_part_of_a_movie(rng):
    movie = random_movie(rng, shape=ALL[:3], n_times=ALL[3])
    late = dataclasses.replace(movie.axis, start=1.0)
    others = [
        dataclasses.replace(movie, maps=movie.maps[::-1]),
        dataclasses.replace(movie, courses=movie.courses[:, ::-1]),
        dataclasses.replace(movie, axis=late),
        dataclasses.replace(movie, origin="bold"),
        movie,
    ]
    assert len({MovieTiles(other).identity for other in others}) == len(others)
    assert MovieTiles(dataclasses.replace(movie)).identity == MovieTiles(movie).identity
