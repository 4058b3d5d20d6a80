from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from known_study import known_study
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.evaluate.methods.choosing import known
from neurotranscoder.evaluate.methods.imaging import SourceImaging
from neurotranscoder.evaluate.methods.imaging_heads import template_head, true_head
from neurotranscoder.evaluate.methods.imaging_kernels import block_kernel, minimum_norm_kernel
from neurotranscoder.evaluate.methods.imaging_specs import IMAGING_SPECS, family_candidates
from neurotranscoder.evaluate.methods.inverses import Evidence, MinimumNorm
from neurotranscoder.evaluate.methods.protocol import predict_blindly
from neurotranscoder.evaluate.methods.registry import methods_named
from neurotranscoder.evaluate.scoring import Scorer
from neurotranscoder.physics.head import mne_forward
from neurotranscoder.simulate.subjects import SubjectSpread


@pytest.fixture(scope="module")
def study():
    return known_study("interleave5-snr10")


@pytest.fixture(scope="module")
def cohort():
    return known_study("interleave5-snr10", n_subjects=2, subjects=SubjectSpread())


def score(study, method, runs=None):
    scorer = Scorer("")
    return [
        scorer.score_run("source_from_eeg", "all", method.predict(run.aligned), run)
        for run in (runs or study.test)
    ]


@pytest.mark.parametrize("name", ["minimum_norm", "dspm", "sloreta", "eloreta", "lcmv"])
def test_wrong_leadfield_scores_below_the_true_one(name, study):
    names = [f"{name}_{which}_leadfield" for which in ("true", "wrong")]
    specs = methods_named(IMAGING_SPECS, names)
    true, wrong = [score(study, study.fit(spec.make(study.knowledge, 0))) for spec in specs]
    assert np.mean(true) > np.mean(wrong) + 0.02


def test_source_imaging_answers_from_eeg_alone(study):
    method = study.fit(IMAGING_SPECS[0].make(study.knowledge, 0))
    run = study.test[0].aligned
    found = predict_blindly(method, run)
    assert_allclose(found.source_from_eeg, method.predict(run).source_from_eeg, rtol=1e-12)
    assert [name for name in found.__slots__ if getattr(found, name) is not None] == [
        "source_from_eeg"
    ]


def test_regularisation_is_that_of_the_best_score_in_validation_runs(study):
    method = study.fit(SourceImaging(study.knowledge, family_candidates("MNE"), true_head))
    scores = {}
    for one in family_candidates("MNE"):
        alone = study.fit(SourceImaging(study.knowledge, [one], true_head))
        scores[one] = np.mean(score(study, alone, study.validation))
    assert method.chosen == max(scores, key=scores.__getitem__)
    assert len({round(value, 3) for value in scores.values()}) > 1


def test_each_run_is_imaged_with_the_head_of_its_subject(cohort):
    one = MinimumNorm("MNE", 3.0)
    method = cohort.fit(SourceImaging(cohort.knowledge, [one], true_head))
    for run in cohort.test:
        aligned, head = run.aligned, cohort.truth.subject(run.aligned.run).head
        kernel = minimum_norm_kernel(mne_forward(head), aligned.montage.names, snr=3.0)
        expected = block_kernel(kernel, head.indices, aligned.blocks) @ aligned.eeg
        assert_allclose(method.predict(aligned).source_from_eeg, expected, rtol=1e-12)


def test_subjects_that_differ_share_one_wrong_template(cohort):
    first, second = [template_head(cohort.truth, run.aligned.run) for run in cohort.test]
    assert first is second
    assert first.n_voxels == cohort.truth.head.n_voxels


def test_evidence_is_that_of_the_subject_and_of_all_where_it_has_no_run(cohort):
    runs = [run.aligned for run in cohort.training]
    first, second = (Evidence.of(runs, run.run.subject).covariance for run in runs)
    assert_allclose(Evidence.of(runs, "99").covariance, (first + second) / 2, rtol=1e-12)


def test_bipolar_channels_are_refused_with_what_to_do(study):
    head = study.truth.head
    montage = replace(head.montage, positions=None)
    template = replace(study.truth.cohort.template, head=replace(head, montage=montage))
    truth = replace(study.truth, cohort=replace(study.truth.cohort, template=template))
    with pytest.raises(SettingsError, match=r"places of the electrodes.*bipolar.*leave out"):
        IMAGING_SPECS[0].make(replace(study.knowledge, truth=truth), 0)


def test_imaging_without_knowledge_is_refused():
    with pytest.raises(SettingsError, match="given the truth of training runs, and got none"):
        known(None)


def test_validation_runs_without_known_sources_are_refused(study):
    method = IMAGING_SPECS[0].make(study.knowledge, 0)
    training, test = [study.training[0].aligned], [study.test[0].aligned]
    with pytest.raises(SettingsError, match=f"true sources of {test[0].run} are not known"):
        method.fit(training, test)
    with pytest.raises(SettingsError, match="no validation run to choose among 9 candidates"):
        method.fit(training, [])
