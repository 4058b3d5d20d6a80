"""Whether slow change should go from EEG and BOLD alike: r in held-out runs by what was taken out.

    python benchmarks/drift_match.py [--scenario interleave5-snr10] [--seed 101] [--runs 8]

One world at the preset ``small``, one subject. Means, slopes and cosines of a period or longer are
taken out of the EEG (as `FilterSettings.drift_period` does), of each voxel of BOLD (as
`images.bold.clean.longest_period` does; its mean stays), or of both; then the default recipe is
trained blind. Sources are compared with true ones from which nothing was taken. Prints a line of
JSON for each pair of periods (s; 0 leaves all): r of each quantity, mean over the last two runs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json

import numpy as np
import torch
from cleaning import N_TEST, free_tests, scores_of

from neurotranscoder.core.recording import Recording
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.signal.filters import without_drift
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.train.settings import TrainSettings

PERIODS = ((0, 0), (200, 0), (0, 100), (200, 100), (100, 100), (128, 128), (200, 200))


def without_slow(recording: Recording, eeg_period: float, bold_period: float) -> Recording:
    """Return a recording without slow change; 0 leaves all of it."""
    eeg, bold = recording.eeg, recording.bold
    if eeg_period:
        eeg = dataclasses.replace(eeg, data=without_drift(eeg.data, eeg.sfreq, eeg_period))
    if bold_period:
        data = bold.data.copy()
        voxels = data[bold.mask].astype(np.float64)
        fast = without_drift(voxels, 1 / bold.volumes.tr, bold_period)
        data[bold.mask] = fast + voxels.mean(axis=1, keepdims=True)
        bold = dataclasses.replace(bold, data=data)
    return dataclasses.replace(recording, eeg=eeg, bold=bold)


def main() -> None:
    """Print a line for each pair of periods."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="interleave5-snr10")
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--runs", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sizes = {"n_subjects": 1, "runs_per_subject": arguments.runs}
    scenario = named_scenario(arguments.scenario, preset="small", seed=arguments.seed, **sizes)
    cohort = make_cohort(scenario, build_head(scenario.head))
    recordings = [simulate_run_of(cohort, 0, run).recording for run in range(arguments.runs)]
    settings = AlignSettings()
    blocks = common_blocks([recordings[0].bold], settings)
    tests = free_tests(scenario, [align(one, blocks, settings) for one in recordings[-N_TEST:]])
    for eeg_period, bold_period in PERIODS:
        changed = (without_slow(one, eeg_period, bold_period) for one in recordings)
        runs = [align(one, blocks, settings) for one in changed]
        scored = zip(tests, runs[-N_TEST:], strict=True)
        mine = [dataclasses.replace(test, aligned=run) for test, run in scored]
        found = {name: round(r, 3) for name, r in scores_of(runs, mine, TrainSettings()).items()}
        print(json.dumps({"eeg_s": eeg_period, "bold_s": bold_period, **found}), flush=True)


if __name__ == "__main__":
    main()
