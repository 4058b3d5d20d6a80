"""The part of an EEG file that belongs to one run, where several runs share the file."""

from __future__ import annotations

from itertools import pairwise

from neurotranscoder.core.errors import ClockError
from neurotranscoder.io.bids import EegFiles
from neurotranscoder.io.eeg import EegSpan, read_eeg_header
from neurotranscoder.io.nifti import read_volumes
from neurotranscoder.io.triggers import volume_triggers
from neurotranscoder.preprocess.scan_blocks import assign_blocks, find_blocks
from neurotranscoder.preprocess.stated_clock import FIELD
from neurotranscoder.preprocess.study_settings import StudySettings


def own_span(files: EegFiles, options: StudySettings) -> EegSpan | None:
    """Return the samples of a run in an EEG file that it shares, None for a file of its own.

    A run has its scan and half of the pauses around it; the first one also what comes before, the
    last one what comes after. Each second of the file is of one block.

    Raises
    ------
    ClockError
        When blocks of triggers and runs do not match, or a clock is declared.
    StudyError
        When the file, or images that share it, cannot be read.
    """
    if not files.shared:
        return None
    if options.clock is not None or FIELD in files.eeg_sidecars.metadata:
        raise ClockError(
            f"the EEG is shared by {len(files.shared)} runs and has one stated clock; need volume "
            "triggers, as each run has a clock of its own; leave study.clock out, or give each "
            "run an EEG file of its own"
        )
    volumes = [read_volumes(one.path, one.metadata) for one in files.shared]
    trs = sorted({one.tr for one in volumes})
    if len(trs) > 1:
        raise ClockError(
            f"runs that share an EEG file have TRs of {', '.join(f'{tr:g}' for tr in trs)} s; "
            "need one; give each an EEG file of its own"
        )
    counts = [one.n_volumes for one in volumes]
    header = read_eeg_header(files.eeg)
    marks = header.markers
    times = volume_triggers(
        marks.onsets, marks.names, tr=trs[0], n_volumes=sum(counts), name=options.trigger_name
    )
    blocks = find_blocks(times, trs[0])
    chosen = assign_blocks(
        blocks,
        [one.run.run for one in files.shared],
        counts,
        stated=options.blocks,
        n_before=options.sync.n_triggers_before,
    )
    at = chosen[[one.run for one in files.shared].index(files.run)]
    ends = [(one.last + after.first + trs[0]) / 2 for one, after in pairwise(blocks)]
    samples = [0, *(round(end * header.sfreq) for end in ends), header.n_times]
    return EegSpan(samples[at], samples[at + 1], f"block {at + 1} of {len(blocks)}: {blocks[at]}")
