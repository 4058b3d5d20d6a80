"""Read-outs of a trained transcoder, for use in Python."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from neurotranscoder.analyse.transcoder import Readouts, read_out_transcoder
from neurotranscoder.api.study import StudyLike, load_study
from neurotranscoder.api.transcoder import Transcoder
from neurotranscoder.core.recording import Recording
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.preprocess.align import align


def read_out(transcoder: Transcoder, study: StudyLike | Iterable[Recording]) -> Readouts:
    """Return what a transcoder has learnt, and what it cannot know.

    Parameters
    ----------
    transcoder : Transcoder
        After `fit` or `load`.
    study : Study, path of a BIDS data set, or iterable of Recording
        What it was trained on.

    Returns
    -------
    readouts : Readouts
        Responses, leadfields and inverse maps of regions, agreement, and what can be seen.

    Raises
    ------
    SettingsError
        When no training or validation run of the model is in the study.
    """
    trained, config = transcoder.trained, transcoder.config
    recordings = load_study(study, config=config) if isinstance(study, Path | str) else study
    parts: dict[str, list[AlignedRun]] = {"training": [], "validation": []}
    for recording in recordings:
        for name, runs in parts.items():
            if recording.run.label in getattr(trained.split, name):
                runs.append(align(recording, trained.blocks, config.align))
    return read_out_transcoder(trained, parts["training"], parts["validation"], config.analyse)
