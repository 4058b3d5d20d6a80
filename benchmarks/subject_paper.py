"""The paper's second stage in the table of `benchmarks/subject.py`: latent sources and inputs."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from subject_world import truth_of_subject

from neurotranscoder.core.recording import Recording, RunId
from neurotranscoder.evaluate.subject_estimates import FactorMovies
from neurotranscoder.evaluate.subject_latents import StageInputs
from neurotranscoder.evaluate.subject_rivals import group_movies
from neurotranscoder.evaluate.subject_scores import score_estimate
from neurotranscoder.evaluate.subject_table import stage_facts
from neurotranscoder.io.stored_runs import StoredRuns
from neurotranscoder.reconstruct.paper_subject import fit_on_averages
from neurotranscoder.reconstruct.trial_averages import trial_averages
from neurotranscoder.simulate.cohort import Cohort
from neurotranscoder.train.paper_subject import PaperSubjectSettings
from neurotranscoder.train.trained import TrainedTranscoder
from neurotranscoder.train.trained_subject import TrainedSubject

COMPARED = slice(0, 6000, 5)  # frames of runs that latent sources are compared at


@dataclass(frozen=True, slots=True)
class PaperBudget:
    """How long the paper's second stage is trained, and whether on corrected averages as well."""

    steps: int
    on_corrected: bool

    def budgets(self, *, corrected: bool) -> tuple[int, ...]:
        """Return the numbers of steps that are trained on one kind of averages."""
        return () if corrected and not self.on_corrected else tuple(sorted({0, self.steps}))


def score_paper(
    cohort: Cohort,
    group: TrainedTranscoder,
    trained: TrainedSubject,
    fitted: StoredRuns[Recording],
    tests: list[RunId],
    recordings: list[Recording],
    paper: PaperBudget,
) -> Iterator[tuple[str, list[tuple[str, float, str]]]]:
    """Yield the facts about the paper's second stage and its inputs."""
    of_group = group_movies(group, trained, recordings)
    truth = truth_of_subject(cohort, tests, of_group)
    for corrected in (False, True):
        settings = PaperSubjectSettings(
            rate=trained.rate, steps=paper.steps, overlap_correction=corrected
        )
        name = "paper_corrected" if corrected else "paper"
        inputs = StageInputs.of(recordings, group, settings, mask=trained.mask, compared=COMPARED)
        other = FactorMovies(of_group, seconds=settings.stop)
        score = functools.partial(score_estimate, truth=truth, other=other)
        for origin, estimate in inputs.estimates().items():
            yield f"{name}_input_{origin}", [*stage_facts(score(estimate))]
        budgets = paper.budgets(corrected=corrected)
        averages = trial_averages(fitted, group, settings) if budgets else None
        for n_steps in budgets:
            budget = settings.model_copy(update={"steps": n_steps})
            model = fit_on_averages(averages, group, budget, device="cpu")
            print(f"{model}: {model.seconds:.0f} s", flush=True)
            copies = {"from_eeg": model.copies.from_eeg, "from_bold": model.copies.from_bold}
            for origin, estimate in inputs.estimates(model).items():
                facts = [*stage_facts(score(estimate))]
                facts += [("copy_of_input", copies[origin], "")] if origin in copies else []
                yield f"{name}_{n_steps}_steps_{origin}", facts
