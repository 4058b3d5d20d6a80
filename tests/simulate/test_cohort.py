from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.physics.evoked import evoked_kernel
from neurotranscoder.physics.hrf import hrf_kernel
from neurotranscoder.simulate.bold import bold_signal
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.run import simulate_run, simulate_run_of
from neurotranscoder.simulate.subjects import SubjectSpread

NONE = SubjectSpread(**dict.fromkeys(SubjectSpread.model_fields, 0.0))


@pytest.fixture(scope="module")
def varied(noise_free):
    return noise_free.model_copy(update={"subjects": SubjectSpread(), "duration": 40.0})


@pytest.fixture(scope="module")
def cohort(varied, tiny_head):
    return make_cohort(varied, tiny_head)


def with_spread(scenario, **spread):
    subjects = NONE.model_copy(update=spread)
    return scenario.model_copy(update={"subjects": subjects})


def test_without_a_spread_all_subjects_are_the_template(tiny_cohort):
    assert all(subject is tiny_cohort.template for subject in tiny_cohort.subjects)


def test_spread_of_nothing_simulates_the_template_to_the_bit(noise_free, tiny_head):
    runs = [
        simulate_run(scenario, tiny_head, 1, 0)
        for scenario in (noise_free, with_spread(noise_free))
    ]
    for part in ("eeg", "bold"):
        data = [getattr(run.recording, part).data for run in runs]
        assert_array_equal(*data)


def test_all_subjects_have_the_voxels_and_channels_of_the_template(cohort, tiny_head):
    for subject in cohort.subjects:
        assert_array_equal(subject.head.brain, tiny_head.brain)
        assert_array_equal(subject.head.grey, tiny_head.grey)
        assert_array_equal(subject.head.montage.positions, tiny_head.montage.positions)
        assert np.any(subject.head.electrodes != tiny_head.montage.positions)


def test_leadfields_of_subjects_differ_from_each_other_as_from_the_template(cohort):
    heads = [cohort.template.head, *(subject.head for subject in cohort.subjects)]
    patterns = [g / np.linalg.norm(g, axis=0) for g in (head.leadfield for head in heads)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        difference = np.median(np.linalg.norm(patterns[one] - patterns[other], axis=0))
        assert 0.1 < difference < 0.6


def test_eeg_and_bold_of_a_run_come_from_its_own_subject(cohort, varied):
    run, subject = simulate_run_of(cohort, 1, 0), cohort.subjects[1]
    eeg, clock = run.recording.eeg.data, run.recording.clock
    times = clock.scanner_times(eeg.shape[1], varied.eeg_rate)
    by_region = run.sources.respond(evoked_kernel(), times)
    by_voxel = by_region[cohort.regions.labels[subject.head.brain]]
    expected = cohort.levels.moment * (subject.head.leadfield @ by_voxel)
    assert_allclose(eeg, expected, atol=1e-9 * np.abs(expected).max())
    kernel, gain = hrf_kernel(subject.hrfs[0]), cohort.levels.bold_gain
    bold = bold_signal(run.sources, cohort.regions, kernel, varied.volumes, gain=gain)
    found = run.recording.bold.data
    assert_allclose(np.diff(found), np.diff(bold), atol=0.01)  # float32 at a baseline of 10,000


def test_gain_of_a_subject_scales_both_modalities(noise_free, tiny_head):
    louder = with_spread(noise_free, gain_log_sd=0.5)
    gain = make_cohort(louder, tiny_head).subjects[1].strengths[0]
    before, after = (simulate_run(one, tiny_head, 1, 0) for one in (noise_free, louder))
    assert abs(np.log(gain)) > 0.05
    assert_allclose(after.recording.eeg.data, gain * before.recording.eeg.data, atol=1e-12)
    change = (np.diff(run.recording.bold.data) for run in (after, before))
    assert_allclose(next(change), gain * next(change), atol=0.01)


def test_strengths_of_regions_scale_impulses_and_rhythms(noise_free, tiny_head):
    scenario = with_spread(noise_free, strength_log_sd=0.5)
    strengths = make_cohort(scenario, tiny_head).subjects[0].strengths
    before, after = (simulate_run(one, tiny_head, 0, 0).sources for one in (noise_free, scenario))
    assert_allclose(after.amplitude, before.amplitude * strengths[before.region])
    assert_allclose(after.waves, before.waves * strengths[before.rhythm_region, np.newaxis])


def test_one_run_is_the_same_alone_and_of_a_cohort(varied, cohort, tiny_head):
    alone = simulate_run(varied, tiny_head, 1, 0).recording
    together = simulate_run_of(cohort, 1, 0).recording
    assert_array_equal(alone.eeg.data, together.eeg.data)
    assert_array_equal(alone.bold.data, together.bold.data)


def test_more_subjects_leave_the_first_ones_as_they_are(varied, cohort, tiny_head):
    fewer = make_cohort(varied.model_copy(update={"n_subjects": 1}), tiny_head)
    first, before = fewer.subjects[0], cohort.subjects[0]
    assert_array_equal(first.head.leadfield, before.head.leadfield)
    assert first.hrfs == before.hrfs
    assert_array_equal(first.strengths, before.strengths)


def test_heads_are_built_through_the_map_each_once(varied, cohort, tiny_head):
    seen = []

    def spread(function, items):
        seen.extend(items)
        return map(function, seen)

    again = make_cohort(varied, tiny_head, map=spread)
    assert len(seen) == varied.n_subjects
    for one, other in zip(again.subjects, cohort.subjects, strict=True):
        assert_array_equal(one.head.leadfield, other.head.leadfield)


def test_a_head_of_ones_own_cannot_be_varied(varied, tiny_head):
    own = replace(tiny_head, origin=None)
    with pytest.raises(SettingsError, match="give one head for each subject"):
        make_cohort(varied, own)
    with pytest.raises(SettingsError, match="give one head for each subject"):
        simulate_run(varied, own, 0, 0)
    responses_alone = with_spread(varied, hrf_delay_sd=0.5)
    subjects = make_cohort(responses_alone, own).subjects
    assert all(subject.head is own for subject in subjects)
    assert subjects[0].hrfs != subjects[1].hrfs


@pytest.mark.parametrize("spread", [None, SubjectSpread()], ids=["alike", "varied"])
def test_heads_of_ones_own_are_taken_one_for_each_subject(noise_free, tiny_head, spread):
    scenario = noise_free.model_copy(update={"subjects": spread})
    own = [replace(tiny_head, leadfield=k * tiny_head.leadfield, origin=None) for k in (2, 3)]
    cohort = make_cohort(scenario, tiny_head, heads=own)
    for subject, head in zip(cohort.subjects, own, strict=True):
        assert subject.head is head
        assert_allclose(subject.leadfield, cohort.regions.leadfield(head))
        assert (subject.hrfs == cohort.template.hrfs) == (spread is None)


def moved(head):
    return replace(head, grid=replace(head.grid, voxel_to_world=np.diag([5.0, 5, 5, 1])))


def renamed(head):
    names = ("X1", *head.montage.names[1:])
    return replace(head, montage=Montage(names, head.montage.positions))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (moved, "the head of subject 2 has 810 voxels"),
        (renamed, r"channels \('X1'"),
        (None, "1 heads for 2 subjects"),
    ],
)
def test_heads_that_do_not_fit_are_refused(noise_free, tiny_head, change, message):
    heads = [tiny_head] if change is None else [tiny_head, change(tiny_head)]
    with pytest.raises(GridError, match=message):
        make_cohort(noise_free, tiny_head, heads=heads)


def test_a_run_alone_builds_the_head_of_its_subject_alone_and_once(
    varied, tiny_head, monkeypatch, tmp_path
):
    monkeypatch.setenv("NEUROTRANSCODER_CACHE", str(tmp_path))
    first = simulate_run(varied, tiny_head, 1, 0).recording
    kept = list(tmp_path.glob("*.safetensors"))
    assert len(kept) == 1
    assert_array_equal(simulate_run(varied, tiny_head, 1, 0).recording.eeg.data, first.eeg.data)
    assert list(tmp_path.glob("*.safetensors")) == kept
