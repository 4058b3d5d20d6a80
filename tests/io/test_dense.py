import dataclasses
import errno
import itertools
import tracemalloc

import numpy as np
import pytest
import xarray
import zarr
from numpy.testing import assert_allclose, assert_array_equal

from movie_example import VOXEL_TO_WORLD, random_movie
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import CheckError, DiskError, SettingsError, StoreError
from neurotranscoder.core.tiles import MovieTiles
from neurotranscoder.io import dense, limits
from neurotranscoder.io.dense import export_movie, open_export
from neurotranscoder.io.dense_journal import Journal
from neurotranscoder.io.dense_layout import Layout, export_bytes, plan_layout

SHAPE = (11, 9, 7)
CHUNK = (4, 4, 4, 30)
ROUNDING = 1e-6
"""Of float32; values are of the order of one."""


@pytest.fixture
def movie(rng):
    movie = random_movie(rng, shape=SHAPE, n_times=100)
    brain = movie.mask.copy()
    brain[8:] = False  # whole chunks without a voxel
    return dataclasses.replace(movie, mask=brain, maps=movie.maps[: brain.sum()])


@pytest.fixture
def truth(movie):
    """The whole product on the grid, NaN outside the mask."""
    full = movie.unmask(movie.at(slice(None)))
    full[~movie.mask] = np.nan
    return full


def contents(folder):
    """Return the bytes of every file below a folder."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


class Counted(MovieTiles):
    """Counts its tiles and may break off before one of them."""

    def __init__(self, movie, *, until=None):
        super().__init__(movie)
        object.__setattr__(self, "made", [])
        object.__setattr__(self, "until", until)

    def values(self, box):
        if len(self.made) == self.until:
            raise KeyboardInterrupt("killed")
        self.made.append(box)
        return super().values(box)


def test_dense_movie_opens_in_xarray_with_named_and_placed_axes(movie, truth, tmp_path):
    export_movie(tmp_path / "one.zarr", movie, chunk=CHUNK)
    with xarray.open_zarr(tmp_path / "one.zarr") as found:
        assert found["source"].dims == ("x", "y", "z", "time")
        assert_allclose(found["source"].values, truth, atol=ROUNDING)
        assert_array_equal(found["brain"].values, movie.mask)
        assert_array_equal(found["time"], movie.axis.times)
        corner = np.append([2, 3, 5], 1) @ VOXEL_TO_WORLD.T
        assert [float(found[name][i]) for name, i in zip("xyz", (2, 3, 5), strict=True)] == (
            corner[:3].tolist()
        )
        assert_array_equal(found.attrs["voxel_to_world"], VOXEL_TO_WORLD)
        one = found["source"].sel(x=-84, y=-101, z=-40, time=0.305, method="nearest")
        assert_allclose(one, truth[2, 3, 5, 30], atol=ROUNDING)


def test_voxels_outside_the_brain_take_no_room(movie, tmp_path):
    export_movie(tmp_path / "one.zarr", movie, chunk=CHUNK)
    chunks = {
        p: c for p, c in contents(tmp_path / "one.zarr" / "source").items() if "c" in p.parts
    }
    assert {path.parts[1] for path in chunks} == {"0", "1"}  # x from 8 on is outside
    written = sum(map(len, chunks.values()))
    layout = Layout((*SHAPE, 100), CHUNK, CHUNK)
    assert 0.8 < written / (4 * movie.n_voxels * 100) < 1.1
    assert written < layout.disk_bytes(movie.mask)


@pytest.mark.parametrize("tile", [None, (4, 9, 7, 30), (8, 4, 8, 60), (11, 9, 7, 100)])
def test_any_cut_gives_the_same_movie(movie, truth, tmp_path, tile):
    export_movie(tmp_path / "one.zarr", movie, chunk=CHUNK, tile=tile)
    assert_allclose(open_export(tmp_path / "one.zarr")[:], truth, atol=ROUNDING)


def test_default_chunks_hold_the_movie_too(movie, truth, tmp_path):
    export_movie(tmp_path / "one.zarr", movie)
    assert open_export(tmp_path / "one.zarr", verify=True).chunks == (6, 5, 7, 100)
    assert_allclose(open_export(tmp_path / "one.zarr")[:], truth, atol=ROUNDING)


@pytest.mark.parametrize("until", [0, 1, 5, 8])
def test_resumed_export_has_the_same_bytes_and_computes_no_committed_tile_again(
    movie, tmp_path, monkeypatch, until
):
    monkeypatch.setattr(dense, "BATCH_BYTES", 1)  # every tile is committed by itself
    export_movie(tmp_path / "whole.zarr", movie, chunk=CHUNK)
    broken = Counted(movie, until=until)
    with pytest.raises(KeyboardInterrupt):
        export_movie(tmp_path / "part.zarr", broken, chunk=CHUNK)
    assert not (tmp_path / "part.zarr").exists()
    with Journal(tmp_path / ".part.zarr.journal", tmp_path / ".part.zarr.unfinished") as journal:
        done = broken.made[: len(journal.tiles)]
    assert len(done) >= until - 2  # the last batches may not have been committed
    rest = Counted(movie)
    export_movie(tmp_path / "part.zarr", rest)  # chunks and tiles are those of the start
    assert not set(done) & set(rest.made)
    assert contents(tmp_path / "part.zarr") == contents(tmp_path / "whole.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["part.zarr", "whole.zarr"]


def test_a_finished_export_is_left_as_it_is(movie, tmp_path):
    export_movie(tmp_path / "one.zarr", movie)
    again = Counted(movie)
    export_movie(tmp_path / "one.zarr", again)
    assert again.made == []
    other = dataclasses.replace(movie, courses=-movie.courses)
    with pytest.raises(StoreError, match="holds another movie"):
        export_movie(tmp_path / "one.zarr", other)


def test_a_part_of_another_movie_is_not_gone_on_with(movie, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        export_movie(tmp_path / "one.zarr", Counted(movie, until=1), chunk=CHUNK)
    other = dataclasses.replace(movie, courses=-movie.courses)
    with pytest.raises(StoreError, match="part of another movie"):
        export_movie(tmp_path / "one.zarr", other)


def test_a_committed_file_that_a_power_failure_took_is_made_again(movie, tmp_path, monkeypatch):
    monkeypatch.setattr(dense, "BATCH_BYTES", 1)
    export_movie(tmp_path / "whole.zarr", movie, chunk=CHUNK)
    with pytest.raises(KeyboardInterrupt):
        export_movie(tmp_path / "part.zarr", Counted(movie, until=5), chunk=CHUNK)
    lost = tmp_path / ".part.zarr.unfinished" / "source" / "c" / "0" / "0" / "0" / "0"
    lost.write_bytes(b"")
    export_movie(tmp_path / "part.zarr", movie)
    assert contents(tmp_path / "part.zarr") == contents(tmp_path / "whole.zarr")


def test_two_processes_do_not_write_one_export(movie, tmp_path):
    class Second(MovieTiles):
        def values(self, box):
            export_movie(tmp_path / "one.zarr", movie)
            return super().values(box)

    with pytest.raises(StoreError, match="another process is writing"):
        export_movie(tmp_path / "one.zarr", Second(movie))


def test_disk_need_is_checked_before_the_first_tile(movie, tmp_path, monkeypatch):
    free = limits.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(limits.shutil, "disk_usage", lambda _: free)
    source = Counted(movie)
    with pytest.raises(StoreError, match=r"9.31e-07 GiB free; one\.zarr .* needs 0\.01\d+ GiB"):
        export_movie(tmp_path / "one.zarr", source)
    assert source.made == []
    assert list(tmp_path.iterdir()) == []


def test_memory_that_does_not_suffice_is_refused_with_the_need(movie, tmp_path):
    with pytest.raises(SettingsError, match=r"this process holds .* GiB already"):
        export_movie(tmp_path / "one.zarr", movie, memory=1000)
    held = limits.memory_limit() - limits.memory_left(limits.memory_limit())
    with pytest.raises(SettingsError, match=r"one chunk of .* needs 0\.0\d+ GiB"):
        export_movie(tmp_path / "one.zarr", movie, memory=held + 30 * 2**20)


@pytest.mark.parametrize("tile", [(24, 24, 16, 500), (8, 8, 8, 500)])
def test_export_takes_no_more_memory_than_it_declares(rng, tmp_path, tile):
    movie = random_movie(rng, shape=(24, 24, 16), n_times=1500)
    source = MovieTiles(movie)
    layout = plan_layout(source, chunk=None, tile=tile, memory=2**40)
    export_movie(tmp_path / "warm.zarr", random_movie(rng, shape=SHAPE, n_times=10))
    tracemalloc.start()
    export_movie(tmp_path / "one.zarr", source, tile=layout.tile)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 4 * np.prod(tile) < peak < export_bytes(source, layout)


def test_a_flipped_bit_raises_when_it_is_read(movie, tmp_path):
    export_movie(tmp_path / "one.zarr", movie, chunk=CHUNK)
    path = next(p for p in (tmp_path / "one.zarr" / "source" / "c").rglob("*") if p.is_file())
    bad = bytearray(path.read_bytes())
    bad[100] ^= 1
    path.write_bytes(bad)
    with pytest.raises(ValueError, match="checksum"):
        open_export(tmp_path / "one.zarr")[:]
    with pytest.raises(StoreError, match="damaged"):
        open_export(tmp_path / "one.zarr", verify=True)


def test_a_store_without_manifest_or_chunk_is_refused(movie, tmp_path):
    export_movie(tmp_path / "one.zarr", movie, chunk=CHUNK)
    chunk = next(p for p in (tmp_path / "one.zarr" / "source" / "c").rglob("*") if p.is_file())
    content = chunk.read_bytes()
    chunk.unlink()
    with pytest.raises(StoreError, match="no such file"):
        open_export(tmp_path / "one.zarr")
    array = zarr.open_array(tmp_path / "one.zarr" / "source", mode="r")
    box = tuple(
        slice(int(i) * n, (int(i) + 1) * n) for i, n in zip(chunk.parts[-4:], CHUNK, strict=True)
    )
    assert np.isnan(array[box]).all()  # never zero
    chunk.write_bytes(content)
    (tmp_path / "one.zarr" / "manifest.json").unlink()
    with pytest.raises(StoreError, match="need a finished result"):
        open_export(tmp_path / "one.zarr")


@pytest.mark.parametrize("after", [0, 3, 20])
def test_a_full_disk_stops_an_export_that_then_goes_on(movie, tmp_path, monkeypatch, after):
    monkeypatch.setattr(dense, "BATCH_BYTES", 1)
    export_movie(tmp_path / "whole.zarr", movie, chunk=CHUNK)
    calls, flush = itertools.count(), dense.flush

    def full(path, flags):
        if next(calls) >= after:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(path, flags)

    with monkeypatch.context() as patched:
        patched.setattr(dense, "flush", full)
        with pytest.raises(DiskError, match=r"No space left on device.*run it again to go on"):
            export_movie(tmp_path / "part.zarr", movie, chunk=CHUNK)
    assert not (tmp_path / "part.zarr").exists()
    export_movie(tmp_path / "part.zarr", movie)
    assert contents(tmp_path / "part.zarr") == contents(tmp_path / "whole.zarr")


def test_activity_that_is_not_finite_is_refused(movie, tmp_path):
    class Broken(MovieTiles):
        def values(self, box):
            return super().values(box) / np.float32(0)

    with np.errstate(all="ignore"), pytest.raises(CheckError, match="NaN or infinite"):
        export_movie(tmp_path / "one.zarr", Broken(movie))


def test_axes_of_a_rotated_grid_are_numbers_of_voxels(movie, tmp_path):
    rotated = VOXEL_TO_WORLD.copy()
    rotated[0, 1] = 0.5
    turned = dataclasses.replace(movie, grid=VoxelGrid(SHAPE, rotated))
    export_movie(tmp_path / "one.zarr", turned)
    with xarray.open_zarr(tmp_path / "one.zarr") as found:
        assert_array_equal(found["y"], np.arange(SHAPE[1]))
        assert found["y"].attrs["units"] == "voxels"


def test_names_that_are_no_store_are_refused(movie, tmp_path):
    with pytest.raises(StoreError, match=r"needs '\.zarr'"):
        export_movie(tmp_path / "one", movie)


def test_a_place_that_cannot_be_written_to_is_refused(movie, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match="needs a folder with permission to write"):
        export_movie(tmp_path / "file" / "one.zarr", movie)
