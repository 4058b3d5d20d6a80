"""Print the table and draw the pictures of docs/realism.md: python docs/realism.py."""

from __future__ import annotations

import argparse
import base64
from pathlib import Path

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import Recording
from neurotranscoder.evaluate.findings import Realism
from neurotranscoder.evaluate.realism import measure
from neurotranscoder.evaluate.realism_panels import realism_of
from neurotranscoder.evaluate.shortcomings import shortcomings, simulated_motion
from neurotranscoder.evaluate.table import RealismRow
from neurotranscoder.io.store import write_bytes
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings, common_blocks
from neurotranscoder.report.brain import draw_value_map
from neurotranscoder.report.cuts import mni_anatomy
from neurotranscoder.report.figures import Picture
from neurotranscoder.report.realism import draw_panel, realism_words
from neurotranscoder.report.scalp import draw_amplitudes, draw_topography
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.run import simulate_run

HEADS = ("measure", "this run", "reference", "verdict", "kind", "source")
SPECTRA = ("eeg_spectrum", "bold_spectrum")
COURSES = ("autocorrelation", "displacement", "potentials", "responses", "coupling")
MAPS = ("snr", "memory")


def simulated(
    preset: str, *, name: str = "realistic", seed: int = 0
) -> tuple[Recording, BlockMap, Realism]:
    """Simulate the first run of a scenario and measure it."""
    scenario = named_scenario(name, preset=preset, seed=seed)
    recording = simulate_run(scenario, build_head(scenario.head), 0, 0).recording
    blocks = common_blocks([recording.bold], AlignSettings())
    motion = simulated_motion(scenario, recording.run)
    found = measure(recording, blocks=blocks, motion=motion)
    return recording, blocks, realism_of(found, limits=shortcomings(scenario))


def table(rows: tuple[RealismRow, ...]) -> str:
    """Return the rows as Markdown."""
    lines = ["| " + " | ".join(HEADS) + " |", "|---" * len(HEADS) + "|"]
    for row in realism_words(rows):
        cells = (row.measure, row.value, row.reference, row.verdict, row.basis, row.source)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def pictures(recording: Recording, blocks: BlockMap, realism: Realism) -> dict[str, Picture]:
    """Draw everything, by name of file."""
    drawn = {
        name: draw_panel(panel, logarithmic=True)
        for name, panel in zip(SPECTRA, realism.spectra, strict=True)
    }
    for name, panel in zip(COURSES, realism.courses, strict=True):
        drawn[name] = draw_panel(panel)
    for name, value_map in zip(MAPS, realism.maps, strict=True):
        drawn[name] = draw_value_map(value_map, blocks, mni_anatomy())
    montage = recording.eeg.montage
    drawn["topography"] = draw_topography(realism.potentials[0], montage)
    if realism.amplitudes is not None:
        drawn["bands"] = draw_amplitudes(realism.amplitudes, montage)
    return drawn


def save(picture: Picture, stem: Path) -> None:
    """Write a picture as SVG or PNG, as it was drawn."""
    kind, _, content = picture.source.partition(",")
    ending = ".svg" if "svg" in kind else ".png"
    write_bytes(stem.with_suffix(ending), base64.b64decode(content))


def main() -> None:
    """Simulate a run, print its table, and write its pictures beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small", help="tiny, small or paper")
    parser.add_argument("--scenario", default="realistic", help="name of a scenario")
    parser.add_argument("--seed", type=int, default=0, help="of everything random")
    parser.add_argument("--table-only", action="store_true", help="draw no pictures")
    options = parser.parse_args()
    found = simulated(options.preset, name=options.scenario, seed=options.seed)
    print(table(found[2].rows))
    for limit in found[2].limits:
        print(f"- {limit}")
    if options.table_only:
        return
    folder = Path(__file__).parent / "pictures"
    for name, picture in pictures(*found).items():
        save(picture, folder / f"realism_{name}")


if __name__ == "__main__":
    main()
