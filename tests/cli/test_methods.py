import pytest

from methods_example import GRADIENT, LABELS, sidecar
from neurotranscoder.cli.methods import cleaning_of, methods_of, study_of
from neurotranscoder.cli.run_numbers import read_run_numbers
from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.derivatives import start_derivative
from neurotranscoder.io.manifest import write_manifest
from neurotranscoder.io.store import write_json
from neurotranscoder.preprocess.clean_study import CleanStudy, write_clean_study

RUN = {
    "label": LABELS[0],
    "tr": 2.0,
    "n_volumes": 60,
    "n_channels": 31,
    "voxel_mm": [3.0, 3.0, 4.0],
    "clock": "declared",
    "sfreq": 250.0,
    "residual_ms": None,
}


@pytest.fixture
def folders(tmp_path):
    """Results beside a clean study of two runs, one of which has a record without numbers."""
    out, clean = tmp_path / "results", tmp_path / "preprocessed"
    start_derivative(out, name="neurotranscoder", sources=[str(clean)])
    write_clean_study(clean, CleanStudy("oddball", simulated=True, left_out={"02": "no samples"}))
    old = {"step": "gradient", "done": True, "said": "removed", "warnings": []}
    for label, step in zip(LABELS, ({**old, "numbers": GRADIENT}, old), strict=True):
        write_json(clean / "records" / f"{label}.json", {"steps": [step], "facts": {}})
    return out, clean


def text_of(out):
    return " ".join(part.text for part in methods_of(out).paragraphs)


def write_runs(out, **changes):
    content = {"fusion": "joint", "simulated": False, "derivative": [], "runs": [RUN], **changes}
    write_json(out / "evaluation" / "runs.json", content)


def test_results_of_nothing_give_a_text_that_claims_nothing(tmp_path):
    text = text_of(tmp_path)
    assert "was analysed with neurotranscoder" in text
    for word in ("cleaned", "realigned", "fitted", "scored", "tested"):
        assert word not in text


def test_records_of_the_clean_study_are_described_with_the_name_that_it_had(folders):
    text = text_of(folders[0])
    assert "Simulated simultaneous EEG-fMRI (oddball) of 2 subjects (2 runs)" in text
    assert "gradient artefact was removed in all 2 runs" in text
    assert "from 105 µV to 12.1 µV" in text
    assert "(sub-02)" in text


def test_runs_that_were_scored_alone_are_described(folders):
    write_runs(folders[0])
    text = text_of(folders[0])
    assert "of 1 subject (1 run)" in text
    assert "removed in the only run" in text
    assert "declared, not measured, in the only run" in text


def test_a_clean_study_that_was_moved_with_its_results_is_found(folders, tmp_path):
    moved = tmp_path / "moved"
    moved.mkdir()
    for folder in folders:
        folder.rename(moved / folder.name)
    assert study_of(moved / "results") == moved / "preprocessed"
    assert "oddball" in text_of(moved / "results")


@pytest.mark.parametrize("source", [{"URL": ""}, {"URL": None}, {"DOI": "10.1/2"}])
def test_a_source_without_an_address_is_no_study(source, tmp_path):
    write_json(tmp_path / "dataset_description.json", {"SourceDatasets": [source]})
    assert study_of(tmp_path) is None


def test_a_part_that_is_damaged_is_said_and_left_out(folders, capsys):
    write_runs(folders[0], runs=[{"label": "sub-01"}])
    assert "oddball" in text_of(folders[0])
    assert "methods: runs are not described" in capsys.readouterr().err
    with pytest.raises(StoreError, match="what `evaluate` writes; run it again"):
        read_run_numbers(folders[0] / "evaluation")


def test_statistics_that_were_not_finished_are_not_described(folders):
    folder = folders[0] / "statistics" / "sub-01"
    write_json(folder / "sub-01_contrast-A_stat-effect_statmap.json", sidecar())
    assert "permutations" not in text_of(folders[0])
    write_manifest(folder, kind="statistics of trials", settings_hash="")
    assert "1000 permutations" in text_of(folders[0])


def test_the_link_to_the_page_of_preprocessing_is_relative(folders, tmp_path):
    found = cleaning_of(folders[0])
    assert found.link == "../preprocessed/preprocessing.html"
    assert found.faults == ("sub-02: no samples",)
    assert cleaning_of(tmp_path) is None
