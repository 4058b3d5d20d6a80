import functools
import operator

import pytest

from neurotranscoder.core.spread import Lazily, each, kept, summed

DOUBLE = functools.partial(operator.mul, 2)


class Elsewhere(list):
    """A sequence that counts what is made of its items."""

    done = 0

    def each(self, function):
        for item in self:
            self.done += 1
            yield function(item)

    def kept(self, function):
        return Elsewhere(self.each(function))


@pytest.fixture(params=[list, Elsewhere])
def runs(request):
    return request.param([1, 5, 7])


def test_work_is_done_in_the_order_of_the_runs(runs):
    assert [*each(DOUBLE, runs)] == [2, 10, 14]
    assert [*kept(DOUBLE, runs)] == [2, 10, 14]
    assert [*Lazily(DOUBLE, runs)] == [2, 10, 14]


def test_sums_are_taken_from_the_first_run_on(runs):
    assert summed(DOUBLE, runs) == 26
    assert summed(str, runs) == "157"
    with pytest.raises(TypeError, match="empty"):
        summed(str, [])


def test_functions_follow_one_another(runs):
    twice = Lazily(DOUBLE, Lazily(DOUBLE, runs))
    assert (len(twice), twice[1], [*twice[1:]]) == (3, 20, [20, 28])
    assert [*each(str, twice)] == ["4", "20", "28"]
    assert [*kept(str, twice)] == ["4", "20", "28"]
    assert summed(str, twice) == "42028"


def test_a_sequence_says_where_work_is_done():
    runs = Elsewhere([1, 2])
    found = kept(DOUBLE, Lazily(DOUBLE, runs))
    assert isinstance(found, Elsewhere)
    assert runs.done == 2
    assert [*each(str, found)] == ["4", "8"]
    assert (runs.done, found.done) == (2, 2)


def test_what_is_made_lazily_is_made_again():
    runs = Elsewhere([1, 2])
    lazily = Lazily(DOUBLE, runs)
    assert (summed(str, lazily), summed(str, lazily)) == ("24", "24")
    assert runs.done == 4
