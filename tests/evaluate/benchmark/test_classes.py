import pytest

from benchmark_example import Noise
from neurotranscoder.evaluate.benchmark.checks import check_oracles
from neurotranscoder.evaluate.benchmark.rows import RunRow
from neurotranscoder.evaluate.methods.catalogue import known_methods
from neurotranscoder.evaluate.methods.registry import MethodSpec, holds


@pytest.mark.parametrize(
    ("wide", "narrow", "found"),
    [
        ("linear", "spatial", True),
        ("linear", "linear", True),
        ("spatial", "linear", False),
        ("linear_power", "linear", True),
        ("linear", "linear_power", False),
        ("linear_power", "any", False),
        (None, "spatial", False),
        ("any", None, False),
    ],
)
def test_each_class_holds_those_before_it(wide, narrow, found):
    assert holds(wide, narrow) == found


def test_an_oracle_is_compared_with_every_class_that_its_own_holds():
    bounds = {"spatial": "spatial", "power": "linear_power", "network": "any", "none": None}
    specs = [MethodSpec("limit", "oracle", "linear_power", lambda *_: Noise())]
    specs += [
        MethodSpec(name, "rival", bound, lambda *_: Noise()) for name, bound in bounds.items()
    ]
    rows = [
        RunRow("s", spec.name, "source_from_eeg", "all", 100, run, 0.5 - 0.01 * int(run))
        for spec in specs
        for run in ("1", "2")
    ]
    assert {check.method for check in check_oracles(rows, specs)} == {"power", "spatial"}


def test_names_of_known_methods_are_different_and_nulls_are_given_nothing():
    specs = known_methods()
    assert len({spec.name for spec in specs}) == len(specs)
    assert not any(spec.informed for spec in specs if spec.role in ("null", "control"))
