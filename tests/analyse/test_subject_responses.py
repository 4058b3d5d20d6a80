from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import gamma

from neurotranscoder.analyse.region_reader import RegionReader
from neurotranscoder.analyse.response_shapes import ResponseSettings, shapes_of
from neurotranscoder.analyse.responses import basis_of, weights_of
from neurotranscoder.analyse.subject_responses import region_hrfs
from neurotranscoder.analyse.subject_responses_store import write_region_hrfs
from neurotranscoder.core.axes import VoxelGrid
from neurotranscoder.core.errors import GridError, SettingsError, WeightsError
from neurotranscoder.core.response import Response
from neurotranscoder.io.atlas import Atlas
from neurotranscoder.io.store import read_json, read_table
from neurotranscoder.model.sparse import SparseSources
from neurotranscoder.reconstruct.subject import subject_movie
from neurotranscoder.report.subject_readouts import write_region_hrfs_picture
from neurotranscoder.signal.correlation import correlate_rows
from neurotranscoder.train.subject_coder import SubjectCoder
from neurotranscoder.train.subject_signals import followed
from neurotranscoder.train.trained_subject import TrainedSubject, digest_of_group
from subject_runs import QUICK, tiny_subject

PEAKS = (4.0, 5.0, 6.0, 7.0)
RATIOS = (0.4, 0.3, 0.2, 0.1)  # of the areas of undershoot and peak
QUARTERS = {1: "one", 2: "two", 3: "three", 4: "four"}


def response(times, peak, ratio):
    return gamma.pdf(times, peak + 1) - ratio * gamma.pdf(times, 15)


@pytest.fixture(scope="module")
def subject():
    return tiny_subject("sparse", "cohort")


@pytest.fixture(scope="module")
def trained(subject):
    """Four sources of the group, with any maps: what is fitted is not looked at here."""
    group, recording = subject.group, subject.recordings[0]
    learnt = group.module.sparse_coder.sparse
    four = [getattr(learnt, name)[:4] for name in ("weights", "means", "variances")]
    sparse = SparseSources(learnt.leadfield[:, :4], learnt.noise, *four)
    mask = recording.bold.mask
    maps = np.random.default_rng(2).standard_normal((mask.sum(), 4)).astype(np.float32)
    return TrainedSubject(
        maps=maps,
        grid=recording.bold.grid,
        mask=mask,
        coder=SubjectCoder(0.1, sparse),
        rate=QUICK.rate,
        montage=group.montage,
        eeg_scale=group.scaling.eeg,
        group=digest_of_group(group),
        runs=(),
        choices=(),
        settings=QUICK.model_dump(mode="json"),
    )


@pytest.fixture(scope="module")
def atlas(trained):
    """Four regions that share each slice; the last voxels are in none."""
    labels = np.zeros(trained.mask.shape, dtype=np.int64)
    labels[trained.mask] = 1 + np.arange(trained.mask.sum()) % 4
    labels[:2] = 0
    return Atlas(labels, trained.grid, QUARTERS | {9: "elsewhere"})


def known_bold(subject, trained, atlas, recording, rng, noise):
    """BOLD that follows the movie from EEG, each region by its own response, at slice times."""
    group, volumes = subject.group, recording.bold.volumes
    movie, times = subject_movie(trained, recording), group.response.times
    data = np.full_like(recording.bold.data, 1000.0)
    for number, (peak, ratio) in enumerate(zip(PEAKS, RATIOS, strict=True), 1):
        taps = Response(times, response(times, peak, ratio))
        spline = followed(movie.courses.astype(float), movie.axis, taps)
        for index in range(movie.mask.shape[2]):
            inside = movie.mask & (atlas.labels == number)
            inside[..., np.arange(movie.mask.shape[2]) != index] = False
            if not inside.any():
                continue
            seen = spline(np.clip(volumes.times(index), spline.x[0], spline.x[-1]))
            clean = movie.maps[inside[movie.mask]] @ seen
            clean += noise * clean.std() * rng.standard_normal(clean.shape)
            data[inside] += group.scaling.bold * clean
    return replace(recording, bold=replace(recording.bold, data=data))


@pytest.fixture(scope="module")
def known(subject, trained, atlas):
    rng = np.random.default_rng(3)
    return [
        known_bold(subject, trained, atlas, one, rng, noise=0.5) for one in subject.recordings[:3]
    ]


@pytest.fixture(scope="module")
def found(subject, trained, atlas, known):
    return region_hrfs(trained, subject.group, known, atlas)


def true_shapes(times):
    rows = [response(times, *one) for one in zip(PEAKS, RATIOS, strict=True)]
    return shapes_of(times, np.stack(rows), ResponseSettings())


def test_known_responses_of_regions_are_recovered(subject, found):
    true = true_shapes(subject.group.response.times)
    shapes = found.responses
    # a fifth of a second is half a lag of the group; the trough is flat for seconds
    assert_allclose(shapes.peak.value, true[0], atol=0.2)
    assert_allclose(shapes.fwhm.value, true[1], atol=0.3)
    assert_allclose(shapes.undershoot.value, true[2], atol=0.06)
    assert_allclose(shapes.undershoot_time.value, true[3], atol=1.5)
    assert np.all((shapes.peak.low - 0.1 <= true[0]) & (true[0] <= shapes.peak.high + 0.1))
    assert found.over == "runs"


def test_responses_are_read_with_maps_fitted_anew(subject, trained, atlas, known, found):
    noise = np.random.default_rng(4).standard_normal(trained.maps.shape)
    spoilt = replace(trained, maps=trained.maps + 2.0 * noise.astype(np.float32))
    again = region_hrfs(spoilt, subject.group, known, atlas)
    explained = [one.responses.explained for one in (found, again)]
    assert_allclose(explained[1], explained[0], atol=0.02)


def test_maps_are_fitted_anew_with_the_response_of_their_region(subject, trained, atlas, known):
    """BOLD of runs knows the maps; those that a fit with one response would give are others."""
    labels, numbers = atlas.labels[trained.mask], np.arange(1, 5)
    basis = basis_of(subject.group.response, ResponseSettings())
    reader = RegionReader(trained, subject.group, labels, numbers, basis)
    runs = [reader.run(one) for one in known]
    times, shared = subject.group.response.times, weights_of(subject.group.response, basis)
    own = np.stack(
        [
            weights_of(Response(times, response(times, *one)), basis)
            for one in zip(PEAKS, RATIOS, strict=True)
        ]
    )
    r = [
        np.median(
            correlate_rows(reader.refitted(runs, weights)[labels > 0], trained.maps[labels > 0])
        )
        for weights in (own, np.tile(shared, (4, 1)))
    ]
    assert r[0] > 0.8, f"median r {r}"
    assert r[0] > r[1], f"median r {r}"


def test_slice_times_are_those_of_the_images(subject, trained, atlas, known, found):
    """Said to be acquired earlier than they were, slices make responses early by as much."""

    def earlier(one):
        volumes = replace(one.bold.volumes, slice_times=one.bold.volumes.slice_times / 2)
        return replace(one, bold=replace(one.bold, volumes=volumes))

    moved = region_hrfs(trained, subject.group, [earlier(one) for one in known], atlas)
    by = known[0].bold.volumes.slice_times.mean() / 2
    assert by > 0.3
    difference = found.responses.peak.value - moved.responses.peak.value
    assert_allclose(difference, by, atol=0.15)  # regions have more voxels in some slices


def test_voxels_without_a_map_say_nothing(subject, trained, atlas, known, found):
    maps = trained.maps.copy()
    labels = atlas.labels[trained.mask]
    maps[labels == 2] = 0
    maps[np.flatnonzero(labels == 1)[::2]] = 0
    fewer = region_hrfs(replace(trained, maps=maps), subject.group, known, atlas)
    assert fewer.n_used[1] == 0
    assert np.isnan(fewer.responses.peak.value[1])
    assert_array_equal(fewer.n_voxels, found.n_voxels)
    assert fewer.n_used[0] == np.sum(maps.any(axis=1) & (labels == 1))
    # a region has the same response in all of its voxels
    assert_allclose(fewer.responses.peak.value[0], found.responses.peak.value[0], atol=0.15)


def test_signs_of_maps_do_not_matter(subject, trained, atlas, known):
    """A voxel whose source and BOLD both turn says the same about the response."""
    turned = np.where(np.arange(len(trained.maps)) % 8 < 4, -1, 1).astype(np.float32)
    signs = np.ones(trained.mask.shape)
    signs[trained.mask] = turned

    def other(one):
        data = 1000 + signs[..., np.newaxis] * (one.bold.data - 1000)
        return replace(one, bold=replace(one.bold, data=data.astype(one.bold.data.dtype)))

    model = replace(trained, maps=trained.maps * turned[:, np.newaxis])
    expected = region_hrfs(trained, subject.group, known[:2], atlas).responses
    mixed = region_hrfs(model, subject.group, [other(one) for one in known[:2]], atlas).responses
    assert_allclose(mixed.peak.value, expected.peak.value, atol=1e-3)


def test_one_run_has_intervals_over_its_segments(subject, trained, atlas, known):
    alone = region_hrfs(trained, subject.group, known[:1], atlas)
    assert alone.over == "segments"
    assert np.isfinite(alone.responses.peak.low).all()


def test_a_short_run_has_no_intervals(subject, trained, atlas, known):
    one = known[0]
    n_volumes = int(50 / one.bold.volumes.tr)
    volumes = replace(one.bold.volumes, n_volumes=n_volumes)
    bold = replace(one.bold, data=one.bold.data[..., :n_volumes], volumes=volumes)
    short = region_hrfs(trained, subject.group, [replace(one, bold=bold)], atlas)
    assert short.over == "nothing"
    assert np.isnan(short.responses.peak.low).all()


def test_regions_that_the_model_does_not_see_are_marked(subject, trained, atlas, known):
    seen = atlas.labels[trained.mask] < 3
    found = region_hrfs(trained, subject.group, known[:2], atlas, seen=seen)
    assert_array_equal(found.trusted, [True, True, False, False])
    assert_array_equal(found.seen, [1, 1, 0, 0])


def test_wrong_input_is_refused(subject, trained, atlas, known):
    with pytest.raises(SettingsError, match="got no run"):
        region_hrfs(trained, subject.group, [], atlas)
    with pytest.raises(WeightsError, match="another group model"):
        region_hrfs(replace(trained, group="x"), subject.group, known, atlas)
    far = np.eye(4)
    far[0, 3] = 900
    with pytest.raises(GridError, match="no region of the atlas is on the grid"):
        region_hrfs(
            trained,
            subject.group,
            known,
            Atlas(atlas.labels, VoxelGrid(atlas.labels.shape, far), QUARTERS),
        )


def test_responses_are_written_with_sidecars_and_a_picture(subject, found, tmp_path):
    marked = replace(found, seen=np.array([0.5, 0.0, 0.2, np.nan]))
    write_region_hrfs(tmp_path, "sub-01", marked, sources=["bids:raw:one"])
    table = read_table(tmp_path / "sub-01_hrf.tsv")
    assert table["region"] == ["one", "two", "three", "four"]
    assert table["seen"] == ["1", "0", "1", "n/a"]
    assert_allclose(np.float64(table["undershoot_low"]), found.responses.undershoot.low)
    curves = read_table(tmp_path / "sub-01_hrfcurves.tsv")
    assert len(curves["value"]) == 4 * len(found.responses.times)
    sidecar = read_json(tmp_path / "sub-01_hrf.json")
    assert sidecar["Intervals"] == "95 %, jackknife over 3 runs"
    assert sidecar["ShareOfInstruments"] == found.instrument_share
    assert all(sidecar[column]["Description"] for column in table)
    assert sidecar["peak"]["Units"] == sidecar["peak_low"]["Units"] == "s"
    path = tmp_path / "sub-01_hrf.png"
    write_region_hrfs_picture(path, marked, subject.group.response, name="sub-01")
    assert path.read_bytes().startswith(b"\x89PNG")
