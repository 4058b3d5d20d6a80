from dataclasses import replace

import pytest

from neurotranscoder.core.axes import Montage, TimeAxis
from neurotranscoder.core.errors import GridError, StudyError
from neurotranscoder.train.alike import check_alike
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.split import Split
from small_network import RECIPE
from synthetic_runs import RATE, block_map, run_of, synthetic_runs


@pytest.fixture
def runs():
    return synthetic_runs(3)


def test_runs_that_are_alike_pass(runs):
    assert not check_alike(runs[:2], runs[2:])  # they have no band power


def test_bands_that_some_lack_are_not_shared(runs):
    powered = [replace(run, power=run.eeg[None] ** 2) for run in runs]
    assert check_alike(powered[:2], powered[2:])
    assert not check_alike(powered[:2], runs[2:])


def test_all_that_differ_are_listed(runs):
    run = runs[1]
    faster = replace(run, axis=TimeAxis(run.axis.start, 2 * RATE, run.axis.n_times))
    turned = replace(runs[2], montage=Montage(run.montage.names[::-1]))
    with pytest.raises(StudyError) as caught:
        check_alike([runs[0], faster], [turned])
    assert [(p.where, p.field) for p in caught.value.problems] == [
        (run.run.label, "group rate"),
        (runs[2].run.label, "channels"),
    ]
    assert "another order" in str(caught.value)


def test_other_blocks_are_refused(runs):
    blocks = block_map((3, 3, 4))
    other = run_of(runs[1].eeg, runs[1].bold[: blocks.n_blocks], blocks, number=2)
    with pytest.raises(StudyError, match="source blocks"):
        check_alike(runs[:1], [other])


@pytest.mark.parametrize("part", [0, 3])
def test_no_runs_of_a_role_are_refused(runs, part):
    split = Split(("a",), ("b",), ("c",))
    with pytest.raises(GridError, match="at least one of each"):
        fit_transcoder(runs[:part], runs[part:], split, RECIPE)
