import re
import shutil

import nibabel as nib
import numpy as np
import pytest

from neurotranscoder.core.errors import StoreError
from neurotranscoder.io.manifest import read_manifest
from neurotranscoder.io.store import read_table
from small_study import bytes_below, command

SHORT = ("--set", "analyse.identifiability.least_shift=12")
TABLES = ("regions", "responses", "leadfield", "inverse", "agreement", "conventions")


def analyse(study, out, *words):
    return command("analyse", study, out, *SHORT, *words)


@pytest.fixture(scope="module")
def made(tiny_study, tiny_results, tmp_path_factory):
    """Results with the readouts of one model; never write to it."""
    out = shutil.copytree(tiny_results, tmp_path_factory.mktemp("readouts") / "results")
    assert analyse(tiny_study, out, "--model", out / "models" / "closed_form") == 0
    return out


def test_analyse_writes_tables_images_and_a_page(made):
    folder = made / "readouts" / "closed_form"
    read_manifest(folder, kind="readouts")
    tables = {name: read_table(folder / f"{name}.tsv") for name in TABLES}
    n_regions = len(tables["regions"]["region"])
    assert len(tables["leadfield"]["value"]) % n_regions == 0
    assert {"sign", "lag", "gain"} == set(tables["conventions"]["quantity"])
    labels = np.asarray(nib.load(folder / "regions_dseg.nii.gz").dataobj)
    assert labels.max() <= n_regions
    seen = nib.load(folder / "seen_dseg.nii.gz")
    assert seen.get_data_dtype() == np.int16
    assert set(np.unique(seen.dataobj)) <= {0, 1, 2}
    q = np.asarray(nib.load(folder / "sources_q.nii.gz").dataobj)
    assert np.all(q[labels == 0] == 1.0)  # outside the blocks nothing is seen
    page = (folder / "readouts.html").read_text()
    assert "What can be seen, and where" in page
    assert not re.search(r"(src|href)\s*=\s*[\"']https?://", page)


def test_the_same_readouts_have_the_same_bytes(tiny_study, made, results):
    assert analyse(tiny_study, results, "--model", results / "models" / "closed_form") == 0
    assert bytes_below(results / "readouts") == bytes_below(made / "readouts")


def test_several_models_are_compared_with_the_first(tiny_study, results):
    models = results / "models"
    assert (
        analyse(tiny_study, results, "--model", models / "transcoder", models / "closed_form") == 0
    )
    for name in ("transcoder", "closed_form"):
        table = read_table(results / "readouts" / name / "models.tsv")
        assert table["model"] == ["transcoder", "closed_form"]
        assert float(table["source_r"][0]) > 0.999
        assert float(table["source_r"][1]) > 0
        assert abs(float(table["source_lag"][1])) < 0.2


def test_models_in_folders_of_one_name_are_refused(tiny_study, results, tmp_path, capsys):
    other = shutil.copytree(results / "models/closed_form", tmp_path / "other/closed_form")
    words = ("--model", results / "models/closed_form", other)
    assert analyse(tiny_study, results, *words) == 2
    assert "two models are in folders called 'closed_form'" in capsys.readouterr().err
    assert not (results / "readouts").exists()


def test_runs_too_short_to_be_shifted_leave_no_finished_readouts(tiny_study, results, capsys):
    model = results / "models" / "closed_form"
    assert command("analyse", tiny_study, results, "--model", model) == 2
    assert "set analyse.identifiability.least_shift lower" in capsys.readouterr().err
    with pytest.raises(StoreError, match=r"got no manifest\.json"):
        read_manifest(results / "readouts" / "closed_form", kind="readouts")
