"""Draw the pictures of the README from a finished demo: python docs/pictures.py demo."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from neurotranscoder.evaluate.findings_store import load_findings
from neurotranscoder.io.store import write_bytes
from neurotranscoder.report.brain import draw_source_map
from neurotranscoder.report.figures import Picture
from neurotranscoder.report.panels import draw_responses, draw_time_courses
from neurotranscoder.report.scores import draw_scores


def save(picture: Picture, stem: Path) -> None:
    """Write a picture as SVG or PNG, as it was drawn."""
    kind, _, content = picture.source.partition(",")
    ending = ".svg" if "svg" in kind else ".png"
    write_bytes(stem.with_suffix(ending), base64.b64decode(content))


def main() -> None:
    """Read the findings of a demo and write its pictures beside this file."""
    findings = load_findings(Path(sys.argv[1]) / "derivatives" / "evaluation")
    folder = Path(__file__).parent / "pictures"
    scores = draw_scores(findings.metrics)
    if scores is not None:
        save(scores, folder / "scores")
    save(draw_source_map(findings.maps[1], findings.blocks), folder / "source_map")
    save(draw_time_courses(findings.traces[0]), folder / "time_course")
    if findings.responses is not None:
        save(draw_responses(findings.responses), folder / "response")


if __name__ == "__main__":
    main()
