import numpy as np
import pytest

from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.conditions import Question
from neurotranscoder.analyse.trials import cut_trials
from neurotranscoder.analyse.visible import UNMASKED
from neurotranscoder.cli.across import SubjectEffects, across_subjects
from neurotranscoder.cli.run_movies import RunMovie
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.store import read_json
from neurotranscoder.report.subjects import read_subject_stage
from trial_example import SHORT, noise_run, smooth_maps

SHAPE = (4, 4, 3)


@pytest.fixture
def effects(rng):
    """Return a function that makes subjects with an average of one condition."""

    def of(n):
        found, maps = [], smooth_maps(rng, SHAPE, 4)
        for k in range(1, n + 1):
            average = Question("a").average(cut_trials([noise_run(rng, maps, n_trials=8)], SHORT))
            movie = RunMovie(RunId(f"{k:02d}", task="rest"), "eeg", "both")
            subject = (f"{k:02d}", [], UNMASKED, np.ones(SHAPE), True, (movie,))
            found.append(SubjectEffects(*subject, {"a": average}, {}))
        return found

    return of


def across(folder, subjects, correction):
    """Test across subjects; return the sidecar of the effect."""
    settings = TrialAnalysisSettings(window=SHORT, correction=correction)
    path = folder / "statistics" / "group"
    across_subjects(path, subjects, [Question("a")], settings, identity="")
    return read_json(path / "group_contrast-a_stat-effect_statmap.json")


def test_a_false_discovery_rate_of_four_subjects_is_a_caution_in_message_and_page(
    effects, tmp_path, capsys
):
    sidecar = across(tmp_path, effects(4), "fdr")
    words = "4 subjects: a false discovery rate is not tested across fewer than 5"
    assert sidecar["Caution"].startswith(words)
    assert f"FEW SUBJECTS: {words}" in capsys.readouterr().err
    (part,) = read_subject_stage(tmp_path).parts
    assert f"Caution: {words}" in part.asked[0].words
    assert part.asked[0].words.startswith("Not tested")


@pytest.mark.parametrize(("n", "correction"), [(5, "fdr"), (4, "uncorrected")])
def test_what_is_tested_over_few_subjects_rests_on_normal_averages(
    effects, tmp_path, n, correction
):
    sidecar = across(tmp_path, effects(n), correction)
    assert sidecar["Caution"].startswith(f"{n} subjects: p holds only as far")


def test_six_subjects_have_no_caution(effects, tmp_path):
    assert "Caution" not in across(tmp_path, effects(6), "fdr")
