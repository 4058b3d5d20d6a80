import numpy as np
import pytest
from numpy.testing import assert_allclose

from neurotranscoder.core.errors import ClockError
from neurotranscoder.io.brainvision import read_markers
from neurotranscoder.preprocess.sync import SyncSettings, declared_clock, fit_clock, measure_clock

TR, N, DRIFT, START = 2.16, 120, 13.7, -7.3


def triggers(n=N, drift=DRIFT):
    """EEG times of the volume starts for a clock that is known."""
    return (TR * np.arange(n) - START) / (1 + drift * 1e-6)


def alignment_error(clock, n=N, drift=DRIFT):
    """Largest error of a clock over the run, in seconds."""
    eeg = np.linspace(0, TR * n, 50)
    truth = START + (1 + drift * 1e-6) * eeg
    return np.max(np.abs(clock.eeg_start + (1 + clock.drift_ppm * 1e-6) * eeg - truth))


def test_drift_and_start_are_recovered_exactly_without_jitter():
    clock = fit_clock(triggers(), tr=TR, n_volumes=N)
    assert_allclose(clock.drift_ppm, DRIFT, atol=1e-6)
    assert_allclose(clock.eeg_start, START, atol=1e-9)
    assert clock.n_triggers == N
    assert clock.source == "measured"


def test_drift_survives_rounding_to_5_khz_samples_within_a_millisecond():
    clock = fit_clock(np.rint(triggers() * 5000) / 5000, tr=TR, n_volumes=N)
    assert_allclose(clock.drift_ppm, DRIFT, atol=0.5)
    assert alignment_error(clock) < 1e-4


@pytest.mark.parametrize("n", [50, 140, 170])
@pytest.mark.parametrize("drift", [1.0, 5.0, 20.0])
def test_triggers_that_are_only_rounded_to_1_khz_samples_are_not_called_displaced(n, drift):
    for start in np.arange(0, 1e-3, 2e-4):
        times = np.rint((triggers(n, drift) + start) * 1000) / 1000
        assert measure_clock(times, tr=TR, n_volumes=n, resolution=1e-3).notes == ()


def damaged(kind, rng):
    times = triggers()
    if kind == "missing":
        return np.delete(times, [3, 4, 50, 117])
    if kind == "doubled":
        return np.concatenate([times, times[10:13] + 2e-4, times[40:41] - 0.03])
    if kind == "stray":
        return np.concatenate([times, [times[0] - 0.4, times[20] + 1.1]])
    if kind == "jittered":
        return times + 5e-4 * rng.standard_normal(N)
    return np.concatenate([times[:30], times[30:31] + 0.06, times[31:]])


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("missing", "4 of 120 triggers missing"),
        ("doubled", "4 doubled triggers left out"),
        ("stray", "2 stray triggers left out"),
        ("displaced", "1 displaced triggers left out"),
    ],
)
def test_repairs_keep_the_alignment_and_are_reported(kind, note, rng):
    report = measure_clock(damaged(kind, rng), tr=TR, n_volumes=N)
    assert alignment_error(report.clock) < 1e-3
    assert note in report.notes


def test_jitter_is_measured_and_averaged_out(rng):
    clock = fit_clock(damaged("jittered", rng), tr=TR, n_volumes=N)
    assert alignment_error(clock) < 1e-3
    assert_allclose(clock.residual_sd, 5e-4, rtol=4 / np.sqrt(2 * N))  # 4 standard errors


@pytest.mark.parametrize("seed", range(30))
def test_random_damage_is_repaired_to_a_millisecond_or_refused(seed):
    rng = np.random.default_rng(seed)
    times = triggers() + rng.choice([0, 1e-4, 1e-3, 1e-2]) * rng.standard_normal(N)
    times = np.delete(times, rng.choice(N, rng.integers(0, 40), replace=False))
    times = np.concatenate([times, rng.uniform(0, times[-1], rng.integers(0, 10))])
    try:
        clock = fit_clock(times, tr=TR, n_volumes=N)
    except ClockError:
        return
    assert alignment_error(clock) < 1e-3


@pytest.mark.parametrize(("cut", "word"), [(slice(1, None), "fewer"), (slice(None, -1), "fewer")])
def test_one_volume_short_at_an_end_is_refused_because_the_first_is_open(cut, word):
    with pytest.raises(ClockError, match=f"119 volumes, 1 {word} than the 120"):
        fit_clock(triggers()[cut], tr=TR, n_volumes=N)


def test_one_volume_extra_is_refused_until_the_first_is_named():
    extra = np.concatenate([triggers()[:1] - TR, triggers()])
    with pytest.raises(ClockError, match=r"1 more than the 120.*n_triggers_before"):
        fit_clock(extra, tr=TR, n_volumes=N)
    named = SyncSettings(n_triggers_before=1)
    assert alignment_error(fit_clock(extra, tr=TR, n_volumes=N, settings=named)) < 1e-4


def test_a_wrong_tr_is_refused_with_both_numbers():
    with pytest.raises(ClockError, match=r"every 2\.1600 s; need every 2\.0000 s"):
        fit_clock(triggers(), tr=2.0, n_volumes=N)
    with pytest.raises(ClockError, match="ppm; need at most 500 ppm"):
        fit_clock(triggers(drift=2000.0), tr=TR, n_volumes=N)


def test_too_much_scatter_too_few_or_no_triggers_are_refused(rng):
    with pytest.raises(ClockError, match="scatter by"):
        fit_clock(triggers() + 0.01 * rng.standard_normal(N), tr=TR, n_volumes=N)
    few = np.concatenate([triggers()[:30], triggers()[-2:]])
    with pytest.raises(ClockError, match="32 of 120 volumes have a trigger"):
        fit_clock(few, tr=TR, n_volumes=N)
    with pytest.raises(ClockError, match="0 triggers follow each other"):
        fit_clock(np.zeros(0), tr=TR, n_volumes=N)


def test_real_scan_starts_give_a_clock_without_drift(real_data):
    folder = real_data / "scanner_markers/eeg_rest_fmri/derivatives/sub-32/eeg"
    markers = read_markers(folder / "sub-32_task-rest_eeg.vmrk")
    samples = np.array([m.sample for m in markers if m.name == "Scanner/Scan Start"])
    clock = fit_clock(samples / 250, tr=TR, n_volumes=300, resolution=1 / 250)
    assert_allclose(clock.eeg_start, -36 / 250, atol=1e-9)  # Mk3 stands at point 37, from 1
    assert_allclose(clock.drift_ppm, 0, atol=1e-6)


def test_a_declared_clock_says_so():
    assert "declared, not measured" in str(declared_clock(-2.0))
    with pytest.raises(ClockError, match="need a finite number"):
        declared_clock(float("nan"))
