import json
import math
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from benchmark_book_example import (
    ROLES,
    example_record,
    example_tables,
    example_traces,
    never,
    write_example,
)
from neurotranscoder.core.errors import StoreError
from neurotranscoder.evaluate.benchmark.record import Record
from neurotranscoder.evaluate.benchmark.rows import CheckRow
from neurotranscoder.evaluate.benchmark.summary import summarise
from neurotranscoder.evaluate.benchmark.tables import FILES, Tables
from neurotranscoder.evaluate.benchmark.traces import save_traces
from neurotranscoder.evaluate.methods.catalogue import known_methods
from neurotranscoder.evaluate.methods.registry import MethodSpec, Role
from neurotranscoder.report.benchmark import methods, transcoding
from neurotranscoder.report.benchmark.book import Book, read_book
from neurotranscoder.report.benchmark.look import look_of
from neurotranscoder.report.benchmark.measures import measure_sheets, readout_sheet
from neurotranscoder.report.benchmark.page import render_benchmark, write_benchmark_page
from neurotranscoder.report.benchmark.summary import problems, warnings
from neurotranscoder.report.benchmark.tables import difference_sheet, score_sheet
from neurotranscoder.report.benchmark.traces import draw_traces
from neurotranscoder.report.figures import picture_of
from neurotranscoder.report.words import METHODS, PARTS, name_of
from page_reader import HOSTILE, Reader, pictures_of

NO_TABLES = Tables((), (), (), (), ())


def example_book(roles=ROLES, tables=None, **places):
    """Return a book without time courses."""
    record = Record.model_validate({**example_record(roles, **places), "day": "2026-01-02"})
    return Book.of(record, example_tables(roles, **places) if tables is None else tables)


def plain(page):
    """Return the words of a page, minus signs and spaces as on a keyboard."""
    return Reader(page).text.replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", " ")


def test_every_method_of_the_package_has_a_name_and_an_unknown_one_keeps_its_own():
    assert [spec.name for spec in known_methods() if spec.name not in METHODS] == []
    assert name_of("my_lab.methods:Wavelets") == "my_lab.methods:Wavelets"
    names = [METHODS[spec.name] for spec in known_methods()]
    assert len(set(names)) == len(names)


def test_every_role_has_words():
    assert set(Role.__args__) <= set(PARTS)


def test_page_holds_every_r_with_its_interval(book, benchmark_page):
    text, rows = plain(benchmark_page), [r for r in book.tables.summary if r.statistic == "r"]
    assert len(rows) == len(ROLES) * 11
    for row in rows:
        assert f"{row.value:.3f} [{row.ci_low:.3f}, {row.ci_high:.3f}]" in text


def test_page_holds_ratios_to_the_best_oracle_and_rival_and_paired_differences(
    book, benchmark_page
):
    text = plain(benchmark_page)
    shown = [
        row
        for row in book.tables.summary
        if row.reference in ("oracle_spatial_wiener", "best_rival")
        or row.statistic == "difference"
    ]
    assert {row.statistic for row in shown} == {"ratio", "difference"}
    for row in shown:
        sign = "+" if row.statistic == "difference" and row.value > 0 else ""
        assert f"{sign}{row.value:.3f} [{row.ci_low:.3f}, {row.ci_high:.3f}]" in text


def test_the_best_of_a_role_is_its_highest_score_and_is_named():
    book = example_book({"closed_form": "transcoder", "cca": "rival", "ridge_lags": "rival"})
    rivals = [s for s in book.found("power", "bold_from_eeg", "all") if s.method != "closed_form"]
    highest = max(rivals, key=lambda score: score.r)
    [sheet] = transcoding.transcoding_sheets(book)
    [line] = [line for line in sheet.lines if line.name == "best rival"]
    assert line.cells[0].value == f"{highest.r:.3f}"
    assert line.cells[0].below[-1] == name_of(highest.method)


def test_cells_stand_under_their_heads(book):
    sheet = score_sheet(book, "power", "source_from_eeg")
    column = sheet.columns.index(("r / best rival", "oscillatory"))
    [line] = [line for line in sheet.lines if line.code == "closed_form"]
    [row] = [
        row
        for row in book.tables.summary
        if (row.method, row.quantity, row.source_kind, row.reference)
        == ("closed_form", "source_from_eeg", "oscillatory", "best_rival")
    ]
    assert line.cells[column].value == f"{row.value:.3f}"
    assert sheet.columns[-1] == ("fit", "s")
    assert line.cells[-1].value == "2.51"  # mean of 1.5 + seed / 100


def test_ablations_stand_in_a_table_of_their_own(book):
    ablations = difference_sheet(book, "power", ablations=True)
    assert [line.name for line in ablations.lines] == [
        "Without whitening \N{MINUS SIGN} Transcoder",
        "Without whitening \N{MINUS SIGN} Closed form (linear)",
    ]
    others = difference_sheet(book, "power", ablations=False)
    assert others.lines[0].name == "Transcoder \N{MINUS SIGN} Closed form (linear)"
    assert "Without whitening \N{MINUS SIGN} better single estimate" in [
        line.name for line in others.lines
    ]


def test_what_rounds_to_zero_has_no_sign():
    tables = example_tables()
    small = tuple(replace(row, value=-1e-5, ci_low=-2e-4, ci_high=1e-5) for row in tables.summary)
    book = example_book(tables=replace(tables, summary=small))
    sheet = difference_sheet(book, "power", ablations=True)
    assert sheet.lines[0].cells[0].value == "0.000"
    assert sheet.lines[0].cells[0].below == ("[0.000,\N{NO-BREAK SPACE}0.000]",)


def test_measures_of_any_name_and_the_truth_beside_read_outs_are_shown(benchmark_page):
    text = plain(benchmark_page)
    assert "Localisation error mm" in text
    assert "113 [111, 116]" in text  # mean of 12.25 + seed, over three seeds
    once = "Truth True response 5.12 [5.12, 5.12]"  # the same beside both transcoders
    assert text.count(once) == 1


def test_gates_stand_beside_what_was_learnt(book):
    sheet = readout_sheet(book, "power")
    column = sheet.columns.index(("EEG from BOLD: gate", ""))
    assert [line.cells[column].value for line in sheet.lines if line.code == "transcoder"] == [
        "0.125"
    ]
    assert not any(
        "gate" in head for one in measure_sheets(book, "power") for head, _ in one.columns
    )


def test_methods_are_grouped_by_role_ours_first(book):
    assert book.in_order(reversed(ROLES)) == tuple(ROLES)
    assert book.in_order(["mine", "null_shifted", "transcoder"])[-1] == "mine"


def test_failures_and_violated_checks_stand_before_all_results():
    fact = ("power", 100, "oracle_spatial_wiener", "ridge_lags", "source_fused", "all")
    check = CheckRow(*fact, -0.03, -0.04, -0.02, 5, "violated")
    book = example_book(tables=replace(example_tables(), checks=(check,)))
    failure = {"world": "power/seed-100", "method": "cca", "message": "LinAlgError: singular"}
    record = book.record.model_dump() | {"failures": [failure]}
    book = replace(book, record=Record.model_validate(record))
    page = render_benchmark(book)
    for words in ("LinAlgError: singular", "-0.0300 [-0.0400, -0.0200]"):
        assert 0 < page.index(words) < page.index('id="run"')
    assert len(problems(book)) == 2
    assert "2 problems" in Reader(page).text
    assert "1 check is violated" in Reader(page).text


def test_head_says_what_was_run_and_that_data_are_simulated(benchmark_page):
    text = plain(benchmark_page)
    for words in (
        "All data here are simulated",
        "4 to fit on, 2 to choose with, 3 to score; 600 s each",
        "100, 101, 102",
        "b" * 40 + ", clean",
        "numpy 2",
    ):
        assert words in text
    assert "problem" not in text.split("What was run")[0]


def test_uncommitted_changes_and_several_states_of_the_code_are_warned_of():
    content = example_record() | {"day": "2026-01-02"}
    [code] = content["made_by"]
    content["made_by"] = [code, code | {"code": "c" * 64, "commit": "d" * 40 + "+changes"}]
    book = Book.of(Record.model_validate(content), example_tables())
    assert "uncommitted" in warnings(book)[0]
    assert "2 different states" in warnings(book)[1]
    assert "d" * 40 + " with uncommitted changes" in plain(render_benchmark(book))


def test_names_and_messages_are_escaped():
    roles = {**ROLES, HOSTILE: "rival"}
    book = example_book(roles)
    failure = {"world": HOSTILE, "method": HOSTILE, "message": HOSTILE}
    content = book.record.model_dump() | {"failures": [failure]}
    page = render_benchmark(replace(book, record=Record.model_validate(content)))
    assert "<script" not in page
    assert "onerror=alert(2)>" not in page
    reader = Reader(page)
    assert reader.open == []
    assert HOSTILE.split(" $")[0] in reader.text


def test_page_loads_nothing_and_is_well_formed(benchmark_page):
    reader = Reader(benchmark_page)
    addresses = reader.values("src", "href", "srcset", "data", "action")
    assert all(address.startswith(("data:", "#")) for address in addresses)
    targets = {value[1:] for value in reader.values("href") if value.startswith("#")}
    assert targets <= set(reader.values("id"))
    assert len(reader.values("id")) == len(set(reader.values("id")))
    assert reader.open == []
    assert not {"script", "iframe", "object"} & set(reader.tags)
    described = [value for tag, name, value in reader.attributes if (tag, name) == ("img", "alt")]
    assert len(described) == reader.tags.count("img") > 3
    assert all(len(words) > 20 for words in described)
    assert all(content.startswith(b"<?xml") for content in pictures_of(benchmark_page))


def test_one_seed_has_intervals_over_runs_and_says_so():
    page = plain(render_benchmark(example_book(seeds=(100,))))
    [row] = [
        row
        for row in example_tables(seeds=(100,)).metrics
        if (row.method, row.quantity) == ("ridge_lags", "bold_from_eeg")
    ]
    assert f"{row.r:.3f} [{row.ci_low:.3f}, {row.ci_high:.3f}]" in page
    assert "mean over 1 geometry seed; 95 % interval over its held-out runs" in page
    assert "say nothing about other geometries" in page


def test_a_method_with_one_seed_among_others_says_that_its_interval_is_over_runs():
    tables = example_tables()
    gone = [m for m in tables.metrics if m.method == "ridge_lags" and m.geometry_seed != 100]
    metrics = tuple(row for row in tables.metrics if row not in gone)
    specs = [MethodSpec(name, role, None, never) for name, role in ROLES.items()]
    tables = replace(tables, metrics=metrics, summary=summarise(metrics, specs))
    sheet = score_sheet(example_book(tables=tables), "power", "bold_from_eeg")
    below = {line.code: line.cells[0].below[1:] for line in sheet.lines}
    assert below["ridge_lags"] == ("over runs of one seed",)
    assert below["transcoder"] == ()


def test_a_score_without_any_interval_is_shown_without():
    tables = example_tables(seeds=(100,))
    bare = tuple(replace(row, ci_low=math.nan, ci_high=math.nan) for row in tables.metrics)
    page = plain(
        render_benchmark(example_book(tables=replace(tables, metrics=bare), seeds=(100,)))
    )
    assert f"{bare[0].r:.3f} no interval" in page


@pytest.mark.parametrize(
    "roles", [{"ridge_lags": "rival"}, {"mine:M": "informed", "null_shifted": "null"}]
)
def test_page_is_made_whatever_methods_are_missing(roles):
    page = plain(render_benchmark(example_book(roles)))
    assert all(name_of(method) in page for method in roles)
    assert "nothing was checked" in page or "Number of checks" in page


def test_page_is_made_where_everything_failed():
    page = Reader(render_benchmark(example_book(tables=NO_TABLES))).text
    assert "Nothing was scored." in page


def test_equal_tables_give_equal_bytes_and_earlier_pictures_go(tmp_path):
    out = write_example(tmp_path / "out", traced=("closed_form",))
    page = write_benchmark_page(out)
    files = {path.name: path.read_bytes() for path in [page, *(out / "figures").iterdir()]}
    (out / "figures" / "older-traces.svg").write_text("<svg/>")
    write_benchmark_page(out)
    assert {p.name: p.read_bytes() for p in [page, *(out / "figures").iterdir()]} == files
    assert {name for name in files if name.endswith(".svg")} >= {
        "transcoding-1.svg",
        "power-source_from_eeg.svg",
        "power-traces.svg",
    }


def test_the_place_shown_is_the_median_under_our_method(book):
    # places 0-3 are evoked with r .1 .2 .3 .4, places 4-6 oscillatory with .5 .6 .7, 0-6 are BOLD
    alt = draw_traces(book, "power").alt
    assert "Source from EEG (evoked) Transcoder r 0.30" in alt
    assert "Source from EEG (oscillatory) Transcoder r 0.60" in alt
    assert "Minimum norm, true leadfield r 0.62" in alt
    assert "BOLD from EEG (all) Transcoder r 0.40" in alt
    assert "median" in draw_traces(book, "power").caption


def test_time_courses_of_another_truth_are_not_drawn_together(book):
    run = book.traces["power", "minimum_norm_true_leadfield"]
    other = tuple(replace(trace, truth=trace.truth + 1) for trace in run.traces)
    changed = {**book.traces, ("power", "minimum_norm_true_leadfield"): replace(run, traces=other)}
    assert "Minimum norm" in draw_traces(book, "power").alt
    assert "Minimum norm" not in draw_traces(replace(book, traces=changed), "power").alt


def test_lost_time_courses_are_warned_of(tmp_path):
    out = write_example(tmp_path / "out", traced=("closed_form", "transcoder"))
    [path] = out.rglob("closed_form.safetensors")
    save_traces(path, example_traces(5))  # whole, but not those of the result
    book = read_book(out)
    assert list(book.traces) == [("power", "transcoder")]
    assert "power/seed-100: Closed form (linear)" in warnings(book)[-1]


@pytest.mark.parametrize("name", ["benchmark.json", *FILES])
def test_a_table_that_was_changed_is_refused_by_name(tmp_path, name):
    out = write_example(tmp_path / "out")
    text = (out / name).read_text()
    (out / name).write_text(text.replace("1", "2", 1))
    with pytest.raises(StoreError, match=rf"{re.escape(name)}: damaged, got SHA-256"):
        read_book(out)
    (out / name).unlink()
    with pytest.raises(StoreError, match=rf"{re.escape(name)}: got no such file"):
        read_book(out)


def test_tables_without_checksums_are_read_and_warned_of(tmp_path):
    out = write_example(tmp_path / "out")
    assert not any("checksums" in text for text in warnings(read_book(out)))
    (out / "manifest.json").unlink()
    assert "no checksums" in warnings(read_book(out))[-1]


def test_record_of_an_older_version_is_refused_with_advice(tmp_path):
    out = write_example(tmp_path / "out")
    content = json.loads((out / "benchmark.json").read_text())
    del content["runs"]
    (out / "benchmark.json").write_text(json.dumps(content))
    (out / "manifest.json").unlink()
    with pytest.raises(
        StoreError, match=r"runs: Field required.*give the command benchmark again"
    ):
        read_book(out)


def many_roles():
    """Return all methods of the package and some more, as many as a chart has to bear."""
    more = {f"null_{number}": "null" for number in range(4)} | {"mine" * 30: "rival"}
    return {spec.name: spec.role for spec in known_methods()} | more


@pytest.mark.parametrize("module", [methods, transcoding])
def test_labels_do_not_overlap_with_forty_methods(module, monkeypatch):
    drawn = []

    def keep(figure, **words):
        drawn.append(figure)
        return picture_of(figure, **words)

    monkeypatch.setattr(module, "picture_of", keep)
    book = example_book(many_roles(), scenarios=("power", "interleave5-noisefree", "balloon"))
    if module is methods:
        methods.draw_methods(book, "power", "source_from_eeg")
    else:
        transcoding.draw_transcoding(book)
    [figure] = drawn
    figure.draw_without_rendering()
    assert figure.get_size_inches()[0] <= 7.2  # two columns of a journal
    for axes in figure.axes:
        texts = [text for text in axes.get_yticklabels() if text.get_text() and text.get_visible()]
        boxes = sorted((text.get_window_extent() for text in texts), key=lambda box: box.y0)
        assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))
        assert all(box.x0 >= 0 for box in boxes)
        assert all(text.get_fontsize() >= 7 for text in texts)
    titles = [axes.title.get_window_extent() for axes in figure.axes]
    assert not any(a.overlaps(b) for k, a in enumerate(titles) for b in titles[k + 1 :])


def test_a_method_has_one_look_wherever_it_is_drawn(book):
    looks = {method: look_of(book, method) for method in ROLES}
    assert len({(look.colour, look.marker) for look in looks.values()}) == len(ROLES)
    assert [m for m, look in looks.items() if not look.filled] == [
        "oracle_spatial_wiener",
        "null_shifted",
    ]


def test_seeds_missing_from_a_method_are_counted():
    tables = example_tables()
    gone = [r for r in tables.summary if (r.method, r.statistic) == ("ridge_lags", "r")]
    changed = tuple(replace(r, n=2) if r in gone else r for r in tables.summary)
    sheet = score_sheet(
        example_book(tables=replace(tables, summary=changed)), "power", "bold_from_eeg"
    )
    below = {line.code: line.cells[0].below[1:] for line in sheet.lines}
    assert below["ridge_lags"] == ("2 of 3 seeds",)
    assert below["transcoder"] == ()
    assert np.all([not words for code, words in below.items() if code != "ridge_lags"])
