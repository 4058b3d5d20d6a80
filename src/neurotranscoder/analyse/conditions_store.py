"""Statistics of trials as files: 4-D images, tables, and a sidecar beside each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from neurotranscoder.analyse.conditions import Answer, Question
from neurotranscoder.analyse.subjects import SubjectMeans
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.io.derivatives import write_image, write_rows_with_sources
from neurotranscoder.io.limits import check_memory
from neurotranscoder.io.nifti import image_of

_CLUSTERS = {
    "p": "Share of permutations whose largest cluster has as much mass, of either sign",
    "mass": "Sum of t over voxels and frames",
    "size": "Number of voxels times frames",
    "start": "First frame, s after the event; not itself tested",
    "stop": "Last frame, s after the event; not itself tested",
    "peak_time": "Where |t| is largest, s after the event",
    "x": "Where |t| is largest, RAS mm",
    "y": "Where |t| is largest, RAS mm",
    "z": "Where |t| is largest, RAS mm",
}
_PEAKS = {
    "zscore": "z at the peak",
    "effect": "Effect at the peak, in the arbitrary unit of sources",
    "size": "Number of voxels times frames that are significant together",
    "start": "First significant frame, s after the event; not itself tested",
    "stop": "Last significant frame, s after the event; not itself tested",
    "latency": "Time of the peak, s after the event",
    "x": "Place of the peak, RAS mm",
    "y": "Place of the peak, RAS mm",
    "z": "Place of the peak, RAS mm",
}
NUMBER = "QuestionNumber"
"""Field of sidecars: where a question stands among those that were asked, from 1."""


def in_order(sidecars: Mapping[Path, Mapping[str, object]]) -> list[Path]:
    """Return what was asked as it was asked; where that is not known, means first, by name."""
    known = {path: int(str(sidecar.get(NUMBER, 0))) for path, sidecar in sidecars.items()}
    return sorted(
        sidecars, key=lambda path: (known[path], sidecars[path]["Second"] != "n/a", path)
    )


def write_answer(
    folder: Path,
    prefix: str,
    answer: Answer,
    *,
    sources: Sequence[str],
    metadata: Mapping[str, object],
) -> None:
    """Write ``PREFIX_contrast-LABEL_stat-effect_statmap.nii.gz`` and what belongs to it.

    Parameters
    ----------
    folder : Path
        Where files go. A manifest is the caller's.
    prefix : str
        What names begin with, as ``sub-01``.
    answer : Answer
        What was found.
    sources : sequence of str
        Files it was made from.
    metadata : mapping
        Further fields of the sidecars.

    Raises
    ------
    SettingsError
        When the memory does not suffice for one image.
    StoreError
        When the disk refuses to write.
    """
    found, seen = answer.found, answer.seen
    check_memory(8 * found.mask.size * found.axis.n_times, what="an image of statistics")
    name = f"{prefix}_contrast-{answer.question.label}"
    of = {"units": "units of trials of one subject", "subjects": "subjects"}[answer.over]
    shared: dict[str, object] = {
        "First": answer.question.first,
        "Second": answer.question.second or "n/a",
        "Over": of,
        "N": answer.n,
        "Correction": seen.correction,
        "Level": seen.level,
        "Voxels": answer.visible.words,
        **({} if answer.visible.q is None else {"TrustQ": answer.visible.q}),
        **metadata,
    }
    images = {
        "stat-effect": (found.effect, "Mean effect; unit arbitrary"),
        "stat-z": (found.z, "z, uncorrected for the number of voxels and frames"),
        f"stat-z_desc-{seen.correction}": (
            np.where(seen.seen, found.z, np.float32(0)),
            f"z where an effect was found ({seen}), else 0",
        ),
    }
    step, start = 1 / found.axis.sfreq, found.axis.start
    for entities, (values, words) in images.items():
        write_image(
            folder / f"{name}_{entities}_statmap.nii.gz",
            image_of(found.unmask(values), found.grid, tr=step, start=start),
            sources=sources,
            metadata={
                "Description": words,
                "RepetitionTime": step,
                "StartTime": start,
                **shared,
            },
        )
    if answer.visible.mask is not None:
        write_image(
            folder / f"{name}_desc-trust_mask.nii.gz",
            image_of((answer.visible.mask & found.mask).astype(np.float32), found.grid),
            sources=sources,
            metadata={"Description": f"1 where voxels were tested: {answer.visible.words}"},
        )
    tables = {"peaks": (_PEAKS, _peaks(answer))}
    if seen.correction == "cluster":
        tables["clusters"] = (_CLUSTERS, _clusters(answer))
    for suffix, (columns, rows) in tables.items():
        path = folder / f"{name}_{suffix}.tsv"
        write_rows_with_sources(path, columns, rows, sources=sources, metadata=shared)


def write_untested(
    folder: Path,
    prefix: str,
    question: Question,
    averages: Sequence[SourceMovie],
    *,
    reason: str,
    sources: Sequence[str],
    metadata: Mapping[str, object],
) -> None:
    """Write the effect image alone, of a question with too few units or subjects for its test.

    Parameters
    ----------
    folder : Path
        Where the image goes.
    prefix : str
        What its name begins with, such as ``sub-01``.
    question : Question
        What was asked.
    averages : sequence of SourceMovie
        ``question.average`` of each subject; their mean is written.
    reason : str
        Why there is no test; ``NotTested`` in the sidecar.
    sources, metadata
        What the sidecar says, too.

    Raises
    ------
    GridError
        When the averages do not share grid and times.
    SettingsError
        When the memory does not suffice for the image.
    StoreError
        When the disk refuses to write.
    """
    group = SubjectMeans.of(averages)
    grid, axis = group.grid, group.axis
    check_memory(8 * group.mask.size * axis.n_times, what="an image of statistics")
    values = np.zeros((*group.mask.shape, axis.n_times), dtype=np.float32)
    values[group.mask] = group.mean(np.ones(group.n), slice(0, axis.n_times))
    write_image(
        folder / f"{prefix}_contrast-{question.label}_stat-effect_statmap.nii.gz",
        image_of(values, grid, tr=1 / axis.sfreq, start=axis.start),
        sources=sources,
        metadata={
            "Description": "Mean effect over trials, not tested; unit arbitrary",
            "RepetitionTime": 1 / axis.sfreq,
            "StartTime": axis.start,
            "First": question.first,
            "Second": question.second or "n/a",
            "NotTested": reason,
            **metadata,
        },
    )


def _peaks(answer: Answer) -> list[tuple[object, ...]]:
    """Return the rows of the table of peaks."""
    return [
        (p.z, p.effect, p.size, p.start, p.stop, round(p.time, 6), *p.place) for p in answer.peaks
    ]


def _clusters(answer: Answer) -> list[tuple[object, ...]]:
    """Return the rows of the table of clusters."""
    return [
        (c.p, c.mass, c.size, c.start, c.stop, round(c.peak_time, 6), *c.peak)
        for c in answer.clusters
    ]
