import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import SettingsError
from neurotranscoder.evaluate.benchmark.new_subject import (
    SubjectScore,
    compare_designs,
    design_rows,
    subjects_plan,
)
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.preprocess.align import AlignSettings
from neurotranscoder.simulate.catalogue import named_scenario


def scenario(**changes):
    settings = {"n_subjects": 3, "runs_per_subject": 3, "duration": 120.0, "seed": 100} | changes
    return named_scenario("cohort", preset="tiny", **settings)


class Recorder:
    """Remembers whom it was fitted to and whom it was asked about; predicts noise."""

    def __init__(self, log):
        self.log = log

    def fit(self, training, validation):
        self.seen = {run.run.subject for run in (*training, *validation)}
        self.labels = {run.run.label for run in (*training, *validation)}

    def predict(self, run):
        assert run.run.label not in self.labels
        self.log.append((run.run.label, run.run.subject in self.seen))
        rng = np.random.default_rng(0)
        return Prediction(source_from_eeg=rng.standard_normal(run.bold.shape))


def spec(name, log, *, informed=False):
    def make(knowledge, seed):
        assert (knowledge is not None) == informed
        return Recorder(log)

    role = "informed" if informed else "rival"
    return MethodSpec(name, role, "any", make, informed=informed)


def test_no_run_of_the_subject_that_is_left_out_is_trained_on(tmp_path):
    plan, blind, known = subjects_plan(scenario()), [], []
    scores = compare_designs(
        plan,
        (spec("blind", blind), spec("known", known, informed=True)),
        tmp_path,
        settings=AlignSettings(block_size=24.0),
    )
    with_subject = {label for label, seen in blind if seen}
    without = {label for label, seen in blind if not seen}
    assert with_subject == without == set(plan.split.test)
    assert all(seen for _, seen in known)
    designs = {(one.design, one.method, one.n_training) for one in scores}
    assert designs == {
        ("leave_runs_out", "blind", 3),
        ("leave_subject_out", "blind", 2),
        ("leave_runs_out", "known", 3),
    }
    assert {one.subject for one in scores} == {"01", "02", "03"}
    assert {one.quantity for one in scores} == {"source_from_eeg"}


def score(design, subject, value, measure="r"):
    unit = "" if measure == "r" else "mm"
    return SubjectScore(design, "m", subject, "source_from_eeg", measure, unit, value, 1)


def test_difference_of_designs_is_paired_by_subject():
    values = {"01": 10.0, "02": 30.0, "03": 20.0}
    scores = [
        score(design, subject, value + extra, "localisation_error")
        for design, extra in (("leave_runs_out", 0.0), ("leave_subject_out", 2.0))
        for subject, value in values.items()
    ]
    rows = {row.design: row for row in design_rows(scores)}
    assert_allclose(rows["leave_runs_out"].value, 20.0)
    difference = rows["difference"]
    assert_allclose([difference.value, difference.ci_low, difference.ci_high], 2.0)
    assert difference.n_subjects == 3


def test_one_design_has_no_difference():
    rows = design_rows([score("leave_runs_out", s, 0.5) for s in ("01", "02")])
    assert [row.design for row in rows] == ["leave_runs_out"]


@pytest.mark.parametrize("changes", [{"n_subjects": 2}, {"runs_per_subject": 2}])
def test_too_few_subjects_or_runs_are_refused(changes):
    with pytest.raises(SettingsError, match="leaving subjects out needs 3 or more, with 3 runs"):
        subjects_plan(scenario(**changes))
