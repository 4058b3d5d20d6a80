import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import ClockError
from neurotranscoder.preprocess.sync import measure_clock
from neurotranscoder.simulate.triggers import TriggerSettings, faulty_triggers

SFREQ, TR, N = 5000.0, 2.0, 200
N_TIMES = int(SFREQ * (TR * N + 20))
IDEAL = (np.rint((10 + TR * np.arange(N)) * SFREQ)).astype(np.int64)


def faulty(seed=0, *, ideal=IDEAL, **faults):
    rng = np.random.default_rng(seed)
    settings = TriggerSettings(**faults)
    return faulty_triggers(ideal, settings, rng, sfreq=SFREQ, n_times=N_TIMES)


def measured(triggers):
    report = measure_clock(triggers / SFREQ, tr=TR, n_volumes=N, resolution=1 / SFREQ)
    ends = report.clock.scanner_times(N_TIMES, SFREQ)[[0, -1]]
    return report, np.abs(ends - (np.array([0, N_TIMES - 1]) / SFREQ - 10)).max()


def test_no_faults_leave_triggers_alone():
    assert_array_equal(faulty(), IDEAL)


def test_the_stated_share_is_missing():
    left = faulty(missing=0.15)
    assert len(left) == N - 30
    assert np.isin(left, IDEAL).all()
    assert len(faulty(missing=1.0)) == 0


def test_doubles_follow_their_originals_within_milliseconds():
    triggers = faulty(doubled=0.1)
    doubles = triggers[~np.isin(triggers, IDEAL)]
    assert len(doubles) == 20
    after = doubles - IDEAL[np.searchsorted(IDEAL, doubles) - 1]
    assert after.min() >= 2e-4 * SFREQ
    assert after.max() <= 4e-3 * SFREQ
    assert len(np.unique(after)) > 5


def test_jitter_has_its_standard_deviation():
    many = 1000 + 50 * np.arange(20_000)
    moved = np.sort(faulty(jitter=1e-3, ideal=many) - many)
    # sorting keeps pairs only while jitter (5 samples) is small beside the spacing (50)
    assert_allclose(np.std(moved), 5, rtol=4 / np.sqrt(2 * len(many)) + 1 / (24 * 25))


def test_spurious_triggers_are_added_anywhere_inside_the_run():
    triggers = faulty(extra=2000)
    spurious = triggers[~np.isin(triggers, IDEAL)]
    assert abs(len(triggers) - N - 2000) == 0
    assert 0 <= triggers.min() <= triggers.max() < N_TIMES
    # of a uniform distribution: mean 1/2, sd 1/sqrt(12)
    assert_allclose(spurious.mean() / N_TIMES, 0.5, atol=4 / np.sqrt(12 * 2000))


def test_triggers_stay_in_order_and_inside_the_run():
    ends = np.repeat([0, N_TIMES - 1], 10)
    triggers = faulty(jitter=1.0, doubled=1.0, extra=5, ideal=ends)
    assert len(triggers) == 45
    assert np.all(np.diff(triggers) >= 0)
    assert 0 <= triggers.min() <= triggers.max() < N_TIMES


def test_one_fault_leaves_the_draws_of_another_alone():
    lost = set(IDEAL) - set(faulty(missing=0.1))
    others = set(faulty(missing=0.1, extra=40, doubled=0.2))
    assert lost.isdisjoint(others)
    jittered = faulty(jitter=1e-3)
    assert set(faulty(jitter=1e-3, missing=0.3)) < set(jittered)


@pytest.mark.parametrize(
    ("faults", "note"),
    [
        ({"doubled": 0.1}, "20 doubled triggers left out"),
        ({"extra": 7}, "7 stray triggers left out"),
        ({"jitter": 1e-3}, None),
    ],
)
def test_synchronisation_repairs_faults_to_a_millisecond(faults, note):
    report, error = measured(faulty(3, **faults))
    assert error < 1e-3
    assert note is None or note in report.notes


@pytest.mark.parametrize("seed", range(30))
def test_synchronisation_repairs_missing_triggers_unless_an_end_is_missing(seed):
    triggers = faulty(seed, missing=0.2)
    if triggers[0] == IDEAL[0] and triggers[-1] == IDEAL[-1]:
        report, error = measured(triggers)
        assert error < 1e-6
        assert "40 of 200 triggers missing" in report.notes
    else:
        with pytest.raises(ClockError, match="fewer than the 200 that are stored"):
            measured(triggers)


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({"jitter": 0.02}, "triggers scatter by|span|follow each other"),
        ({"missing": 1.0}, "0 triggers follow each other"),
    ],
)
def test_synchronisation_refuses_what_it_cannot_repair(faults, message):
    with pytest.raises(ClockError, match=message):
        measured(faulty(0, **faults))
