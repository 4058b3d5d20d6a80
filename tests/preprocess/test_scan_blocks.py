import numpy as np
import pytest

from neurotranscoder.core.errors import ClockError
from neurotranscoder.preprocess.gradient_triggers import volumes_of_triggers
from neurotranscoder.preprocess.scan_blocks import assign_blocks, find_blocks

TR = 2.0


def scan(start, n_volumes):
    return start + TR * np.arange(n_volumes)


def counts(times):
    return [block.n_volumes for block in find_blocks(times, TR)]


def test_scans_are_told_apart_by_the_pauses_between_them():
    times = np.concatenate([scan(3.0, 20), scan(100.3, 30), scan(200.9, 20)])
    assert counts(times) == [20, 30, 20]


def test_a_short_pause_that_is_off_the_beat_parts_scans_and_one_on_it_does_not():
    assert counts(np.concatenate([scan(3.0, 20), scan(50.7, 20)])) == [20, 20]
    assert counts(np.concatenate([scan(3.0, 20), scan(51.0, 20)])) == [44]


@pytest.mark.parametrize("stray", [8.8, 45.4, 80.0])
def test_strays_and_missing_triggers_part_no_scan(stray):
    times = np.delete(np.concatenate([scan(3.0, 20), scan(100.3, 30)]), [2, 3])
    assert counts(np.append(times, stray)) == [20, 30]


def test_a_scan_between_two_of_one_beat_is_not_lost():
    times = np.concatenate([scan(3.0, 20), scan(71.0 + 0.9, 25), scan(163.0, 20)])
    assert counts(times) == [20, 25, 20]
    volumes = volumes_of_triggers(times, tr=TR, sfreq=1000.0)
    assert np.bincount(volumes.block).tolist() == [20, 25, 20]


BLOCKS = find_blocks(np.concatenate([scan(3.0, 20), scan(100.3, 5), scan(200.9, 30)]), TR)


def test_an_aborted_scan_is_passed_over_where_volumes_leave_no_doubt():
    assert assign_blocks(BLOCKS, ("01", "02"), (20, 30)) == (0, 2)


@pytest.mark.parametrize(
    ("volumes", "said"),
    [
        ((30, 20), r"no order of blocks fits: the EEG has 3 blocks \(1: 20 volumes at 3.0-41.0 s"),
        ((20, 31), r"BOLD has run-01 of 20, run-02 of 31 volumes"),
    ],
)
def test_runs_that_fit_no_blocks_are_refused_with_all_facts(volumes, said):
    with pytest.raises(ClockError, match=said):
        assign_blocks(BLOCKS, ("01", "02"), volumes)


def test_blocks_that_fit_in_several_ways_are_refused_until_they_are_stated():
    three = find_blocks(np.concatenate([scan(t, 20) for t in (3.0, 100.3, 200.9)]), TR)
    with pytest.raises(ClockError, match=r"3 choices of blocks fit.*set study.blocks"):
        assign_blocks(three, ("01", "02"), (20, 20))
    assert assign_blocks(three, ("01", "02"), (20, 20), stated=("01", "", "02")) == (0, 2)
    with pytest.raises(ClockError, match="each run once"):
        assign_blocks(three, ("01", "02"), (20, 20), stated=("01", "02"))
