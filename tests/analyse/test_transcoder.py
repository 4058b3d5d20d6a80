import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.analyse.identifiability import BOTH
from neurotranscoder.analyse.transcoder import read_out_transcoder
from neurotranscoder.api.readouts import read_out
from neurotranscoder.api.transcoder import Transcoder
from neurotranscoder.config import load_config
from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.reconstruct.group import source_of_bold
from readout_example import SETTINGS, trained_example


@pytest.fixture(scope="module")
def example():
    return trained_example()


@pytest.fixture(scope="module")
def found(example):
    return read_out_transcoder(*example, SETTINGS)


def test_linear_inverse_of_a_linear_model_is_its_matrix(example, found):
    trained = example[0]
    matrix = trained.module.eeg_to_source.matrix.double().numpy()
    scaled = found.spatial.block_inverse * trained.scaling.eeg
    assert_allclose(scaled, matrix, atol=1e-4 * np.abs(matrix).max())
    assert_allclose(
        found.spatial.inverse.value, found.regions.maps.T @ found.spatial.block_inverse
    )


def test_leadfield_of_regions_is_in_volts_and_within_its_interval(example, found):
    trained, spatial = example[0], found.spatial
    whole = trained.leadfield @ found.regions.maps * trained.scaling.eeg
    assert_allclose(spatial.leadfield.value, whole.T)
    assert np.all(spatial.leadfield.low < spatial.leadfield.high)
    assert np.all(spatial.leadfield_refit_r > 0.99)
    assert np.all(spatial.inverse_refit_r > 0.9)


def test_intervals_of_maps_are_as_narrow_as_little_noise_makes_them(found):
    for one in (found.spatial.leadfield, found.spatial.inverse):
        half = np.median(one.high - one.value) / np.abs(one.value).max()
        assert 0.01 < half < 0.2  # .05 to .06 with 3 runs


def test_both_estimates_agree_and_all_blocks_are_seen(found):
    assert np.all(found.agreement.r.value > 0.5)
    assert abs(found.agreement.lag.mean) < 0.2
    assert np.mean(found.identifiability.seen == BOTH) > 0.9


def test_regions_are_orthonormal_and_label_all_blocks(found):
    maps = found.regions.maps
    assert_allclose(maps.T @ maps, np.eye(maps.shape[1]), atol=1e-5)
    assert set(found.regions.labels) <= set(range(1, maps.shape[1] + 1))
    assert found.regions.centres.shape == (maps.shape[1], 3)
    assert len(found.regions.names) == maps.shape[1]


def test_readouts_are_the_same_twice(example, found):
    again = read_out_transcoder(*example, SETTINGS)
    assert_array_equal(again.responses.peak.value, found.responses.peak.value)
    assert_array_equal(again.identifiability.sources.q, found.identifiability.sources.q)


def test_no_validation_run_is_refused(example):
    trained, training, _ = example
    with pytest.raises(SettingsError, match="3 training and 0 validation runs"):
        read_out_transcoder(trained, training, [], SETTINGS)


def test_runs_of_which_nothing_is_left_inside_their_edges_are_refused(example):
    settings = SETTINGS.model_copy(update={"edge": (32.0, 9000.0)})
    with pytest.raises(GridError, match=r"leave out its first 32 s .* least 3 volumes"):
        read_out_transcoder(*example, settings)


def test_regions_explain_eeg_as_far_as_their_leadfields_fit(example, found):
    trained, _, validation = example
    maps, edge = found.regions.maps, 20  # 8 s
    left = total = 0.0
    for run in validation:
        source = maps[:, 0] @ source_of_bold(trained, run.bold)
        part = slice(edge, run.axis.n_times - edge)
        eeg, course = (x[..., part] for x in (trained.scaling.scale_eeg(run.eeg), source))
        eeg, course = eeg - eeg.mean(axis=1, keepdims=True), course - course.mean()
        left += np.sum((eeg - np.outer(trained.leadfield @ maps[:, 0], course)) ** 2)
        total += np.sum(eeg**2)
    assert_allclose(found.spatial.eeg_explained[0], 1 - left / total, atol=1e-3)


def test_facade_reads_out_the_runs_of_the_split(tiny_study, tiny_results):
    quick = "analyse.identifiability.least_shift=12", "align.block_size=24"
    config = load_config(None, quick)
    transcoder = Transcoder.load(tiny_results / "models" / "closed_form", config=config)
    found = read_out(transcoder, tiny_study)
    assert (found.n_training, found.n_validation) == (4, 2)
