"""A tiny simulated subject, and group models that were trained on its runs."""

from dataclasses import dataclass
from functools import cache

from neurotranscoder.core.recording import Recording
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.truth import Truth, truth_of
from neurotranscoder.train.closed_form import ClosedFormSettings
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.sparse import SparseSettings
from neurotranscoder.train.split import Split
from neurotranscoder.train.subject import SubjectSettings
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.voxel_maps import MapSettings

QUICK = SubjectSettings(
    rate=25.0,
    smoothings=(0.1,),
    loyalties=(0.1,),
    rounds=2,
    frames=300,
    fit_rate=12.5,
    maps=MapSettings(smoothings=(0.0, 12.0), ridges=(1e-2, 1e-1), group_weights=(0.0, 0.5)),
)


@dataclass(frozen=True, slots=True, eq=False)
class TinySubject:
    """Four runs of two minutes: three to fit on, one that nothing has seen; and their truth."""

    recordings: tuple[Recording, ...]
    truth: Truth
    group: TrainedTranscoder


@cache
def tiny_subject(architecture: str, scenario_name: str | None = None) -> TinySubject:
    """Simulate a subject and train a group model of an architecture; never change it."""
    scenario = named_scenario(
        scenario_name, preset="tiny", n_subjects=1, runs_per_subject=4, duration=120.0, seed=100
    )
    cohort = make_cohort(scenario, build_head(scenario.head))
    made = [simulate_run_of(cohort, 0, run) for run in range(4)]
    recordings = tuple(one.recording for one in made)
    setting = AlignSettings(block_size=24.0)
    blocks = common_blocks((one.bold for one in recordings), setting)
    runs = [align(one, blocks, setting) for one in recordings]
    labels = [one.run.label for one in recordings]
    settings = TrainSettings(
        architecture=architecture,
        closed_form=ClosedFormSettings(hrf_duration=24.0, max_components=20),
        sparse=SparseSettings(frames=500),
    )
    split = Split(tuple(labels[:2]), tuple(labels[2:3]), tuple(labels[3:]))
    group = fit_transcoder(runs[:2], runs[2:3], split, settings, device="cpu")
    return TinySubject(recordings, truth_of(cohort, made), group)
