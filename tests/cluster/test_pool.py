import functools
import importlib
import operator
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neurotranscoder.cluster.pool import pool
from neurotranscoder.core.errors import InputError, Problem, SettingsError, StudyError, WorkerError
from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.session import simulate_study

PROCESS = functools.partial(eval, "__import__('os').getpid()")  # of empty dicts of names


def test_results_come_in_the_order_of_the_items(where):
    with pool(**where) as spread:
        assert list(spread(functools.partial(pow, 2), range(20))) == [2**k for k in range(20)]
        assert list(spread(operator.neg, [])) == []


def test_an_error_of_one_call_is_raised(where):
    with pool(**where) as spread, pytest.raises(ZeroDivisionError):
        list(spread(functools.partial(operator.truediv, 1.0), [2.0, 1.0, 0.0, 3.0]))


def test_work_happens_in_other_processes():
    with pool(2) as spread:
        found = set(spread(PROCESS, [{}] * 6))
    assert os.getpid() not in found


def test_a_process_that_dies_is_reported():
    with pool(2) as spread, pytest.raises(WorkerError, match="fewer --jobs"):
        list(spread(os._exit, [3, 3]))


def test_items_are_taken_as_they_are_needed():
    taken = []

    def items():
        for item in range(1000):
            taken.append(item)
            yield item

    with pool(2) as spread:
        results = spread(operator.neg, items())
        assert [next(results) for _ in range(3)] == [0, -1, -2]
        assert len(taken) <= 8
        results.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"jobs": 0}, "jobs is 0; need at least 1"),
        ({"jobs": 1, "cluster": "slurm"}, "cluster is 'slurm'"),
        ({"jobs": 1, "cluster": "tcp://127.0.0.1:1"}, "no Dask scheduler answers"),
    ],
)
def test_pools_that_cannot_be_are_refused(words, message, monkeypatch):
    monkeypatch.setattr("neurotranscoder.cluster.pool._PATIENCE", "1s")
    with pytest.raises(SettingsError, match=message), pool(**words):
        pass


def test_without_dask_the_cure_is_said(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(SettingsError, match="hpc"), pool(1, "tcp://127.0.0.1:1"):
        pass


def test_errors_keep_their_problems_on_the_way_from_a_worker():
    error = StudyError([Problem("bold", "shape", "3", "4", "resample it")])
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert isinstance(again, InputError)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc to see processes")
def test_workers_end_with_a_parent_that_is_killed():
    code = (
        "import time\n"
        "from neurotranscoder.cluster.pool import pool\n"
        "if __name__ == '__main__':\n"
        "    with pool(2) as spread:\n"
        "        import functools\n"
        "        pids = functools.partial(eval, \"__import__('os').getpid()\")\n"
        "        print(*set(spread(pids, [{}] * 8)), flush=True)\n"
        "        time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        workers = [int(word) for word in parent.stdout.readline().split()]
        parent.kill()
    for _ in range(200):
        if not any(map(_runs, workers)):
            break
        time.sleep(0.05)
    assert workers
    assert not any(map(_runs, workers))


def _runs(process):
    """Return whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_study_has_the_same_bytes_wherever_it_is_simulated(tmp_path, where):
    change = {"duration": 20.0, "n_subjects": 1, "runs_per_subject": 3}
    scenario = PRESETS["tiny"].model_copy(update=change)
    simulate_study(scenario, tmp_path / "one")
    with pool(**where) as spread:
        simulate_study(scenario, tmp_path / "other", map=spread)
    one, other = (
        {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}
        for root in (tmp_path / "one", tmp_path / "other")
    )
    assert one == other
