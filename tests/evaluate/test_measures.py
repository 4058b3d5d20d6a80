"""Rows of facts that are no correlation: on a simulated study, for estimates that are known."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from known_study import known_study
from neurotranscoder.evaluate.methods.oracles import ORACLE_SPECS
from neurotranscoder.evaluate.scoring import Prediction, Scorer
from neurotranscoder.evaluate.truths import with_details
from neurotranscoder.report.words import MEASURES
from neurotranscoder.signal.correlation import correlate_rows
from neurotranscoder.simulate.regions import RegionSettings

HALF_A_BLOCK = 12.0  # mm
FEW = RegionSettings(n_evoked=8, n_oscillatory=4, n_motor=1)
APART = RegionSettings(n_evoked=4, n_oscillatory=2, n_motor=1, extent=(8.0, 10.0))
EDGE = (10.0, 10.0)


@pytest.fixture(scope="module")
def power():
    return known_study("power", regions=FEW, duration=200.0)


@pytest.fixture(scope="module")
def silent():
    return known_study("interleave5-snr10", regions=APART)


def rows_of(study, predict, runs=None):
    """Return the value of each measure of what a function says about runs."""
    runs = with_details(study.test if runs is None else runs, study.truth)
    rows = Scorer("s", EDGE).measures("m", [predict(run) for run in runs], runs)
    return {(row.quantity, row.source_kind, row.measure): row for row in rows}


def test_a_perfect_source_has_no_error_whatever_its_scale(power):
    rows = rows_of(power, lambda run: Prediction(source_fused=-3 * run.sources + 1.0))
    for kind in ("all", "evoked", "oscillatory"):
        found = {name: row.value for (_, k, name), row in rows.items() if k == kind}
        assert found["localisation_error"] < HALF_A_BLOCK
        assert_allclose(found["spread"], found["spread_of_truth"], rtol=1e-6)
        assert_allclose(found["nmse"], 0.0, atol=1e-12)
    assert rows["source_fused", "evoked", "localisation_error"].n == 8
    assert {row.unit for key, row in rows.items() if "spread" in key[2]} == {"mm"}
    assert not [key for key in rows if "leakage" in key[2]]  # no block is silent


def test_an_error_is_that_of_its_kind_of_source(power):
    def deaf_to_rhythms(run):
        heard = run.kinds != "oscillatory"
        return Prediction(source_fused=2 * run.sources * heard[:, np.newaxis])

    rows = rows_of(power, deaf_to_rhythms)
    nmse = {kind: rows["source_fused", kind, "nmse"].value for kind in ("evoked", "oscillatory")}
    assert_allclose([nmse["evoked"], nmse["oscillatory"]], [0.0, 1.0], atol=1e-12)


def test_the_truth_of_a_rhythm_is_its_power_and_the_waveform_stands_beside_it(power):
    run = with_details(power.test, power.truth)[0]
    waveform = power.truth.block_sources(run.aligned.run, run.aligned.blocks, run.aligned.axis)
    rows = rows_of(power, lambda _: Prediction(source_from_eeg=waveform))
    measures = {name for _, kind, name in rows if kind == "oscillatory"}
    assert "r_waveform" in measures
    assert rows["source_from_eeg", "oscillatory", "r_waveform"].value > 0.999
    assert rows["source_from_eeg", "oscillatory", "r_30s"].value < 0.7
    assert ("source_from_eeg", "evoked", "r_waveform") not in rows


def test_with_linear_coupling_there_is_one_truth_and_no_row_of_waveforms(silent):
    rows = rows_of(silent, lambda run: Prediction(source_from_eeg=run.sources))
    assert not [key for key in rows if key[2] == "r_waveform"]


def test_leakage_stands_beside_that_of_a_flat_map(silent, rng):
    def flat(run):
        course = rng.standard_normal(run.aligned.axis.n_times)
        return Prediction(source_from_eeg=np.tile(course, (len(run.sources), 1)))

    share = np.mean(silent.test[0].kinds == "silent")
    assert 0.1 < share < 0.9
    for predict, expected in ((flat, share), (lambda r: Prediction(source_from_eeg=r.sources), 0)):
        rows = rows_of(silent, predict)
        assert_allclose(rows["source_from_eeg", "all", "leakage"].value, expected, atol=1e-9)
        assert_allclose(rows["source_from_eeg", "all", "leakage_of_flat_map"].value, share)


def test_measured_bold_is_a_perfect_image_of_itself_but_for_interpolation(silent):
    rows = rows_of(silent, lambda run: Prediction(bold_from_bold=run.aligned.bold))
    of = {name: row.value for (_, _, name), row in rows.items()}
    assert of["ssim"] > 0.8 > of["ssim_of_mean_image"]
    assert of["psnr"] > of["psnr_of_mean_image"] + 3
    assert rows["bold_from_bold", "all", "psnr"].unit == "dB"


def test_every_measure_has_a_name_for_the_report(power, silent):
    for study in (power, silent):
        rows = rows_of(
            study,
            lambda run: Prediction(source_fused=run.sources, bold_from_eeg=run.aligned.bold),
        )
        assert {name for _, _, name in rows} <= set(MEASURES)


def test_facts_are_means_over_runs(silent):
    runs = [*silent.validation, *silent.test]

    def late(run):
        return Prediction(source_from_eeg=np.roll(run.sources, run.aligned.axis.n_times // 3))

    each = [rows_of(silent, late, [run]) for run in runs]
    both = rows_of(silent, late, runs)
    key = ("source_from_eeg", "all", "nmse")
    assert_allclose(both[key].value, np.mean([one[key].value for one in each]))
    assert both[key].n == 2


def test_recordings_without_truth_have_images_alone(silent):
    blind = [replace(silent.test[0], sources=None, kinds=None)]
    prediction = Prediction(
        bold_from_eeg=blind[0].aligned.bold, source_fused=blind[0].aligned.bold
    )
    rows = Scorer("s", EDGE).measures("m", [prediction], with_details(blind, None))
    assert {row.quantity for row in rows} == {"bold_from_eeg"}


def test_the_spatial_oracle_claims_no_power_from_single_frames(power):
    [spec] = [spec for spec in ORACLE_SPECS if spec.name == "oracle_spatial_wiener"]
    oracle = power.fit(spec.make(power.knowledge, 0))
    run = power.test[0]
    found = oracle.predict(run.aligned)
    shares = power.truth.block_shares(run.aligned.blocks)
    alone = shares[:, power.truth.regions.oscillatory].sum(axis=1) > 1 - 1e-9
    assert alone.sum() > 3
    size = np.abs(found.source_from_eeg).max()
    assert_allclose(found.source_from_eeg[alone], 0.0, atol=1e-9 * size)
    evoked = run.kinds == "evoked"
    r = correlate_rows(found.source_from_eeg[evoked], run.sources[evoked])
    assert np.mean(r) > 0.6


def test_the_spatial_oracle_predicts_bold_in_its_own_unit(silent):
    [spec] = [spec for spec in ORACLE_SPECS if spec.name == "oracle_spatial_wiener"]
    oracle = silent.fit(spec.make(silent.knowledge, 0))
    run = silent.training[0].aligned
    part = slice(80, None)
    found, bold = oracle.predict(run).bold_from_eeg[:, part], run.bold[:, part]
    one, two = (rows - rows.mean(axis=1, keepdims=True) for rows in (found, bold))
    assert_allclose(np.vdot(one, two) / np.vdot(one, one), 1.0)
