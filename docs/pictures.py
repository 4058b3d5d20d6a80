"""Draw the pictures and print the table of the README: python docs/pictures.py demo."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from neurotranscoder.evaluate.findings_store import load_findings
from neurotranscoder.evaluate.table import MetricRow
from neurotranscoder.io.store import write_bytes
from neurotranscoder.report.brain import draw_source_map
from neurotranscoder.report.cuts import mni_anatomy
from neurotranscoder.report.figures import Picture
from neurotranscoder.report.panels import draw_responses, draw_time_courses
from neurotranscoder.report.scores import draw_scores

QUANTITIES = (
    "bold_from_eeg",
    "eeg_from_bold",
    "source_from_eeg",
    "source_from_bold",
    "source_fused",
    "hrf",
    "leadfield",
)


def save(picture: Picture, stem: Path) -> None:
    """Write a picture as SVG or PNG, as it was drawn."""
    kind, _, content = picture.source.partition(",")
    ending = ".svg" if "svg" in kind else ".png"
    write_bytes(stem.with_suffix(ending), base64.b64decode(content))


def table(rows: tuple[MetricRow, ...]) -> str:
    """Return the scores that the README quotes, as Markdown."""
    found = {(row.method, row.quantity): row for row in rows if row.source_kind == "all"}
    lines = ["| | " + " | ".join(QUANTITIES) + " |", "|---" * (len(QUANTITIES) + 1) + "|"]
    for method in dict.fromkeys(row.method for row in rows):
        cells = [found.get((method, quantity)) for quantity in QUANTITIES]
        lines.append(f"| `{method}` | " + " | ".join(map(cell, cells)) + " |")
    return "\n".join(lines)


def cell(row: MetricRow | None) -> str:
    """Return r with its interval, where there is one."""
    if row is None:
        return ""
    interval = "" if row.ci_low != row.ci_low else f" [{row.ci_low:.3f}, {row.ci_high:.3f}]"
    return f"{row.r:.3f}{interval}"


def main() -> None:
    """Read the findings of a demo and write its pictures beside this file."""
    findings = load_findings(Path(sys.argv[1]) / "derivatives" / "evaluation")
    folder = Path(__file__).parent / "pictures"
    print(table(findings.metrics))
    scores = draw_scores(findings.metrics)
    if scores is not None:
        save(scores, folder / "scores")
    save(draw_source_map(findings.maps[1], findings.blocks, mni_anatomy()), folder / "source_map")
    save(draw_time_courses(findings.traces[0]), folder / "time_course")
    if findings.responses is not None:
        save(draw_responses(findings.responses), folder / "response")


if __name__ == "__main__":
    main()
