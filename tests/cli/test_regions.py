from pathlib import Path

import numpy as np
import pytest

from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.conditions import questions_of
from neurotranscoder.analyse.trials import cut_trials
from neurotranscoder.analyse.visible import UNMASKED, Visible
from neurotranscoder.cli.cut_subjects import CutSubject, SubjectRuns
from neurotranscoder.cli.regions import AtlasInUse, write_regions
from neurotranscoder.cli.workspace import Workspace
from neurotranscoder.config import Config
from neurotranscoder.io.atlas import Atlas
from neurotranscoder.io.manifest import read_manifest
from neurotranscoder.io.store import read_json, read_table
from neurotranscoder.preprocess.study import Study
from neurotranscoder.preprocess.study_settings import StudySettings
from trial_example import SHORT, noise_run, smooth_maps

SHAPE = (4, 4, 2)
SETTINGS = TrialAnalysisSettings(window=SHORT, units={"trials": 4})
STEM = "sub-01_contrast-a"


@pytest.fixture
def trials(rng):
    run = noise_run(rng, smooth_maps(rng, SHAPE, 3), n_trials=80, names=("a", "b"))
    return cut_trials([run], SHORT)


def write(folder, trials, visible):
    """Write the regions 'one' and 'two', halves of the brain, of a subject with a mask."""
    space = Workspace(Study(Path(), {}, StudySettings(), {}), Path(), Config())
    subject = CutSubject(SubjectRuns("01", (), (), ()), visible, ["one.movie"], {}, "x", space)
    subject.__dict__["trials"] = trials
    labels = np.ones(SHAPE, dtype=np.int64)
    labels[2:] = 2
    used = AtlasInUse(Atlas(labels, trials.grid, {1: "one", 2: "two"}), ("atlas.nii.gz",), ("y",))
    write_regions(folder, subject, used, questions_of(["a", "b"], SETTINGS), SETTINGS)


def seeing(*planes):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[list(planes)] = True
    return Visible(mask, f"the {mask.sum()} of 32 voxels that the model sees")


def test_tables_say_how_many_voxels_of_each_region_are_seen(trials, tmp_path):
    write(tmp_path, trials, seeing(0, 2, 3))
    table = read_table(tmp_path / f"{STEM}_peaks.tsv")
    assert table["region"] == ["one", "two"]
    assert (table["n_voxels"], table["n_in_brain"]) == (["8", "16"], ["16", "16"])
    sidecar = read_json(tmp_path / f"{STEM}_courses.json")
    assert sidecar["Voxels"] == "the 24 of 32 voxels that the model sees"
    assert sidecar["RegionsNotSeen"] == []


def test_a_region_without_a_voxel_that_is_seen_is_in_no_table_but_in_the_sidecar(
    trials, tmp_path, capsys
):
    write(tmp_path, trials, seeing(3))
    assert "NOT SEEN: sub-01: the model sees no voxel of one; left out" in capsys.readouterr().err
    for name in ("courses", "peaks", "correlations"):
        assert set(read_table(tmp_path / f"{STEM}_{name}.tsv")["region"]) == {"two"}
        assert read_json(tmp_path / f"{STEM}_{name}.json")["RegionsNotSeen"] == ["one"]


def test_where_no_region_is_seen_there_is_no_table_and_that_is_said(trials, tmp_path, capsys):
    write(tmp_path, trials, seeing())
    said = capsys.readouterr().err
    assert "NO REGIONS: sub-01, a: none of the 32 voxels of regions in the brain is seen" in said
    assert not list(tmp_path.glob("*.tsv"))
    read_manifest(tmp_path, kind="regions of an atlas")  # it is finished


def test_without_a_mask_all_voxels_count(trials, tmp_path):
    write(tmp_path, trials, UNMASKED)
    table = read_table(tmp_path / f"{STEM}_peaks.tsv")
    assert table["n_voxels"] == table["n_in_brain"] == ["16", "16"]
