"""Studies for users: opened, at the group resolution, and as training windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from neurotranscoder.config import Config
from neurotranscoder.core.recording import Recording
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.io.layouts.plan import ImportSettings
from neurotranscoder.io.layouts.study import import_study
from neurotranscoder.preprocess.align import align, common_blocks
from neurotranscoder.preprocess.group import align_runs, study_blocks
from neurotranscoder.preprocess.study import Study, open_study
from neurotranscoder.train.scaling import Scaling
from neurotranscoder.train.split import Split, SplitSettings, split_runs
from neurotranscoder.train.windows import ScaledRun, TrainingWindows

__all__ = [
    "ImportSettings",
    "StudyLike",
    "aligned_runs",
    "import_study",
    "load_study",
    "opened",
    "windows",
]

StudyLike = Study | Path | str


def load_study(path: Path | str, *, config: Config | None = None) -> Study:
    """Open a BIDS study of simultaneous EEG-fMRI; every problem is listed at once.

    Parameters
    ----------
    path : Path or str
        The data set.
    config : Config, optional
        Its ``study`` section says what to read.
    """
    return open_study(Path(path), (config or Config()).study)


def aligned_runs(
    study: StudyLike | Iterable[Recording], config: Config | None = None
) -> tuple[AlignedRun, ...]:
    """Return all runs at the group resolution.

    Parameters
    ----------
    study : Study, path of a BIDS data set, or iterable of Recording
        Simultaneous runs.
    config : Config, optional
        Its ``align`` section says how.
    """
    settings = config or Config()
    study = opened(study, settings)
    if isinstance(study, Study):
        blocks = study_blocks(study, settings.align)
        return align_runs(study, study.runs, blocks, settings.align)
    recordings = list(study)
    shared = common_blocks((one.bold for one in recordings), settings.align)
    return tuple(align(recording, shared, settings.align) for recording in recordings)


def windows(
    study: StudyLike | Iterable[Recording], *, config: Config | None = None
) -> TrainingWindows:
    """Return the training windows of a study as a torch Dataset.

    Validation and test runs are left out, as in training.

    Parameters
    ----------
    study : Study, path of a BIDS data set, or iterable of Recording
        Simultaneous runs.
    config : Config, optional
        Group resolution, split and windows.

    Returns
    -------
    dataset : torch.utils.data.Dataset
        Windows of scaled EEG (1, channels, frames) and BOLD (1, blocks, frames).
    """
    settings = config or Config()
    study = opened(study, settings)
    runs: Any = aligned_runs(study, settings)
    split = _split_of(study, runs, settings.train.split)
    training = [run for run in runs if run.run.label in split.training]
    scaling = Scaling.fit(training)
    scaled = [ScaledRun.of(run, scaling) for run in training]
    return TrainingWindows(scaled, settings.train.residual.windows)


def opened(study: StudyLike | Iterable[Recording], config: Config) -> Study | Iterable[Recording]:
    """Open a study that was given by its path."""
    return load_study(study, config=config) if isinstance(study, Path | str) else study


def _split_of(
    study: Study | Iterable[Recording], runs: Sequence[AlignedRun], settings: SplitSettings
) -> Split:
    """Return the split of runs, as the study states it where it does."""
    stated = study.test_runs if isinstance(study, Study) else ()
    return split_runs([run.run for run in runs], settings, stated=stated)
