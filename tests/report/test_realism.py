import base64
import re
from dataclasses import replace

import numpy as np
import pytest

from neurotranscoder.evaluate.findings import ValueMap
from neurotranscoder.report import brain
from neurotranscoder.report.cuts import mni_anatomy
from neurotranscoder.report.realism import draw_panel, reference_range, with_unit


def svg_of(picture):
    return base64.b64decode(picture.source.split(",")[1]).decode()


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (66.613, "1", "66.6"),
        (-3.581, "dB", "\N{MINUS SIGN}3.58 dB"),
        (0.0, "%", "0 %"),
        (float("nan"), "mm", "n/a"),
    ],
)
def test_values_have_three_digits_and_their_unit(value, unit, words):
    assert with_unit(value, unit) == words


def test_references_with_one_border_say_which(findings):
    row = findings.realism.rows[0]
    nan = float("nan")
    assert reference_range(replace(row, low=nan)) == "below 88"
    assert reference_range(replace(row, high=nan)) == "above 52"
    assert reference_range(replace(row, low=nan, high=nan)) == ""


def test_references_are_grey_and_measurements_are_not(findings):
    svg = svg_of(draw_panel(findings.realism.courses[0]))
    lines = re.findall(r'<path d="([^"]*)" clip-path="[^"]*" style="[^"]*stroke: (#\w{6})', svg)
    colours = {colour for path, colour in lines}
    assert "#0072b2" in colours
    grey = [path for path, colour in lines if colour == "#555555"]
    assert len(grey) == 2  # both borders, though one label names them


def test_spectra_are_drawn_on_logarithmic_axes(findings):
    panel = findings.realism.spectra[0]
    svg = svg_of(draw_panel(panel, logarithmic=True))
    [law] = re.findall(r'<path d="([^"]*)" clip-path="[^"]*" style="[^"]*stroke: #0072b2', svg)
    points = np.array(re.findall(r"[ML] ([\d.-]+) ([\d.-]+)", law), dtype=float)
    x, y = points.T
    line = np.polyval(np.polyfit(x, y, 1), x)
    np.testing.assert_allclose(y, line, atol=0.01)  # a power law is a straight line; in points


def test_map_without_any_value_is_drawn(findings):
    nothing = ValueMap("none", "mean over sd", np.full(findings.blocks.n_blocks, np.nan))
    picture = brain.draw_value_map(nothing, findings.blocks, mni_anatomy())
    assert picture.source.startswith("data:image/png")
    assert "left is left" in picture.caption
