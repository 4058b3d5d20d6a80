from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from known_study import known_study
from neurotranscoder.evaluate.methods.imaging_specs import IMAGING_SPECS
from neurotranscoder.evaluate.methods.known_forward import (
    KnownForward,
    block_potentials,
    block_responses,
    convolved,
)
from neurotranscoder.evaluate.methods.protocol import (
    predict_blindly,
    without_bold,
    without_eeg,
)
from neurotranscoder.evaluate.methods.registry import methods_named
from neurotranscoder.evaluate.methods.symmetric_fusion import (
    FusionSettings,
    SymmetricFusionL1,
    SymmetricFusionL2,
    answer_of,
)
from neurotranscoder.evaluate.scoring import Scorer
from neurotranscoder.evaluate.truths import true_response
from neurotranscoder.physics.hrf import HrfSpread
from neurotranscoder.signal.fir import apply_fir

ANSWERS = ("source_from_eeg", "source_from_bold", "source_fused")
LAGS = np.arange(0.0, 32.0, 0.4)


@pytest.fixture(scope="module")
def study():
    return known_study("interleave5-snr10")


@pytest.fixture(scope="module")
def spread():
    """Regions with responses of their own, and no noise."""
    return known_study("interleave5-noisefree", hrf_spread=HrfSpread(peak_delay_sd=1.0))


@pytest.fixture(scope="module")
def squares(study):
    return study.fit(SymmetricFusionL2(study.knowledge))


def scores(method, study):
    [run] = study.test
    found = predict_blindly(method, run.aligned)
    return [Scorer("").score_run(answer, "all", found, run) for answer in ANSWERS]


def test_what_a_run_shows_is_what_is_answered_from(study):
    run = study.test[0].aligned
    shown = (without_bold(run), without_eeg(run), run, without_bold(without_eeg(run)))
    assert [answer_of(one) for one in shown] == [*ANSWERS, None]


@pytest.mark.parametrize("name", ["symmetric_fusion_l2", "symmetric_fusion_l1"])
def test_fusion_scores_above_both_single_modalities(name, study):
    [spec] = methods_named(IMAGING_SPECS, [name])
    eeg, bold, fused = scores(study.fit(spec.make(study.knowledge, 0)), study)
    assert fused > max(eeg, bold) + 0.02


def test_from_a_single_modality_the_other_is_not_looked_at(study, squares):
    run = study.test[0].aligned
    other = replace(run, bold=run.bold[::-1].copy())
    weights = squares.chosen.source_from_eeg
    assert weights.alpha == 1.0
    assert_allclose(squares.sources(other, weights), squares.sources(run, weights), rtol=1e-9)
    weights = squares.chosen.source_from_bold
    assert weights.alpha == 0.0
    other = replace(run, eeg=run.eeg[::-1].copy())
    assert_allclose(squares.sources(other, weights), squares.sources(run, weights), rtol=1e-9)


def test_estimates_have_the_scale_of_the_sources():
    study = known_study("interleave5-noisefree", seed=101)
    method = study.fit(SymmetricFusionL2(study.knowledge))
    [run] = study.test
    part = slice(80, -75)
    found = predict_blindly(method, run.aligned).source_fused[:, part].ravel()
    truth = run.sources[:, part]
    slope = np.vdot(found, truth - truth.mean(axis=1, keepdims=True)) / np.vdot(found, found)
    assert 0.7 < slope < 1.4  # an estimate that is chosen for its r may be shrunk


def test_penalty_of_absolute_values_is_the_one_that_suits_the_first_validation_run(study):
    def chosen(*penalties):
        settings = FusionSettings(l1_penalties=penalties, l1_steps=20)
        return study.fit(SymmetricFusionL1(study.knowledge, settings))

    def score(method):
        [run] = study.validation
        return Scorer("").score_run("source_fused", "all", method.predict(run.aligned), run)

    few = {penalty: score(chosen(penalty)) for penalty in (0.1, 1.0, 10.0)}
    assert len(set(few.values())) == 3
    assert chosen(0.1, 1.0, 10.0).chosen.source_fused == max(few, key=few.__getitem__)


def test_potentials_of_blocks_are_those_of_their_voxels(study):
    head, blocks = study.truth.head, study.test[0].aligned.blocks
    one_moment = np.zeros(blocks.n_blocks)
    one_moment[3] = 1.0
    voxels = blocks.labels[tuple(head.indices.T)] == 3
    expected = head.leadfield @ voxels.astype(float)
    assert_allclose(block_potentials(head, blocks) @ one_moment, expected, rtol=1e-12)


def test_blocks_share_one_response_where_regions_do(study):
    subject, blocks = study.truth.cohort.template, study.test[0].aligned.blocks
    found = block_responses(study.truth, subject, blocks, LAGS)
    assert_allclose(found, true_response(study.truth, subject, LAGS)[np.newaxis], rtol=1e-12)


def test_a_block_within_one_region_has_its_response(spread):
    truth, blocks = spread.truth, spread.test[0].aligned.blocks
    found = block_responses(truth, truth.cohort.template, blocks, LAGS)
    shares = truth.block_shares(blocks)
    pure = np.flatnonzero((shares > 0).sum(axis=1) == 1)
    regions = shares[pure].argmax(axis=1)
    own = truth.region_hrfs(LAGS + truth.evoked.delay)
    assert len(set(regions)) > 2
    assert_allclose(found[pure], own[regions], rtol=1e-9, atol=1e-12)


def test_responses_of_blocks_explain_bold_better_than_their_mean(spread):
    forward = KnownForward(spread.truth, spread.training)
    [run] = spread.test
    model, bold = forward.model(run.aligned.run), forward.observed(run.aligned).bold[:, 80:]
    sources = run.sources / forward.scales.source
    mean = model.responses.mean(axis=0, keepdims=True)
    rests = []
    for responses in (model.responses, mean):
        explained = convolved(sources, responses)[:, 80:]
        rest = bold - explained
        rests.append(np.var(rest, axis=1).sum() / np.var(bold, axis=1).sum())
    assert rests[0] < 0.7 * rests[1]


def test_gains_are_those_of_the_simulation_where_it_is_linear(study):
    scales = KnownForward(study.truth, study.training).scales
    levels = study.truth.cohort.levels
    # blocks of 24 mm stand for voxels of 12 mm: potentials within them differ
    assert_allclose(scales.moment, levels.moment, rtol=0.3)
    assert_allclose(scales.bold_gain, levels.bold_gain, rtol=0.05)


def test_one_response_for_all_blocks_is_the_same_as_that_for_each(rng):
    sources, taps = rng.standard_normal((3, 30)), rng.standard_normal((1, 5))
    expected = apply_fir(sources, taps[0])
    assert_allclose(convolved(sources, np.repeat(taps, 3, axis=0)), expected, atol=1e-12)
    assert_allclose(convolved(sources, taps), expected, atol=1e-12)
