import numpy as np
import pytest
import torch
import xarray
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from movie_example import random_movie
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.tiles import Box, MovieTiles, boxes
from neurotranscoder.io.dense import export_movie
from neurotranscoder.model.coders import BoldToSource, SourceToBold
from neurotranscoder.model.layers import initialise, spatial_down
from neurotranscoder.reconstruct.tiles import ConvolvedTiles

SHAPE = (14, 9, 8)
N_TIMES = 150
WHOLE = Box((0, 0, 0, 0), (*SHAPE, N_TIMES))


def alive(coder, generator):
    """Return a coder whose normalisations have seen data, in evaluation mode."""
    initialise(coder, generator)
    for part in coder.modules():
        if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.uniform_(part.running_mean, 0, 0.5, generator=generator)
            nn.init.uniform_(part.running_var, 0.5, 2, generator=generator)
            nn.init.uniform_(part.weight, -2, 2, generator=generator)
            nn.init.uniform_(part.bias, -1, 1, generator=generator)
    return coder.eval()


def of_time(kind):
    generator = torch.Generator().manual_seed(5)
    return alive(kind(features=(4, 4, 4, 4), kernel_size=5, generator=generator), generator)


def of_space():
    """Five layers as of the coders of space, all at full size: what a subject's coder has."""
    pairs = zip((1, 4, 4, 4, 4), (4, 4, 4, 4, 1), strict=True)
    layers = [spatial_down(a, b, sizes=(SHAPE, SHAPE), kernel_size=3) for a, b in pairs]
    return alive(nn.Sequential(*layers), torch.Generator().manual_seed(6))


CODERS = [lambda: of_time(BoldToSource), lambda: of_time(SourceToBold), of_space]
CUTS = [(5, 4, 3, 40), (14, 9, 8, 7), (1, 9, 8, 150), (3, 2, 8, 150)]


@pytest.fixture
def noise(rng):
    return random_movie(rng, shape=SHAPE, n_times=N_TIMES)


@pytest.fixture
def constant(noise):
    maps, courses = np.ones((noise.n_voxels, 1)), np.ones((1, N_TIMES))
    factors = maps.astype(np.float32), courses.astype(np.float32)
    return SourceMovie(*factors, noise.grid, noise.mask, noise.axis, "eeg")


def in_tiles(tiles, size):
    """Return the whole, put together from boxes."""
    found = np.empty((*SHAPE, N_TIMES), dtype=np.float32)
    for box in boxes(found.shape, size):
        found[box.slices] = tiles.values(box)
    return found


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("make", CODERS)
@pytest.mark.parametrize("name", ["constant", "noise"])
def test_tiles_have_no_seams(name, make, cut, request):
    tiles = ConvolvedTiles(MovieTiles(request.getfixturevalue(name)), make())
    whole = tiles.values(WHOLE)
    scale = np.abs(whole).max()
    assert scale > 0.1
    assert_allclose(in_tiles(tiles, cut) / scale, whole / scale, atol=1e-6)


@pytest.mark.parametrize("make", CODERS)
def test_a_halo_that_is_one_short_would_show(make, noise, monkeypatch):
    tiles = ConvolvedTiles(MovieTiles(noise), make())
    whole = tiles.values(WHOLE)
    short = tuple(max(0, reach - 1) for reach in tiles._halo)
    monkeypatch.setitem(tiles.__dict__, "_halo", short)
    assert np.abs(in_tiles(tiles, CUTS[0]) - whole).max() > 1e-4 * np.abs(whole).max()


def test_whole_is_what_the_coder_itself_gives(noise):
    coder = of_time(BoldToSource)
    with torch.inference_mode():
        expected = coder(torch.tensor(noise.at(slice(None)))[None])[0]
    found = ConvolvedTiles(MovieTiles(noise), coder).values(WHOLE)
    assert_allclose(found[noise.mask], expected, rtol=1e-4, atol=1e-6)
    assert_array_equal(found[~noise.mask], 0)


def test_a_coder_of_space_on_one_of_time_has_no_seams_in_its_store(noise, tmp_path):
    tiles = ConvolvedTiles(ConvolvedTiles(MovieTiles(noise), of_time(BoldToSource)), of_space())
    assert tiles.reach == (5, 5, 5, 10)
    whole = tiles.values(WHOLE)
    export_movie(tmp_path / "one.zarr", tiles, chunk=(7, 3, 4, 50), tile=(7, 6, 4, 50))
    with xarray.open_zarr(tmp_path / "one.zarr") as found:
        scale = np.abs(whole).max()
        stored = found["source"].values[noise.mask]
        assert_allclose(stored / scale, whole[noise.mask] / scale, atol=1e-6)


def test_identity_follows_the_weights(noise):
    one, other = (ConvolvedTiles(MovieTiles(noise), of_time(BoldToSource)) for _ in range(2))
    assert one.identity == other.identity
    next(other.coder.parameters()).data[0] += 1
    assert ConvolvedTiles(MovieTiles(noise), other.coder).identity != one.identity


def test_coders_whose_value_depends_on_the_cut_are_refused(noise):
    with pytest.raises(SettingsError, match="training mode"):
        ConvolvedTiles(MovieTiles(noise), of_time(BoldToSource).train())
    generator = torch.Generator().manual_seed(5)
    up = BoldToSource(kernel_size=5, upsampling=3, generator=generator).eval()
    with pytest.raises(SettingsError, match="interpolate it first"):
        ConvolvedTiles(MovieTiles(noise), up)
