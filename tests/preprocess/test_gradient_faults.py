"""Faults of triggers, scanners and recordings (F11): repaired and reported, or refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gradient_example import LEAD, N_SLICES, SFREQ, TR, RawExample, clean, raw_example, scan_starts
from neurotranscoder.core.errors import CleaningError, ClockError, GridError
from neurotranscoder.preprocess.gradient_triggers import volumes_of_triggers

TARGET = 2.7  # uV


@pytest.fixture(scope="module")
def example():
    return raw_example(np.random.default_rng(5))


@pytest.fixture(scope="module")
def flawless(example):
    return clean(example)


def damaged(triggers, kind):
    rng = np.random.default_rng(2)
    if kind == "missing":
        return np.delete(triggers, [3, 4, 9])
    if kind == "doubled":
        return np.concatenate([triggers, triggers[5:8] + 2e-3])
    if kind == "stray":
        return np.concatenate([triggers, [LEAD - 0.5, triggers[6] + 0.4]])
    if kind == "displaced":
        return np.concatenate([triggers[:6], triggers[6:7] + 0.06, triggers[7:]])
    if kind == "unsorted":
        return rng.permutation(np.append(triggers, np.nan))
    if kind == "jittered":
        return triggers + 6e-3 * rng.standard_normal(len(triggers))
    return triggers[2:-1]


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("missing", "3 missing triggers filled in"),
        ("doubled", "3 doubled triggers left out"),
        ("stray", "2 stray triggers left out"),
        ("displaced", "1 displaced triggers put right"),
        ("ends", "3 volumes without a trigger found by their artefact"),
    ],
)
def test_triggers_are_repaired_and_the_report_says_so(example, flawless, kind, note):
    found, report = clean(example, damaged(example.triggers, kind))
    assert note in report.notes
    assert example.residual(found) < example.residual(flawless[0]) + 0.3  # another common phase
    assert len(report.starts) == 14


@pytest.mark.parametrize("kind", ["unsorted", "jittered"])
def test_order_and_jitter_of_triggers_do_not_matter(example, flawless, kind):
    found, report = clean(example, damaged(example.triggers, kind))
    assert example.residual(found) < example.residual(flawless[0]) + 0.3
    apart = report.starts - flawless[1].starts
    assert_allclose(apart, apart.mean(), atol=0.01)  # samples


@pytest.mark.parametrize("seed", range(6))
def test_random_damage_is_repaired_within_a_sample_or_refused(example, flawless, seed):
    rng = np.random.default_rng(seed)
    times = example.triggers + rng.choice([0, 1e-4, 1e-3, 5e-3]) * rng.standard_normal(14)
    times = np.delete(times, rng.choice(14, rng.integers(0, 6), replace=False))
    times = np.concatenate([times, rng.uniform(0, times[-1], rng.integers(0, 4))])
    try:
        found, report = clean(example, times)
    except (CleaningError, ClockError):
        return
    assert example.residual(found) < TARGET
    truth = scan_starts(14) / (1 + 15e-6) * SFREQ
    apart = (report.starts[:, np.newaxis] - truth) % (TR / N_SLICES / (1 + 15e-6) * SFREQ)
    offset = np.median(apart)
    assert np.max(np.min(np.abs(apart - offset), axis=1)) < 1


def test_volumes_that_come_at_irregular_times_are_followed(rng):
    waits = rng.uniform(0, 0.02, 14)
    example = raw_example(rng, LEAD + np.cumsum(TR + waits))
    found, report = clean(example, tr=TR + 0.01, slice_times=example.slice_times)
    assert example.residual(found) < 1.5 * TARGET  # each volume has edges of its own
    assert any("irregular times" in note for note in report.notes)
    assert np.isnan(report.drift_ppm)


def test_several_scans_in_one_file_each_have_their_own_start(rng):
    starts = [scan_starts(9), scan_starts(8, first=LEAD + 9 * TR + 3.777)]
    example = raw_example(rng, np.concatenate(starts))
    found, report = clean(example)
    assert example.residual(found) < 1.5
    assert "2 scan blocks" in report.notes
    assert_array_equal(np.bincount(report.block), [9, 8])


def test_a_scan_too_short_for_templates_borrows_those_of_its_neighbour(rng):
    starts = [scan_starts(14), scan_starts(3, first=LEAD + 14 * TR + 3.777)]
    example = raw_example(rng, np.concatenate(starts))
    error = example.error(clean(example)[0])
    short = int(starts[1][0] * SFREQ)
    assert np.std(error[:, short : short + int(3 * TR * SFREQ)]) < TARGET


def test_a_pause_within_the_beat_is_left_alone(rng):
    starts = np.delete(scan_starts(17), [8, 9])  # two volumes were not scanned
    example = raw_example(rng, starts)
    found, report = clean(example, scan_starts(17) / (1 + 15e-6))
    assert example.residual(found) < TARGET
    assert len(report.starts) == 15


def test_a_scanner_that_stops_within_the_last_volume_leaves_the_rest_alone(rng):
    example = raw_example(rng, n_excited=13 * N_SLICES + 6)
    found, report = clean(example)
    assert example.residual(found) < TARGET
    assert f"{N_SLICES - 6} slices without artefact left as they are" in report.notes
    after = int((example.triggers[-1] + 7 * TR / N_SLICES) * SFREQ)
    assert_array_equal(found[:, after + 200 :], example.dirty[:, after + 200 :])


@pytest.mark.parametrize("end", ["first", "last"])
def test_a_recording_that_cuts_a_volume_is_cleaned_up_to_the_cut(rng, end):
    whole = raw_example(rng)
    at = 0.4 * TR
    first = int((whole.triggers[0] + at) * SFREQ) if end == "first" else 0
    last = int((whole.triggers[-1] + at) * SFREQ) if end == "last" else whole.eeg.shape[1]
    triggers = whole.triggers[1:] - first / SFREQ if end == "first" else whole.triggers
    cut = RawExample(
        whole.eeg[:, first:last], whole.dirty[:, first:last], triggers, whole.slice_times
    )
    found, report = clean(cut)
    assert cut.residual(found) < TARGET
    assert len(report.starts) == 14


@pytest.mark.parametrize("n_volumes", [3, 5])
def test_a_few_volumes_are_enough(rng, n_volumes):
    example = raw_example(rng, scan_starts(n_volumes))
    found, _ = clean(example)
    assert example.residual(found) < TARGET


@pytest.mark.parametrize("late", [-0.008, 0.008])
def test_triggers_that_are_all_early_or_late_are_put_right_by_the_ends_of_the_scan(
    example, flawless, late
):
    found, report = clean(example, example.triggers - late)
    assert example.residual(found) < example.residual(flawless[0]) + 0.3
    assert any(note.startswith("artefact begins") for note in report.notes)
    assert np.max(np.abs(report.starts - flawless[1].starts)) < 20  # samples, half of 8 ms


def test_clean_eeg_is_refused(example):
    with pytest.raises(CleaningError, match="no gradient artefact follows these triggers"):
        clean(example, dirty=example.eeg)


def test_a_second_time_is_refused(example, flawless):
    with pytest.raises(CleaningError, match="or it was removed already; check triggers"):
        clean(example, dirty=flawless[0])


def test_eeg_that_was_resampled_is_refused(example, monkeypatch):
    monkeypatch.setattr("gradient_example.SFREQ", 250.0)
    with pytest.raises(CleaningError, match=r"sampled at 250 Hz; .* needs at least 1000 Hz"):
        clean(example)


def test_triggers_at_another_pace_are_refused(example):
    with pytest.raises(ClockError, match=r"every 1\.3000 s; need every 2\.0000 s"):
        clean(example, tr=2.0)


def test_no_triggers_or_too_few_are_refused(example):
    with pytest.raises(ClockError, match="0 triggers follow each other"):
        clean(example, [])
    with pytest.raises(CleaningError, match="2 triggers are no scan: no 3 of them follow"):
        clean(example, example.triggers[:2])


def test_triggers_beside_the_scan_are_refused(example):
    with pytest.raises(CleaningError, match=r"0 of 3 volumes|no gradient artefact follows"):
        clean(example, example.triggers[-1] + 1.3 * TR + TR * np.arange(3))


def test_samples_that_are_not_finite_are_refused_with_the_channel(example):
    broken = example.dirty.copy()
    broken[0, 7000] = np.nan
    with pytest.raises(GridError, match="channel 'E0' holds 1 samples that are not finite"):
        clean(example, dirty=broken)


def test_saturated_channels_are_named(example):
    rail = 0.3 * np.abs(example.dirty).max()
    _, report = clean(example, dirty=np.clip(example.dirty, -rail, rail))
    assert "saturated, so that artefact stays: E0" in report.notes


def test_a_dead_channel_stays_flat(rng):
    example = raw_example(rng, n_channels=2)
    dirty = example.dirty.copy()
    dirty[1] = 0
    assert_array_equal(clean(example, dirty=dirty)[0][1], 0)


def test_blocks_of_fewer_than_three_triggers_are_strays():
    times = np.concatenate([scan_starts(5), [40.0, 40.0 + TR], scan_starts(4, first=60.3)])
    volumes = volumes_of_triggers(times, tr=TR, sfreq=SFREQ)
    assert_array_equal(volumes.block, [0] * 5 + [1] * 4)
    assert volumes.notes == ("2 scan blocks", "2 stray triggers left out")
    assert_allclose(volumes.starts[:5] / SFREQ, scan_starts(5))
