"""Whether several models of one study, such as training seeds, say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurotranscoder.analyse.agreement import SourcePair, best_lag
from neurotranscoder.core.errors import SettingsError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.reconstruct.group import source_of_eeg
from neurotranscoder.signal.correlation import Interval, correlate_rows, fisher_mean, mean_interval
from neurotranscoder.train.trained import TrainedTranscoder


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What one of several models has learnt, beside the first.

    Parameters
    ----------
    model : str
        Its name.
    peak, fwhm : float
        Of its response, in s.
    source_r : float
        Mean r (Fisher z) over blocks and validation runs of its source from EEG with that of the
        first model: below 0 where their signs differ.
    source_lag : float
        How much later (s) its source is than that of the first, where r is largest.
    """

    model: str
    peak: float
    fwhm: float
    source_r: float
    source_lag: float


def compare_models(
    models: Sequence[tuple[str, TrainedTranscoder]], validation: Sequence[AlignedRun]
) -> tuple[ModelFacts, ...]:
    """Return what models have learnt; all are compared with the first.

    Raises
    ------
    SettingsError
        When their splits differ: a run that one was trained on says nothing about another.
    """
    (first, reference), *others = models
    for name, trained in others:
        if trained.split != reference.split:
            raise SettingsError(
                f"{name} and {first} were trained on different splits; models are compared on "
                "runs that none of them has seen; train them with the same split"
            )
    known = [source_of_eeg(reference, run.eeg, run.power) for run in validation]
    out = []
    for name, trained in models:
        own = [source_of_eeg(trained, run.eeg, run.power) for run in validation]
        r = [correlate_rows(one, two) for one, two in zip(known, own, strict=True)]
        lags = [
            best_lag(SourcePair("", one, two, trained.rate))
            for one, two in zip(known, own, strict=True)
        ]
        response = trained.response
        facts = response.peak, response.fwhm, fisher_mean(np.concatenate(r)), float(np.mean(lags))
        out.append(ModelFacts(name, *facts))
    return tuple(out)


def over_models(facts: Sequence[ModelFacts], measure: str) -> Interval:
    """Return the mean of a measure over models, with its 95 % t interval."""
    return mean_interval([getattr(one, measure) for one in facts], [one.model for one in facts])
