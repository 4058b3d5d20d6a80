import pytest

from methods_example import GRADIENT, LABELS, sidecar
from neurotranscoder.cli.methods import cleaning_of, methods_of, study_of
from neurotranscoder.cli.methods_readouts import of_readouts
from neurotranscoder.cli.run_numbers import read_run_numbers
from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.derivatives import start_derivative
from neurotranscoder.io.manifest import write_manifest
from neurotranscoder.io.store import write_json, write_table
from neurotranscoder.preprocess.clean_study import CleanStudy, write_clean_study
from neurotranscoder.report.methods.facts import MethodsFacts, ReadoutFacts

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


def test_read_outs_of_atlases_and_models_that_are_whole_are_described(tmp_path):
    peaks = {"Sources": ["a.movie", "/data/aal.nii.gz", "/data/aal.tsv"]}
    files = {
        "regions/sub-01/sub-01_contrast-all_peaks.json": peaks,
        "responses/sub-01/sub-01_res-voxel_hrf.json": {**peaks, "Intervals": "95 %, jackknife"},
        "maps/sub-01/sub-01_electrode-Cz_desc-forward_map.json": {"Electrode": "Cz"},
        "expected/group/group_desc-expected_peaks.json": {"Expected": [{"region": "V1 left"}]},
        "maps/sub-02/sub-02_electrode-Pz_desc-forward_map.json": {"Electrode": "Pz"},
    }
    for name, content in files.items():
        write_json(tmp_path / name, content)
        if "sub-02" not in name:
            write_manifest((tmp_path / name).parent, kind="any", settings_hash="")
    write_table(tmp_path / "readouts" / "sparse" / "regions.tsv", {"region": ["a", "b", "c"]})
    write_manifest(tmp_path / "readouts" / "sparse", kind="readouts", settings_hash="")
    assert of_readouts(MethodsFacts(), tmp_path).readouts == ReadoutFacts(
        n_regions=3,
        atlases=("aal.nii.gz",),
        n_courses=1,
        n_responses=1,
        jackknife=True,
        n_maps=1,
        electrodes=("Cz",),
        expected=("V1 left",),
    )


def test_the_link_to_the_page_of_preprocessing_is_relative(folders, tmp_path):
    found = cleaning_of(folders[0])
    assert found.link == "../preprocessed/preprocessing.html"
    assert found.faults == ("sub-02: no samples",)
    assert cleaning_of(tmp_path) is None
