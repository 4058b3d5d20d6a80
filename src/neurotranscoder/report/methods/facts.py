"""What a methods text is made from: what was done, and the numbers of it. Nothing else is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Numbers = Mapping[str, Any]
"""Numbers and words by name, as records of a clean study have them."""


@dataclass(frozen=True, slots=True)
class StepFacts:
    """A step of the cleaning of one run.

    Parameters
    ----------
    name : str
        As in the settings ``clean.steps``.
    done : bool
        Whether anything was done.
    said : str
        What was removed, or why nothing was.
    numbers : mapping
        See `preprocess.step_numbers.numbers_of`; may be empty.
    """

    name: str
    done: bool
    said: str
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class EegFacts:
    """The EEG of one run that was cleaned.

    Parameters
    ----------
    recorded : mapping
        ``sfreq`` (Hz), ``channels``, ``seconds``, ``clock``, ``residual_ms``; may be empty.
    steps : tuple of StepFacts
        In the order in which they were done.
    settings : mapping
        The settings ``clean``, as JSON has them; may be empty.
    """

    recorded: Numbers
    steps: tuple[StepFacts, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The images of one run that were brought to MNI.

    Parameters
    ----------
    numbers : mapping
        See `preprocess.image_numbers.image_numbers`.
    settings : mapping
        The settings ``images.bold``, as JSON has them.
    """

    numbers: Numbers
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunNumbers:
    """One run, as models read it.

    Parameters
    ----------
    label : str
        Its name.
    tr : float
        Time from volume to volume, in s.
    n_volumes, n_channels : int
        How many.
    voxel_mm : tuple of float
        Edges of the voxels, in mm.
    clock : str
        'measured' or 'declared'.
    sfreq : float or None
        Samples of EEG per second, in Hz, where the sidecar says it.
    residual_ms : float or None
        Of a measured clock.
    """

    label: str
    tr: float
    n_volumes: int
    n_channels: int
    voxel_mm: tuple[float, float, float]
    clock: str
    sfreq: float | None = None
    residual_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A group model.

    Parameters
    ----------
    architecture : str
        As in the settings ``train.architecture``.
    settings : mapping
        The settings ``train`` that it was fitted with, as JSON has them.
    rate : float
        Frames per second.
    n_channels, n_blocks, n_components : int
        Sizes; no components where there is no linear part.
    block_mm : tuple of float
        Edges of the blocks, in mm.
    split : tuple of int
        Runs that trained, validated and were for testing alone.
    bands : tuple of pairs
        Bands (Hz) whose power is read beside the EEG.
    steps, best_step : int
        Of networks; 0 without.
    parts : frozenset of str
        What of a linear transcoder the data asked for: 'sparse' sources, 'own' responses of
        blocks, shared 'noise' that is taken out of BOLD, BOLD that is read in 'blocks', a 'joint'
        estimate from both modalities.
    """

    architecture: str
    settings: Mapping[str, Any]
    rate: float
    n_channels: int
    n_blocks: int
    n_components: int
    block_mm: tuple[float, float, float]
    split: tuple[int, int, int]
    bands: tuple[tuple[float, float], ...] = ()
    steps: int = 0
    best_step: int = 0
    parts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """The subject stage.

    Parameters
    ----------
    n_subjects : int
        Subjects with a model of their own.
    n_runs : tuple of int
        Runs that each was fitted on.
    rate : float
        Frames of movies per second.
    voxel_mm : tuple of tuple of float
        Edges of their voxels, in mm.
    sparse : bool
        Whether sparse sources were learnt anew from each subject's EEG.
    folds : int
        Parts of the runs that were held out in turn.
    n_movies : int
        Runs whose sources were written.
    """

    n_subjects: int
    n_runs: tuple[int, ...]
    rate: float
    voxel_mm: tuple[tuple[float, float, float], ...]
    sparse: bool
    folds: int
    n_movies: int


@dataclass(frozen=True, slots=True)
class PaperSubjectFacts:
    """The subject stage of the paper: networks between averages.

    Parameters
    ----------
    n_runs : tuple of int
        Runs that the averages of each subject are of.
    averages : tuple of str
        What was averaged, in words.
    steps : tuple of int
        Steps that each subject was trained.
    settings : mapping
        The settings ``paper_subject``, as JSON has them.
    """

    n_runs: tuple[int, ...]
    averages: tuple[str, ...]
    steps: tuple[int, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReadoutFacts:
    """What was read out of models and movies; what is 0 or empty was not.

    Parameters
    ----------
    n_regions : int
        Regions of the group model.
    atlases : tuple of str
        Names of the files of atlases.
    n_courses, n_responses : int
        Subjects whose regions of an atlas have courses after events, and responses.
    jackknife : bool
        Whether responses of some subject have intervals.
    n_maps : int
        Subjects with maps of electrodes and places.
    electrodes, places : tuple of str
        Which.
    expected : tuple of str
        Regions that the experiment was expected to change.
    """

    n_regions: int = 0
    atlases: tuple[str, ...] = ()
    n_courses: int = 0
    n_responses: int = 0
    jackknife: bool = False
    n_maps: int = 0
    electrodes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MethodsFacts:
    """Everything that is known of what was done; what is empty is not said.

    Parameters
    ----------
    name : str
        Of the study; empty where it is not known.
    simulated : bool
        Whether it was simulated.
    labels : tuple of str
        Runs, as ``sub-01_task-odd_run-1``.
    left_out : mapping
        Subjects that could not be cleaned, and why.
    eeg : tuple of EegFacts
        Runs whose EEG was cleaned here.
    images : tuple of ImageFacts
        Runs whose images were brought to MNI here.
    derivative : tuple of str
        Name and version of what preprocessed the images elsewhere; empty where that is not known.
    runs : tuple of RunNumbers
        As models read them.
    models : tuple of ModelFacts
        Group models; the first is that of the results.
    fusion : str
        How both source estimates were combined; empty where nothing was scored.
    subjects : SubjectFacts or None
        The subject stage.
    paper_subjects : PaperSubjectFacts or None
        The subject stage of the paper.
    readouts : ReadoutFacts
        What was read out.
    tests : tuple of mapping
        Sidecars of the effects of conditions, within subjects and across them.
    """

    name: str = ""
    simulated: bool = False
    labels: tuple[str, ...] = ()
    left_out: Mapping[str, str] | None = None
    eeg: tuple[EegFacts, ...] = ()
    images: tuple[ImageFacts, ...] = ()
    derivative: tuple[str, ...] = ()
    runs: tuple[RunNumbers, ...] = ()
    models: tuple[ModelFacts, ...] = ()
    fusion: str = ""
    subjects: SubjectFacts | None = None
    paper_subjects: PaperSubjectFacts | None = None
    readouts: ReadoutFacts = ReadoutFacts()
    tests: tuple[Mapping[str, Any], ...] = ()
