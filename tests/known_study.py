"""Simulated runs at the group rate, with the truth that informed methods are given of them."""

from dataclasses import dataclass

from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.scoring import HeldOut
from neurotranscoder.evaluate.truths import with_truth
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.simulate.truth import Truth, truth_of


@dataclass(frozen=True, slots=True, eq=False)
class KnownStudy:
    """One training, one validation and one test run of each subject, with their truth."""

    truth: Truth
    training: list[HeldOut]
    validation: list[HeldOut]
    test: list[HeldOut]

    @property
    def knowledge(self):
        return Knowledge(self.truth, tuple(self.training), tuple(self.validation))

    def fit(self, method):
        """Fit a method that was given the knowledge, and return it."""
        training, validation = (
            [run.aligned for run in part] for part in (self.training, self.validation)
        )
        method.fit(training, validation)
        return method


def known_study(name, **changes):
    """Simulate a scenario at the size of the tiny preset, in blocks of 24 mm."""
    settings = {"n_subjects": 1, "runs_per_subject": 3, "duration": 120.0, "seed": 100} | changes
    scenario = named_scenario(name, preset="tiny", **settings)
    cohort = make_cohort(scenario, build_head(scenario.head))
    made = [
        simulate_run_of(cohort, subject, run)
        for run in range(3)
        for subject in range(scenario.n_subjects)
    ]
    setting = AlignSettings(block_size=24.0)
    blocks = common_blocks((one.recording.bold for one in made), setting)
    truth = truth_of(cohort, made)
    held = with_truth([align(one.recording, blocks, setting) for one in made], truth)
    n = scenario.n_subjects
    return KnownStudy(truth, held[:n], held[n : 2 * n], held[2 * n :])
