from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.conditions import (
    Question,
    answer,
    answer_across,
    problems_of_questions,
    questions_of,
)
from neurotranscoder.analyse.conditions_store import write_answer, write_untested
from neurotranscoder.analyse.trials import cut_trials
from neurotranscoder.analyse.units import contrast_units
from neurotranscoder.analyse.visible import Visible
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.io.store import read_json, read_table
from trial_example import SHORT, noise_run, smooth_maps

SETTINGS = TrialAnalysisSettings(
    window=SHORT, clusters={"n_permutations": 39}, units={"trials": 4}, correction="cluster"
)


def trials_with_difference(rng):
    """Voxels 0 to 3 are active .2 s after events of 'go', and of these alone."""
    movie = smooth_maps(rng, (4, 3, 2), 24)
    movie = replace(movie, maps=np.eye(24, dtype=np.float32))
    run, happened = noise_run(rng, movie, n_trials=64, names=("go", "stop"))
    for onset in np.rint((happened.onset[::2] - 0.05) * 10).astype(int):
        run.courses[:4, onset + 2] += 3.0
    return cut_trials([(run, happened)], SHORT)


def test_all_means_and_pairs_are_asked_about():
    asked = questions_of(["b", "a", "c", "a"], SETTINGS)
    labels = [one.label for one in asked]
    assert labels == ["all", "a", "b", "c", "aMinusb", "aMinusc", "bMinusc"]
    chosen = SETTINGS.model_copy(update={"contrasts": (("b", "a"),), "conditions": ("a", "b")})
    assert [q.label for q in questions_of(["a", "b", "c"], chosen)] == ["all", "a", "b", "bMinusa"]
    assert [q.label for q in questions_of(["a", "a"], SETTINGS)] == ["a"]


def test_means_are_in_the_order_of_the_settings_and_pairs_by_name():
    chosen = SETTINGS.model_copy(update={"conditions": ("c", "a")})
    labels = [one.label for one in questions_of(["a", "b", "c"], chosen)]
    assert labels == ["all", "c", "a", "aMinusc"]


def test_conditions_that_do_not_exist_or_share_a_label_are_refused():
    wrong = SETTINGS.model_copy(update={"contrasts": (("a", "d"),)})
    with pytest.raises(SettingsError, match=r"the conditions 'd'; need some of 'a', 'b'"):
        questions_of(["a", "b"], wrong)
    with pytest.raises(SettingsError, match=r"two questions that would be called 'go'"):
        questions_of(["g_o", "go"], SETTINGS)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("目标", "a"), r"got '目标', of which file names would have nothing"),
        (("", "a"), r"got '', of which file names would have nothing"),
        (("x" * 200, "a"), r"which would be 200 letters of a file name"),
        (("x" * 80, "y" * 80), r"which would be 165 letters of a file name"),
        (("all", "a"), r"got 'all', 'all', two questions that would be called 'all'"),
    ],
)
def test_conditions_that_no_file_can_be_called_by_are_named(names, message):
    with pytest.raises(SettingsError, match=message):
        questions_of(names, SETTINGS)


def test_a_pool_names_what_file_names_cannot():
    settings = TrialAnalysisSettings(pools={"target": ("目标",)})
    assert [one.label for one in questions_of(["目标", "a"], settings)] == ["target"]


def pooled(**changes):
    """Settings with the pools 'letters' (a, b), 'early' (a, c) and 'last' (c)."""
    pools = {"letters": ("a", "b"), "early": ("a", "c"), "last": ("c",)}
    return TrialAnalysisSettings.model_validate({"window": SHORT, "pools": pools, **changes})


def test_pools_are_asked_about_in_place_of_their_conditions_and_pairs_that_share_none():
    labels = [one.label for one in questions_of(["a", "b", "c"], pooled())]
    assert labels == ["all", "letters", "early", "last", "lastMinusletters"]
    chosen = pooled(conditions=("a", "c", "letters"), contrasts=(("c", "letters"),))
    labels = [one.label for one in questions_of(["a", "b", "c"], chosen)]
    assert labels == ["all", "a", "c", "letters", "cMinusletters"]
    assert chosen.trial_types == ("a", "c", "a", "b")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"pools": {}, "conditions": ("a",), "contrasts": (("a", "b"),)},
            r"contrast of 'a' and 'b', of which analyse.trials.conditions leave out 'b'; need "
            r"both sides among 'a', or more conditions \(events.tsv has 'a', 'b', 'c'\); add",
        ),
        (
            {"conditions": ("a", "last"), "contrasts": (("last", "letters"),)},
            "contrast of 'last' and 'letters', of which analyse.trials.conditions leave out 'b'",
        ),
        (
            {"pools": {"some": ("a", "b")}, "contrasts": (("some", "c"),)},
            "contrast of 'some' and 'c', of which analyse.trials.pools leave out 'c'",
        ),
        ({"contrasts": (("a", "a"),)}, "'a' and 'a'; need two different conditions"),
    ],
)
def test_contrasts_of_what_is_left_out_are_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        questions_of(["a", "b", "c"], pooled(**changes))


def test_all_that_is_wrong_with_questions_is_said_at_once():
    wrong = pooled(pools={}, conditions=("a", "x"), contrasts=(("a", "b"), ("a", "a")))
    found = [str(one) for one in problems_of_questions(["a", "b"], wrong)]
    assert len(found) == 3
    assert "leave out 'b'" in found[0]
    assert "two different conditions" in found[1]
    assert "the conditions 'x'" in found[2]


def test_a_pool_averages_the_trials_of_its_conditions_and_contrasts_them(rng):
    movie = smooth_maps(rng, (2, 2, 1), 3)
    run = noise_run(rng, movie, n_trials=30, names=("a", "b", "c"))
    trials = cut_trials([run], SHORT, pools=pooled().pools)
    average = Question("letters").average(trials)
    assert_allclose(average.courses, trials.of("a", "b").average().courses, atol=1e-6)
    units = Question("letters", "last").samples(trials, SETTINGS.units)
    expected = contrast_units(
        replace(trials, trial_type=tuple("c" if t == "c" else "ab" for t in trials.trial_type)),
        "ab", "c", SETTINGS.units,
    )  # fmt: skip
    assert_allclose(units.courses, expected.courses, atol=1e-12)


def test_pools_without_trials_shared_by_both_sides_or_without_a_name_are_refused():
    with pytest.raises(SettingsError, match=r"the conditions 'c'; need some of 'a', 'b'"):
        questions_of(["a", "b"], pooled())
    with pytest.raises(ValueError, match="has trials of 'a' on both sides"):
        pooled(contrasts=(("letters", "early"),))
    with pytest.raises(ValueError, match=r"pool 'two words' of \['a'\]; its name needs letters"):
        pooled(pools={"two words": ("a",)})


@pytest.mark.parametrize("correction", ["cluster", "fdr", "uncorrected"])
def test_a_difference_is_found_and_written_where_and_when_it_is(rng, tmp_path, correction):
    trials = trials_with_difference(rng)
    settings = SETTINGS.model_copy(update={"correction": correction, "level": 0.001})
    question = Question("go", "stop")
    found = answer(question, question.samples(trials, settings.units), settings, "units")
    # the frame of .2 s is the seventh
    assert found.seen.seen[:4, 7].all()
    assert found.seen.seen[4:].mean() < 0.01
    assert_allclose(found.peaks[0].time, 0.2, atol=1e-9)
    assert found.peaks[0].z > 4
    write_answer(tmp_path, "sub-01", found, sources=["a.movie"], metadata={"Runs": ["x"]})
    name = "sub-01_contrast-goMinusstop"
    image = nib.load(tmp_path / f"{name}_stat-z_desc-{correction}_statmap.nii.gz")
    assert_allclose(image.affine, trials.grid.voxel_to_world)
    assert image.header.get_zooms()[3] == pytest.approx(0.1)
    dense = np.asarray(image.dataobj)[trials.mask]
    assert_array_equal(dense != 0, found.seen.seen & (found.found.z != 0))
    sidecar = read_json(tmp_path / f"{name}_stat-z_statmap.json")
    assert (sidecar["Correction"], sidecar["N"], sidecar["Sources"]) == (
        correction,
        16,
        ["a.movie"],
    )
    table = read_table(tmp_path / f"{name}_peaks.tsv")
    assert float(table["latency"][0]) == pytest.approx(0.2)
    assert (tmp_path / f"{name}_clusters.tsv").is_file() == (correction == "cluster")


def test_across_subjects_their_differences_are_tested(rng):
    subjects = [trials_with_difference(rng) for _ in range(7)]
    question = Question("go", "stop")
    averages = [question.average(one) for one in subjects]
    found = answer_across(question, averages, SETTINGS)
    assert (found.over, found.n) == ("subjects", 7)
    mean = np.mean([one.at(slice(0, 10)) for one in averages], axis=0)
    assert_allclose(found.found.effect, mean, atol=1e-6)
    assert found.seen.seen[:4, 7].all()
    with pytest.raises(GridError, match="2 samples and 39 permutations"):
        answer_across(question, averages[:2], SETTINGS)


def test_an_effect_without_a_test_is_written_with_its_reason(rng, tmp_path):
    trials = trials_with_difference(rng)
    question = Question("go", "stop")
    average = question.average(trials)
    write_untested(
        tmp_path, "sub-01", question, [average], reason="3 units", sources=["a"], metadata={}
    )
    (path,) = tmp_path.glob("*.nii.gz")
    image = nib.load(path)
    assert_allclose(np.asarray(image.dataobj)[trials.mask], average.at(slice(0, 10)), atol=1e-5)
    sidecar = read_json(tmp_path / "sub-01_contrast-goMinusstop_stat-effect_statmap.json")
    assert (sidecar["NotTested"], sidecar["Second"]) == ("3 units", "stop")


def seeing(trials, rows):
    """Return a trust mask of some voxels."""
    mask = np.zeros(trials.mask.shape, dtype=bool)
    mask[tuple(np.argwhere(trials.mask)[rows].T)] = True
    return Visible(mask, f"{len(rows)} voxels", "the others")


@pytest.mark.parametrize("correction", ["cluster", "fdr", "uncorrected"])
def test_what_is_not_seen_is_neither_found_nor_listed_but_has_its_z(rng, tmp_path, correction):
    trials = trials_with_difference(rng)
    settings = SETTINGS.model_copy(update={"correction": correction, "level": 0.001})
    question = Question("go", "stop")
    units, visible = question.samples(trials, settings.units), seeing(trials, [0, 1, 10, 11])
    whole = answer(question, units, settings, "units")
    found = answer(question, units, settings, "units", visible)
    assert found.seen.seen[:2, 7].all()
    assert not found.seen.seen[2:4].any()
    assert whole.seen.seen[2:4, 7].all()
    assert_array_equal(found.found.z, whole.found.z)
    places = {peak.place for peak in found.peaks} | {one.peak for one in found.clusters}
    allowed = trials.grid.world(np.argwhere(visible.mask)).tolist()
    assert places
    assert all(list(place) in allowed for place in places)
    write_answer(tmp_path, "sub-01", found, sources=[], metadata={})
    stem = "sub-01_contrast-goMinusstop"
    mask = np.asarray(nib.load(tmp_path / f"{stem}_desc-trust_mask.nii.gz").dataobj)
    assert_array_equal(mask > 0, visible.mask)
    assert read_json(tmp_path / f"{stem}_peaks.json")["Voxels"] == "4 voxels"


@pytest.mark.parametrize("correction", ["cluster", "fdr"])
def test_what_is_seen_is_corrected_for_itself_alone(rng, correction):
    trials = trials_with_difference(rng)
    settings = SETTINGS.model_copy(update={"correction": correction})
    question, visible = Question("go", "stop"), seeing(trials, [0, 1, 10, 11])
    units = question.samples(trials, settings.units)
    found = answer(question, units, settings, "units", visible)
    alone = answer(question, units.within(visible.mask), settings, "units")
    assert_array_equal(found.seen.seen[[0, 1, 10, 11]], alone.seen.seen)
    assert found.clusters == alone.clusters


def test_where_nothing_is_seen_nothing_is_tested(rng):
    trials = trials_with_difference(rng)
    units = Question("go").samples(trials, SETTINGS.units)
    with pytest.raises(GridError, match=r"no voxel to test: 0 voxels; .*trust_q=none"):
        answer(Question("go"), units, SETTINGS, "units", seeing(trials, []))


def test_across_subjects_voxels_are_tested_that_half_of_them_see(rng):
    subjects = [trials_with_difference(rng) for _ in range(7)]
    question = Question("go", "stop")
    averages = [question.average(one) for one in subjects]
    visible = [seeing(one, [0, 1, 2] if k < 3 else [0, 1]) for k, one in enumerate(subjects[:6])]
    visible += [Visible(None, "no trust map")]
    found = answer_across(question, averages, SETTINGS, visible)
    assert_array_equal(found.seen.seen[:, 7], np.arange(24) < 3)
    assert "at least half of 6 subjects with a trust map, of 7" in found.visible.words
    fewer = [*visible[1:6], seeing(subjects[0], [0, 1])]
    assert_array_equal(
        answer_across(question, averages, SETTINGS, fewer).seen.seen[:, 7], np.arange(24) < 2
    )


@pytest.mark.parametrize("words", ["none", None, 1])
def test_no_mask_can_be_asked_for(words):
    assert TrialAnalysisSettings(trust_q=words).trust_q == 1.0
