"""All runs of a study at the group resolution."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from neurotranscoder.core.blocks import BlockMap
from neurotranscoder.core.recording import RunId
from neurotranscoder.core.source import AlignedRun
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
        aligned.append(align(study.load(run), blocks, settings))
        if progress is not None:
            progress(done, len(wanted))
    return tuple(aligned)
