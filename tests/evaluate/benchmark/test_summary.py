import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import t as student

from neurotranscoder.evaluate.benchmark.checks import check_oracles
from neurotranscoder.evaluate.benchmark.rows import BenchmarkRow, RunRow
from neurotranscoder.evaluate.benchmark.summary import summarise
from neurotranscoder.evaluate.methods.registry import MethodSpec


def spec(name, role, bound=None):
    return MethodSpec(name, role, bound, lambda *_: None)


SPECS = (
    spec("transcoder", "transcoder"),
    spec("closed_form", "transcoder"),
    spec("ablation_no_x", "ablation"),
    spec("ridge", "rival"),
    spec("lasso", "rival"),
    spec("imaging", "informed"),
    spec("oracle", "oracle"),
    spec("null", "null"),
)


def rows(method, values, quantity="source_from_eeg"):
    """Return r of a method in worlds with seeds 0, 1, ..."""
    return [
        BenchmarkRow("s", method, quantity, "all", r, np.nan, np.nan, 5, 1.0, seed)
        for seed, r in enumerate(values)
    ]


def statistic(found, method, name, reference="none", quantity="source_from_eeg"):
    [row] = [
        row
        for row in found
        if (row.method, row.statistic, row.reference, row.quantity)
        == (method, name, reference, quantity)
    ]
    return row


def by_hand(values):
    """Return mean and 95 % t interval over worlds."""
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return np.mean(values), np.mean(values) - half, np.mean(values) + half


def numbers(row):
    return row.value, row.ci_low, row.ci_high


def test_mean_over_seeds_is_that_of_fisher_z():
    row = statistic(summarise(rows("ridge", [0.2, 0.5, 0.4]), SPECS), "ridge", "r")
    assert_allclose(numbers(row), np.tanh(by_hand(np.arctanh([0.2, 0.5, 0.4]))))
    assert row.n == 3


def test_ratio_to_an_oracle_is_taken_in_each_world():
    found = summarise(rows("ridge", [0.2, 0.5]) + rows("oracle", [0.4, 0.5]), SPECS)
    assert_allclose(numbers(statistic(found, "ridge", "ratio", "oracle")), by_hand([0.5, 1.0]))


def test_the_best_rival_is_another_one_in_each_world():
    scores = [("transcoder", [0.6, 0.6]), ("ridge", [0.3, 0.2]), ("lasso", [0.1, 0.4])]
    found = summarise([row for name, r in scores for row in rows(name, r)], SPECS)
    best = statistic(found, "transcoder", "ratio", "best_rival")
    assert_allclose(numbers(best), by_hand([2.0, 1.5]))
    assert_allclose(statistic(found, "transcoder", "ratio", "lasso").value, (6 + 1.5) / 2)
    assert_allclose(statistic(found, "ridge", "ratio", "best_rival").value, (3 + 0.5) / 2)


def test_no_ratio_is_taken_to_a_reference_that_is_not_above_zero():
    found = summarise(rows("transcoder", [0.6, 0.6]) + rows("ridge", [-0.1, 0.3]), SPECS)
    row = statistic(found, "transcoder", "ratio", "ridge")
    assert_allclose((row.value, row.n), (2.0, 1))
    assert np.isnan(row.ci_low)


def test_what_a_choice_brings_is_a_paired_difference():
    scores = [
        ("transcoder", [0.6, 0.5]),
        ("closed_form", [0.5, 0.45]),
        ("ablation_no_x", [0.2, 0]),
    ]
    found = summarise([row for name, r in scores for row in rows(name, r)], SPECS)
    gained = statistic(found, "transcoder", "difference", "closed_form")
    assert_allclose(numbers(gained), by_hand([0.1, 0.05]))
    for base, lost in (("transcoder", -0.45), ("closed_form", -0.375)):
        row = statistic(found, "ablation_no_x", "difference", base)
        assert_allclose(row.value, lost)


@pytest.mark.parametrize(
    ("method", "reference"),
    [
        ("closed_form", "minimum_norm_true_leadfield"),
        ("transcoder", "minimum_norm_true_leadfield"),
        ("paper", "vanilla"),
    ],
)
def test_what_the_paper_claims_to_be_better_is_a_paired_difference(method, reference):
    specs = (spec(method, "transcoder"), spec(reference, "informed"))
    found = summarise(rows(method, [0.6, 0.1]) + rows(reference, [0.4, 0.3]), specs)
    row = statistic(found, method, "difference", reference)
    assert_allclose(numbers(row), by_hand([0.2, -0.2]), atol=1e-12)


def test_fused_sources_are_compared_with_the_better_estimate_of_each_world():
    scores = {"source_from_eeg": [0.5, 0.3], "source_from_bold": [0.2, 0.4]}
    scores["source_fused"] = [0.6, 0.35]
    found = summarise([r for q, v in scores.items() for r in rows("closed_form", v, q)], SPECS)
    row = statistic(found, "closed_form", "difference", "better_single", "source_fused")
    assert_allclose(numbers(row), by_hand([0.1, -0.05]))


def test_a_null_is_divided_by_nothing():
    found = summarise(rows("null", [0.01, 0.02]) + rows("oracle", [0.5, 0.5]), SPECS)
    assert [row.statistic for row in found if row.method == "null"] == ["r"]


def runs(method, values, seed=0):
    return [
        RunRow("s", method, "source_from_eeg", "all", seed, f"run-{number}", r)
        for number, r in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("method", "verdict"),
    [
        ([0.5, 0.6, 0.4], "holds"),
        ([0.62, 0.73, 0.53], "violated"),
        ([0.6004, 0.7006, 0.5005], "holds"),  # by .0005, within the tolerance of .002
        ([0.9, 0.75, 0.45], "holds"),  # by .1 on average, with an interval that holds 0
        ([0.9], "no interval"),
    ],
)
def test_a_limit_is_violated_when_runs_agree_that_it_is_passed(method, verdict):
    specs = (spec("limit", "oracle", "linear"), spec("mine", "rival", "linear"))
    [check] = check_oracles(runs("limit", [0.6, 0.7, 0.5]) + runs("mine", method), specs)
    assert check.verdict == verdict
    pairs = np.array([0.6, 0.7, 0.5])[: len(method)] - method
    assert_allclose(check.difference, pairs.mean())
    if check.n > 1:
        assert_allclose((check.ci_low, check.ci_high), by_hand(pairs)[1:])


def test_a_limit_holds_for_its_own_class_and_world_alone():
    specs = (
        spec("limit", "oracle", "spatial"),
        spec("filter", "rival", "linear"),
        spec("unknown", "rival"),
        spec("image", "informed", "spatial"),
    )
    values = [0.1, 0.2, 0.3]
    every = [row for s in (0, 1) for name in specs[1:] for row in runs(name.name, values, s)]
    checks = check_oracles(every + runs("limit", values, seed=1), specs)
    assert [(check.oracle, check.method, check.geometry_seed) for check in checks] == [
        ("limit", "image", 1)
    ]
