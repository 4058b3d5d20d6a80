import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import StudyError
from neurotranscoder.core.recording import Events
from neurotranscoder.io.events import read_events, write_events


def test_events_come_back_with_every_digit(tmp_path):
    events = Events(
        np.array([1 / 3, 2.0]), np.array([np.nan, 0.1]), ("a b", "c"), np.array([0.4, np.nan])
    )
    write_events(tmp_path / "x_events.tsv", events)
    read = read_events(tmp_path / "x_events.tsv")
    assert_array_equal(read.onset, events.onset)
    assert_array_equal(read.duration, events.duration)
    assert_array_equal(read.response_time, events.response_time)
    assert read.trial_type == events.trial_type


def test_all_102_oddball_tables_read_and_their_249_rows_without_onset_are_counted(real_data):
    paths = sorted((real_data / "oddball_events").rglob("*_events.tsv"))
    tables = [read_events(path) for path in paths]
    assert len(tables) == 102
    assert sum(table.n_dropped for table in tables) == 249
    assert all(np.all(np.isfinite(table.onset)) for table in tables)


def test_response_rows_give_their_duration_to_the_stimulus_of_the_same_onset(real_data):
    task = "auditoryoddballwithbuttonresponsetotargetstimuli"
    folder = real_data / "oddball_events" / "sub-01" / "func"
    events = read_events(folder / f"sub-01_task-{task}_run-01_events.tsv")
    label = np.asarray(events.trial_type)
    target = label == "auditory oddball stimulus presentation"
    assert_allclose(events.response_time[target][:2], [0.378, 0.315])  # lines 5 and 11
    assert_allclose(events.duration[target], 0.2)
    assert np.all(
        np.isnan(events.response_time[label == "auditory standard stimulus presentation"])
    )


def test_every_cell_that_is_no_number_is_named(tmp_path):
    path = tmp_path / "x_events.tsv"
    path.write_text("onset\tduration\ttrial_type\n1\tlong\ta\nsoon\t1\tb\ninf\t1\tb\n")
    with pytest.raises(StudyError, match="line 2, duration: got 'long'") as caught:
        read_events(path)
    assert [p.field for p in caught.value.problems] == [
        "line 3, onset",
        "line 4, onset",
        "line 2, duration",
    ]


def test_missing_columns_are_problems_but_trial_type_may_be_absent(tmp_path):
    path = tmp_path / "x_events.tsv"
    path.write_text("onset\n1\n")
    with pytest.raises(StudyError, match="column 'duration'"):
        read_events(path)
    path.write_text("onset\tduration\n1\t2\n")
    assert read_events(path).trial_type == ("n/a",)


def test_an_empty_trial_type_is_a_missing_one(tmp_path):
    path = tmp_path / "x_events.tsv"
    path.write_text("onset\tduration\ttrial_type\n1\t2\t\n3\t2\tgo\n")
    assert read_events(path).trial_type == ("n/a", "go")
