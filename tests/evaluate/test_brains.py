from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.api.study import aligned_runs
from neurotranscoder.config import Config
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.response import Response
from neurotranscoder.evaluate.methods.imaging import SourceImaging
from neurotranscoder.evaluate.methods.imaging_heads import true_head
from neurotranscoder.evaluate.methods.imaging_kernels import block_kernel, minimum_norm_kernel
from neurotranscoder.evaluate.methods.imaging_specs import family_candidates
from neurotranscoder.evaluate.methods.inverses import SNRS
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.spatial_wiener import spatial_wiener
from neurotranscoder.evaluate.methods.supervised_inputs import SupervisedInputs
from neurotranscoder.evaluate.oracle import KnownBrain, SpatialWiener, wiener
from neurotranscoder.evaluate.readout_scores import readout_measures, readout_rows
from neurotranscoder.evaluate.truths import brains_of, true_response, with_truth
from neurotranscoder.physics.head import build_head, mne_forward
from neurotranscoder.preprocess.align import AlignSettings
from neurotranscoder.signal.correlation import correlate_rows, fisher_mean
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.subjects import SubjectSpread
from neurotranscoder.simulate.truth import truth_of
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split

LAGS = np.arange(0.0, 24.0, 0.4)


def study_of(spread):
    change = {"subjects": spread, "duration": 80.0}
    scenario = PRESETS["tiny"].model_copy(update=change)
    cohort = make_cohort(scenario, build_head(scenario.head))
    made = [simulate_run_of(cohort, subject, run) for subject in (0, 1) for run in (0, 1)]
    config = Config(align=AlignSettings(block_size=24.0))
    return truth_of(cohort, made), aligned_runs([one.recording for one in made], config)


@pytest.fixture(scope="module")
def study():
    """The truth and the aligned runs of two subjects that differ, two runs each."""
    return study_of(SubjectSpread())


@pytest.fixture(scope="module")
def alike():
    """The same of two subjects that share one brain."""
    return study_of(None)


def test_brains_are_as_many_as_subjects_that_differ(study, alike):
    for (truth, runs), expected in ((study, 2), (alike, 1)):
        assert len(brains_of(truth, (run.run for run in runs))) == expected


def test_minimum_norm_uses_the_leadfield_of_each_run(study):
    truth, runs = study
    held_out = with_truth(runs, truth)
    method = SourceImaging(
        Knowledge(truth, (), tuple(held_out[:2])), family_candidates("MNE"), true_head
    )
    method.fit(runs[:1], runs[:2])
    found = [method.predict(run) for run in runs[1:]]
    blocks, names = runs[0].blocks, runs[0].montage.names
    best = []
    for run, prediction in zip(runs[1:], found, strict=True):
        head = truth.subject(run.run).head
        kernels = [minimum_norm_kernel(mne_forward(head), names, snr=snr) for snr in SNRS]
        own = [block_kernel(kernel, head.indices, blocks) @ run.eeg for kernel in kernels]
        same = [np.array_equal(one, prediction.source_from_eeg) for one in own]
        assert sum(same) == 1
        best.append(same.index(True))
    assert len(set(best)) == 1


def test_oracle_is_better_with_the_brain_of_each_run_than_with_the_template(study):
    truth, runs = study
    test = with_truth(runs, truth)
    template = replace(truth, cohort=replace(truth.cohort, subjects=(truth.cohort.template,) * 2))
    scores = [
        np.mean(
            [
                fisher_mean(
                    correlate_rows(oracle.predict(run.aligned).source_from_eeg, run.sources)
                )
                for run in test
            ]
        )
        for oracle in (spatial_wiener(known, runs) for known in (truth, template))
    ]
    assert scores[0] > scores[1] + 0.02


def test_supervised_oracle_reads_bold_with_the_response_of_each_brain(study):
    truth, runs = study
    held_out = with_truth(runs, truth)
    known = Knowledge(truth, tuple(held_out[::2]), tuple(held_out[1::2]))
    inputs = SupervisedInputs.fit(known, known.training, known.validation, (0.1,))
    run = runs[3]
    found = inputs.from_bold(run)
    for number in (0, 1):
        hrf = inputs.hrf_of(runs[2 * number])
        same = np.array_equal(found, inputs.wiener.estimate(None, inputs.bold(run), hrf))
        assert same == (truth.subject(run.run) is truth.cohort.subjects[number])


def measured(run, subject, eeg):
    return replace(run, eeg=eeg, power=None, run=RunId(subject, "rest"))


def test_oracle_of_two_brains_without_noise_inverts_both_leadfields(study, rng):
    run, n_frames = study[1][0], study[1][0].axis.n_times
    strengths = {"01": np.array([1.0, 2.0, 0.5]), "02": np.array([1.5, 0.7, 1.0])}
    hrf = np.array([1.0, 0.5])
    brains = {
        label: KnownBrain(rng.standard_normal((8, 3)), own, hrf)
        for label, own in strengths.items()
    }
    sources = [
        own[:, np.newaxis] * rng.standard_normal((3, n_frames)) for own in strengths.values()
    ]
    pairs = list(zip(brains.items(), sources, strict=True))
    test = [measured(run, label, brain.leadfield @ source) for (label, brain), source in pairs]
    little = 1e-4 * rng.standard_normal((8, n_frames))  # so that filters can be computed
    oracle = SpatialWiener(
        [measured(run, one.run.subject, one.eeg + little) for one in test],
        brain_of=lambda run: brains[run.subject],
        regions=sources,
        shares=np.eye(3),
    )
    for one, source in zip(test, sources, strict=True):
        centred = source - source.mean(axis=1, keepdims=True)
        assert_allclose(oracle.predict(one).source_from_eeg, centred, atol=1e-4)


def test_oracle_knows_how_strong_the_sources_of_a_brain_are(study, rng):
    run, n_frames = study[1][0], study[1][0].axis.n_times
    leadfield, hrf = rng.standard_normal((8, 3)), np.array([1.0])
    weak, strong = np.ones(3), np.array([3.0, 1.0, 1.0])
    brains = {"01": KnownBrain(leadfield, weak, hrf), "02": KnownBrain(leadfield, strong, hrf)}
    source, noise = rng.standard_normal((3, n_frames)), rng.standard_normal((8, n_frames))
    oracle = SpatialWiener(
        [measured(run, "01", leadfield @ source + noise)],
        brain_of=lambda run: brains[run.subject],
        regions=[source],
        shares=np.eye(3),
    )
    covariance = np.cov(strong[:, np.newaxis] * source, bias=True)
    power = np.mean(np.var(noise, axis=1))
    filters = wiener(leadfield, covariance, power * np.eye(8))
    expected = filters @ (noise - noise.mean(axis=1, keepdims=True))
    found = oracle.predict(measured(run, "02", noise)).source_from_eeg
    assert_allclose(found, expected, rtol=1e-6)


def test_oracle_knows_how_noise_is_shared_by_channels(study, rng):
    run, n_frames = study[1][0], study[1][0].axis.n_times
    brain = KnownBrain(rng.standard_normal((8, 3)), np.ones(3), np.array([1.0]))
    source, shared = rng.standard_normal((3, n_frames)), rng.standard_normal((1, n_frames))
    noise = 5 * np.ones((8, 1)) @ shared + 0.1 * rng.standard_normal((8, n_frames))
    eeg = brain.leadfield @ source + noise
    oracle = SpatialWiener(
        [measured(run, "01", eeg)],
        brain_of=lambda _: brain,
        regions=[source],
        shares=np.eye(3),
        white=False,
    )
    filters = wiener(brain.leadfield, np.cov(source, bias=True), np.cov(noise, bias=True))
    expected = filters @ (eeg - eeg.mean(axis=1, keepdims=True))
    found = oracle.predict(measured(run, "01", eeg)).source_from_eeg
    assert_allclose(found, expected, atol=1e-2)  # sources of sd 1; 1e-6 of the power is added


@pytest.fixture(scope="module")
def fitted(study):
    runs = study[1]
    labels = [run.run.label for run in runs]
    split = Split(tuple(labels[:2]), (labels[2],), (labels[3],))
    settings = TrainSettings(architecture="closed_form", closed_form={"hrf_duration": 24.0})
    return fit_transcoder(runs[:2], runs[2:3], split, settings)


def taught(fitted, truth, subject, runs):
    """Return a transcoder that knows the response and the leadfield of a subject."""
    values = true_response(truth, subject, LAGS)
    leadfield = subject.leadfield @ np.linalg.pinv(truth.block_shares(runs[0].blocks))
    return replace(fitted, response=Response(LAGS, values), leadfield=leadfield)


def test_read_outs_are_compared_with_the_subjects_of_the_held_out_runs(study, fitted):
    truth, runs = study
    first, second = truth.cohort.subjects
    trained = taught(fitted, truth, first, runs)
    own, both = ({row.quantity: row for row in readout_rows("s", "m", trained, truth, part)}
                 for part in (runs[:2], runs))  # fmt: skip
    found = [own["hrf"].r, own["leadfield"].r]
    assert_allclose(found, 1.0, atol=1e-4)  # z of a perfect r is cut off
    assert own["hrf"].n == 1
    assert both["hrf"].n == 2
    assert both["leadfield"].n == 2 * own["leadfield"].n
    other = readout_rows("s", "m", trained, truth, runs[2:])[0].r
    assert own["hrf"].r > both["hrf"].r > other
    assert both["leadfield"].r < own["leadfield"].r
    assert second.hrfs != first.hrfs


def test_read_outs_of_subjects_that_are_alike_have_one_truth(alike, fitted):
    truth, runs = alike
    trained = taught(fitted, truth, truth.cohort.template, runs)
    hrf, leadfield = readout_rows("s", "m", trained, truth, runs)
    assert (hrf.n, leadfield.n) == (1, truth.regions.n_regions)
    peaks = [row.value for row in readout_measures("s", "m", trained, truth, runs)]
    assert_array_equal(peaks[:2], peaks[2:])
