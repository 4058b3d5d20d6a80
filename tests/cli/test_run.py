import shutil

import pytest

from neurotranscoder.physics.channels import CHANNELS_64
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.session import simulate_study
from small_study import bytes_below, command

KEPT = tuple(name for name in CHANNELS_64 if name in {"Fp1", "F3", "Cz", "T7", "Pz", "O2"})
QUICK = (
    f"study.exclude_channels={[name for name in CHANNELS_64 if name not in KEPT]}",
    "train.architecture=closed_form",
    "train.split.by=subject",
    "train.split.test=1",
    "subject.frames=200",
    "subject.rounds=1",
    "subject.smoothings=[0.1]",
    "subject.loyalties=[1.0]",
    "analyse.figures.most=1",
)


@pytest.fixture(scope="module")
def raw_study(tmp_path_factory):
    """Raw scanner EEG of four subjects, of whom the second has lost its samples."""
    root = tmp_path_factory.mktemp("raw") / "study"
    sizes = {"n_subjects": 4, "runs_per_subject": 1, "duration": 120.0, "drift_ppm": 15.0}
    simulate_study(named_scenario("artefacts", preset="tiny", seed=100, **sizes), root)
    shutil.rmtree(root / "derivatives")
    for samples in root.glob("sub-02/eeg/*.eeg"):
        samples.unlink()
    return root


def app(study, out, level, *words):
    settings = [word for setting in QUICK for word in ("--set", setting)]
    return command("run", study, out, level, *settings, *words)


def test_participants_are_cleaned_and_the_group_comes_next(raw_study, tmp_path, capsys):
    assert app(raw_study, tmp_path, "participant", "--participant-label", "01") == 0
    assert "next, neurotranscoder run" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "preprocessed").glob("sub-*")] == ["sub-01"]
    assert not (tmp_path / "results").exists()


def test_a_study_with_a_broken_subject_ends_with_results_of_the_others(
    raw_study, tmp_path, capsys
):
    assert app(raw_study, tmp_path, "group") == 1
    said = capsys.readouterr().err
    assert "1 of 4 subjects failed and were left out" in said
    assert "sub-02" in said
    results = tmp_path / "results"
    assert (results / "report.html").is_file()
    assert (results / "metrics.tsv").is_file()
    movies = {path.name.partition("_")[0] for path in results.rglob("*_source.movie")}
    assert movies == {"sub-01", "sub-03"}  # the last one is for testing alone
    text = (results / "methods.md").read_text(encoding="utf-8")
    assert "Simulated simultaneous EEG-fMRI (study) of 3 subjects (3 runs)" in text
    assert "could not be cleaned completely (sub-02)" in text
    assert "gradient artefact was removed in all 3 runs" in text
    assert "fitted in closed form" in text
    assert "of 2 subjects (1 run of each)" in text
    assert "@article{niazy2005" in (results / "references.bib").read_text(encoding="utf-8")
    assert 'href="../preprocessed/preprocessing.html"' in (results / "report.html").read_text(
        "utf-8"
    )
    assert "<h1>Study &#39;study&#39;</h1>" in (results / "report.html").read_text("utf-8")
    assert app(raw_study, tmp_path, "participant", "--participant-label", "04") == 0
    assert "sub-04: all of its runs are test runs of the model" in capsys.readouterr().err
    kept = ("models", "statistics", "sub-01")
    before = [bytes_below(results / name) for name in kept]
    assert app(raw_study, tmp_path, "group") == 1
    assert [bytes_below(results / name) for name in kept] == before
