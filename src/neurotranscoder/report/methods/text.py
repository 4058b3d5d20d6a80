"""The methods text: paragraphs for a paper, with the references that they cite."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neurotranscoder.io.store import write_text
from neurotranscoder.report.methods.eeg import eeg_sentences
from neurotranscoder.report.methods.facts import MethodsFacts
from neurotranscoder.report.methods.images import image_sentences
from neurotranscoder.report.methods.models import (
    fusion_sentence,
    model_sentences,
    paper_subject_sentences,
    subject_sentences,
)
from neurotranscoder.report.methods.phrases import count, in_runs, listed, some, spread
from neurotranscoder.report.methods.readouts import readout_sentences
from neurotranscoder.report.methods.references import REFERENCES, Reference
from neurotranscoder.report.methods.statistics import statistics_sentences

TEXT, BIBLIOGRAPHY = "methods.md", "references.bib"
_CITED = re.compile(r"\[((?:@\w+(?:; )?)+)\]")
_KEY = re.compile(r"@(\w+)")
_SUBJECT = re.compile(r"sub-([^_]+)")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A part of the text.

    Parameters
    ----------
    title : str
        What it is about.
    text : str
        Its sentences, with citations by author and year.
    """

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Methods:
    """The text.

    Parameters
    ----------
    paragraphs : tuple of Paragraph
        In the order of the work.
    references : tuple of Reference
        What they cite, by name.
    unknown : tuple of str
        What a methods section needs and this software does not know.
    """

    paragraphs: tuple[Paragraph, ...]
    references: tuple[Reference, ...]
    unknown: tuple[str, ...]


def methods_text(facts: MethodsFacts) -> Methods:
    """Return the text of what was done; nothing is said that the facts do not hold.

    Parameters
    ----------
    facts : MethodsFacts
        What is known.
    """
    fusion = fusion_sentence(facts.fusion, facts.models[0]) if facts.models else ""
    model = model_sentences(facts.models[0]) if facts.models else []
    subjects = subject_sentences(facts.subjects) if facts.subjects else []
    paper = paper_subject_sentences(facts.paper_subjects) if facts.paper_subjects else []
    parts = (
        ("Data", _data(facts)),
        ("EEG", eeg_sentences(facts.eeg)),
        ("Images", image_sentences(facts.images, facts.derivative)),
        ("Transcoder", [*model, *([fusion] if fusion else [])]),
        ("Single subjects", [*subjects, *paper]),
        ("Conditions", statistics_sentences(facts.tests)),
        ("Read-outs", readout_sentences(facts.readouts)),
    )
    written = [(title, " ".join(sentences)) for title, sentences in parts if sentences]
    keys = {key for _, text in written for marks in _CITED.findall(text)
            for key in _KEY.findall(marks)}  # fmt: skip
    return Methods(
        tuple(Paragraph(title, _CITED.sub(_citation, text)) for title, text in written),
        tuple(sorted((REFERENCES[key] for key in keys), key=lambda one: one.line.lower())),
        tuple(_unknown(facts)),
    )


def write_methods(folder: Path, methods: Methods) -> None:
    """Write the text as Markdown and its references as BibTeX; equal texts give equal bytes.

    Raises
    ------
    StoreError
        When the disk refuses to write.
    """
    parts = [f"## {one.title}\n\n{one.text}\n" for one in methods.paragraphs]
    listing = "".join(f"- {one.line}\n" for one in methods.references)
    missing = "".join(f"- {line}\n" for line in methods.unknown)
    text = "\n".join(
        ["# Methods\n", *parts, f"## References\n\n{listing}", f"## To be added\n\n{missing}"]
    )
    write_text(folder / TEXT, text)
    write_text(folder / BIBLIOGRAPHY, "\n".join(one.bibtex for one in methods.references))


def _citation(found: re.Match[str]) -> str:
    """Return a mark as authors and years in brackets."""
    return f"({'; '.join(REFERENCES[key].cited for key in _KEY.findall(found.group(1)))})"


def _data(facts: MethodsFacts) -> list[str]:
    """Return what was analysed, and with what."""
    labels = facts.labels
    subjects = {match.group(1) for label in labels if (match := _SUBJECT.match(label))}
    kind = "Simulated s" if facts.simulated else "S"
    name = f" ({facts.name})" if facts.name else ""
    of = f" of {count(len(subjects), 'subject')} ({count(len(labels), 'run')})" if labels else ""
    said = [
        f"{kind}imultaneous EEG-fMRI{name}{of}, organised as BIDS [@gorgolewski2016; "
        "@pernet2019], was analysed with neurotranscoder [@neurotranscoder], which implements "
        "and extends transcoding of EEG and fMRI [@liu2022]."
    ]
    if facts.left_out:
        names = listed([f"sub-{name}" for name in facts.left_out])
        said.append(
            f"{count(len(facts.left_out), 'subject')} could not be cleaned completely ({names})."
        )
    return [*said, *_runs(facts), *_clock(facts)]


def _runs(facts: MethodsFacts) -> list[str]:
    """Return sizes and rates of runs."""
    runs = facts.runs
    if not runs:
        return []
    recorded = [one.recorded for one in facts.eeg if "sfreq" in one.recorded]
    rates = [float(one["sfreq"]) for one in recorded] or [one.sfreq for one in runs if one.sfreq]
    channels = [float(one["channels"]) for one in recorded] or [float(one.n_channels) for one in
                                                                runs]  # fmt: skip
    return [
        f"A run had {spread([float(one.n_volumes) for one in runs])} volumes (TR "
        f"{spread([one.tr for one in runs], 's')}; voxels of "
        f"{some([one.voxel_mm for one in runs])} as they were analysed) and EEG of "
        f"{spread(channels)} channels at {spread(rates, 'Hz')}."
    ]


def _clock(facts: MethodsFacts) -> list[str]:
    """Return how EEG was placed on the scanner clock."""
    measured = [round(one.residual_ms or 0.0, 3) for one in facts.runs if one.clock == "measured"]
    said = []
    if measured:
        where = in_runs(len(measured), len(facts.runs))
        said.append(
            f"EEG was placed on the clock of the scanner by its volume triggers {where} (sd of "
            f"what is left: {spread(measured, 'ms')})."
        )
    declared = len(facts.runs) - len(measured)
    if declared:
        where = in_runs(declared, len(facts.runs))
        said.append(f"The start of the EEG on that clock was declared, not measured, {where}.")
    return said


def _unknown(facts: MethodsFacts) -> Sequence[str]:
    """Return what this software does not know and a methods section needs."""
    atlases = [f"reference of the atlas {name}" for name in facts.readouts.atlases]
    if facts.simulated:
        return ["why these data were simulated, and what of them is unlike a recording", *atlases]
    said = [
        *atlases,
        "participants, consent and ethics",
        "scanner, sequence and EEG amplifier; synchronisation of their clocks",
        "task and stimuli",
    ]
    if not facts.eeg:
        said.append("how the EEG was cleaned before it was given to this software")
    if not facts.images and not facts.derivative:
        said.append("how the images were preprocessed before they were given to this software")
    return said
