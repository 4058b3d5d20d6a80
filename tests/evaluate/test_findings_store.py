from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from findings_example import example_findings
from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import StoreError, WeightsError
from neurotranscoder.evaluate.findings_store import load_findings, save_findings


def assert_same(one, other):
    """Compare dataclasses field by field, arrays with their types, NaN equal to NaN."""
    assert type(one) is type(other)
    if is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other or (one != one and other != other)


def with_float_scores(findings):
    """Return findings whose measures are floats throughout, as a TSV file gives them back."""
    measures = tuple(
        replace(row, ci_low=float(row.ci_low), ci_high=float(row.ci_high))
        for row in findings.measures
    )
    return replace(findings, measures=measures)


def test_findings_come_back_from_disk_bit_by_bit(tmp_path):
    findings = with_float_scores(example_findings())
    save_findings(tmp_path, findings)
    assert_same(load_findings(tmp_path), findings)


def test_single_precision_and_missing_values_come_back(tmp_path):
    findings = with_float_scores(example_findings())
    panel = findings.traces[0]
    y = panel.lines[0].y.astype(np.float32)
    y[3] = np.nan
    panel = replace(panel, lines=(replace(panel.lines[0], y=y),))
    findings = replace(findings, traces=(panel,))
    save_findings(tmp_path, findings)
    assert_same(load_findings(tmp_path).traces, (panel,))


def test_findings_without_pictures_places_or_rows_come_back(tmp_path):
    full = with_float_scores(example_findings())
    save_findings(tmp_path, full)
    bare = replace(
        full,
        metrics=(),
        measures=(),
        traces=(),
        maps=(),
        responses=None,
        topographies=(),
        curves=(),
        montage=Montage(full.montage.names),
        realism=None,
    )
    save_findings(tmp_path, bare)  # over the full ones: nothing of them may stay
    assert_same(load_findings(tmp_path), bare)
    assert not list(tmp_path.glob("*.tsv"))


def test_realism_without_heads_or_courses_comes_back(tmp_path):
    findings = with_float_scores(example_findings())
    bare = replace(findings.realism, courses=(), maps=(), potentials=(), amplitudes=None)
    findings = replace(findings, realism=bare)
    save_findings(tmp_path, findings)
    assert_same(load_findings(tmp_path), findings)


def test_equal_findings_give_equal_files(tmp_path):
    for name in ("one", "two"):
        save_findings(tmp_path / name, example_findings())
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "two").iterdir())
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_table_of_another_evaluation_is_refused(tmp_path):
    findings = example_findings()
    save_findings(tmp_path, findings)
    path = tmp_path / "metrics.tsv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    needed = f"{len(findings.metrics) - 1}, {len(findings.measures)} and 5 rows"
    with pytest.raises(StoreError, match=needed):
        load_findings(tmp_path)


def test_unknown_words_in_the_file_are_refused(tmp_path):
    from neurotranscoder.io.weights import save_tensors

    save_tensors(tmp_path, "findings", {"a": np.zeros(1)}, {"colour": "red"})
    with pytest.raises(StoreError, match="run `evaluate` again"):
        load_findings(tmp_path)


def test_missing_findings_are_named(tmp_path):
    with pytest.raises(WeightsError, match=r"findings\.json"):
        load_findings(tmp_path)


def test_the_mean_image_behind_maps_is_read_as_it_was_saved(tmp_path, rng):
    image = rng.random(example_findings().blocks.labels.shape).astype(np.float32)
    findings = replace(example_findings(), mni=False, anatomy=image)
    save_findings(tmp_path, findings)
    read = load_findings(tmp_path)
    np.testing.assert_array_equal(read.anatomy, image)
    assert not read.mni
