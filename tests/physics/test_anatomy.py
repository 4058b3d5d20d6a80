import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.physics.anatomy import (
    ANATOMY,
    MNI152_TO_TALAIRACH,
    named_region,
    region_mask,
    spheres_mask,
)
from neurotranscoder.physics.head import Head, HeadSettings
from neurotranscoder.physics.tissue import apply_affine, tissue_on_grid

NAMES = sorted({name.removesuffix("_left").removesuffix("_right") for name in ANATOMY})


@pytest.fixture(scope="module")
def paper_head():
    """The paper's grid with its tissue, without a leadfield."""
    grid = HeadSettings(shape=(64, 64, 35), voxel_sizes=(3, 3, 4), centre=(0, -17, 8)).grid
    tissue = tissue_on_grid(grid)
    brain = tissue.grey + tissue.white > 0.5
    n_voxels = int(brain.sum())
    leadfield, up = np.zeros((1, n_voxels)), np.tile([0.0, 0.0, 1.0], (n_voxels, 1))
    montage = Montage(("Cz",))
    return Head(grid, brain, leadfield, up, montage, tissue.grey[brain], tissue.white[brain])


def places_of(mask, head):
    return head.grid.world(np.argwhere(mask))


@pytest.mark.parametrize("name", NAMES)
def test_each_side_holds_grey_matter_on_that_side_and_they_mirror(paper_head, name):
    left, right = (region_mask(f"{name}_{side}", paper_head) for side in ("left", "right"))
    assert places_of(left, paper_head)[:, 0].max() < 0 < places_of(right, paper_head)[:, 0].min()
    assert min(left.sum(), right.sum()) * 36e-3 > 0.5  # ml
    middle = [places_of(mask, paper_head).mean(axis=0) for mask in (left, right)]
    # published peaks of left and right differ by up to 9 mm (MT)
    assert_allclose(middle[0] * [-1, 1, 1], middle[1], atol=12)


@pytest.mark.parametrize("name", NAMES)
def test_plain_name_is_both_sides(paper_head, name):
    both = region_mask(name, paper_head)
    sides = [region_mask(f"{name}_{side}", paper_head) for side in ("left", "right")]
    assert np.array_equal(both, sides[0] | sides[1])


def test_lobes_lie_where_their_names_say(paper_head):
    middle = {
        lobe: places_of(region_mask(f"{lobe}_left", paper_head), paper_head).mean(axis=0)
        for lobe in ("frontal", "parietal", "temporal", "occipital")
    }
    assert middle["frontal"][1] > 10 > -40 > middle["parietal"][1] > middle["occipital"][1]
    assert middle["parietal"][2] > 30 > middle["occipital"][2] > middle["temporal"][2]


def test_lobes_hardly_overlap(paper_head):
    lobes = [region_mask(name, paper_head) for name in ("frontal", "parietal", "temporal")]
    lobes.append(region_mask("occipital", paper_head))
    covered = np.sum(lobes, axis=0)
    assert np.mean(covered[covered > 0] > 1) < 0.05


def test_motor_and_somatosensory_hand_areas_are_in_the_gyri_of_the_atlas():
    # AAL centroids (Tzourio-Mazoyer 2002): PreCG.L -39 -6 51, PoCG.L -42 -23 49
    for name, centroid in (
        ("primary_motor", [-38.65, -5.68, 50.94]),
        ("primary_somatosensory", [-42.46, -22.63, 48.92]),
    ):
        centre = named_region(f"{name}_left").spheres[0].centre
        assert np.linalg.norm(np.subtract(centre, centroid)) < 20


def test_talairach_places_are_carried_by_the_inverse_of_icbm2tal():
    sphere = named_region("primary_motor_left").spheres[0]
    back = apply_affine(MNI152_TO_TALAIRACH, np.array([sphere.centre]))
    assert_allclose(back, [[-37.0, -21.0, 58.0]], atol=1e-9)


@pytest.mark.parametrize("name", sorted(ANATOMY))
def test_every_region_names_its_source(name):
    region = named_region(name)
    assert region.name == name
    assert any(character.isdigit() for character in region.reference)


def test_coarse_grid_has_every_region_too(tiny_head):
    for name in ANATOMY:
        mask = region_mask(name, tiny_head, min_grey=0.05)
        assert np.all(tiny_head.brain[mask])


def test_spheres_hold_the_voxels_within_their_radius(paper_head):
    region = named_region("auditory_right")
    distance = np.linalg.norm(
        places_of(spheres_mask(region, paper_head.grid), paper_head) - region.spheres[0].centre,
        axis=1,
    )
    assert distance.max() <= region.spheres[0].radius
    # 4/3 pi 11^3 mm^3 in voxels of 36 mm^3
    assert_allclose(len(distance), 4 / 3 * np.pi * 11**3 / 36, rtol=0.1)


def test_unknown_region_lists_the_known_ones():
    with pytest.raises(SettingsError, match=r"region 'amygdala' is unknown.*auditory.*_left"):
        named_region("amygdala")


def test_region_without_grey_matter_is_refused(paper_head):
    with pytest.raises(GridError, match="lower min_grey"):
        region_mask("insula_left", paper_head, min_grey=1.5)
