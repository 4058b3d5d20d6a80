import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import GridError, SettingsError
from neurotranscoder.evaluate.methods.null_specs import null_specs, shuffled
from neurotranscoder.evaluate.methods.protocol import predict_blindly
from neurotranscoder.evaluate.methods.transcoders import transcoder_specs
from neurotranscoder.evaluate.nulls import phase_randomised, shifted_pairs, with_random_phases
from neurotranscoder.evaluate.scoring import HeldOut, Scorer
from neurotranscoder.train.closed_form import ClosedFormSettings
from neurotranscoder.train.settings import TrainSettings
from synthetic_runs import RATE, synthetic_runs

SETTINGS = TrainSettings(
    closed_form=ClosedFormSettings(hrf_duration=8, decoder_span=(-8.0, 4.0)), probe_seconds=20
)


@pytest.mark.parametrize("n_times", [250, 251])
def test_random_phases_keep_means_and_cross_spectra(n_times, rng):
    series = rng.standard_normal((3, n_times)) + np.array([[1.0], [2.0], [3.0]])
    found = with_random_phases(series, rng)
    before, after = np.fft.rfft(series, axis=1), np.fft.rfft(found, axis=1)
    assert_allclose(
        np.einsum("if,jf->ijf", after, after.conj()),
        np.einsum("if,jf->ijf", before, before.conj()),
        atol=1e-9,
    )
    assert_allclose(found.mean(axis=1), series.mean(axis=1))


def test_random_phases_keep_nothing_else(rng):
    series = rng.standard_normal((3, 4000))
    found = with_random_phases(series, rng)
    r = [np.corrcoef(one, other)[0, 1] for one, other in zip(series, found, strict=True)]
    assert np.abs(r).max() < 4 * np.sqrt(2 / 4000)  # 4 standard errors


def test_runs_with_random_phases_keep_bold_and_have_no_power(rng):
    [run] = synthetic_runs(1)
    [found] = phase_randomised([run], rng)
    assert np.array_equal(found.bold, run.bold)
    assert found.power is None


def test_eeg_is_shifted_far_either_way_round(rng):
    [run] = synthetic_runs(1, n_frames=500)
    shifts = []
    for _ in range(60):
        [found] = shifted_pairs([run], rng, least=40.0)
        assert np.array_equal(found.bold, run.bold)
        [shift] = [k for k in range(500) if np.array_equal(np.roll(run.eeg, k, axis=1), found.eeg)]
        shifts.append(shift)
    assert 40 * RATE <= min(shifts) < 180
    assert 320 < max(shifts) <= 500 - 40 * RATE


def test_runs_that_are_too_short_to_shift_are_refused(rng):
    with pytest.raises(GridError, match=r"lasts 80\.0 s; to shift its EEG by 60 s or more"):
        shifted_pairs(synthetic_runs(1), rng)


def test_a_single_run_has_no_wrong_partner(rng):
    with pytest.raises(SettingsError, match="whose EEG would keep its own BOLD"):
        shuffled(synthetic_runs(1), rng)


def scored(spec, seed=100):
    """Return r of BOLD from EEG of unseen runs, and its interval."""
    runs = synthetic_runs(12, n_frames=400)
    method = spec.make(None, seed)
    method.fit(runs[:5], runs[5:7])
    predictions = [predict_blindly(method, run) for run in runs[7:]]
    [row] = [
        row
        for row in Scorer("", edge=(10.0, 10.0)).score(
            "x", predictions, [HeldOut(r) for r in runs[7:]], 0
        )
        if row.quantity == "bold_from_eeg"
    ]
    return row


def test_what_learns_from_whole_pairs_is_far_above_0():
    [spec] = [one for one in transcoder_specs(SETTINGS) if one.name == "closed_form"]
    assert scored(spec).ci_low > 0.8


@pytest.mark.parametrize("spec", null_specs(SETTINGS), ids=lambda spec: spec.name)
def test_interval_of_a_null_holds_0(spec):
    row = scored(spec)
    assert row.ci_low < 0.05
    assert abs(row.r) < 0.2


@pytest.mark.parametrize("name", ["null_shifted", "null_phase_randomised"])
def test_nulls_draw_from_their_seed(name):
    [spec] = [one for one in null_specs(SETTINGS) if one.name == name]
    assert scored(spec).r == scored(spec).r != scored(spec, seed=101).r
