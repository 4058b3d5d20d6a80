"""How well the response and the leadfield that a transcoder learnt agree with the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurotranscoder.analyse.readouts import region_leadfield
from neurotranscoder.core.response import Response
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.table import MeasureRow, MetricRow
from neurotranscoder.evaluate.truths import Units, brains_of, mean_true_response, true_response
from neurotranscoder.physics.evoked import surviving_share
from neurotranscoder.signal.correlation import correlate_rows, fisher_mean
from neurotranscoder.simulate.truth import Truth
from neurotranscoder.train.trained import TrainedTranscoder

_NAN = float("nan")


def readout_rows(
    scenario: str,
    name: str,
    trained: TrainedTranscoder,
    truth: Truth,
    runs: Sequence[AlignedRun],
) -> list[MetricRow]:
    """Compare the response and the leadfield that were learnt with those of the runs' brains.

    Where subjects differ, a mean over them (Fisher z) is returned.
    """
    response, brains = trained.response, brains_of(truth, (run.run for run in runs))
    responses = np.stack([true_response(truth, brain, response.times) for brain in brains])
    of_brains = correlate_rows(np.tile(response.values, (len(brains), 1)), responses)
    r = float(of_brains[0]) if len(brains) == 1 else fisher_mean(of_brains)
    units = Units.of(truth, runs[0].blocks)
    learnt = region_leadfield(trained.leadfield, units.shares)
    learnt = learnt - learnt.mean(axis=0)
    regions = np.concatenate(
        [correlate_rows(learnt.T, units.leadfield(brain).T) for brain in brains]
    )
    return [
        MetricRow(scenario, name, "hrf", "all", r, _NAN, _NAN, len(brains), trained.seconds),
        MetricRow(
            scenario,
            name,
            "leadfield",
            "all",
            fisher_mean(regions),
            _NAN,
            _NAN,
            len(regions),
            trained.seconds,
        ),
    ]


def readout_measures(
    scenario: str,
    name: str,
    trained: TrainedTranscoder,
    truth: Truth | None,
    runs: Sequence[AlignedRun],
) -> list[MeasureRow]:
    """Return peak and width of the learnt response, and of the mean of the true ones."""
    response = trained.response
    found = [(name, response)]
    if truth is not None:
        brains = brains_of(truth, (run.run for run in runs))
        values = mean_true_response(truth, brains, response.times)
        found.append((f"truth_beside_{name}", Response(response.times, values)))
    return [
        MeasureRow(scenario, method, "hrf", "all", fact, value, "s", _NAN, _NAN, 1)
        for method, one in found
        for fact, value in (("peak", one.peak), ("fwhm", one.fwhm))
    ]


def surviving_measure(scenario: str, truth: Truth, rate: float) -> MeasureRow:
    """Return the share of the sd of evoked responses that averaging to a rate (Hz) leaves.

    What is lost there no method at that rate can find.
    """
    share = surviving_share(truth.evoked_kernel, 1 / rate)
    fact = ("surviving_share_of_sd", share, "", _NAN, _NAN, 1)
    return MeasureRow(scenario, "truth", "source_from_eeg", "evoked", *fact)
