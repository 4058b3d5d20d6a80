"""Which EEG channels the runs of a study are brought to, from the names in all their files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from neurotranscoder.core.errors import GridError, Problem, StudyError
from neurotranscoder.core.recording import RunId
from neurotranscoder.io.bids import Search, search_runs, sidecars_of_eeg
from neurotranscoder.io.eeg import FileChannels, read_channels
from neurotranscoder.io.electrodes import read_places
from neurotranscoder.preprocess.channel_names import chosen_set, derive
from neurotranscoder.preprocess.channel_places import completed_places
from neurotranscoder.preprocess.channel_set import check_reachable
from neurotranscoder.preprocess.loading import GUESSED
from neurotranscoder.preprocess.study_settings import StudySettings


def search_study(root: Path, settings: StudySettings, *, alone: bool = False) -> Search:
    """Find the runs of a study as its settings say (see `search_runs`)."""
    return search_runs(
        root,
        participants=settings.participants,
        images=settings.images,
        space=settings.space,
        blocks=settings.blocks,
        alone=alone,
    )


class StudyChannels(NamedTuple):
    """What the runs of a study have.

    Parameters
    ----------
    settings : StudySettings
        What is read of it, with its channels by name.
    names : dict
        EEG channels of each run.
    problems : list of Problem
        What is wrong.
    cleaned : frozenset of str
        All channels that cleaning reads in any run: EEG, heart, eyes, and muscles.
    """

    settings: StudySettings
    names: dict[RunId, tuple[str, ...]]
    problems: list[Problem]
    cleaned: frozenset[str]


def study_channels(root: Path, found: Search, settings: StudySettings) -> StudyChannels:
    """Choose the channels that all runs of a study are to have.

    All subjects of the data set are looked at, whichever of them are read: parts of a study are
    brought to the same channels as the whole. Files that cannot be read have no say.

    Parameters
    ----------
    root : Path
        The data set.
    found : Search
        The runs that are read.
    settings : StudySettings
        The choice.

    Returns
    -------
    channels : StudyChannels
        With the settings whose ``channels`` are names (but where runs have to be the same), and
        a problem for each run that cannot have them and each excluded name that is nowhere.
    """
    everywhere = found
    if settings.participants:
        everywhere = search_study(root, settings.model_copy(update={"participants": ()}))
    files = dict(_files_of(everywhere, settings.exclude_channels))
    clean = any(GUESSED in one.eeg_sidecars.metadata for one in everywhere.runs)
    excluded = () if clean else settings.exclude_channels  # they are gone from a clean study
    problems = _unknown(root, files.values(), excluded)
    names = {run: one.eeg for run, one in files.items() if one.eeg}
    cleaned = frozenset(name for one in files.values() for name in (*one.eeg, *one.others))
    if settings.channels in ("most", "shared") and names:
        chosen = chosen_set(names, settings.channels)
        if not chosen:
            problems.append(_nothing_shared(root, names))
            return StudyChannels(settings, names, problems, cleaned)
        settings = settings.model_copy(update={"channels": chosen})
    elif isinstance(settings.channels, tuple) and names:
        problems += _nowhere(root, names, everywhere, settings.channels)
    return StudyChannels(settings, names, problems, cleaned)


def out_of_reach(channels: StudyChannels, runs: Iterable[RunId]) -> list[Problem]:
    """Return a problem for each run that cannot be brought to the channels of its study."""
    settings = channels.settings
    problems = []
    for run in runs:
        if run not in channels.names or not isinstance(settings.channels, tuple):
            continue
        try:
            check_reachable(
                channels.names[run],
                settings.channels,
                max_interpolated=settings.max_interpolated,
            )
        except GridError as error:
            got, needed, cure = str(error).split("; ", 2)
            needed = needed.removeprefix("need ")
            problems.append(Problem(str(run), "channels", got, needed, cure))
    return problems


def blind_eyes(root: Path, channels: StudyChannels, eog: Iterable[str]) -> list[Problem]:
    """Return a problem for channels to find blinks in (``clean.ocular.eog``) that no run has."""
    unknown = [name for name in eog if name not in channels.cleaned]
    if not channels.cleaned or not unknown:
        return []
    got = f"{unknown}, which no run has as EEG, ECG, EOG or EMG"
    needed = f"some of {sorted(channels.cleaned)}"
    cure = "correct the names, or the types in channels.tsv"
    return [Problem(str(root), "clean.ocular.eog", got, needed, cure)]


def _files_of(found: Search, exclude: tuple[str, ...]) -> Iterable[tuple[RunId, FileChannels]]:
    """Yield the channels of each run of both modalities; of those with EEG alone if none is."""
    listed = [(files.run, files.eeg, files.eeg_sidecars) for files in found.runs]
    for lone in found.alone if not listed else ():
        if lone.modality == "eeg":
            sidecars = sidecars_of_eeg(lone.path, lone.root, {})
            listed.append((lone.run, lone.path, sidecars))
    for run, path, sidecars in listed:
        try:
            channels = read_channels(path, sidecars)
        except StudyError:
            continue
        eeg, others = (
            tuple(name for name in names if name not in exclude)
            for names in (channels.eeg, channels.others)
        )
        yield run, FileChannels(eeg, others, channels.all)


def _unknown(root: Path, files: Iterable[FileChannels], exclude: tuple[str, ...]) -> list[Problem]:
    """Return a problem for names to leave out that no file has."""
    known = {name for one in files for name in one.all}
    unknown = [name for name in exclude if name not in known]
    if not known or not unknown:
        return []
    got, needed = f"{unknown}, which no EEG file has", f"some of {sorted(known)}"
    return [Problem(str(root), "study.exclude_channels", got, needed, "correct the names")]


def _nowhere(
    root: Path, names: Mapping[RunId, tuple[str, ...]], found: Search, wanted: tuple[str, ...]
) -> list[Problem]:
    """Return a problem for channels that no run has, and whose places nobody knows."""
    absent = set(wanted)
    for channels in names.values():
        absent &= set(derive(channels, wanted).missing)
    absent -= completed_places({}, sorted(absent)).keys()
    for files in found.runs if absent else ():
        with suppress(StudyError):  # said when the run is read
            absent -= completed_places(read_places(files.eeg_sidecars), sorted(absent)).keys()
    if not absent:
        return []
    known = sorted({name for channels in names.values() for name in channels})
    got = f"{sorted(absent)}, which no EEG file has, and whose places are unknown"
    return [Problem(str(root), "study.channels", got, f"some of {known}", "correct the names")]


def _nothing_shared(root: Path, names: dict[RunId, tuple[str, ...]]) -> Problem:
    """Say that no channel is in all runs."""
    run, fewest = min(names.items(), key=lambda one: (len(one[1]), one[0]))
    got = f"no channel that all {len(names)} runs have ({run} has {', '.join(fewest[:5])})"
    cure = "set study.channels to 'most' or to names, or leave subjects out"
    return Problem(str(root), "study.channels", got, "one at least", cure)
