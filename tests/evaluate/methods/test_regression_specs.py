from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from neurotranscoder.evaluate.methods.protocol import Knowledge, predict_blindly
from neurotranscoder.evaluate.methods.regression_specs import REGRESSION_SPECS
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.evaluate.truths import with_truth
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.truth import truth_of

QUICK = [spec for spec in REGRESSION_SPECS if spec.name != "conv1x1_network"]


@pytest.fixture(scope="module")
def study():
    """Three aligned runs, and what may be known of the first two."""
    scenario = named_scenario(
        "interleave5-snr10",
        preset="tiny",
        n_subjects=1,
        runs_per_subject=3,
        duration=120.0,
        seed=100,
    )
    cohort = make_cohort(scenario, build_head(scenario.head))
    made = [simulate_run_of(cohort, 0, number) for number in range(3)]
    settings = AlignSettings(block_size=36.0)
    blocks = common_blocks([one.recording.bold for one in made], settings)
    runs = [align(one.recording, blocks, settings) for one in made]
    runs = [replace(run, eeg=run.eeg[:12], power=run.power[:, :12]) for run in runs]
    truth = truth_of(cohort, made[:2])
    first, second = with_truth(runs[:2], truth)
    return runs, Knowledge(truth, (first,), (second,))


def predicted(spec, study):
    """Return what a method, fitted afresh, says about the last run."""
    runs, knowledge = study
    method = spec.make(knowledge if spec.informed else None, 100)
    method.fit(runs[:1], runs[1:2])
    return predict_blindly(method, runs[2])


def given(prediction):
    """Return the parts that a method predicts, by name."""
    names = [field.name for field in fields(Prediction)]
    return {name: part for name in names if (part := getattr(prediction, name)) is not None}


def test_names_are_different():
    assert len({spec.name for spec in REGRESSION_SPECS}) == len(REGRESSION_SPECS)


@pytest.mark.parametrize("spec", REGRESSION_SPECS, ids=lambda spec: spec.name)
def test_roles_say_who_is_given_the_truth(spec):
    assert spec.informed == ("true_hrf" in spec.name) == (spec.role == "informed")


@pytest.mark.parametrize("spec", QUICK, ids=lambda spec: spec.name)
def test_the_same_seed_gives_the_same_bytes(spec, study):
    first, again = given(predicted(spec, study)), given(predicted(spec, study))
    assert first.keys() == again.keys()
    for name, part in first.items():
        assert_array_equal(part, again[name])


@pytest.mark.parametrize("spec", QUICK, ids=lambda spec: spec.name)
def test_predictions_are_finite_and_cover_the_run(spec, study):
    runs, _ = study
    sizes = {"bold": runs[2].blocks.n_blocks, "eeg": 12, "source": runs[2].blocks.n_blocks}
    parts = given(predicted(spec, study))
    assert parts
    for name, part in parts.items():
        assert part.shape == (sizes[name.split("_")[0]], runs[2].axis.n_times)
        assert np.all(np.isfinite(part))
