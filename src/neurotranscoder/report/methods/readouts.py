"""Sentences about what was read out of models and movies, and of which regions."""

from __future__ import annotations

from neurotranscoder.report.methods.facts import ReadoutFacts
from neurotranscoder.report.methods.phrases import count, listed


def readout_sentences(readouts: ReadoutFacts) -> list[str]:
    """Return what was read out.

    Parameters
    ----------
    readouts : ReadoutFacts
        What is known of it; nothing gives no sentence.
    """
    return [*_of_group(readouts), *_of_atlas(readouts), *_of_maps(readouts), *_expected(readouts)]


def _of_group(readouts: ReadoutFacts) -> list[str]:
    """Return what the group model was asked."""
    if not readouts.n_regions:
        return []
    return [
        f"Responses, leadfields and weights of {count(readouts.n_regions, 'region')} that the "
        "group model tells apart, found without an atlas, were read out on its training and "
        "validation runs, with intervals by a jackknife over runs [@efron1981]. Which blocks it "
        "sees was tested on the validation runs by circular shifts in time, at a false discovery "
        "rate over blocks [@benjamini1995]."
    ]


def _of_atlas(readouts: ReadoutFacts) -> list[str]:
    """Return what was read out of regions of an atlas."""
    name, said = listed(readouts.atlases) or "named by the user", []
    if readouts.n_courses:
        said.append(
            f"Courses after events of regions of the atlas {name}, means over voxels, were read "
            f"out of the movies of {count(readouts.n_courses, 'subject')}, with 95 % intervals by "
            "a bootstrap over units of trials [@efron1979]."
        )
    if readouts.n_responses:
        intervals = ", with 95 % intervals by a jackknife [@efron1981]"
        said.append(
            f"Hemodynamic responses of regions of the atlas {name} were estimated in "
            f"{count(readouts.n_responses, 'subject')} from sources that were read from the EEG"
            f"{intervals if readouts.jackknife else ''}."
        )
    return said


def _of_maps(readouts: ReadoutFacts) -> list[str]:
    """Return whose forward and inverse maps were read out."""
    parts = []
    if readouts.electrodes:
        parts.append(f"of the electrodes {listed(readouts.electrodes)} at voxels")
    if readouts.places:
        parts.append(f"of {count(len(readouts.places), 'place')} on the scalp")
    if not parts:
        return []
    return [
        f"Forward and inverse maps {listed(parts)} were read out of the models of "
        f"{count(readouts.n_maps, 'subject')}."
    ]


def _expected(readouts: ReadoutFacts) -> list[str]:
    """Return which regions were looked at because the experiment was expected to change them."""
    if not readouts.expected:
        return []
    return [
        f"Courses of {count(len(readouts.expected), 'region')} that the experiment was expected "
        f"to change ({listed(readouts.expected)}; spheres in MNI space) were read out, with 95 % "
        "intervals; nothing was fitted or chosen by them."
    ]
