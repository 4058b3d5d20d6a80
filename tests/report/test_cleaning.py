from neurotranscoder.preprocess.clean_facts import RunFacts
from neurotranscoder.report.cleaning import draw_clock, draw_spectra, write_cleaning_page

FACTS = RunFacts(
    "sub-01_task-odd_run-1",
    ["gradient artefact removed", "pulse left out: <no> beats"],
    ([1.0, 10.0, 100.0], [50.0, 10.0, 900.0]),
    ([1.0, 10.0, 100.0], [5.0, 1.0, 0.1]),
    [0.0, 2.0, 4.0],
    [0.1, -0.1, 0.0],
)


def test_pictures_say_in_words_what_they_show():
    assert "largest line falls to 1/180" in draw_spectra(FACTS).alt
    assert "0.0816 ms (sd)" in draw_clock(FACTS).alt


def test_the_page_has_every_line_escaped_and_the_same_bytes_twice(tmp_path):
    for name in "ab":
        write_cleaning_page(tmp_path / name, [FACTS], ["sub-02: no <samples>"])
    page = (tmp_path / "a").read_text()
    assert page == (tmp_path / "b").read_text()
    for text in ("gradient artefact removed", "&lt;no&gt; beats", "sub-02: no &lt;samples&gt;"):
        assert text in page
    assert page.count("<img") == 2


def test_a_clock_that_was_not_measured_has_no_picture(tmp_path):
    bare = RunFacts(FACTS.label, FACTS.lines, FACTS.before, FACTS.after, [], [])
    write_cleaning_page(tmp_path / "page", [bare], [])
    page = (tmp_path / "page").read_text()
    assert page.count("<img") == 1
    assert "left out</h2>" not in page
