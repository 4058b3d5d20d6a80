from operator import attrgetter

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.cluster.pool import pool
from neurotranscoder.io.store import read_table
from neurotranscoder.physics.hrf import HrfSpread
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.session import simulate_study
from neurotranscoder.simulate.subjects import SubjectSpread, draw_traits
from neurotranscoder.simulate.truth import load_truth
from neurotranscoder.simulate.truth_store import truth_folder
from small_study import bytes_below


@pytest.fixture(scope="module")
def scenario(tiny):
    varied = {"subjects": SubjectSpread(), "hrf_spread": HrfSpread(), "duration": 20.0}
    return tiny.model_copy(update=varied)


@pytest.fixture(scope="module")
def cohort(scenario, tiny_head):
    return make_cohort(scenario, tiny_head)


@pytest.fixture(scope="module")
def study(tmp_path_factory, scenario):
    root = tmp_path_factory.mktemp("cohort") / "study"
    simulate_study(scenario, root)
    return root


@pytest.fixture(scope="module")
def truth(study):
    return load_truth(study)


class Killed(Exception):
    """Stands for a kill signal."""


def kill_after(n_runs):
    def progress(done, total):
        if done == n_runs:
            raise Killed

    return progress


def test_truth_on_disk_knows_the_brain_of_every_run(truth, cohort):
    for run in truth.runs:
        subject = cohort.subjects[int(run.subject) - 1]
        found = truth.subject(run)
        for name in ("head.leadfield", "leadfield"):
            stored, made = (attrgetter(name)(one) for one in (found, subject))
            assert_allclose(stored, made, atol=1e-6 * np.abs(made).max())  # kept in float32
        assert_array_equal(found.head.electrodes, subject.head.electrodes)
        assert_array_equal(found.head.orientations, subject.head.orientations)
        assert_array_equal(found.strengths, subject.strengths)
        assert found.hrfs == subject.hrfs


def test_sources_are_drawn_again_with_the_strengths_of_their_subject(truth, cohort):
    run = simulate_run_of(cohort, 1, 1)
    stored = truth.sources(run.recording.run)
    assert_array_equal(stored.amplitude, run.sources.amplitude)
    assert_array_equal(stored.waves, run.sources.waves)


def test_tables_of_the_truth_list_what_was_drawn(study, scenario, cohort):
    folder = truth_folder(study)
    table = read_table(folder / "subjects.tsv")
    assert table["participant_id"] == ["sub-01", "sub-02"]
    for number in range(2):
        traits = draw_traits(scenario.subjects, scenario.seed, number, n_regions=0)
        listed = [float(table[f"scale_{axis}"][number]) for axis in "xyz"]
        assert_allclose(listed, traits.scale)
        for column in ("skull_conductivity", "skull_thickness", "hrf_delay", "gain"):
            assert_allclose(float(table[column][number]), getattr(traits, column))
    by_region = read_table(folder / "subjects_regions.tsv")
    assert by_region["index"] == [str(index) for index in range(1, 9)] * 2
    strengths = np.concatenate([subject.strengths for subject in cohort.subjects])
    assert_allclose(np.array(by_region["strength"], dtype=float), strengths)
    delays = [shape.peak_delay for subject in cohort.subjects for shape in subject.hrfs]
    assert_allclose(np.array(by_region["hrf_peak_delay"], dtype=float), delays)


def test_participants_are_listed_by_name_alone(study):
    assert read_table(study / "participants.tsv") == {"participant_id": ["sub-01", "sub-02"]}


def test_truth_of_subjects_that_do_not_differ_has_one_head(tiny, tmp_path):
    change = {"duration": 20.0, "runs_per_subject": 1}
    simulate_study(tiny.model_copy(update=change), tmp_path)
    names = {path.name for path in truth_folder(tmp_path).iterdir()}
    assert not {name for name in names if name.startswith("sub")}
    truth = load_truth(tmp_path)
    assert all(truth.subject(run) is truth.cohort.template for run in truth.runs)


def test_killed_cohort_resumes_to_the_same_bytes(study, scenario, tmp_path):
    with pytest.raises(Killed):
        simulate_study(scenario, tmp_path, progress=kill_after(3))
    assert not (tmp_path / "manifest.json").exists()
    simulate_study(scenario, tmp_path)
    assert bytes_below(tmp_path) == bytes_below(study)


def test_two_processes_build_heads_and_runs_with_the_same_bytes(
    study, scenario, tmp_path, monkeypatch
):
    monkeypatch.setenv("NEUROTRANSCODER_CACHE", str(tmp_path / "heads"))
    with pool(2) as spread:
        simulate_study(scenario, tmp_path / "study", map=spread)
    assert len(list((tmp_path / "heads").glob("*.safetensors"))) == 3
    assert bytes_below(tmp_path / "study") == bytes_below(study)
