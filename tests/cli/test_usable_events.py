import numpy as np
import pytest
from numpy.testing import assert_array_equal

from neurotranscoder.cli.usable_events import usable_events
from neurotranscoder.core.recording import Events


def events(*rows):
    nothing = np.full(len(rows), np.nan)
    onsets = np.array([onset for onset, _ in rows], dtype=np.float64)
    return Events(onsets, nothing, tuple(kind for _, kind in rows), nothing)


def test_an_event_that_is_there_twice_counts_once_and_that_is_said(capsys):
    found = usable_events(events((2, "a"), (1, "b"), (2, "a"), (1, "a")), "sub-01")
    assert_array_equal(found.onset, [2, 1, 1])
    assert found.trial_type == ("a", "b", "a")
    said = capsys.readouterr().err
    assert said == "sub-01: 1 event of the onset and trial_type of another, counted once\n"


def test_rows_that_do_not_say_what_happened_are_left_out_beside_others(capsys):
    found = usable_events(events((1, "n/a"), (2, "a"), (3, "n/a")), "sub-01")
    assert_array_equal(found.onset, [2])
    assert "sub-01: 2 events without a trial_type, left out" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["n/a", "a"])
def test_a_table_of_one_kind_stays_as_it_is(kind, capsys):
    assert_array_equal(usable_events(events((1, kind), (3, kind)), "sub-01").onset, [1, 3])
    assert not capsys.readouterr().err
