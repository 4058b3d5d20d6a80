"""What is each subject's own, in the truth of a simulated study on disk."""

from __future__ import annotations

from pathlib import Path

from neurotranscoder.io.store import write_table
from neurotranscoder.io.weights import has_tensors, load_tensors, save_tensors
from neurotranscoder.physics.head import Head, head_of_tensors, tensors_of_head
from neurotranscoder.simulate.cohort import Cohort
from neurotranscoder.simulate.scenario import Scenario
from neurotranscoder.simulate.subjects import SubjectSpread, draw_traits

LEADFIELD_UNIT: dict[str, object] = {"leadfield_unit": "V/(A m), average reference"}
_HRF_COLUMNS = ("peak_delay", "peak_dispersion", "undershoot_delay", "ratio")


def write_subjects(folder: Path, cohort: Cohort) -> None:
    """Write heads that are not the template's and, where subjects differ, tables of how."""
    for number, subject in enumerate(cohort.subjects):
        if subject.head is not cohort.template.head:
            name = _geometry_of(cohort.scenario, number)
            save_tensors(folder, name, tensors_of_head(subject.head), LEADFIELD_UNIT)
    if (spread := cohort.scenario.subjects) is not None:
        write_table(folder / "subjects.tsv", _columns(_subjects(cohort.scenario, spread)))
        write_table(folder / "subjects_regions.tsv", _columns(_regions(cohort)))


def read_heads(folder: Path, scenario: Scenario, template: Head) -> tuple[Head, ...]:
    """Read the head of each subject, the template where there is no other.

    Raises
    ------
    WeightsError, StoreError
        When a head is damaged.
    """
    names = [_geometry_of(scenario, number) for number in range(scenario.n_subjects)]
    return tuple(
        head_of_tensors(load_tensors(folder, name)[0]) if has_tensors(folder, name) else template
        for name in names
    )


def _geometry_of(scenario: Scenario, number: int) -> str:
    """Return the name of the files of a subject's head."""
    return f"{_label(scenario, number)}_geometry"


def _label(scenario: Scenario, number: int) -> str:
    """Return the BIDS name of a subject."""
    return f"sub-{scenario.run_id(number, 0).subject}"


def _subjects(scenario: Scenario, spread: SubjectSpread) -> list[dict[str, object]]:
    """Return a row for each subject."""
    rows = []
    for number in range(scenario.n_subjects):
        traits = draw_traits(spread, scenario.seed, number, n_regions=0)
        size = dict(zip(("scale_x", "scale_y", "scale_z"), traits.scale.tolist(), strict=True))
        rows.append(
            {
                "participant_id": _label(scenario, number),
                **size,
                "skull_conductivity": traits.skull_conductivity,
                "skull_thickness": traits.skull_thickness,
                "hrf_delay": traits.hrf_delay,
                "gain": traits.gain,
            }
        )
    return rows


def _regions(cohort: Cohort) -> list[dict[str, object]]:
    """Return a row for each region of each subject."""
    return [
        {
            "participant_id": _label(cohort.scenario, number),
            "index": index,
            "strength": strength,
            **{f"hrf_{name}": getattr(shape, name) for name in _HRF_COLUMNS},
        }
        for number, subject in enumerate(cohort.subjects)
        for index, (strength, shape) in enumerate(
            zip(subject.strengths.tolist(), subject.hrfs, strict=True), start=1
        )
    ]


def _columns(rows: list[dict[str, object]]) -> dict[str, list[object]]:
    """Return a table by columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}
