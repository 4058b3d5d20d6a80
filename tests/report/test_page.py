import re
from dataclasses import replace

import numpy as np
import pytest

from findings_example import example_findings
from neurotranscoder.core.axes import Montage
from neurotranscoder.core.errors import DiskError
from neurotranscoder.evaluate.table import MeasureRow
from neurotranscoder.report.measures import measure_table
from neurotranscoder.report.page import render_report, write_report
from page_reader import HOSTILE, Reader, pictures_of


def test_page_loads_nothing_from_outside(page):
    reader = Reader(page)
    addresses = reader.values("src", "href", "srcset", "data", "action", "poster")
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "url(" not in page
    assert "@import" not in page
    assert not {"script", "iframe", "object", "embed"} & set(reader.tags)


def test_vector_pictures_load_nothing_from_outside(page):
    vectors = [content for content in pictures_of(page) if not content.startswith(b"\x89PNG")]
    assert vectors
    for content in vectors:
        rest = content.replace(b'"http://www.w3.org/', b'"namespace:')
        assert b"http" not in rest


def test_tags_of_the_page_are_balanced(page):
    assert Reader(page).open == []


def test_links_within_the_page_have_targets(page):
    reader = Reader(page)
    targets = {value[1:] for value in reader.values("href") if value.startswith("#")}
    assert targets <= set(reader.values("id"))
    assert len(reader.values("id")) == len(set(reader.values("id")))


def test_every_picture_has_words_for_those_who_cannot_see_it(page):
    reader = Reader(page)
    described = [value for tag, name, value in reader.attributes if (tag, name) == ("img", "alt")]
    assert len(described) == reader.tags.count("img") > 0
    assert all(len(words) > 20 for words in described)


def test_every_method_of_the_metrics_has_a_row(findings, page):
    assert page.count("<code>paper</code>") == 1
    for row in findings.metrics:
        assert f"<code>{row.method}</code></small></th>" in page


def test_every_score_and_interval_stands_in_the_table(findings, page):
    text = Reader(page).text.replace("\N{MINUS SIGN}", "-")
    for row in findings.metrics:
        if np.isfinite(row.ci_low):
            assert f"{row.r:.2f} [{row.ci_low:.2f}, {row.ci_high:.2f}]" in text


def test_warnings_stand_before_the_results(findings, page):
    assert page.index(findings.warnings[0]) < page.index('id="results"')


def test_simulated_data_are_called_so_and_real_data_are_not(findings, page):
    assert "Simulated data" in Reader(page).text
    assert "truth is therefore known" in Reader(page).text
    assert "truth is therefore" not in render_report(replace(findings, maps=()))
    real = replace(findings, simulated=False, title="Study", traces=(), maps=(), topographies=())
    assert "Simulated data" not in Reader(render_report(real)).text


@pytest.mark.parametrize(
    ("mni", "image", "words"),
    [
        (True, False, "MNI152 template"),
        (False, True, "mean BOLD image, as images are not named as in MNI space"),
        (False, False, "all source blocks, as results do not say in which space images are"),
    ],
)
def test_maps_are_drawn_on_the_template_only_in_its_space(findings, mni, image, words):
    anatomy = np.ones(findings.blocks.labels.shape, np.float32) if image else None
    page = render_report(replace(findings, mni=mni, anatomy=anatomy))
    captions = re.findall(r"Background: (.*?)\.<", page)
    assert captions == [words] * 2  # below source maps, and below those of the recording


def hostile_realism(realism):
    """Return realism all of whose words are hostile."""
    panel, heads = realism.spectra[0], realism.amplitudes
    lines = tuple(replace(line, label=HOSTILE) for line in panel.lines)
    words = dict.fromkeys(("measure", "unit", "source"), HOSTILE)
    return replace(
        realism,
        run=HOSTILE,
        rows=tuple(replace(row, **words) for row in realism.rows),
        spectra=(replace(panel, title=HOSTILE, x_label=HOSTILE, lines=lines),),
        maps=(replace(realism.maps[0], title=HOSTILE, label=HOSTILE),),
        potentials=(replace(realism.potentials[0], title=HOSTILE, labels=(HOSTILE,) * 2),),
        amplitudes=replace(heads, title=HOSTILE, labels=(HOSTILE,) * 2),
        limits=(HOSTILE,),
    )


def test_hostile_words_stay_words(findings):
    panel, topography = findings.traces[0], findings.topographies[0]
    lines = tuple(replace(line, label=HOSTILE) for line in panel.lines)
    hostile = replace(
        findings,
        title=HOSTILE,
        facts=((HOSTILE, HOSTILE),),
        warnings=(HOSTILE,),
        metrics=tuple(replace(r, method=HOSTILE, scenario=HOSTILE) for r in findings.metrics[:2]),
        measures=tuple(replace(row, measure=HOSTILE) for row in findings.measures),
        traces=(replace(panel, title=HOSTILE, x_label=HOSTILE, lines=lines),),
        maps=(replace(findings.maps[0], title=HOSTILE, labels=(HOSTILE,) * 3),),
        topographies=(replace(topography, title=HOSTILE, labels=(HOSTILE,) * 3),),
        realism=hostile_realism(findings.realism),
    )
    reader = Reader(render_report(hostile))
    assert "script" not in reader.tags
    assert not reader.values("onerror")
    assert reader.tags.count("img") == len(hostile.curves) + 5 + 5
    assert " ".join(HOSTILE.split()) in reader.text


def test_same_findings_give_the_same_bytes(tmp_path, findings, page):
    write_report(example_findings(), tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == page


def test_missing_interval_is_called_missing(findings):
    nan = float("nan")
    metrics = tuple(replace(row, ci_low=nan, ci_high=nan) for row in findings.metrics)
    bare = replace(findings, metrics=metrics, traces=(), maps=(), topographies=(), curves=())
    text = Reader(render_report(bare)).text
    assert text.count("no interval") >= len(metrics)
    assert "nan" not in text.lower().replace("resonance", "")


def test_measures_are_named_in_words_with_their_units(page):
    text = Reader(page).text
    assert "Source from EEG evoked Localisation error (mm) 9.10 [8.00, 10.00] n = 6" in text
    assert "Peak of the response (s) – 5.21 [5.10, 5.30] n = 6 9.40 n = 6" in text


def test_measures_without_unit_and_unknown_ones_keep_their_names():
    nan = float("nan")
    rows = [
        MeasureRow("s", "closed_form", "source_fused", "all", name, 0.5, unit, nan, nan, 3)
        for name, unit in (("of_mine", "V"), ("nmse", ""), ("ssim", "n/a"))
    ]
    lines = measure_table(rows).lines
    assert [line.measure for line in lines] == [
        "Normalised squared error, best scale",
        "Structural similarity (SSIM)",
        "of_mine (V)",
    ]


def test_score_that_could_not_be_computed_is_called_missing(findings):
    metrics = (replace(findings.metrics[0], r=float("nan")),)
    bare = replace(findings, metrics=metrics, traces=(), maps=(), topographies=(), curves=())
    text = Reader(render_report(bare)).text
    assert "n/a [0." in text
    assert "r = n/a" in text


def test_every_measure_stands_beside_its_reference_and_verdict(page):
    text = Reader(page).text
    for words in (
        "temporal SNR 66.6 52 to 88 ✓ inside measured six runs",
        "latency 0.638 s 0.25 to 0.5 s ✗ outside published Polich 2007",
        "strongest r 0.13 below −0.114 ✗ outside chance shifts in time",
        "components 8 – no reference",
        "displacement n/a 0.05 to 0.15 mm – no value measured six runs",
    ):
        assert words in text


def test_realism_is_asked_of_simulated_data_alone(findings, page):
    assert "How realistic the recordings are" in page
    assert "The head lies still." in page
    real = replace(findings.realism, limits=())
    bare = replace(findings, simulated=False, realism=real, traces=(), maps=(), topographies=())
    found = render_report(bare)
    assert '<h2 id="realism">The recordings</h2>' in found
    assert "How realistic" not in found
    assert "What this scenario leaves out" not in found


def test_findings_without_realism_have_no_such_section(findings):
    bare = replace(findings, realism=None, traces=(), maps=(), topographies=(), curves=())
    assert 'id="realism"' not in render_report(bare)


def test_findings_without_pictures_or_rows_make_a_page_that_says_so(findings):
    bare = replace(
        findings,
        metrics=(),
        measures=(),
        facts=(),
        warnings=(),
        traces=(),
        maps=(),
        responses=None,
        topographies=(),
        curves=(),
        realism=None,
    )
    text = Reader(render_report(bare)).text
    for words in (
        "Nothing was scored",
        "No time courses",
        "No source maps",
        "No hemodynamic response",
        "No leadfield",
        "No network was trained",
    ):
        assert words in text
    assert "Warnings" not in text


def test_scenarios_have_a_table_each(findings):
    row = findings.metrics[0]
    metrics = (row, replace(row, scenario="noise-free"), replace(row, method="paper"))
    bare = replace(findings, metrics=metrics, traces=(), maps=(), topographies=(), curves=())
    assert Reader(render_report(bare)).values("class").count("scores") == 2


def test_channels_without_places_are_drawn_as_bars(findings):
    bare = replace(findings, traces=(), maps=(), curves=(), metrics=(), responses=None)
    heads = replace(findings.realism, spectra=(), courses=(), maps=())
    bare = replace(bare, realism=heads)
    bipolar = replace(bare, montage=Montage(bare.montage.names))
    assert all(content.startswith(b"\x89PNG") for content in pictures_of(render_report(bare)))
    bars = pictures_of(render_report(bipolar))
    assert len(bars) == len(bipolar.topographies) + len(heads.potentials) + 1
    assert all(b"<svg" in content for content in bars)


def test_report_that_cannot_be_written_leaves_the_old_one(tmp_path, findings):
    (tmp_path / "file").write_text("old")
    bare = replace(findings, metrics=(), traces=(), maps=(), topographies=(), curves=())
    with pytest.raises(DiskError, match="could not be written"):
        write_report(bare, tmp_path / "file" / "report.html")
    assert (tmp_path / "file").read_text() == "old"
