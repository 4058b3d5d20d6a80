from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from neurotranscoder.core.errors import GridError
from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.train.alternating import Pair
from neurotranscoder.train.closed_form import (
    ClosedFormSettings,
    fit_closed_form,
)
from neurotranscoder.train.grouped_map import GroupedMap, RowGroup, choose_map
from neurotranscoder.train.linear_transcoder import (
    LinearShape,
    linear_transcoder,
    unfitted_transcoder,
)
from neurotranscoder.train.signals import Signals
from neurotranscoder.train.sparse import SparseSettings, fit_sparse_sources
from neurotranscoder.train.sparse_fit import (
    _pays,
    _Rows,
    fit_with_sparse_sources,
    with_sparse_sources,
)
from sparse_runs import RATE, SparseRegions

SETTINGS = ClosedFormSettings(hrf_duration=8.0, decoder_span=(-8.0, 4.0))
SPARSE = SparseSettings(frames=800)
SIGNALS = ("source_from_eeg", "bold_from_eeg", "source_from_bold", "eeg_from_bold")


def signals(runs, powers=None):
    powers = [None] * len(runs) if powers is None else powers
    return [Signals(eeg, bold, power) for (eeg, bold, _), power in zip(runs, powers, strict=True)]


def sparse_fit(runs, settings=SPARSE):
    known, unseen = signals(runs[:-1]), signals(runs[-1:])
    return fit_with_sparse_sources(known, unseen, RATE, SETTINGS, settings)


def linear_fit(runs):
    return fit_closed_form(signals(runs[:-1]), signals(runs[-1:]), RATE, SETTINGS)


def estimates(transcoder, run):
    eeg, bold = (torch.tensor(x, dtype=torch.float32)[None] for x in run[:2])
    inputs = {"eeg": eeg, "bold": bold}
    with torch.no_grad():
        return {
            name: getattr(transcoder, name)(inputs[name.partition("_from_")[2]])[0].numpy()
            for name in SIGNALS
        }


def scores(fit, regions, run):
    """Return the relative error of held-out BOLD and the correlation with the true source."""
    _, bold, sources = run
    found = estimates(linear_transcoder(fit), run)
    valid = slice(len(fit.hrf) - 1, None)
    errors, powers = (
        np.var(x[:, valid], axis=1).sum() for x in (found["bold_from_eeg"] - bold, bold)
    )
    truth = regions.maps @ sources
    return errors / powers, np.corrcoef(found["source_from_eeg"].ravel(), truth.ravel())[0, 1]


@pytest.fixture(scope="module", params=[False, True], ids=["own reference", "average reference"])
def sparse_regions(request):
    return SparseRegions(average_reference=request.param)


@pytest.fixture(scope="module")
def runs(sparse_regions):
    return sparse_regions.runs(104, 6)


@pytest.fixture(scope="module")
def fitted(runs):
    return sparse_fit(runs[:5])


def test_sparse_sources_predict_held_out_bold_and_sources_better(sparse_regions, runs, fitted):
    error, r = scores(fitted, sparse_regions, runs[5])
    linear_error, linear_r = scores(linear_fit(runs[:5]), sparse_regions, runs[5])
    assert fitted.sparse is not None
    assert error < 0.8 * linear_error
    assert r > 0.95
    assert 1 - r < 0.3 * (1 - linear_r)


@pytest.mark.parametrize("n_channels", [6, 10, 16])
def test_normal_sources_lose_nothing(n_channels):
    """There is nothing to gain: the best estimate is linear."""
    regions = SparseRegions(share=1.0, n_channels=n_channels)
    runs = regions.runs(105, 6)
    error, r = scores(sparse_fit(runs[:5]), regions, runs[5])
    linear_error, linear_r = scores(linear_fit(runs[:5]), regions, runs[5])
    assert error < linear_error + 0.01
    assert r > linear_r - 0.01


# of active frames; how much worse BOLD is predicted; whether sparse sources are read all the same
@pytest.mark.parametrize(
    ("share", "worse", "read"), [(0.1, 0.005, True), (0.1, 0.02, False), (1.0, 0.005, False)]
)
def test_where_bold_hardly_tells_its_eeg_decides(share, worse, read):
    regions = SparseRegions(share=share)
    known = signals(regions.runs(107, 3))
    sparse = fit_sparse_sources(known[:2], regions.maps, regions.hrf, SPARSE)
    alone, both = (
        _Rows([], [], (), GroupedMap(np.zeros((1, 1)), 0.1, (1.0,), 0.1, error))
        for error in (1.0, 1.0 + worse)
    )
    assert _pays(both, alone, sparse, known[2:], SPARSE) is read


def test_eeg_without_sources_predicts_nothing(rng):
    regions = SparseRegions()
    runs = [
        (rng.standard_normal(eeg.shape), bold, sources)
        for eeg, bold, sources in regions.runs(106, 6)
    ]
    error, r = scores(sparse_fit(runs[:5]), regions, runs[5])
    assert error < 1.1
    assert abs(r) < 0.1


def test_the_response_is_that_of_the_linear_fit(runs, fitted):
    assert_array_equal(fitted.hrf, linear_fit(runs[:5]).hrf)


def test_maps_are_regions_and_stay_orthonormal(sparse_regions, fitted):
    maps, truth = fitted.maps, sparse_regions.maps
    assert_allclose(maps.T @ maps, np.eye(12), atol=1e-9)
    assert (np.abs(truth.T @ maps).max(axis=0) > 0.99).all()


def test_leadfield_of_the_regions_is_recovered(sparse_regions, fitted):
    found = fitted.leadfield @ fitted.maps.T @ sparse_regions.maps
    for column, truth in zip(found.T, sparse_regions.leadfield.T, strict=True):
        assert np.corrcoef(column, truth)[0, 1] > 0.95


def test_transcoder_of_the_fit_computes_the_same_as_the_fit(runs, fitted):
    eeg = runs[5][0]
    sources = fitted.sparse.sources.around_mean(torch.tensor(eeg)[None])[0].numpy()
    expected = fitted.maps @ (fitted.eeg_weights @ eeg + fitted.sparse.weights @ sources)
    found = estimates(linear_transcoder(fitted), runs[5])["source_from_eeg"]
    assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_transcoder_of_a_state_dict_says_the_same_to_the_last_bit(runs, fitted):
    transcoder = linear_transcoder(fitted)
    empty = unfitted_transcoder(LinearShape.of(fitted))
    empty.load_state_dict(transcoder.state_dict())
    first, second = (estimates(one, runs[5]) for one in (transcoder, empty))
    for name in SIGNALS:
        assert_array_equal(first[name], second[name])


def test_shape_says_whether_components_are_filtered(runs, fitted):
    mixing = np.random.default_rng(3).standard_normal(2 * fitted.maps.shape[1:])
    filtered = replace(fitted, bold_mixing=mixing)
    empty = unfitted_transcoder(LinearShape.of(filtered))
    empty.load_state_dict(linear_transcoder(filtered).state_dict())
    found, plain = (
        estimates(one, runs[5])["source_from_bold"] for one in (empty, linear_transcoder(fitted))
    )
    assert np.abs(found - plain).max() > 0.1
    plain_shape = LinearShape.of(replace(fitted, bold_mixing=None))
    assert unfitted_transcoder(plain_shape).bold_projection.mixing is None


def test_shape_holds_the_rounds_of_the_sparse_sources(runs):
    fit = sparse_fit(runs[:5], SPARSE.model_copy(update={"rounds": 5, "damping": 0.5}))
    assert LinearShape.of(fit).sparse_rounds == 5
    empty = unfitted_transcoder(LinearShape.of(fit)).eeg_to_source.sparse
    assert (empty.rounds, empty.damping) == (5, 0.5)
    assert LinearShape.of(replace(fit, sparse=None)).sparse_rounds == 0


def test_sparse_sources_are_further_rows_of_the_eeg(runs, fitted):
    pair = Pair(runs[5][0], fitted.maps.T @ runs[5][1])
    sources = fitted.sparse.sources
    found = with_sparse_sources(pair, sources)
    assert_array_equal(found.eeg[:10], pair.eeg)
    expected = sources.around_mean(torch.tensor(pair.eeg)[None])[0].numpy()
    assert_array_equal(found.eeg[10:], expected)
    assert found.components is pair.components


def sparse_bytes(part):
    arrays = [x.numpy() for x in part.sources.buffers()]
    return b"".join(
        np.asarray(x).tobytes()
        for x in [
            *arrays,
            part.weights,
            *(getattr(part.trust, one.name) for one in fields(part.trust)),
        ]
    )


def test_fitting_twice_gives_the_same_bytes(runs, fitted):
    again = sparse_fit(runs[:5])
    for field in fields(fitted):
        one, other = (getattr(fit, field.name) for fit in (fitted, again))
        if field.name == "sparse":
            one, other = (sparse_bytes(part) for part in (one, other))
        if field.name == "own":
            assert one.scale == other.scale
            one, other = one.share, other.share
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes(), field.name


def test_runs_that_are_held_out_from_the_fit_do_not_reach_the_sparse_sources(runs, fitted):
    """Validation runs choose among maps; what is learnt about sources is not theirs."""
    other = sparse_fit([*runs[:4], runs[5]])
    for name, values in fitted.sparse.sources.named_buffers():
        assert_array_equal(
            values.numpy(), dict(other.sparse.sources.named_buffers())[name].numpy()
        )


def test_runs_may_differ_in_length(sparse_regions, runs):
    lengths = (800, 700, 600, 500, 400)
    cut = [
        tuple(x[:, :length] for x in run) for run, length in zip(runs[:5], lengths, strict=True)
    ]
    assert scores(sparse_fit(cut), sparse_regions, runs[5])[1] > 0.95


@pytest.mark.parametrize(("n_channels", "n_regions"), [(1, 3), (10, 1), (3, 30)])
def test_few_channels_and_many_regions_are_fitted(n_channels, n_regions):
    regions = SparseRegions(n_channels=n_channels, n_regions=n_regions)
    runs = regions.runs(107, 4, n_frames=400)
    error, _ = scores(sparse_fit(runs[:3]), regions, runs[3])
    linear_error, _ = scores(linear_fit(runs[:3]), regions, runs[3])
    # one run of 400 frames chooses
    assert error < linear_error + 0.1


def test_run_shorter_than_its_filters_is_refused():
    runs = SparseRegions().runs(108, 2, n_frames=30)
    with pytest.raises(GridError, match=r"lasts 12\.0 s"):
        sparse_fit(runs)


GRID = {
    "final_whitening": (1e-3, 1e-1, 1e-4),
    "ridges": (1e-4, 1e-2, 1.0),
    "gains": (0.1, 1.0),
}


def chosen(pairs, validation, hrf, **grid):
    """Choose a map of 2 components from 3 channels and 2 sparse sources."""
    grid = GRID | grid
    groups = (RowGroup(3), RowGroup(2, grid["gains"]))
    whitenings, ridges = grid["final_whitening"], grid["ridges"]
    return choose_map(pairs, validation, hrf, groups, whitenings=whitenings, ridges=ridges)


@pytest.fixture
def mapped(rng):
    """Runs of 3 channels and 2 sparse sources, components that follow both, and a response."""
    hrf = SparseRegions().hrf
    pairs = []
    for _ in range(2):
        rows = rng.standard_normal((5, 120))
        late = np.stack([np.convolve(row, hrf)[:120] for row in rows[[0, 3]] + rows[[4, 2]]])
        pairs.append(Pair(rows, late + rng.standard_normal(late.shape)))
    return pairs[:1], pairs[1:], hrf


def test_the_map_with_least_error_in_validation_runs_is_chosen(mapped):
    best = chosen(*mapped)
    alone = {
        (eps, ridge, gain): chosen(*mapped, final_whitening=(eps,), ridges=(ridge,), gains=(gain,))
        for eps in GRID["final_whitening"]
        for ridge in GRID["ridges"]
        for gain in GRID["gains"]
    }
    key = min(alone, key=lambda one: alone[one].error)
    assert_array_equal(best.weights, alone[key].weights)
    assert best.ridge == key[1]
    assert len({one.error for one in alone.values()}) == len(alone)
    _, [run], hrf = mapped
    missed = run.components - best.weights @ apply_fir(run.eeg, hrf)
    missed = missed[:, len(hrf) - 1 :]
    assert_allclose(best.error, missed.shape[1] * missed.var(axis=1).sum())


def test_the_gain_of_sparse_sources_is_a_ridge_of_their_own(mapped):
    free = [chosen(*mapped, ridges=(1e-12,), gains=(g,)).weights for g in (0.1, 1.0)]
    assert_allclose(*free, atol=1e-8)  # without a ridge no gain matters
    damped = {g: chosen(*mapped, ridges=(0.1,), gains=(g,)).weights for g in (1e-3, 1.0)}
    size = {g: np.abs(weights[:, 3:]).max() for g, weights in damped.items()}
    assert size[1e-3] < 1e-3 * size[1.0]
    assert np.abs(damped[1e-3][:, :3]).max() > 0.1 * np.abs(damped[1.0][:, :3]).max()


def joint_scores(regions, fit, run):
    """Return the correlations of both estimates and of the joint one with the true source."""
    eeg, _, sources = run
    coder = linear_transcoder(fit)
    found = estimates(coder, run)
    both = [torch.tensor(found[f"source_from_{name}"])[None] for name in ("eeg", "bold")]
    with torch.no_grad():
        seen = torch.tensor(eeg, dtype=torch.float32)[None]
        joint = coder.joint_coder.joint(seen, *both)
    truth = regions.maps @ sources
    return [np.corrcoef(x.numpy().ravel(), truth.ravel())[0, 1] for x in (*both, joint)]


def test_the_joint_source_beats_both_estimates_where_both_tell():
    regions = SparseRegions(eeg_noise=2.5)
    runs = regions.runs(109, 6)
    from_eeg, from_bold, joint = joint_scores(regions, sparse_fit(runs[:5]), runs[5])
    assert joint > from_eeg + 0.02
    assert joint > from_bold + 0.02


def test_the_joint_source_loses_little_where_bold_hardly_tells(sparse_regions, runs, fitted):
    from_eeg, from_bold, joint = joint_scores(sparse_regions, fitted, runs[5])
    assert from_bold < 0.6
    assert joint > from_eeg - 0.005


def test_components_have_responses_of_their_own_where_regions_do():
    regions = SparseRegions(eeg_noise=0.3)
    late = np.repeat(np.arange(12) < 6, 4)
    runs = []
    for eeg, bold, sources in regions.runs(110, 6):
        moved = np.where(late[:, None], np.roll(bold, 4, axis=1), bold)
        runs.append((eeg, moved, sources))
    fit = sparse_fit(runs[:5])
    responses = fit.hrf + fit.own_responses
    centres = (responses * np.arange(len(fit.hrf))).sum(axis=1) / responses.sum(axis=1)
    assert 3 < centres[late].mean() - centres[~late].mean() < 4.5  # 4, and shrunk
    assert_array_equal(centres.reshape(12, 4), np.tile(centres[::4, None], 4))
    shared = replace(fit, own_responses=None, own_decoders=None)
    error, _ = scores(fit, regions, runs[5])
    assert error < 0.8 * scores(shared, regions, runs[5])[0]
    _, own, _ = joint_scores(regions, fit, runs[5])
    assert own > joint_scores(regions, shared, runs[5])[1] + 0.02


def test_shape_says_which_filters_are_of_components(fitted):
    shape = LinearShape.of(fitted)
    assert shape.own_responses == (fitted.own_responses is not None)
    other = LinearShape.of(replace(fitted, own_decoders=None))
    assert not other.own_decoders
    assert unfitted_transcoder(other).bold_to_source.own is None


def with_power(rng, regions, runs):
    """Make half of the regions follow rhythms that only band power shows; return power too."""
    mixing = np.random.default_rng(12).uniform(0, 1, (regions.n_channels, 6))
    changed, powers = [], []
    for eeg, bold, sources in runs:
        quiet = sources.copy()
        quiet[:6] = 0
        noise = eeg - regions.leadfield @ sources
        seen = mixing @ sources[:6] + 0.3 * rng.standard_normal(eeg.shape)
        powers.append(seen - seen.mean(axis=1, keepdims=True))
        changed.append((regions.leadfield @ quiet + noise, bold, sources))
    return changed, powers


@pytest.mark.parametrize("share", [0.1, 1.0], ids=["sparse", "normal"])
def test_band_power_is_read_where_it_predicts_bold(rng, share):
    regions = SparseRegions(share=share)
    runs, powers = with_power(rng, regions, regions.runs(111, 6))
    with_powers, none = signals(runs, powers), signals(runs)
    fit, without = (
        fit_with_sparse_sources(some[:4], some[4:5], RATE, SETTINGS, SPARSE)
        for some in (with_powers, none)
    )
    assert fit.power_weights.shape == (len(fit.maps.T), regions.n_channels)
    assert without.power_weights is None
    model = linear_transcoder(fit)
    inputs = torch.tensor(np.concatenate([runs[5][0], powers[5]]), dtype=torch.float32)[None]
    with torch.no_grad():
        found = model.source_from_eeg(inputs)[0].numpy()
    truth = regions.maps @ runs[5][2]
    before = estimates(linear_transcoder(without), runs[5])["source_from_eeg"]
    r, r_before = (np.corrcoef(x[:24].ravel(), truth[:24].ravel())[0, 1] for x in (found, before))
    assert r > 0.6 > 0.2 > r_before
    empty = unfitted_transcoder(LinearShape.of(fit))
    empty.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert_array_equal(empty.source_from_eeg(inputs)[0].numpy(), found)


def test_power_of_noise_is_not_read(rng, runs):
    powers = [rng.standard_normal((10, run[0].shape[1])) for run in runs]
    some = signals(runs, powers)
    fit = fit_with_sparse_sources(some[:4], some[4:5], RATE, SETTINGS, SPARSE)
    assert fit.power_weights is None


def test_power_that_some_runs_lack_is_not_read(rng):
    regions = SparseRegions()
    runs, powers = with_power(rng, regions, regions.runs(111, 5))
    some = signals(runs, [*powers[:4], None])
    fit = fit_with_sparse_sources(some[:4], some[4:], RATE, SETTINGS, SPARSE)
    assert fit.power_weights is None


def test_band_power_has_to_pay(rng):
    regions = SparseRegions()
    runs, powers = with_power(rng, regions, regions.runs(111, 5))
    dear = SPARSE.model_copy(update={"power_pays": 0.9})
    some = signals(runs, powers)
    fit = fit_with_sparse_sources(some[:4], some[4:], RATE, SETTINGS, dear)
    assert fit.power_weights is None


def test_band_power_can_be_left_out(rng, runs):
    powers = [rng.standard_normal((10, run[0].shape[1])) for run in runs]
    some, without = signals(runs, powers), SPARSE.model_copy(update={"power_gains": ()})
    fit = fit_with_sparse_sources(some[:4], some[4:5], RATE, SETTINGS, without)
    assert fit.power_weights is None
