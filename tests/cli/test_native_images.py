"""A simulated study with T1 images and native EPI, through the chain to MNI."""

import nibabel as nib
import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.cli.evaluate import truth_at
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.store import read_json
from neurotranscoder.preprocess.study import open_study
from neurotranscoder.preprocess.warp import Warp
from neurotranscoder.signal.rigid import apply_matrix
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.native_head import native_head
from neurotranscoder.simulate.native_space import draw_space
from neurotranscoder.simulate.session import simulate_study
from neurotranscoder.simulate.truth import load_truth
from small_study import bytes_below, command, validation_errors

VOXEL = 8.0
SETTINGS = {
    "n_subjects": 2,
    "runs_per_subject": 1,
    "duration": 80.0,
    "head": {"shape": (23, 26, 20), "voxel_sizes": (VOXEL,) * 3, "centre": (0.0, -16.0, 5.0)},
    "regions": {
        "n_evoked": 5, "n_oscillatory": 0, "n_motor": 0, "extent": (7.0, 9.0),
        "min_distance": 40.0, "timing": "spontaneous", "spontaneous_rate": 0.2,
    },
    "native": {"t1_size": 3.0, "shift": 8.0, "turn": 8.0},
}  # fmt: skip
QUICK = (
    'clean.steps=["filters"]',
    "images.space=mni",
    f"images.bold.voxel_size={VOXEL:.0f}",
    "images.bold.clean.confounds=[]",
    "images.bold.clean.longest_period=0",
    "images.bold.segment=false",
    "images.bold.coregister.n_starts=1",
    "images.bold.normalise.iterations=[4, 2, 0]",
)


def native_scenario(**changes):
    settings = SETTINGS | {"head": SETTINGS["head"] | {"ico": 2}} | changes
    return named_scenario("sequential-noisefree", preset="tiny", seed=1, **settings)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two subjects; never write to it."""
    root = tmp_path_factory.mktemp("native") / "study"
    simulate_study(native_scenario(), root)
    return root


@pytest.fixture(scope="module")
def out(study, tmp_path_factory):
    """What `preprocess` makes of it."""
    folder = tmp_path_factory.mktemp("mni") / "out"
    settings = [word for setting in QUICK for word in ("--set", setting)]
    assert command("preprocess", study, folder, *settings, quick=False) == 0
    return folder


def to_epi(out, run, points):
    """Take points of MNI to the EPI, by the transforms that the chain wrote."""
    folder = out / f"sub-{run.subject}" / "func"
    found = read_json(next(folder.glob("*_transforms.json")))
    image = nib.load(next(folder.glob("*_xfm.nii.gz")))
    grid = VoxelGrid(image.shape[:3], np.asarray(image.affine, dtype=np.float64))
    warp = Warp(np.array(found["TemplateToT1w"]), grid, np.asarray(image.get_fdata()))
    return apply_matrix(np.linalg.inv(np.array(found["BoldToT1w"])), warp.apply(points))


@pytest.mark.parametrize("number", [0, 1])
def test_the_chain_takes_voxels_of_the_epi_to_their_true_place_in_mni(study, out, number):
    truth = load_truth(study)
    run, space = truth.runs[number], draw_space(truth.cohort.scenario, number)
    head = native_head(truth.cohort.scenario, truth.regions, number)
    there = space.from_epi(head.places)
    off = np.linalg.norm(to_epi(out, run, there) - head.places, axis=1)
    before = np.linalg.norm(there - head.places, axis=1)
    assert np.median(before) > VOXEL  # there was something to find
    assert np.quantile(off, 0.95) < VOXEL


@pytest.mark.parametrize("number", [0, 1])
def test_regions_are_active_at_their_place_in_mni_after_the_chain(study, out, number):
    truth = load_truth(study)
    run, hemodynamics = truth.runs[number], truth.cohort.hemodynamics(number)
    bold = open_study(out).load(run).bold
    courses = truth.drawn(run).hemodynamic.respond(hemodynamics, bold.volumes.times(0))
    design = np.vstack([courses, np.ones(courses.shape[1])]).T
    maps = np.linalg.lstsq(design, bold.data[bold.mask].T)[0][:-1]
    places = bold.grid.world(np.argwhere(bold.mask))
    strong = np.where(maps > 0.5 * maps.max(axis=1, keepdims=True), maps, 0)
    found = strong @ places / strong.sum(axis=1, keepdims=True)
    off = np.linalg.norm(found - weighted_centres(truth), axis=1)
    assert np.all(off < VOXEL)


def weighted_centres(truth):
    """Return where the activity of each region is on average, in MNI."""
    regions, grid = truth.regions, truth.head.grid
    where = np.argwhere(regions.labels >= 0)
    shares = np.zeros((regions.n_regions, len(where)))
    index = tuple(where.T)
    shares[regions.labels[index], np.arange(len(where))] = regions.weights[index]
    return shares @ grid.world(where) / shares.sum(axis=1, keepdims=True)


def test_study_with_t1_images_is_valid_bids(study):
    assert validation_errors(study) == []


def test_images_of_a_subject_are_the_same_bytes_again_in_a_smaller_study(study, tmp_path):
    simulate_study(native_scenario(n_subjects=1), tmp_path / "again")
    once, again = (bytes_below(root / "sub-01") for root in (study, tmp_path / "again"))
    assert any(name.endswith("T1w.nii.gz") for name in once)
    assert again == once


def test_truth_on_disk_says_how_voxels_map_to_mni(study):
    truth, run = load_truth(study), RunId("02", "oddball", run="01")
    space = draw_space(truth.cohort.scenario, 1)
    folder = study / "derivatives" / "truth"
    kept = read_json(folder / "sub-02_spaces.json")
    image = nib.load(folder / "sub-02_from-T1w_to-MNI_mode-points_xfm.nii.gz")
    bold = open_study(study).load(run).bold
    assert bold.grid.matches(space.epi_grid)
    assert_allclose(bold.grid.voxel_to_world, kept["EpiVoxelToEpi"], atol=1e-4)  # float32
    points = bold.grid.world(np.array([[10, 12, 14], [20, 20, 20]]))
    in_t1 = apply_matrix(np.array(kept["EpiToT1w"]), points)
    nodes = VoxelGrid(image.shape[:3], np.asarray(image.affine, dtype=np.float64))
    warp = Warp(np.array(kept["T1wToMni"]), nodes, np.asarray(image.get_fdata()))
    assert_allclose(warp.apply(in_t1), space.from_epi(points), atol=1e-4)  # float32


def test_truth_is_brought_to_the_voxels_in_mni_and_refused_for_native_images(study, out):
    grid = open_study(out).load(load_truth(study).runs[0]).bold.grid
    assert truth_at(study, out, grid).head.grid.matches(grid)
    with pytest.raises(SettingsError, match="images in each subject's own space"):
        truth_at(study, None, grid)
