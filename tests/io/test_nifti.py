from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.errors import GridError, StoreError, StudyError
from neurotranscoder.io.mask import read_mask
from neurotranscoder.io.nifti import (
    blocks_of_image,
    grid_of,
    header_tr,
    image_of,
    image_of_blocks,
    open_image,
    read_bold,
    refuse_unplaced,
    write_nifti,
)

GRID = VoxelGrid((6, 5, 4), np.diag([-3.0, 3, 4, 1]) + np.eye(4, k=3) * 11)
SIDECAR = {"RepetitionTime": 2.0, "SliceTiming": [0.0, 1.0, 0.5, 1.5]}


def images(rng, n_volumes=3):
    data = rng.random((*GRID.shape, n_volumes))
    data[1:5, 1:4, 1:3] += 100
    return data.astype(np.float32)


def test_grid_tr_and_values_come_back(tmp_path, rng):
    data = images(rng)
    write_nifti(tmp_path / "x.nii.gz", image_of(data, GRID, tr=2.0))
    bold = read_bold(tmp_path / "x.nii.gz", SIDECAR)
    assert bold.grid.matches(GRID)
    assert_array_equal(bold.data, data)
    assert_allclose(bold.volumes.times(3), [1.5, 3.5, 5.5])


def test_mask_is_computed_from_the_mean_image(tmp_path, rng):
    write_nifti(tmp_path / "x.nii.gz", image_of(images(rng), GRID, tr=2.0))
    mask = read_bold(tmp_path / "x.nii.gz", SIDECAR).mask
    expected = np.zeros(GRID.shape, dtype=bool)
    expected[1:5, 1:4, 1:3] = True
    assert_array_equal(mask, expected)


def test_noise_has_no_brain_and_asks_for_a_mask(tmp_path, rng):
    grid = VoxelGrid((20, 20, 20), np.eye(4))
    data = rng.random((*grid.shape, 3)).astype(np.float32)
    write_nifti(tmp_path / "x.nii.gz", image_of(data, grid, tr=2.0))
    sidecar = SIDECAR | {"SliceTiming": [0.0] * 20}
    with pytest.raises(StudyError, match=r"brain mask: got no voxel .*desc-brain_mask"):
        read_bold(tmp_path / "x.nii.gz", sidecar)


def test_a_mask_on_another_grid_is_refused(tmp_path):
    write_nifti(tmp_path / "m.nii.gz", image_of(np.ones((3, 3, 3)), GRID))
    with pytest.raises(StudyError, match=r"grid: got shape \(3, 3, 3\).*\(6, 5, 4\) of x\.nii"):
        read_mask(tmp_path / "x.nii", tmp_path / "m.nii.gz", GRID)


@pytest.mark.parametrize(("unit", "factor"), [("sec", 1), ("msec", 1e3), ("usec", 1e6)])
def test_tr_is_read_in_seconds_whatever_the_unit(unit, factor, rng):
    image = image_of(images(rng), GRID, tr=2.0 * factor)
    image.header.set_xyzt_units("mm", unit)
    assert_allclose(header_tr(image), 2.0, rtol=1e-6)  # float32 in the header


def test_metres_become_millimetres(tmp_path):
    image = image_of(
        np.zeros(GRID.shape), VoxelGrid(GRID.shape, np.diag([0.003, 0.003, 0.004, 1]))
    )
    image.header.set_xyzt_units("meter", "sec")
    assert_allclose(grid_of(image, tmp_path).voxel_sizes, (3, 3, 4), rtol=1e-6)


def test_equal_images_give_equal_bytes(tmp_path, rng):
    image = image_of(images(rng), GRID, tr=2.0)
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti(tmp_path / name, image)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    with pytest.raises(StoreError, match=r"need '\.nii' or '\.nii\.gz'"):
        write_nifti(tmp_path / "a.img", image)


def test_blocks_survive_an_image_on_the_coarse_grid(tmp_path, rng):
    brain = np.ones(GRID.shape, dtype=bool)
    brain[:2] = False
    blocks = BlockMap.from_mask(GRID, brain, factors=(2, 2, 2))
    values = rng.standard_normal((blocks.n_blocks, 7)).astype(np.float32)
    write_nifti(tmp_path / "x.nii.gz", image_of_blocks(values, blocks, tr=0.01, start=0.005))
    image = open_image(tmp_path / "x.nii.gz")
    assert_array_equal(blocks_of_image(image, blocks), values)
    assert grid_of(image, tmp_path).matches(blocks.grid)
    assert_allclose(image.header.get_zooms(), (6, 6, 8, 0.01), rtol=1e-6)
    assert_allclose(float(image.header["toffset"]), 0.005, rtol=1e-6)
    other = BlockMap.from_mask(GRID, brain, factors=(3, 2, 2))
    with pytest.raises(GridError, match="use the same study"):
        blocks_of_image(image, other)


def test_nan_in_the_brain_and_constant_volumes_are_problems(tmp_path, rng):
    data = images(rng)
    data[2, 2, 2, 1] = np.nan
    write_nifti(tmp_path / "x.nii.gz", image_of(data, GRID, tr=2.0))
    write_nifti(tmp_path / "m.nii.gz", image_of((data[..., 0] > 50) * 1.0, GRID))
    with pytest.raises(StudyError, match="1 of 72 values in the brain are NaN"):
        read_bold(tmp_path / "x.nii.gz", SIDECAR, mask_path=tmp_path / "m.nii.gz")
    data[..., 1] = 7
    write_nifti(tmp_path / "x.nii.gz", image_of(data, GRID, tr=2.0))
    with pytest.raises(StudyError, match=r"1 constant volumes \(first: 1\)"):
        read_bold(tmp_path / "x.nii.gz", SIDECAR, mask_path=tmp_path / "m.nii.gz")


def test_voxels_amid_the_brain_that_are_nan_are_counted_and_those_around_it_are_not(tmp_path, rng):
    data = images(rng)
    data[0] = np.nan
    data[2, 2, 1:3] = np.nan
    data[3, 2, 1, 0] = np.nan  # in one volume
    write_nifti(tmp_path / "x.nii.gz", image_of(data, GRID, tr=2.0))
    bold = read_bold(tmp_path / "x.nii.gz", SIDECAR)
    assert bold.n_holes == 3
    assert not bold.mask[2, 2, 1]


def test_a_3d_image_and_a_text_file_are_refused(tmp_path):
    write_nifti(tmp_path / "x.nii.gz", image_of(np.ones(GRID.shape), GRID))
    with pytest.raises(StudyError, match=r"got 3 axes \(6, 5, 4\); need 4 axes"):
        read_bold(tmp_path / "x.nii.gz", SIDECAR)
    (tmp_path / "x.nii").write_text("no image")
    with pytest.raises(StudyError, match="need a NIfTI-1 file"):
        open_image(tmp_path / "x.nii")


def test_voxels_without_lengths_are_refused_unless_an_sform_has_them(tmp_path, rng):
    content = bytearray(image_of(images(rng), GRID, tr=2.0).to_bytes())
    content[80:92] = bytes(12)  # pixdim[1:4]
    (tmp_path / "x.nii").write_bytes(content)
    assert grid_of(open_image(tmp_path / "x.nii"), tmp_path / "x.nii").matches(GRID)
    refuse_unplaced(open_image(tmp_path / "x.nii"), tmp_path / "x.nii")
    content[254:256] = bytes(2)  # sform_code
    (tmp_path / "x.nii").write_bytes(content)
    with pytest.raises(StudyError, match=r"pixdim: got voxels of 0 x 0 x 0 mm, and no sform"):
        open_image(tmp_path / "x.nii")


@pytest.mark.parametrize(
    ("code", "change", "refused"),
    [
        (1, np.eye(4, k=3) * 3.9, False),  # the largest voxel is 4 mm
        (1, np.eye(4, k=3) * 4.1, True),
        (2, np.eye(4, k=3) * 4.1, False),  # aligned to another image
        (2, np.diag([6.0, 0, 0, 0]), True),  # the other side is left
    ],
)
def test_sform_and_qform_that_contradict_each_other_are_refused(rng, code, change, refused):
    image = image_of(images(rng), GRID, tr=2.0)
    image.set_sform(GRID.voxel_to_world + change, code=code)
    image = image.from_bytes(image.to_bytes())
    said = pytest.raises(StudyError, match="sform/qform: got two places that are up to")
    with said if refused else nullcontext():
        refuse_unplaced(image, Path("x.nii"))


def test_mutated_headers_are_read_or_refused_with_a_typed_error(tmp_path, rng):
    write_nifti(tmp_path / "x.nii", image_of(images(rng), GRID, tr=2.0))
    good = (tmp_path / "x.nii").read_bytes()
    for _ in range(300):
        bad = bytearray(good)
        for position in rng.integers(0, 352, size=3):
            bad[position] = rng.integers(0, 256)
        (tmp_path / "x.nii").write_bytes(bytes(bad))
        try:
            bold = read_bold(tmp_path / "x.nii", SIDECAR)
        except StudyError:
            continue
        assert np.all(np.isfinite(bold.grid.voxel_to_world))
