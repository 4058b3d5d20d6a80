from dataclasses import replace
from functools import cache

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import VolumeAxis
from neurotranscoder.core.recording import Bold, RunId
from neurotranscoder.io.derivatives import start_derivative
from neurotranscoder.io.nifti import read_bold
from neurotranscoder.io.store import read_json
from neurotranscoder.preprocess.anatomy import Found
from neurotranscoder.preprocess.bold import PreprocessedBold
from neurotranscoder.preprocess.checks import hole_words
from neurotranscoder.preprocess.compcor import TissueSignals
from neurotranscoder.preprocess.confounds import confounds_of, read_confounds
from neurotranscoder.preprocess.coregister import Coregistration
from neurotranscoder.preprocess.derivatives import write_anatomy, write_preprocessed
from neurotranscoder.preprocess.motion import still_head
from neurotranscoder.preprocess.normalise import Normalisation
from neurotranscoder.preprocess.quality import temporal_snr
from neurotranscoder.preprocess.tissues import Tissues
from neurotranscoder.preprocess.warp import linear_warp
from registration_example import brain_of, grid_of_size
from small_study import VALIDATOR, validation_errors

GRID = grid_of_size((12, 13, 10), 8.0)
NAMES = ("csf", "white_matter", "a_comp_cor_00")
SIGNALS = TissueSignals(NAMES, np.ones((6, 3)), (0.4,), (21, 50))
RUN = RunId("01", "oddball", run="02")


@cache
def result():
    mask = brain_of(GRID)
    data = np.zeros((*GRID.shape, 6), dtype=np.float32)
    data[mask] = 1000 + np.random.default_rng(0).standard_normal((mask.sum(), 6))
    bold = Bold(data, GRID, VolumeAxis(2.0, 6, np.full(10, 0.9)), mask)
    motion = still_head(6, GRID)
    return PreprocessedBold(
        bold=bold,
        motion=motion,
        coregistration=Coregistration(np.eye(4), 0.5, np.array([0.5])),
        boundary=None,
        anatomy=Found(Normalisation(linear_warp(np.eye(4)), np.eye(4), "fast")),
        confounds=confounds_of(motion, data, mask).beside(SIGNALS.names, SIGNALS.values),
        signals=SIGNALS,
        snr=temporal_snr(data, mask),
        reference=data.mean(axis=-1),
        slice_timing=True,
        steps=("motion: none",),
    )


@pytest.fixture
def written(tmp_path):
    start_derivative(tmp_path, name="Preprocessed", sources=["bids::"])
    share = brain_of(GRID).astype(np.float32)
    tissues = Tissues(0.6 * share, 0.3 * share, 0.1 * share, brain_of(GRID), 1 + 0 * share)
    stem = tmp_path / "sub-01" / "anat" / "sub-01_acq-mprage"
    write_anatomy(stem, GRID, tissues, sources=["bids::sub-01/anat/sub-01_acq-mprage_T1w.nii.gz"])
    return write_preprocessed(tmp_path, RUN, result(), sources=["bids::sub-01/func/x_bold.nii.gz"])


def test_series_has_the_name_of_its_space(written):
    assert written.name == (
        "sub-01_task-oddball_run-02_space-MNI152NLin2009aSym_desc-preproc_bold.nii.gz"
    )


def test_series_is_read_back_as_it_was(written):
    sidecar = read_json(written.with_name(written.name.replace(".nii.gz", ".json")))
    mask = written.with_name(written.name.replace("preproc_bold", "brain_mask"))
    back = read_bold(written, sidecar, mask_path=mask)
    assert_allclose(back.data, result().bold.data)
    assert back.grid.matches(GRID)
    assert back.volumes.slice_times.tolist() == [0.9] * 10
    assert np.array_equal(back.mask, result().bold.mask)


def test_a_run_that_was_not_corrected_does_not_say_so(tmp_path):
    path = write_preprocessed(tmp_path, RUN, replace(result(), slice_timing=False), sources=["x"])
    sidecar = read_json(path.with_name(path.name.replace(".nii.gz", ".json")))
    assert sidecar["SliceTimingCorrected"] is False
    assert read_bold(path, sidecar).volumes.slice_times.tolist() == [0.9] * 10


def test_cautions_stand_in_the_sidecar(tmp_path):
    few = replace(result().bold, n_holes=1)
    path = write_preprocessed(
        tmp_path, RUN, replace(result(), cautions=hole_words(few)), sources=["x"]
    )
    sidecar = read_json(path.with_name(path.name.replace(".nii.gz", ".json")))
    assert sidecar["Caution"].startswith("1 voxel amid the brain is NaN: holes of its mask")


def test_every_image_and_table_names_its_sources(written):
    for path in written.parent.iterdir():
        if not path.name.endswith(".json"):
            stem = path.name.removesuffix(".gz").rpartition(".")[0]
            assert read_json(path.with_name(f"{stem}.json"))["Sources"]


def test_confounds_are_read_back_as_they_were(written):
    table = read_confounds(written.parent / f"{RUN.label}_desc-confounds_timeseries.tsv")
    assert table.names == result().confounds.names
    assert_allclose(table.values, result().confounds.values)


def test_the_sidecar_says_what_components_hold(written):
    sidecar = read_json(written.parent / f"{RUN.label}_desc-confounds_timeseries.json")
    assert sidecar["a_comp_cor_00"]["VarianceExplained"] == 0.4
    assert "mean of 50 voxels" in sidecar["white_matter"]["Description"]


def test_brain_and_tissues_lie_in_anat_under_the_names_of_the_field(written):
    anat = written.parents[1] / "anat"
    names = ("desc-brain_mask", "label-CSF_probseg", "label-GM_probseg", "label-WM_probseg")
    found = sorted(path.name for path in anat.glob("*.nii.gz"))
    assert found == [f"sub-01_acq-mprage_{name}.nii.gz" for name in names]
    assert nib.load(anat / found[2]).get_fdata().max() == pytest.approx(0.6)


def test_transforms_are_beside_the_series(written):
    matrices = read_json(written.parent / f"{RUN.label}_desc-preproc_transforms.json")
    assert np.array(matrices["ReferenceToVolume"]).shape == (6, 4, 4)
    [warp] = written.parent.glob("*_xfm.nii.gz")
    assert nib.load(warp).shape == (1, 1, 1, 3)


@pytest.mark.skipif(not VALIDATOR.exists(), reason="bids-validator-deno is not installed")
def test_what_is_written_is_valid_bids(written, tmp_path):
    assert validation_errors(tmp_path) == []
