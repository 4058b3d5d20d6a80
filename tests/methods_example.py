"""Facts of a study as `run` would have them, made without running it."""

from dataclasses import replace

from neurotranscoder.preprocess.bold import PreprocessSettings
from neurotranscoder.preprocess.clean import EegCleanSettings
from neurotranscoder.report.methods.facts import (
    EegFacts,
    ImageFacts,
    MethodsFacts,
    ModelFacts,
    PaperSubjectFacts,
    ReadoutFacts,
    RunNumbers,
    StepFacts,
    SubjectFacts,
)
from neurotranscoder.train.paper_subject import PaperSubjectSettings
from neurotranscoder.train.settings import TrainSettings

LABELS = ("sub-01_task-odd_run-1", "sub-03_task-odd_run-1")
GRADIENT = {"before_uv": 105.2, "after_uv": 12.1, "components": 2.0, "volumes": 60, "slices": 35}
PULSE = {
    "beats": 130,
    "per_minute": 65.0,
    "found_in": "ecg",
    "components": 3,
    "removed": 0.4,
}


def step(name, numbers=None, reason=""):
    """Return a step that was done, or, with a reason, one that was left out."""
    return StepFacts(name, not reason, reason or "done", numbers or {})


def eeg(*steps, **settings):
    recorded = {"sfreq": 5000.0, "channels": 31, "seconds": 120.0, "clock": "measured"}
    return EegFacts(recorded, steps, EegCleanSettings(**settings).model_dump(mode="json"))


def images(displacement=0.1, settings=None, **numbers):
    known = {"tr": 2.0, "volumes": 60, "voxel_x": 3.0, "voxel_y": 3.0, "voxel_z": 4.0}
    known |= {"displacement_mean": displacement, "displacement_max": 5 * displacement}
    known |= {"snr": 60.0, "method": "fast", "boundary": 0}
    chosen = settings or PreprocessSettings()
    return ImageFacts({**known, **numbers}, chosen.model_dump(mode="json"))


def model(architecture="sparse", **facts):
    settings = TrainSettings(architecture=architecture).model_dump(mode="json")
    sizes = {"n_channels": 31, "n_blocks": 300, "n_components": 24, "block_mm": (12.0, 12.0, 12.0)}
    return ModelFacts(architecture, settings, 2.0, **sizes, split=(6, 2, 4), **facts)


def sidecar(**fields):
    """Return the sidecar of a test within a subject."""
    known = {
        "First": "oddball",
        "Second": "standard",
        "Over": "units of trials of one subject",
        "N": 12,
        "Correction": "cluster",
        "Level": 0.05,
        "Voxels": "the 40 of 100 voxels that the model sees (trust map, q <= 0.05)",
        "Window": {"start": -0.5, "stop": 3.0, "baseline_start": -0.5, "baseline_stop": 0.0},
        "ClusterTest": {"n_permutations": 1000, "forming_p": 0.001},
        "TrialsPerUnit": 8,
    }
    return {**known, **fields}


def paper_subjects():
    """Return the paper's stage of two subjects."""
    settings = PaperSubjectSettings(steps=400).model_dump(mode="json")
    return PaperSubjectFacts((3, 4), ("all conditions",), (400, 400), settings)


def readouts(**changes):
    """Return read-outs of all kinds."""
    known = {"n_regions": 24, "atlases": ("aal_dseg.nii.gz",), "n_courses": 2, "n_responses": 2}
    known |= {"jackknife": True, "n_maps": 2, "electrodes": ("Cz", "Pz"), "places": ("V1",)}
    return ReadoutFacts(**{**known, "expected": ("calcarine",), **changes})


def example_facts(**changes):
    """Return facts of two runs on which everything was done."""
    run = RunNumbers(LABELS[0], 2.0, 60, 31, (2.0, 2.0, 2.0), "measured", 250.0, 0.05)
    both = (eeg(step("gradient", GRADIENT), step("pulse", PULSE)),) * 2
    facts = MethodsFacts(
        name="oddball",
        labels=LABELS,
        eeg=both,
        images=(images(0.1), images(0.3)),
        runs=(run, replace(run, label=LABELS[1], n_volumes=62)),
        models=(model(),),
        fusion="joint",
        subjects=SubjectFacts(2, (1, 1), 100.0, ((2.0, 2.0, 2.0),) * 2, True, 5, 2),
        tests=(sidecar(),),
    )
    return replace(facts, **changes)
