import functools
import operator

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from neurotranscoder.core.spread import Lazily, Spreading, each, kept, summed
from neurotranscoder.io.stored_runs import StoredRuns


@pytest.fixture
def stored(tmp_path):
    return StoredRuns.of(np.arange, [3, 1, 2], tmp_path)


def test_runs_come_from_files_in_their_order(stored):
    assert [run.tolist() for run in stored] == [[0, 1, 2], [0], [0, 1]]
    assert len(stored) == 3
    assert_array_equal(stored[-1], [0, 1])
    assert [run.tolist() for run in stored[:2]] == [[0, 1, 2], [0]]
    with pytest.raises(IndexError):
        stored[3]


def test_results_are_kept_in_further_files(stored):
    assert isinstance(stored, Spreading)
    found = kept(functools.partial(operator.add, 1), stored)
    assert isinstance(found, StoredRuns)
    assert not set(found.paths) & set(stored.paths)
    assert [run.tolist() for run in found] == [[1, 2, 3], [1], [1, 2]]
    assert [run.tolist() for run in stored] == [[0, 1, 2], [0], [0, 1]]


def test_work_goes_through_the_given_map(tmp_path):
    calls = []

    def spread(function, items):
        for item in items:
            calls.append(function)
            yield function(item)

    stored = StoredRuns.of(np.arange, [3, 1], tmp_path, spread=spread)
    assert summed(np.sum, Lazily(np.square, stored)) == 5
    assert [*each(len, kept(np.square, stored))] == [3, 1]
    assert len(calls) == 8


def test_progress_is_reported(tmp_path):
    done = []
    StoredRuns.of(np.arange, [3, 1, 2], tmp_path, report=done.append)
    assert done == [1, 2, 3]


def test_an_error_in_one_run_is_raised(stored):
    with pytest.raises(ZeroDivisionError):
        kept(functools.partial(divmod, 1), Lazily(int, Lazily(operator.itemgetter(0), stored)))
