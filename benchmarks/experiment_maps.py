"""Maps of z beside those of the chain: a rival that is given the leadfield, and a null."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from experiment_worlds import rereferenced, scalp_electrodes
from jaxtyping import Float
from numpy import ndarray
from scipy.sparse import csr_array

from neurotranscoder.analyse.condition_settings import TrialAnalysisSettings
from neurotranscoder.analyse.subjects import SubjectMeans, difference
from neurotranscoder.analyse.trials import cut_trials
from neurotranscoder.analyse.zmaps import z_map
from neurotranscoder.config import load_config
from neurotranscoder.core.axes import Montage
from neurotranscoder.core.movie import SourceMovie
from neurotranscoder.core.recording import Eeg, Events, Recording, RunId
from neurotranscoder.evaluate.activation_scores import StatisticalMap
from neurotranscoder.evaluate.subject_rivals import inverse_movies
from neurotranscoder.io.movies import load_movie, movie_path
from neurotranscoder.physics.channels import reference_of
from neurotranscoder.physics.head import Head
from neurotranscoder.preprocess.study import Study, open_study
from neurotranscoder.simulate.truth import load_truth
from neurotranscoder.train.trained_subject import TrainedSubject, load_subject

SNR = 3.0
"""Of the minimum norm, amplitudes."""

RunsOfSubject = list[tuple[SourceMovie, Events]]


@dataclass(frozen=True, slots=True, eq=False)
class Rivals:
    """Movies of all runs of each subject, by what they are, with the events they are cut at.

    Parameters
    ----------
    settings : TrialAnalysisSettings
        Window, baseline and pools of the chain.
    runs : dict
        For each rival the runs of each subject.
    """

    settings: TrialAnalysisSettings
    runs: dict[str, list[RunsOfSubject]]

    @classmethod
    def of(cls, study: Path, out: Path, simulated: Path) -> Rivals:
        """Read what the chain made, and make what stands beside it.

        Parameters
        ----------
        study, out : Path
            As ``run`` had them.
        simulated : Path
            The simulated study with its truth.
        """
        config = load_config(out / "results" / "settings.toml")
        images = config.study.model_copy(update={"images": study.resolve()})
        clean = open_study(out / "preprocessed", images)
        pairs = load_truth(simulated).cohort.template.head
        names, field = pairs.montage.names, pairs.leadfield
        if reference_of(names) == "bipolar":
            names, field = scalp_electrodes(names), rereferenced(field, names)
        found: dict[str, list[RunsOfSubject]] = {"minimum norm": [], "null": []}
        rng = np.random.default_rng(0)
        for subject in sorted({run.subject for run in clean.runs}):
            folder = out / "results" / "models" / "subjects" / f"sub-{subject}"
            if not folder.is_dir():
                continue
            trained = load_subject(folder)
            own = [run for run in clean.runs if run.subject == subject]
            events = [clean.load(run).events for run in own]
            movies = [load_movie(movie_path(out / "results", run, "eeg")) for run in own]
            found["null"].append(
                [(m, shuffled(e, m.axis.times, rng)) for m, e in zip(movies, events, strict=True)]
            )
            columns = _columns(trained, pairs)
            inverse = _inverse(clean, own, trained, Montage(names), field @ columns)
            found["minimum norm"].append([*zip(inverse, events, strict=True)])
        return cls(config.analyse.trials, found)

    def maps(self, first: str, second: str) -> dict[str, StatisticalMap]:
        """Return the map across subjects of each rival, as the chain makes its own."""
        return {name: self._across(each, first, second) for name, each in self.runs.items()}

    def _across(
        self, subjects: Sequence[RunsOfSubject], first: str, second: str
    ) -> StatisticalMap:
        """Return z across subjects of a condition, or of a contrast."""
        averages = []
        for runs in subjects:
            trials = cut_trials(runs, self.settings.window, pools=self.settings.pools)
            mean = trials.of(first).average()
            averages.append(difference(mean, trials.of(second).average()) if second else mean)
        found = z_map(SubjectMeans.of(averages))
        seen = found.fdr(self.settings.level).seen
        return StatisticalMap(
            found.effect.astype(np.float64), found.z.astype(np.float64), seen, found.mask,
            found.grid, found.axis.times,
        )  # fmt: skip


def shuffled(events: Events, times: Float[ndarray, " frames"], rng: np.random.Generator) -> Events:
    """Return events at random times of a run, each with its own type."""
    onset = np.sort(rng.uniform(times[0], times[-1], len(events.onset)))
    return replace(events, onset=onset)


def _columns(trained: TrainedSubject, head: Head) -> csr_array:
    """Return which voxel of a head each voxel of a subject lies in, as 0 and 1; none outside."""
    numbers = np.full(head.brain.shape, -1)
    numbers[head.brain] = np.arange(head.n_voxels)
    indices, inside = head.grid.voxels_at(trained.grid.world(np.argwhere(trained.mask)))
    found = np.full(len(indices), -1)
    found[inside] = numbers[tuple(indices[inside].T)]
    of = np.flatnonzero(found >= 0)
    return csr_array((np.ones(len(of)), (found[of], of)), shape=(head.n_voxels, len(found)))


def _inverse(
    clean: Study,
    runs: Sequence[RunId],
    trained: TrainedSubject,
    montage: Montage,
    field: Float[ndarray, "channels voxels"],
) -> list[SourceMovie]:
    """Return the minimum norm of runs, at scalp electrodes against their average."""
    own = replace(trained, montage=montage)
    recordings = [_at_electrodes(clean.load(run), montage) for run in runs]
    return inverse_movies(field, own, recordings, snr=SNR, standardised=False)


def _at_electrodes(recording: Recording, montage: Montage) -> Recording:
    """Return a recording with the names of a montage, and potentials in place of pairs."""
    eeg = recording.eeg
    data = eeg.data
    if len(data) != len(montage.names):
        data = rereferenced(data, eeg.montage.names)
    return replace(recording, eeg=Eeg(data, eeg.sfreq, montage))
