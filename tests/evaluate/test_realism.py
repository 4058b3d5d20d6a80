import csv
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import detrend

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.recording import Eeg, Events
from neurotranscoder.evaluate import realism_references as references
from neurotranscoder.evaluate.bold_measures import autocorrelations, slow_share
from neurotranscoder.evaluate.realism import measure
from neurotranscoder.evaluate.realism_panels import realism_of
from neurotranscoder.evaluate.shortcomings import shortcomings, simulated_motion
from neurotranscoder.evaluate.table import RealismRow, read_realism, write_rows
from neurotranscoder.physics.head import build_head
from neurotranscoder.simulate.bold_artefacts import run_motion
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.presets import PRESETS
from neurotranscoder.simulate.run import simulate_run


@pytest.fixture(scope="module")
def scenario():
    return named_scenario("realistic", preset="tiny", seed=3, duration=240.0)


@pytest.fixture(scope="module")
def recording(scenario):
    return simulate_run(scenario, build_head(scenario.head), 0, 1).recording


@pytest.fixture(scope="module")
def realism(scenario, recording):
    motion = simulated_motion(scenario, recording.run)
    return realism_of(measure(recording, motion=motion))


def value_of(realism, start):
    """Return the value of the one measure whose name begins so."""
    [row] = [row for row in realism.rows if row.measure.startswith(start)]
    return row.value


def row_of(value, low, high):
    return RealismRow("x", value, "1", low, high, "usual", "here")


NAN = float("nan")


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (row_of(0.4, 0.2, 0.5), "inside"),
        (row_of(0.5, 0.2, 0.5), "inside"),
        (row_of(0.6, 0.2, 0.5), "outside"),
        (row_of(0.1, 0.2, 0.5), "outside"),
        (row_of(9.0, 0.2, NAN), "inside"),
        (row_of(0.1, 0.2, NAN), "outside"),
        (row_of(0.1, NAN, -0.2), "outside"),
        (row_of(0.1, NAN, NAN), "no reference"),
        (row_of(NAN, 0.2, 0.5), "no value"),
    ],
)
def test_verdict_follows_from_value_and_borders(row, verdict):
    assert row.verdict == verdict


def test_table_comes_back_from_disk(tmp_path, realism):
    write_rows(tmp_path / "realism.tsv", realism.rows)
    found = read_realism(tmp_path / "realism.tsv")
    assert [repr(row) for row in found] == [repr(row) for row in realism.rows]  # NaN is not NaN


def test_displacement_in_the_table_is_that_of_the_simulated_run(scenario, realism):
    expected = run_motion(scenario, 0, 1).framewise_displacement(scenario.volumes)
    assert_allclose(value_of(realism, "framewise displacement, median"), np.median(expected))
    [panel] = [p for p in realism.courses if p.title.startswith("Framewise displacement")]
    assert_allclose(panel.lines[0].y, expected, rtol=1e-12)


def test_head_that_lies_still_has_no_motion():
    scenario = PRESETS["tiny"]
    assert simulated_motion(scenario, scenario.run_id(1, 2)) is None


def test_coupling_of_a_simulated_run_lags_like_the_response(realism):
    assert 3 <= value_of(realism, "EEG and BOLD, lag") <= 8


def test_noise_of_the_realistic_scenario_is_that_of_the_measured_runs(realism):
    """Levels were set to measured ones; this is the check that they arrive."""
    names = ("temporal SNR", "DVARS", "lag-1 autocorrelation", "global signal, sd")
    names += ("framewise displacement, median",)
    verdicts = {row.measure: row.verdict for row in realism.rows}
    assert [v for m, v in verdicts.items() if m.startswith(names)] == ["inside"] * len(names)


def test_recording_without_motion_events_or_positions_has_no_such_values(recording):
    montage = Montage(recording.eeg.montage.names)
    eeg = replace(recording.eeg, montage=montage)
    found = realism_of(measure(replace(recording, eeg=eeg, events=Events.none())))
    assert np.isnan(value_of(found, "framewise displacement, median"))
    assert np.isnan(value_of(found, "framewise displacement above"))
    assert not [row for row in found.rows if "to '" in row.measure]
    assert found.potentials == ()
    assert len(found.courses) == 2  # autocorrelation and coupling


def test_images_without_a_baseline_have_no_values_in_percent(recording):
    data = recording.bold.data - recording.bold.data.mean(axis=3, keepdims=True)
    found = realism_of(measure(replace(recording, bold=replace(recording.bold, data=data))))
    for start in ("temporal SNR", "DVARS", "global signal, sd"):
        assert np.isnan(value_of(found, start))
    assert 0 < value_of(found, "lag-1 autocorrelation") < 1
    assert len(found.maps) == 1


def test_one_channel_and_one_slow_rate_are_measured(recording):
    eeg = recording.eeg
    one = Eeg(eeg.data[:1, ::4], eeg.sfreq / 4, Montage(eeg.montage.names[:1]))
    found = realism_of(measure(replace(recording, eeg=one)))
    assert value_of(found, "EEG components") == 1
    assert np.isnan(value_of(found, "EEG exponent"))
    assert not [row for row in found.rows if row.measure.startswith("alpha power")]


def test_channel_without_a_signal_is_no_hindrance(recording):
    data = recording.eeg.data.copy()
    data[5] = 0.0  # as the reference channel of a cap is
    found = realism_of(measure(replace(recording, eeg=replace(recording.eeg, data=data))))
    expected = value_of(realism_of(measure(recording)), "EEG exponent")
    assert_allclose(value_of(found, "EEG exponent"), expected, atol=0.02)


def test_map_holds_the_mean_over_the_voxels_of_each_block(recording):
    found = measure(recording)
    block = int(np.argmax(np.bincount(found.blocks.labels[found.blocks.labels >= 0])))
    series = recording.bold.data[found.blocks.labels == block].astype(float)
    expected = np.mean(series.mean(axis=1) / detrend(series, axis=1).std(axis=1))
    assert_allclose(realism_of(found).maps[0].values[block], expected, rtol=1e-9)


def test_what_a_scenario_lacks_is_said(scenario):
    bare = " ".join(shortcomings(named_scenario("sequential-noisefree", preset="tiny")))
    lacking = ("lies still", "BOLD noise", "EEG noise", "one hemodynamic", "one head", "no alpha")
    for words in lacking:
        assert words in bare
    said = " ".join(shortcomings(scenario))
    for words in ("lies still", "BOLD noise", "EEG noise", "one hemodynamic"):
        assert words not in said


@pytest.fixture(scope="module")
def confounds(real_data):
    """Columns of the six tables of confounds, by name; the first volume has no difference."""
    tables = []
    for path in sorted((real_data / "confounds").glob("*_timeseries.tsv")):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        names = ("framewise_displacement", "dvars", "std_dvars", "global_signal")
        tables.append({n: np.array([float(r[n]) for r in rows[n != names[3] :]]) for n in names})
    return tables


def assert_ends(reference, values, step):
    """The borders are the least and largest value, rounded outwards by less than a step."""
    low, high = min(values), max(values)
    assert reference.low <= low < reference.low + step
    assert reference.high - step < high <= reference.high


def test_measured_references_are_those_of_the_tables(confounds):
    trendless = [detrend(t["global_signal"])[np.newaxis] for t in confounds]
    means = [t["global_signal"].mean() for t in confounds]
    sizes = [100 * g.std() / mean for g, mean in zip(trendless, means, strict=True)]
    assert_ends(references.GLOBAL_SD, sizes, 0.01)
    memory = [autocorrelations(g, 1)[0, 1] for g in trendless]
    assert_ends(references.GLOBAL_AUTOCORRELATION, memory, 0.01)
    assert_ends(
        references.GLOBAL_SLOW_SHARE, [100 * slow_share(g, 0.5)[0] for g in trendless], 1.0
    )
    steps = [t["framewise_displacement"] for t in confounds]
    assert_ends(references.DISPLACEMENT, [np.median(s) for s in steps], 0.001)
    large = [100 * np.mean(s > references.DISPLACEMENT_LIMIT) for s in steps]
    assert_ends(references.DISPLACEMENT_SHARE, large, 0.1)
    assert_ends(references.DVARS, [np.median(t["dvars"]) / 10 for t in confounds], 0.01)


def test_reference_of_temporal_snr_follows_from_both_kinds_of_dvars(confounds):
    """Standardised DVARS is DVARS over the mean expected sd of a change, sd * sqrt(2 (1 - r))."""
    change = [np.median(t["dvars"]) / 10 / np.median(t["std_dvars"]) for t in confounds]
    sd = np.array(change) / np.sqrt(2 * (1 - references.ASSUMED_AUTOCORRELATION))
    assert_ends(references.TEMPORAL_SNR, 100 / sd, 1.0)
