"""All runs of a study at the group resolution."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.core.spread import Map
from neurotranscoder.io.stored_runs import StoredRuns
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.preprocess.study import Study

Report = Callable[[int, int], None]


def study_blocks(study: Study, settings: AlignSettings) -> BlockMap:
    """Return the source blocks that the runs of a study share."""
    return common_blocks((recording.bold for recording in study), settings)


def align_runs(
    study: Study,
    runs: Iterable[RunId],
    blocks: BlockMap,
    settings: AlignSettings,
    *,
    progress: Report | None = None,
) -> tuple[AlignedRun, ...]:
    """Load runs one after the other and bring each to the group resolution.

    Parameters
    ----------
    study : Study
        An open study.
    runs : iterable of RunId
        Which of its runs.
    blocks : BlockMap
        The source blocks: those of the study, or those of a trained model.
    settings : AlignSettings
        The group resolution.
    progress : callable, optional
        Called with (runs done, runs).

    Returns
    -------
    aligned : tuple of AlignedRun
        In the order of ``runs``; recordings are not kept.
    """
    wanted = tuple(runs)
    aligned = []
    for done, run in enumerate(wanted, 1):
        aligned.append(align_run(run, study, blocks, settings))
        if progress is not None:
            progress(done, len(wanted))
    return tuple(aligned)


def store_aligned_runs(
    study: Study,
    runs: Sequence[RunId],
    blocks: BlockMap,
    settings: AlignSettings,
    folder: Path,
    *,
    spread: Map = map,
    progress: Report | None = None,
) -> StoredRuns[AlignedRun]:
    """Bring runs to the group resolution, each in a file of its own.

    Parameters
    ----------
    study : Study
        An open study.
    runs : sequence of RunId
        Which of its runs.
    blocks : BlockMap
        The source blocks.
    settings : AlignSettings
        The group resolution.
    folder : Path
        Where the files go (see `io.store.scratch_folder`).
    spread : callable
        Like the built-in map; may load and align runs in other processes.
    progress : callable, optional
        Called with (runs done, runs).

    Returns
    -------
    aligned : StoredRuns of AlignedRun
        In the order of ``runs``; work on them is spread alike.
    """

    def report(done: int) -> None:
        if progress is not None:
            progress(done, len(runs))

    of_run = partial(align_run, study=study, blocks=blocks, settings=settings)
    return StoredRuns.of(of_run, runs, folder, spread=spread, report=report)


def align_run(run: RunId, study: Study, blocks: BlockMap, settings: AlignSettings) -> AlignedRun:
    """Load one run and bring it to the group resolution; the recording is not kept."""
    return align(study.load(run), blocks, settings)
