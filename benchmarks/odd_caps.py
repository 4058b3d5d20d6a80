"""What channels that a subject lacks cost, when they are interpolated before training.

    python benchmarks/odd_caps.py [--scenario interleave5-snr10] [--seed 100] [--lacking 0 3 8 16]

One world at the preset ``small``, four subjects of three runs. The second subject lacks channels
that are drawn at random (fewer ones are among more); they are interpolated by spherical splines as
`preprocess` and `train` do it, in all of its runs, so that its EEG has a lower rank than it has
channels. The first two runs of each subject train (the last of these chooses), the third tests.
Prints a row for each number of channels and architecture: r of BOLD from EEG and of EEG from BOLD
in test runs, Fisher mean over blocks and channels, of that subject and of the mean of the others.
EEG of the subject is scored against all of its true channels.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator

import numpy as np
import torch

from neurotranscoder.core.axes import Montage
from neurotranscoder.core.recording import Recording
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.preprocess.channel_set import match_eeg
from neurotranscoder.reconstruct.group import estimate_group
from neurotranscoder.signal.correlation import correlate_rows, fisher_mean
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split
from neurotranscoder.train.trained import TrainedTranscoder

N_SUBJECTS, N_RUNS, ODD = 4, 3, 1
ARCHITECTURES = ("closed_form", "sparse")


def lacking(recording: Recording, lost: np.ndarray) -> Recording:
    """Return a recording that lost channels and got them back by interpolation."""
    eeg, montage = recording.eeg, recording.eeg.montage
    assert montage.positions is not None
    kept = [row for row in range(len(montage.names)) if row not in lost]
    places = {montage.names[row]: montage.positions[row] for row in range(len(montage.names))}
    few = Montage(tuple(montage.names[row] for row in kept), montage.positions[kept])
    rest = dataclasses.replace(eeg, data=eeg.data[kept], montage=few)
    matched, _ = match_eeg(rest, montage.names, places)
    return dataclasses.replace(recording, eeg=matched)


def scores(
    trained: TrainedTranscoder, tests: list[AlignedRun], true: list[AlignedRun]
) -> list[tuple[float, float]]:
    """Return r of BOLD from EEG and of EEG from BOLD, of each test run."""
    found = []
    for run, truth in zip(tests, true, strict=True):
        estimates = estimate_group(trained, run)
        pairs = ((estimates.bold_from_eeg, truth.bold), (estimates.eeg_from_bold, truth.eeg))
        bold, eeg = (fisher_mean(correlate_rows(one, other)) for one, other in pairs)
        found.append((float(bold), float(eeg)))
    return found


def simulated(name: str, seed: int) -> list[list[Recording]]:
    """Return the runs of each subject, with all channels."""
    sizes = {"n_subjects": N_SUBJECTS, "runs_per_subject": N_RUNS}
    scenario = named_scenario(name, preset="small", seed=seed, **sizes)
    cohort = make_cohort(scenario, build_head(scenario.head))
    return [
        [simulate_run_of(cohort, subject, run).recording for run in range(N_RUNS)]
        for subject in range(N_SUBJECTS)
    ]


def rows_of(
    recordings: list[list[Recording]], lost: np.ndarray
) -> Iterator[dict[str, float | str]]:
    """Yield what each architecture scores where one subject lost channels."""
    settings = AlignSettings()
    blocks = common_blocks([recordings[0][0].bold], settings)
    true = [align(runs[-1], blocks, settings) for runs in recordings]
    odd = [lacking(one, lost) if len(lost) else one for one in recordings[ODD]]
    all_runs = [*recordings[:ODD], odd, *recordings[ODD + 1 :]]
    aligned = [[align(one, blocks, settings) for one in runs] for runs in all_runs]
    first = [run for runs in aligned for run in runs[:-1]]
    tests = [runs[-1] for runs in aligned]
    parts = (first[:-1], first[-1:], tests)
    split = Split(*(tuple(run.run.label for run in part) for part in parts))
    for architecture in ARCHITECTURES:
        chosen = TrainSettings(architecture=architecture)
        trained = fit_transcoder(first[:-1], first[-1:], split, chosen, device="cpu")
        found = np.array(scores(trained, tests, true))
        rest = np.delete(found, ODD, axis=0).mean(axis=0)
        row: dict[str, float | str] = {"architecture": architecture}
        for which, of in (("bold_from_eeg", 0), ("eeg_from_bold", 1)):
            row |= {which: round(found[ODD, of], 3), f"{which}_others": round(rest[of], 3)}
        yield row


def main() -> None:
    """Print a row for each number of channels and architecture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="interleave5-snr10")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--lacking", type=int, nargs="+", default=(0, 3, 8, 16))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recordings = simulated(arguments.scenario, arguments.seed)
    n_channels = len(recordings[0][0].eeg.data)
    order = np.random.default_rng(arguments.seed).permutation(n_channels)
    for n_lost in arguments.lacking:
        known = {"scenario": arguments.scenario, "seed": arguments.seed, "lacking": n_lost}
        for row in rows_of(recordings, order[:n_lost]):
            print(json.dumps({**known, "channels": n_channels, **row}), flush=True)


if __name__ == "__main__":
    main()
