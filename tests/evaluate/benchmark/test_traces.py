from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import StoreError
from neurotranscoder.evaluate.benchmark.traces import (
    N_PLACES,
    SHOWN_SECONDS,
    are_kept,
    load_traces,
    save_traces,
    spread,
    traces_of,
)
from neurotranscoder.evaluate.scoring import HeldOut, Prediction
from synthetic_runs import synthetic_runs


@pytest.fixture(scope="module")
def held_out():
    """A run with sources in every second block, of two kinds."""
    rng = np.random.default_rng(5)
    [aligned] = synthetic_runs(1, n_frames=400)
    sources = rng.standard_normal(aligned.bold.shape)
    kinds = np.array(["evoked", "silent", "oscillatory", "silent"] * len(sources))[: len(sources)]
    return HeldOut(aligned, sources, kinds)


@pytest.fixture(scope="module")
def noisy(held_out):
    """A prediction of everything that is kept."""
    rng = np.random.default_rng(6)
    sources = held_out.sources + rng.standard_normal(held_out.sources.shape)
    run = held_out.aligned
    return Prediction(
        bold_from_eeg=run.bold + rng.standard_normal(run.bold.shape),
        eeg_from_bold=run.eeg * (1 + 0.1 * rng.standard_normal(run.eeg.shape)),
        source_from_eeg=sources,
        source_from_bold=-sources,
        source_fused=2 * sources,
    )


def by_quantity(kept):
    return {trace.quantity: trace for trace in kept.traces}


def test_r_is_that_of_the_scored_part_and_what_is_shown_is_its_start(held_out, noisy):
    trace = by_quantity(traces_of(noisy, held_out))["source_from_eeg"]
    rate = held_out.aligned.axis.sfreq
    first, last = int(np.ceil(32 * rate)), int(np.ceil(30 * rate))
    part = slice(first, held_out.aligned.axis.n_times - last)
    for place, words in enumerate(trace.places):
        block = int(words.removeprefix("block "))
        pair = held_out.sources[block, part], noisy.source_from_eeg[block, part]
        assert_allclose(trace.r[place], np.corrcoef(*pair)[0, 1], rtol=1e-12)
        shown = (pair[0] - pair[0].mean()) / pair[0].std()
        # kept as float32
        assert_allclose(trace.truth[place], shown[: trace.truth.shape[1]], rtol=1e-5, atol=1e-6)
        assert held_out.kinds[block] == trace.kinds[place]
    assert_allclose(trace.times(0)[0], held_out.aligned.axis.times[first])
    assert trace.truth.shape[1] <= round(SHOWN_SECONDS * rate)


def test_places_do_not_depend_on_what_is_predicted(held_out, noisy):
    other = replace(
        noisy,
        source_from_eeg=np.zeros_like(noisy.source_from_eeg),
        bold_from_eeg=-noisy.bold_from_eeg,
        eeg_from_bold=None,
    )
    one, two = by_quantity(traces_of(noisy, held_out)), by_quantity(traces_of(other, held_out))
    assert set(one) - set(two) == {"eeg_from_bold"}
    for quantity, trace in two.items():
        assert trace.places == one[quantity].places
        assert np.array_equal(trace.truth, one[quantity].truth)
    assert_allclose(two["source_from_eeg"].r, 0.0)  # constant, as all scores have it
    assert_allclose(two["bold_from_eeg"].r, -one["bold_from_eeg"].r)


def test_bold_is_shown_in_blocks_with_a_source_only(held_out, noisy):
    trace = by_quantity(traces_of(noisy, held_out))["bold_from_eeg"]
    blocks = [int(words.split(",")[0].removeprefix("block ")) for words in trace.places]
    assert all(held_out.kinds[block] != "silent" for block in blocks)


def test_places_are_spread_from_the_first_to_the_last():
    rows = np.arange(100, 181)
    assert spread(rows).tolist() == list(range(100, 181, 10))
    assert len(spread(rows)) == N_PLACES
    assert spread(rows[:3]).tolist() == [100, 101, 102]


def test_time_courses_come_back_from_disk_and_equal_ones_have_equal_bytes(
    held_out, noisy, tmp_path
):
    kept = traces_of(noisy, held_out)
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    digest = save_traces(one, kept)
    assert save_traces(two, kept) == digest
    assert one.read_bytes() == two.read_bytes()
    found = load_traces(one)
    assert found.run == kept.run
    for before, after in zip(kept.traces, found.traces, strict=True):
        assert (before.quantity, before.places, before.kinds) == (
            after.quantity,
            after.places,
            after.kinds,
        )
        assert np.array_equal(before.estimate, after.estimate)
        assert np.array_equal(before.times(1), after.times(1))


def test_damaged_time_courses_are_noticed(held_out, noisy, tmp_path):
    path = tmp_path / "one.safetensors"
    digest = save_traces(path, traces_of(noisy, held_out))
    assert are_kept(path, digest)
    np.savez(tmp_path / "other.npz", words=np.frombuffer(b"{}", np.uint8))
    with pytest.raises(StoreError, match="holds no time courses of a benchmark"):
        load_traces(tmp_path / "other.npz")
    path.write_bytes(path.read_bytes()[:-1])
    assert not are_kept(path, digest)
    with pytest.raises(StoreError, match="cannot be read"):
        load_traces(path)
