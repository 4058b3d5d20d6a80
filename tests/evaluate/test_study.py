"""A study is scored beside those methods of the catalogue that it allows."""

from dataclasses import replace

import pytest

from known_study import known_study
from neurotranscoder.evaluate import assemble
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.study import COMPARED, Candidate, StudyEvaluation, StudyRuns
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split


@pytest.fixture(scope="module")
def known():
    return known_study("sequential-noisefree", n_subjects=2)


@pytest.fixture(scope="module")
def runs(known):
    parts = (known.training, known.validation, known.test)
    return StudyRuns("known", *(tuple(run.aligned for run in part) for part in parts))


@pytest.fixture(scope="module")
def candidate(runs):
    labels = (tuple(r.run.label for r in part) for part in (runs.training, runs.validation))
    settings = TrainSettings(architecture="closed_form", probe_seconds=20)
    trained = fit_transcoder(runs.training, runs.validation, Split(*labels, ("x",)), settings)
    return Candidate("closed_form", trained)


@pytest.fixture
def quick(monkeypatch):
    """Leave ridge regression out, which takes seconds."""
    names = COMPARED[1:]
    monkeypatch.setattr("neurotranscoder.evaluate.study.COMPARED", names)
    return names


def compared(runs, truth, candidate, said):
    tables = StudyEvaluation(runs, truth, progress=said.append).tables([candidate])
    return tuple(name for name, _ in tables.rivals), tables


def test_a_simulated_study_is_scored_beside_all_of_them(runs, known, candidate):
    said = []
    names, tables = compared(runs, known.truth, candidate, said)
    assert names == COMPARED
    assert said[-4:] == [f"fitting {name}" for name in COMPARED]
    scored = {row.method for row in tables.metrics}
    assert scored == {"closed_form", "null_wrong_run", *COMPARED}
    seconds = {row.method: row.seconds for row in tables.metrics}
    assert all(seconds[name] > 0 for name in COMPARED)


def test_without_truth_only_blind_methods_are_left(runs, candidate, quick):
    assert compared(runs, None, candidate, [])[0] == quick[-1:] == ("null_shuffled_pairs",)


def test_a_study_of_bipolar_channels_has_no_source_imaging(runs, known, candidate, quick):
    bipolar = [replace(run, montage=replace(run.montage, positions=None)) for run in runs.test]
    said = []
    names, _ = compared(replace(runs, test=tuple(bipolar)), known.truth, candidate, said)
    assert names == tuple(name for name in quick if not name.startswith("minimum_norm"))
    assert any("the places of the electrodes are not known" in line for line in said)


def test_a_single_run_for_choices_leaves_no_null_of_shuffled_pairs(runs, known, candidate, quick):
    said = []
    single = replace(runs, validation=runs.validation[:1])
    names, _ = compared(single, known.truth, candidate, said)
    assert names == quick[:-1]
    assert any("would keep its own BOLD" in line for line in said)


@pytest.mark.usefixtures("quick")
def test_informed_methods_know_no_source_of_a_held_out_run(runs, known, candidate, monkeypatch):
    given = []

    def watched(truth, training, validation):
        given.append(truth.runs)
        return Knowledge(truth, training, validation)

    monkeypatch.setattr("neurotranscoder.evaluate.study.Knowledge", watched)
    compared(runs, known.truth, candidate, [])
    assert given == [tuple(run.run for run in (*runs.training, *runs.validation))]


@pytest.mark.parametrize(
    ("simulated", "words"),
    [(True, "were simulated, but the true sources do not lie"), (False, "sources are unknown")],
)
def test_one_held_out_run_without_truth_is_warned_of_in_the_singular(
    runs, candidate, simulated, words
):
    evaluation = StudyEvaluation(replace(runs, test=runs.test[:1]), None)
    said = assemble._warnings(evaluation, [candidate], simulated=simulated)
    assert words in said[0]
    assert said[1].startswith("Only 1 run is held out")
