"""What a high-pass of the EEG costs: r of BOLD from EEG in held-out runs by its cut-off.

    python benchmarks/low_cut.py [--scenario interleave5-snr10] [--seed 100] [--runs 6]

One world at the preset ``small``, one subject. The EEG of all runs is filtered alike (MNE's
zero-phase FIR, transition band from 0 to the cut-off; 0 is unfiltered, ``drift`` the default of
`nt.filter_eeg`), then transcoders are
trained blind: ``linear`` (architecture ``closed_form``) and ``band_power`` (``sparse``, where
validation runs choose how much band power is read beside the EEG). Prints a row for each cut-off:
the share of a hemodynamic response's power that passes, and r at the frames, Fisher mean over
blocks, mean over the last two runs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json

import numpy as np
import torch

import neurotranscoder as nt
from neurotranscoder.api.low_cut import response_share
from neurotranscoder.core.recording import Recording
from neurotranscoder.physics.head import build_head
from neurotranscoder.preprocess.align import AlignSettings, align, common_blocks
from neurotranscoder.reconstruct.group import estimate_group
from neurotranscoder.signal.correlation import correlate_rows, fisher_mean
from neurotranscoder.signal.filters import apply_filters, measured_passband
from neurotranscoder.simulate.catalogue import named_scenario
from neurotranscoder.simulate.cohort import make_cohort
from neurotranscoder.simulate.run import simulate_run_of
from neurotranscoder.train.recipe import fit_transcoder
from neurotranscoder.train.settings import TrainSettings
from neurotranscoder.train.split import Split

CUTS = ("0", "drift", "0.01", "0.05", "0.1", "0.5", "1")
INPUTS = {"linear": "closed_form", "band_power": "sparse"}
N_TEST = 2


def filtered(recording: Recording, cut: str) -> Recording:
    """Return a recording whose EEG has a high-pass behind it."""
    if cut == "0":
        return recording
    high_pass = {} if cut == "drift" else {"drift_period": 0, "low_cut": float(cut)}
    eeg, settings = recording.eeg, nt.FilterSettings(**high_pass)
    data = apply_filters(eeg.data, eeg.sfreq, settings)
    band = measured_passband(eeg.data.shape[1], eeg.sfreq, settings)
    return dataclasses.replace(recording, eeg=dataclasses.replace(eeg, data=data, passband=band))


def row_of(recordings: list[Recording], cut: str) -> dict[str, object]:
    """Train and score at one cut-off."""
    settings = AlignSettings()
    blocks = common_blocks([recordings[0].bold], settings)
    runs = [align(filtered(one, cut), blocks, settings) for one in recordings]
    training, validation, tests = runs[: -N_TEST - 1], runs[-N_TEST - 1 : -N_TEST], runs[-N_TEST:]
    parts = (tuple(run.run.label for run in part) for part in (training, validation, tests))
    split, band = Split(*parts), runs[0].passband
    row: dict[str, object] = {
        "low_cut_hz": cut,
        "share": 1.0 if band is None else round(response_share(band), 4),
    }
    for name, architecture in INPUTS.items():
        chosen = TrainSettings(architecture=architecture)
        trained = fit_transcoder(training, validation, split, chosen, device="cpu")
        scores = [
            fisher_mean(correlate_rows(estimate_group(trained, run).bold_from_eeg, run.bold))
            for run in tests
        ]
        row[name] = round(float(np.mean(scores)), 3)
        row[f"{name}_reads_power"] = trained.reads_power
    return row


def main() -> None:
    """Print a row for each cut-off."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="interleave5-snr10")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--cuts", nargs="+", default=CUTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    scenario = named_scenario(
        arguments.scenario,
        preset="small",
        seed=arguments.seed,
        n_subjects=1,
        runs_per_subject=arguments.runs,
    )
    cohort = make_cohort(scenario, build_head(scenario.head))
    recordings = [simulate_run_of(cohort, 0, run).recording for run in range(arguments.runs)]
    for cut in arguments.cuts:
        row = {"scenario": arguments.scenario, "seed": arguments.seed, **row_of(recordings, cut)}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
