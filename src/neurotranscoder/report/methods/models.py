"""Sentences about what was learnt: the group model and the stage of single subjects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurotranscoder.report.methods.facts import ModelFacts, PaperSubjectFacts, SubjectFacts
from neurotranscoder.report.methods.phrases import count, edges, listed, number, some, spread

_BLIND = "No head model and no hemodynamic response was given to it."
_UNITS = {"run": "runs", "subject": "subjects"}


def model_sentences(model: ModelFacts) -> list[str]:
    """Return how a group model was fitted.

    Parameters
    ----------
    model : ModelFacts
        Which.
    """
    training, validation, test = model.split
    by = _UNITS.get(str(model.settings.get("split", {}).get("by")), "runs")
    said = [
        f"EEG of {model.n_channels} channels was averaged over frames of "
        f"{number(1 / model.rate)} s ({number(model.rate)} Hz); BOLD was averaged over "
        f"{model.n_blocks} blocks of {edges(model.block_mm)} and interpolated from the times of "
        "its slices to the same frames.",
        f"Before anything was fitted, data were split by {by}: {count(training, 'run')} for "
        f"training, {validation} for validation, {test} for testing alone.",
    ]
    if model.architecture in ("paper", "vanilla"):
        return [*said, *_network(model)]
    return [*said, *_linear(model), *_sparse(model), *_gated(model)]


def _linear(model: ModelFacts) -> list[str]:
    """Return how the linear transcoder was fitted."""
    own: Mapping[str, Any] = model.settings.get("closed_form", {})
    first, last = own["decoder_span"]
    return [
        "A transcoder between EEG and BOLD by way of latent sources [@liu2022] was fitted in "
        f"closed form [@neurotranscoder]. {_BLIND} BOLD was reduced to "
        f"{count(model.n_components, 'spatial component')}; a spatial map from EEG to components "
        f"and a hemodynamic response of {number(own['hrf_duration'])} s were estimated in turns, "
        f"by ridge regression ({own['rounds']} rounds), then a filter in time from BOLD to "
        f"sources (lags from {number(first)} to {number(last)} s) and the leadfield by regression "
        "on the sources.",
        *_found(model),
        "Ridges and other choices were made on the validation runs. Sign, lag and scale of "
        "sources are conventions: the largest lobe of the response is positive and peaks "
        f"{number(own['peak_window'][0])} to {number(own['peak_window'][1])} s after activity.",
    ]


def _found(model: ModelFacts) -> list[str]:
    """Return what validation runs asked for besides."""
    words = {
        "own": "Responses or filters of single blocks were allowed to differ from the shared "
        "ones.",
        "noise": "Noise that components of BOLD share was taken out of them by a Wiener filter.",
        "blocks": "BOLD was read block by block, not through the components.",
    }
    return [said for name, said in words.items() if name in model.parts]


def _sparse(model: ModelFacts) -> list[str]:
    """Return how sparse sources were learnt, where they were."""
    if "sparse" not in model.parts:
        return []
    said = [
        "Each component was given a prior of a quiet and an active state, learnt from the "
        "recordings by expectation-maximisation; its posterior mean in each frame, by expectation "
        "propagation [@minka2001], was read beside the EEG."
    ]
    if model.bands:
        bands = ", ".join(f"{number(low)}-{number(high)}" for low, high in model.bands)
        said.append(f"The power of the EEG in bands ({bands} Hz) was read as well.")
    return said


def _gated(model: ModelFacts) -> list[str]:
    """Return how gated networks corrected the linear transcoder."""
    if model.architecture != "transcoder":
        return []
    return [
        "Gated convolutional coders that correct the linear ones were trained for "
        f"{model.steps} steps (weights of step {model.best_step}, by the loss of validation "
        "runs) with Adam [@kingma2014] in PyTorch [@paszke2019]."
    ]


def _network(model: ModelFacts) -> list[str]:
    """Return how the paper's network was trained."""
    losses = "EEG to BOLD and BOLD to EEG"
    if model.architecture == "paper":
        losses += ", and of both cycles (EEG to EEG, BOLD to BOLD)"
    return [
        "Four convolutional coders, of space for EEG and of time for BOLD, were trained from a "
        f"random start [@liu2022], with our choice of sizes [@neurotranscoder]. {_BLIND} The "
        f"squared errors of {losses} were minimised in {model.steps} steps (weights of step "
        f"{model.best_step}, by the loss of validation runs) with Adam [@kingma2014] in PyTorch "
        "[@paszke2019]. Sign and lag of sources are conventions."
    ]


def fusion_sentence(fusion: str, model: ModelFacts) -> str:
    """Return how estimates of held-out runs were combined and scored; nothing where none were."""
    n_test = model.split[2]
    fusion = "sum" if fusion == "joint" and "joint" not in model.parts else fusion
    ways = {
        "joint": "by what both say together, with BOLD for what the EEG does not tell",
        "sum": "by their sum",
        "zscored": "by the sum of their z scores",
    }
    if fusion not in ways:
        return ""
    intervals = ", with 95 % intervals (t on Fisher's z over runs)" if n_test > 1 else ""
    return (
        f"The source estimates of the two modalities were fused {ways[fusion]}. "
        f"{count(n_test, 'run')} that nothing was fitted to "
        f"{'was' if n_test == 1 else 'were'} scored by Pearson's r over time{intervals}, beside "
        "rivals and null controls."
    )


def subject_sentences(subjects: SubjectFacts) -> list[str]:
    """Return how single subjects were fitted.

    Parameters
    ----------
    subjects : SubjectFacts
        The stage of single subjects.
    """
    runs = f"{spread([float(n) for n in subjects.n_runs])} run"
    runs += "" if set(subjects.n_runs) == {1} else "s"
    courses = "the group's sources"
    if subjects.sparse:
        courses = "the group's sparse sources, learnt anew from the EEG of the subject"
    said = [
        f"For each of {count(subjects.n_subjects, 'subject')} "
        f"({runs} of each), sources were estimated at "
        f"voxels of {some(subjects.voxel_mm)} and {number(subjects.rate)} Hz: BOLD of each voxel, "
        f"at the times of its slice, was regressed on the courses of {courses}, filtered by the "
        "response of the group; the maps of the group were the prior. Smoothing, ridges and the "
        f"weight of the group were chosen on BOLD that was held out ({subjects.folds} parts in "
        "turn, or two where there is one run)."
    ]
    if subjects.n_movies:
        said.append(
            f"Sources of {count(subjects.n_movies, 'run')} were then read from the EEG alone."
        )
    return said


def paper_subject_sentences(subjects: PaperSubjectFacts) -> list[str]:
    """Return how the subject stage of the paper was trained.

    Parameters
    ----------
    subjects : PaperSubjectFacts
        The stage.
    """
    own = subjects.settings
    runs = f"{spread([float(n) for n in subjects.n_runs])} run"
    runs += "" if set(subjects.n_runs) == {1} else "s"
    *voxels, frames = own["tile"]
    return [
        f"For each of {count(len(subjects.n_runs), 'subject')} ({runs} of each), a second cyclic "
        "transcoder of four convolutional coders [@liu2022], with our choice of sizes "
        "[@neurotranscoder], was trained from a random start between the group's source "
        f"estimates from EEG and from BOLD at {number(own['rate'])} Hz, averaged from "
        f"{number(own['start'])} to {number(own['stop'])} s ({listed(subjects.averages)}). "
        f"Tiles had {' x '.join(map(str, voxels))} voxels and {frames} frames; "
        f"{spread([float(n) for n in subjects.steps])} steps of one tile were made with Adam "
        "[@kingma2014] in PyTorch [@paszke2019]. No data were held out at this stage."
    ]
