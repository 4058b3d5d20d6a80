"""Pages of single subjects: all of them on one, or one for each where that would be too large."""

from __future__ import annotations

from pathlib import Path

from neurotranscoder.analyse.expected import TIMING
from neurotranscoder.io.store import write_text
from neurotranscoder.report.cleaning_summary import CleaningSummary
from neurotranscoder.report.methods.text import Methods
from neurotranscoder.report.subjects import SubjectStage, read_subject
from neurotranscoder.report.templates import template


def write_subject_page(
    stage: SubjectStage,
    path: Path,
    *,
    methods: Methods | None = None,
    cleaning: CleaningSummary | None = None,
) -> None:
    """Write the subject stage alone as one HTML page; equal results give equal bytes.

    Methods and cleaning are shown as on the page of `write_report`.

    Raises
    ------
    StoreError
        When the disk refuses to write.
    """
    page = template("subjects.html.jinja").render(
        stage=stage, timing=TIMING, methods=methods, cleaning=cleaning, alone=""
    )
    write_text(path, page)


def write_subject_pages(out: Path, stage: SubjectStage) -> None:
    """Write ``OUT/report_SUBJECT.html`` of subjects that the report links; remove earlier ones.

    Parameters
    ----------
    out : Path
        Results, as `read_subject_stage` read them.
    stage : SubjectStage
        Which subjects have pages of their own.

    Raises
    ------
    StoreError
        When a result is damaged, or the disk refuses to write.
    """
    wanted = {f"report_{name}.html": name for name in stage.pages}
    for earlier in out.glob("report_sub-*.html"):
        if earlier.name not in wanted:
            earlier.unlink()
    for file, name in wanted.items():
        one = SubjectStage((read_subject(out, name),), ())
        page = template("subjects.html.jinja").render(
            stage=one, timing=TIMING, methods=None, cleaning=None, alone=name
        )
        write_text(out / file, page)
