from dataclasses import replace

import pytest

from findings_example import example_findings
from neurotranscoder.preprocess.clean_facts import RunFacts
from neurotranscoder.report.cleaning import (
    RunPage,
    draw_blinks,
    draw_clock,
    draw_spectra,
    write_cleaning_page,
)
from neurotranscoder.report.cleaning_summary import cleaning_summary
from neurotranscoder.report.figures import Picture
from neurotranscoder.report.page import render_report
from page_reader import HOSTILE, Reader

FACTS = RunFacts(
    "sub-01_task-odd_run-1",
    ["gradient artefact removed", "pulse left out: <no> beats"],
    ([1.0, 10.0, 100.0], [50.0, 10.0, 900.0]),
    ([1.0, 10.0, 100.0], [5.0, 1.0, 0.1]),
    [0.0, 2.0, 4.0],
    [0.1, -0.1, 0.0],
)
STEPS = [
    {"step": "gradient", "done": True, "numbers": {"before_uv": 105.2, "after_uv": 12.1}},
    {"step": "pulse", "done": False, "numbers": {}},
    {"step": "bad_channels", "done": True, "numbers": {"channels": 2, "names": "Cz, Pz"}},
    {"step": "ocular", "done": True, "numbers": {"blinks_per_minute": 12.3}},
]
IMAGES = {"numbers": {"displacement_mean": 0.123, "snr": 61.4}}
PICTURE = Picture("data:image/png;base64,AAAA", "Head motion.", "How it moved.", 10, 10)


def summary(images=None, link=""):
    faults = ["sub-02: no <samples>"]
    return cleaning_summary({FACTS.label: {"steps": STEPS}}, images or {}, faults, link=link)


def page_of(tmp_path, *runs, name="oddball", **options):
    write_cleaning_page(tmp_path / "page", runs, summary(), name=name, **options)
    return (tmp_path / "page").read_text()


def test_pictures_say_in_words_what_they_show():
    assert "largest line falls to 1/180" in draw_spectra(FACTS).alt
    assert "0.0816 ms (sd)" in draw_clock(FACTS).alt


def test_the_page_has_every_line_escaped_and_the_same_bytes_twice(tmp_path):
    page = page_of(tmp_path, RunPage(FACTS))
    assert page == page_of(tmp_path, RunPage(FACTS))
    for text in ("gradient artefact removed", "&lt;no&gt; beats", "sub-02: no &lt;samples&gt;"):
        assert text in page
    assert page.count("<img") == 2


def test_the_average_blink_has_a_picture_where_blinks_were_removed(tmp_path):
    blink = {"lags": [-0.1, 0.0, 0.1], "blink_before": [[0.0, 120.0, 0.0], [0.0, -30.0, 5.0]]}
    facts = replace(FACTS, **blink, blink_after=[[0.0, 4.0, 0.0], [0.0, -6.5, 1.0]])
    assert "has 120 µV in the channel with most of it; 6.5 µV are left" in draw_blinks(facts).alt
    assert page_of(tmp_path, RunPage(facts)).count("<img") == 3


def test_a_clock_that_was_not_measured_has_no_picture(tmp_path):
    bare = RunFacts(FACTS.label, FACTS.lines, FACTS.before, FACTS.after, [], [])
    assert page_of(tmp_path, RunPage(bare)).count("<img") == 1


def test_pictures_and_steps_of_images_stand_in_the_block_of_their_run(tmp_path):
    page = page_of(tmp_path, RunPage(FACTS, ("motion: rigid",), (PICTURE,)))
    block = page[page.index("<details") : page.index("</details>")]
    assert "motion: rigid" in block
    assert block.count("<img") == 3


def test_the_page_loads_nothing_and_its_links_have_targets(tmp_path):
    page = page_of(tmp_path, RunPage(FACTS, images=(PICTURE,)), name=HOSTILE, simulated=True)
    reader = Reader(page)
    addresses = reader.values("src", "href")
    assert all(address.startswith(("data:", "#")) for address in addresses)
    targets = {one[1:] for one in addresses if one.startswith("#")}
    assert targets <= set(reader.values("id"))
    assert "Simulated data" in reader.text
    assert "script" not in reader.tags


@pytest.fixture
def crowded(tmp_path):
    """The page of two subjects whose pictures are too much for it."""
    labels = (FACTS.label, "sub-03_task-odd_run-1")
    records = {label: {"steps": STEPS} for label in labels}
    runs = [RunPage(replace(FACTS, label=label)) for label in labels]
    page = tmp_path / "page.html"
    known = cleaning_summary(records, {}, ["sub-02: no samples"])
    write_cleaning_page(page, runs, known, name="oddball", most_bytes=10)
    return page, runs, known


def test_subjects_that_are_too_much_for_one_page_have_pages_that_the_table_links(crowded):
    page, runs, _ = crowded
    text = page.read_text()
    assert text.count("<img") == 0
    assert "sub-02: no samples" in text
    for run in runs:
        own = page.with_name(f"page_{run.subject}.html")
        label = run.facts.label
        assert f"{own.name}#{label}" in Reader(text).values("href")
        reader = Reader(own.read_text())
        assert {"page.html", f"#{label}"} <= set(reader.values("href"))
        assert label in reader.values("id")
        assert own.read_text().count("<img") == 2


def test_a_study_that_fits_is_one_page_again(crowded):
    page, runs, known = crowded
    write_cleaning_page(page, runs, known, name="oddball")
    assert page.read_text().count("<img") == 4
    assert list(page.parent.iterdir()) == [page]


@pytest.mark.parametrize("images", [None, {FACTS.label: IMAGES}])
def test_the_caption_of_the_table_speaks_of_images_where_there_are_any(tmp_path, images):
    path = tmp_path / "page.html"
    write_cleaning_page(path, [RunPage(FACTS)], summary(images), name="oddball")
    assert ("Images: mean" in path.read_text()) == (images is not None)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("Gradient", "105 to 12 µV"),
        ("Resampled", "\N{EN DASH}"),
        ("Pulse", "left out"),
        ("Bad channels", "Cz, Pz"),
        ("Eyes", "12 blinks a minute"),
        ("Displacement (mm)", "0.12"),
        ("tSNR", "61"),
    ],
)
def test_the_table_says_what_became_of_each_step(column, cell):
    found = summary({FACTS.label: IMAGES})
    row = dict(zip(found.header, (found.rows[0].label, *found.rows[0].cells), strict=True))
    assert row[column] == cell


def test_a_record_without_numbers_says_that_a_step_was_done():
    old = {"steps": [{"step": "gradient", "done": True}]}
    assert cleaning_summary({"run": old}, {}, ()).rows[0].cells[0] == "done"


def test_a_report_shows_the_table_and_links_to_the_page_of_preprocessing():
    page = render_report(example_findings(), cleaning=summary(link="../clean/preprocessing.html"))
    reader = Reader(page)
    assert "../clean/preprocessing.html" in reader.values("href")
    assert "105 to 12 µV" in reader.text
    assert "could not be done, for the reason that the page of preprocessing gives" in reader.text
    assert "sub-02: no <samples>" in reader.text
    assert reader.open == []
