import re
from dataclasses import replace
from pathlib import Path

import pytest

from findings_example import example_findings
from methods_example import (
    GRADIENT,
    eeg,
    example_facts,
    images,
    model,
    paper_subjects,
    readouts,
    sidecar,
    step,
)
from neurotranscoder.preprocess.bold import PreprocessSettings
from neurotranscoder.preprocess.confounds import CleanSettings
from neurotranscoder.report.methods.facts import MethodsFacts
from neurotranscoder.report.methods.references import REFERENCES
from neurotranscoder.report.methods.text import methods_text, write_methods
from neurotranscoder.report.page import render_report
from neurotranscoder.report.subject_pages import write_subject_page
from neurotranscoder.report.subjects import SubjectStage
from page_reader import HOSTILE, Reader

CITATION = Path(__file__).parents[2] / "CITATION.cff"


def text_of(facts):
    return " ".join(f"{part.title}: {part.text}" for part in methods_text(facts).paragraphs)


def keys_of(facts):
    return {one.key for one in methods_text(facts).references}


def test_what_was_done_is_said_with_its_numbers_and_reference():
    text = text_of(example_facts())
    assert "gradient artefact was removed in all 2 runs" in text
    assert "(Niazy et al., 2005)" in text
    assert "fell from 105 µV to 12.1 µV" in text
    assert "mutual information of Mattes (Mattes et al., 2003)" in text
    assert "(Benjamini & Hochberg, 1995)" in text
    assert "1000 permutations, forming p 0.001" in text
    assert "6 runs for training, 2 for validation, 4 for testing alone" in text
    assert "[@" not in text


def test_numbers_that_vary_over_runs_are_given_as_ranges():
    text = text_of(example_facts())
    assert "A run had 60\N{EN DASH}62 volumes (TR 2 s" in text
    assert "was 0.1\N{EN DASH}0.3 mm on average over a run, 1.5 mm at most" in text
    assert "31 channels at 5000 Hz" in text


@pytest.mark.parametrize(
    ("part", "words", "key"),
    [
        ({"eeg": ()}, "cleaned step by step", "niazy2005"),
        ({"images": ()}, "realigned", "mattes2003"),
        ({"models": ()}, "transcoder between EEG and BOLD", None),
        ({"subjects": None}, "For each of", None),
        ({"tests": ()}, "Clusters in space", "maris2007"),
        ({"fusion": ""}, "Pearson's r", None),
    ],
)
def test_a_part_that_was_not_done_is_neither_said_nor_cited(part, words, key):
    assert words in text_of(example_facts())
    without = example_facts(**part)
    assert words not in text_of(without)
    assert key not in keys_of(without)


@pytest.mark.parametrize(
    ("none", "words", "key"),
    [
        ({"n_regions": 0}, "of 24 regions that the group model tells apart", "benjamini1995"),
        ({"n_courses": 0}, "Courses after events of regions of the atlas aal_dseg", "efron1979"),
        ({"n_responses": 0}, "Hemodynamic responses of regions of the atlas aal_dseg", None),
        ({"electrodes": ()}, "of the electrodes Cz and Pz at voxels", None),
        ({"places": ()}, "of 1 place on the scalp", None),
        ({"expected": ()}, "Courses of 1 region that the experiment was expected to", None),
        ({"atlases": ()}, "aal_dseg.nii.gz", None),
    ],
)
def test_read_outs_are_said_with_atlas_and_reference_where_they_were_made(none, words, key):
    made, not_made = MethodsFacts(readouts=readouts()), MethodsFacts(readouts=readouts(**none))
    assert words in text_of(made)
    assert words not in text_of(not_made)
    assert key is None or key in keys_of(made) - keys_of(not_made)


def test_responses_of_one_short_run_have_no_jackknife():
    facts = MethodsFacts(readouts=readouts(n_regions=0, jackknife=False))
    assert "efron1981" not in keys_of(facts)


def test_the_reference_of_an_atlas_is_left_to_the_reader():
    unknown = methods_text(MethodsFacts(readouts=readouts())).unknown
    assert "reference of the atlas aal_dseg.nii.gz" in unknown


def test_the_networks_of_single_subjects_are_said_with_what_was_averaged():
    facts = MethodsFacts(paper_subjects=paper_subjects())
    text = text_of(facts)
    assert "For each of 2 subjects (3\N{EN DASH}4 runs of each)" in text
    assert "averaged from 0 to 3 s (all conditions)" in text
    assert "16 x 16 x 16 voxels and 300 frames; 400 steps" in text
    assert {"liu2022", "kingma2014", "paszke2019"} <= keys_of(facts)
    assert "second cyclic transcoder" not in text_of(example_facts())


def test_a_step_that_was_left_out_says_so_with_its_reason():
    done, out = step("gradient", GRADIENT), step("gradient", reason="no artefact; really none")
    text = text_of(MethodsFacts(eeg=(eeg(done), eeg(out), eeg(out))))
    assert "gradient artefact was removed in 1 of 3 runs" in text
    assert (
        "removal of the gradient artefact was left out in 2 of 3 runs (reason: no artefact)"
        in (text)
    )
    assert "pulse" not in text


def test_blinks_and_eye_movements_are_said_with_their_rates_and_channels():
    both = {
        "removed": 0.1,
        "blinks_per_minute": 12.0,
        "blinks_seen_in": "Fp1, Fp2",
        "eye_movements_per_minute": 30.0,
        "eye_movements_seen_in": "F7, F8",
    }
    blinks = {name: value for name, value in both.items() if not name.startswith("eye")}
    facts = MethodsFacts(eeg=(eeg(step("ocular", both)), eeg(step("ocular", blinks))))
    assert (
        "Blinks (12 a minute, found in Fp1, Fp2) and eye movements (30 a minute, found in F7, "
        "F8, in 1 of 2 runs) were removed in all 2 runs by a multi-channel Wiener filter of one "
        "component each (Somers et al., 2018) (10 % of the variance of the median channel)."
    ) in text_of(facts)


def test_records_without_numbers_give_sentences_without_them():
    bare = replace(eeg(step("gradient"), step("resample"), step("reference")), settings={})
    text = text_of(MethodsFacts(eeg=(bare,)))
    assert "gradient artefact was removed in the only run" in text
    assert "Hz" not in text
    assert "referenced to the average in the only run" in text


def test_filters_are_those_of_the_settings():
    filters = {"drift_period": 0, "low_cut": 0.5, "high_cut": 40.0, "notches": [50.0, 100.0]}
    text = text_of(MethodsFacts(eeg=(eeg(step("filters"), filters=filters),)))
    assert (
        "phase, by a high-pass at 0.5 Hz, a low-pass at 40 Hz and notches at 50 and 100 Hz."
        in text
    )
    assert "drift period" not in text
    assert "cosines" not in text


def test_images_are_described_by_the_way_that_they_took():
    bare = PreprocessSettings(
        slice_timing=False, clean=CleanSettings(longest_period=0, confounds=())
    )
    text = text_of(MethodsFacts(images=(images(method="quality", boundary=1, settings=bare),)))
    assert "Slice timing was not corrected" in text
    assert "(Ashburner & Friston, 1999)" in text
    assert "in voxels of 2 mm, then of 1 mm" in text
    assert "(Greve & Fischl, 2009)" in text
    assert "Nothing was regressed out" in text
    assert "nilearn" not in text


def test_tissues_and_their_components_are_in_the_text_where_they_were_found():
    runs = (images(tissues=1, components=5, explained=0.42), images(tissues=0))
    facts = MethodsFacts(images=runs)
    assert "(Van Leemput et al., 1999) in 1 of 2 runs; the table of confounds" in text_of(facts)
    assert "5 principal components" in text_of(facts)
    assert "which hold 42 % of the variance" in text_of(facts)
    assert "behzadi2007" not in keys_of(MethodsFacts(images=(images(tissues=1),)))
    assert "shattuck2001" not in keys_of(MethodsFacts(images=(images(),)))


def test_images_of_a_derivative_are_described_by_its_name():
    facts = MethodsFacts(derivative=("fMRIPrep", "23.2.1"))
    assert "preprocessed with fMRIPrep 23.2.1 (Esteban et al., 2019)." in text_of(facts)
    other = MethodsFacts(derivative=("our scripts",))
    assert "preprocessed with our scripts." in text_of(other)
    assert "esteban2019" not in keys_of(other)


@pytest.mark.parametrize(
    ("architecture", "said", "not_said"),
    [
        ("closed_form", "closed form", "expectation propagation"),
        ("sparse", "closed form", "PyTorch"),
        ("transcoder", "Gated convolutional coders", "random start"),
        ("paper", "both cycles", "closed form"),
        ("vanilla", "random start", "both cycles"),
    ],
)
def test_each_architecture_is_described_as_it_is_fitted(architecture, said, not_said):
    text = text_of(MethodsFacts(models=(model(architecture, steps=200, best_step=120),)))
    assert said in text
    assert not_said not in text


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("sparse", "expectation propagation (Minka, 2001)"),
        ("own", "allowed to differ from the shared ones"),
        ("noise", "taken out of them by a Wiener filter"),
        ("blocks", "read block by block"),
        ("joint", "by what both say together"),
    ],
)
def test_a_part_that_the_data_did_not_ask_for_is_not_said(part, words):
    facts = example_facts(models=(model(parts=frozenset([part])),))
    assert words in text_of(facts)
    bare = example_facts(models=(model(),))
    assert words not in text_of(bare)
    assert "minka2001" not in keys_of(bare)


def test_simulated_data_are_called_simulated():
    assert text_of(example_facts(simulated=True)).startswith("Data: Simulated simultaneous")
    assert "imulated" not in text_of(example_facts())


def test_subjects_that_were_left_out_are_named():
    facts = example_facts(left_out={"02": "no samples"})
    assert "1 subject could not be cleaned completely (sub-02)" in text_of(facts)


def test_questions_that_were_not_tested_are_counted_with_their_reason():
    untested = {"First": "oddball", "Second": "n/a", "NotTested": "2 units"}
    text = text_of(MethodsFacts(tests=(sidecar(), untested)))
    assert "1 mean and 1 contrast of conditions" in text
    assert "1 question could not be tested (first reason: 2 units)" in text


def test_each_correction_is_described_as_it_was_made():
    fdr = sidecar(Correction="fdr", Level=0.01, Voxels="all voxels, as there is no trust map")
    assert "kept at 0.01 (Benjamini & Hochberg, 1995)" in text_of(MethodsFacts(tests=(fdr,)))
    assert "restricted" not in text_of(MethodsFacts(tests=(fdr,)))
    bare = text_of(MethodsFacts(tests=({**fdr, "Correction": "uncorrected"},)))
    assert "p was 0.01, not corrected" in bare


def test_what_the_software_does_not_know_is_left_to_the_reader():
    unknown = " ".join(methods_text(MethodsFacts()).unknown)
    assert "how the EEG was cleaned before" in unknown
    assert "how the images were preprocessed before" in unknown
    assert "before" not in " ".join(methods_text(example_facts()).unknown)


def test_the_software_is_cited_as_its_citation_file_says():
    said = CITATION.read_text("utf-8")
    own, paper = REFERENCES["neurotranscoder"], REFERENCES["liu2022"]
    assert f"title: {own.title}\n" in said
    assert f"{own.venue.replace('version ', 'version: ')}\n" in said
    assert f'"{own.authors[0]}"' in said
    assert paper.title in said
    assert paper.venue.removeprefix("arXiv:") in said


def test_references_have_one_doi_each_and_whole_entries():
    dois = [one.doi for one in REFERENCES.values() if one.doi]
    assert len(set(dois)) == len(dois) == len(REFERENCES) - 1  # the software has none
    assert all(re.fullmatch(r"10\.\d{4,5}/\S+", doi) for doi in dois)
    for one in REFERENCES.values():
        assert one.bibtex.count("{") == one.bibtex.count("}")
        assert one.bibtex.startswith(f"@{one.kind}{{{one.key},")


def test_an_article_has_its_volume_issue_and_pages_in_bibtex():
    entry = REFERENCES["allen2000"].bibtex
    for field in ("volume = {12}", "number = {2}", "pages = {230-239}", "year = {2000}"):
        assert field in entry
    assert "number" not in REFERENCES["gramfort2013"].bibtex


def test_the_text_and_its_references_are_files_with_the_same_bytes_twice(tmp_path):
    methods = methods_text(example_facts())
    for name in "ab":
        write_methods(tmp_path / name, methods)
    first, second = (
        [(tmp_path / name / file).read_bytes() for file in ("methods.md", "references.bib")]
        for name in "ab"
    )
    assert first == second
    bib = first[1].decode()
    assert set(re.findall(r"@\w+{(\w+),", bib)) == keys_of(example_facts())


def test_the_page_shows_the_text_escaped_and_loads_nothing():
    methods = methods_text(example_facts(name=HOSTILE))
    reader = Reader(render_report(example_findings(), methods=methods))
    assert "Methods, as a text for a paper" in reader.text
    assert "script" not in reader.tags
    assert not any(value.startswith("http") for value in reader.values("href", "src"))
    assert "#methods" in reader.values("href")
    assert reader.open == []


def test_a_page_of_subjects_alone_has_the_text_as_well(tmp_path):
    methods = methods_text(example_facts())
    write_subject_page(SubjectStage((), ()), tmp_path / "page.html", methods=methods)
    assert "(Maris & Oostenveld, 2007)" in (tmp_path / "page.html").read_text().replace(
        "&amp;", "&"
    )


def test_a_reason_ends_at_a_semicolon_outside_of_brackets():
    out = step("pulse", reason="no heart (r .07; need .25); record an ECG")
    assert "(reason: no heart (r .07; need .25))." in text_of(MethodsFacts(eeg=(eeg(out),)))


def test_the_restriction_to_voxels_of_the_trust_map_has_its_q():
    text = text_of(MethodsFacts(tests=(sidecar(TrustQ=0.01),)))
    assert "(false discovery rate q <= 0.01 (Benjamini & Hochberg, 1995) in each subject" in text
