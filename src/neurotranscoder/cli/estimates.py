"""What a group model says of each run of a study, whether it has both modalities or one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.cli.common import say
from neurotranscoder.cli.workspace import out_of_range, range_lines
from neurotranscoder.config import Config
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.recording import Clock, Eeg, EegRun, RunId
from neurotranscoder.core.source import Origin, SourceEstimate
from neurotranscoder.preprocess.group import align_run
from neurotranscoder.preprocess.study import Study
from neurotranscoder.reconstruct.group import estimate_group
from neurotranscoder.reconstruct.one_modality import estimate_from_bold, estimate_from_eeg
from neurotranscoder.reconstruct.range_check import Modality
from neurotranscoder.train.trained import TrainedTranscoder

From = Literal["eeg", "bold", "both"]
READ: dict[From, tuple[Modality, ...]] = {
    "eeg": ("EEG",),
    "bold": ("BOLD",),
    "both": ("EEG", "BOLD"),
}
ORIGINS: dict[From, tuple[Origin, ...]] = {
    "eeg": ("eeg",),
    "bold": ("bold",),
    "both": ("eeg", "bold", "fused"),
}


@dataclass(frozen=True, slots=True, eq=False)
class RunEstimates:
    """What a group model says of one run, as far as the run has what it takes.

    Parameters
    ----------
    run : RunId
        Which run it is.
    clock : Clock or None
        How the EEG was placed on the scanner clock; None where there is no EEG.
    sources : mapping from origin to SourceEstimate
        From EEG, from BOLD, and fused.
    bold_from_eeg : array, shape (blocks, frames), or None
        Around its mean, in the unit of the images.
    eeg_from_bold : Eeg or None
        Around its mean, at the group rate.
    warnings : tuple of str
        What of the signals that were read lies outside what the model was trained on.
    """

    run: RunId
    clock: Clock | None
    sources: Mapping[Origin, SourceEstimate]
    bold_from_eeg: Float[ndarray, "blocks frames"] | None = None
    eeg_from_bold: Eeg | None = None
    warnings: tuple[str, ...] = field(default=())


def readable_runs(study: Study, from_: From) -> list[RunId]:
    """Return the runs that have some of what is to be read; say what others are left out.

    Raises
    ------
    SettingsError
        When no run has any of it.
    """
    chosen = list(study.runs)
    for run, lone in study.alone.items():
        if from_ in (lone.modality, "both"):
            chosen.append(run)
            say(f"  {lone}; what it has is read")
        else:
            say(f"  {lone}; left out")
    if not chosen:
        raise SettingsError(
            f"{from_.upper()} is to be read, and none of the {len(study.alone)} runs has it; "
            "read the modality that they have"
        )
    return sorted(chosen)


def run_estimates(
    run: RunId,
    *,
    study: Study,
    trained: TrainedTranscoder,
    config: Config,
    read: Sequence[Modality] = ("EEG", "BOLD"),
) -> RunEstimates:
    """Return what a group model says of one run.

    Parameters
    ----------
    run : RunId
        One of ``study.runs`` or of ``study.alone``.
    study : Study
        Opened with ``alone=True``.
    trained : TrainedTranscoder
        In evaluation mode.
    config : Config
        Its sections ``align`` and ``reconstruct``.
    read : sequence of {'EEG', 'BOLD'}
        What the range check looks at.

    Raises
    ------
    WeightsError, GridError
        When the run does not fit the model.
    """
    if run in study.alone:
        return _of_one(run, study, trained, config)
    aligned = align_run(run, study, trained.blocks, config.align)
    found = estimate_group(trained, aligned, fusion=config.reconstruct.fusion)
    sources: dict[Origin, SourceEstimate] = {
        "eeg": found.source_from_eeg,
        "bold": found.source_from_bold,
        "fused": found.source_fused,
    }
    warnings = tuple(out_of_range(trained, aligned, read))
    eeg = Eeg(found.eeg_from_bold, trained.rate, trained.montage)
    return RunEstimates(run, aligned.clock, sources, found.bold_from_eeg, eeg, warnings)


def sources_of(study: Study, run: RunId, *modalities: str) -> list[str]:
    """Return what a file of a run was made from, as BIDS URIs."""
    if run in study.alone:
        lone = study.alone[run]
        paths: dict[str, Path] = {lone.modality: lone.path}
    else:
        paths = {"eeg": study.files[run].eeg, "bold": study.files[run].bold}
    roots = {"eeg": ("raw", study.root), "bold": ("raw", study.root)}
    if study.settings.images is not None:
        roots["bold"] = ("images", study.settings.images)
    return [
        f"bids:{roots[name][0]}:{paths[name].relative_to(roots[name][1]).as_posix()}"
        for name in modalities
    ]


def _of_one(run: RunId, study: Study, trained: TrainedTranscoder, config: Config) -> RunEstimates:
    """Return what a group model says of a run of one modality."""
    alone = study.load_alone(run)
    if isinstance(alone, EegRun):
        found = estimate_from_eeg(trained, alone.eeg, alone.clock, config.align)
        warnings = tuple(range_lines(run, [found.range]))
        sources: dict[Origin, SourceEstimate] = {"eeg": found.source}
        return RunEstimates(run, alone.clock, sources, found.other, None, warnings)
    found = estimate_from_bold(trained, alone.bold, config.align)
    warnings = tuple(range_lines(run, [found.range]))
    eeg = Eeg(found.other, trained.rate, trained.montage)
    return RunEstimates(run, None, {"bold": found.source}, None, eeg, warnings)
