"""The tables of the paper's experiments, where a map lacks a region."""

import pytest

from experiment_example import benchmark_module
from neurotranscoder.evaluate.activation_scores import ActivationScore, MapScore, not_covered
from neurotranscoder.evaluate.activation_truth import Activation

tables = benchmark_module("experiment_table")


def score_of(*, second_is_covered):
    """A map that finds two regions, or of which it has the first alone."""
    here, there = (Activation(name, i, 0.4, 1.0, 0.0, 1.0) for i, name in enumerate(("V1", "MT")))
    first = ActivationScore(here, 5.0, True, True, 2.0, 2.0, 9.0, 10.0, 20.0)
    second = ActivationScore(there, 5.0, True, True, 4.0, 4.0, 9.0, 30.0, 40.0)
    if not second_is_covered:
        second = not_covered(there)
    return MapScore((first, second), 0.5, 0.0, 0.0, 0.1, 20.0)


@pytest.fixture
def rows():
    return list(tables.rows_of("oddball", "group", "odd", [score_of(second_is_covered=False)]))


def test_the_table_says_that_a_region_is_not_covered(rows):
    line = next(one for one in tables.table(rows).splitlines() if "MT 400 ms" in one)
    assert "| not covered |" in line
    assert line.count("|") == tables.table(rows).splitlines()[0].count("|")


def test_the_summary_counts_the_regions_that_are_covered_and_names_the_number_of_others(rows):
    line = tables.summary(rows).splitlines()[-1]
    assert "1.0 of 1 (1 not covered) | 1.0 of 1 | 2 (9) | 10 | 20 |" in line


def test_of_several_maps_those_that_cover_a_region_are_averaged():
    scores = [score_of(second_is_covered=covered) for covered in (True, False)]
    rows = tables.rows_of("oddball", "subjects", "odd", scores)
    own = {row.measure: row for row in rows if row.activation == "MT 400 ms"}
    assert (own["uncorrected"].value, own["uncorrected"].n) == (1.0, 1)
    assert own["covered"].value == 0.5


def test_a_map_that_was_not_tested_is_not_said_to_find_nothing():
    rows = tables.rows_of("oddball", "group", "odd", [score_of(second_is_covered=True)])
    line = tables.summary(list(tables.untested(rows))).splitlines()[-1]
    assert "| not tested | not tested | 3 (9) | 20 | 30 | 0.50 | 0.10 | - |" in line
