"""The response of BOLD, found with band power where the EEG itself says too little of it.

A response is found from what the EEG says of BOLD. Where filters have left nothing of that in the
slow EEG it is arbitrary, and band power that goes through it predicts nothing either.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.spread import Lazily, each, summed
from neurotranscoder.signal.fir import apply_fir, valid_slice
from neurotranscoder.train.alternating import Pair
from neurotranscoder.train.closed_form import ClosedFormSettings, fit_closed_form
from neurotranscoder.train.linear_fit import LinearFit
from neurotranscoder.train.regression import centred
from neurotranscoder.train.signals import Signals


def n_power_rows(run: Signals | Pair) -> int:
    """Return how many rows of band power a run has."""
    return 0 if run.power is None else len(run.power)


def with_response_of_power(
    fit: LinearFit,
    training: Sequence[Signals],
    validation: Sequence[Signals],
    settings: ClosedFormSettings,
    *,
    pays: float,
) -> LinearFit:
    """Return a linear fit whose response does not rest on EEG that says nothing of BOLD.

    Where the EEG takes away less than a share of the squared error in BOLD of validation runs,
    response and number of components are found from EEG and band power together, if both then
    take away that share more than they do by the response of the EEG.

    Parameters
    ----------
    fit : LinearFit
        Of the EEG alone.
    training, validation : sequence of Signals
        The runs that it was fitted to, and chosen on.
    settings : ClosedFormSettings
        Choices of the fit.
    pays : float
        The share.
    """
    sizes = {*each(n_power_rows, training), *each(n_power_rows, validation)}
    if sizes == {0} or len(sizes) > 1:
        return fit
    if _share_left(fit, validation) <= 1 - pays:
        return fit
    known, unseen = (Lazily(_reading_power, runs) for runs in (training, validation))
    before = fit_closed_form(known, unseen, fit.rate, settings, hrf=fit.hrf)
    both = fit_closed_form(known, unseen, fit.rate, settings)
    if _share_left(both, unseen) >= (1 - pays) * _share_left(before, unseen):
        return fit
    chosen = settings.model_copy(update={"n_components": both.maps.shape[1]})
    return fit_closed_form(training, validation, fit.rate, chosen, hrf=both.hrf)


def _reading_power(run: Signals) -> Signals:
    """Return a run with band power below its EEG."""
    rows = run.eeg if run.power is None else np.concatenate([run.eeg, run.power])
    return Signals(rows, run.bold)


def _share_left(fit: LinearFit, runs: Sequence[Signals]) -> float:
    """Return the share of BOLD of all blocks that a fit does not predict."""
    left, whole = summed(partial(_left, fit=fit), runs)
    return float(left / whole)


def _left(run: Signals, fit: LinearFit) -> Float[ndarray, " 2"]:
    """Return the squares of BOLD that a fit leaves, and of all BOLD, of one run."""
    valid = valid_slice(run.eeg.shape[1], len(fit.hrf))
    predicted = centred(apply_fir(fit.eeg_weights @ run.eeg, fit.hrf), valid)
    bold = centred(run.bold, valid)
    components = fit.maps.T @ bold
    whole = float(np.sum(bold**2))
    seen = float(np.sum(components**2) - np.sum((components - predicted) ** 2))
    return np.array([whole - seen, whole])
