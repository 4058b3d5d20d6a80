"""Whether BOLD is read through the components that its blocks share, or block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.spread import summed
from neurotranscoder.signal.fir import apply_fir, valid_slice
from neurotranscoder.train.linear_fit import LinearFit
from neurotranscoder.train.regression import Products, centred
from neurotranscoder.train.signals import Signals

_RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
_PAYS = 0.01  # less EEG that is left unexplained, relative
_ENOUGH = 12  # training runs: products of all pairs of blocks take their time


def with_bold_reading(
    fit: LinearFit, training: Sequence[Signals], validation: Sequence[Signals]
) -> LinearFit:
    """Return a fit that reads every block by itself where validation runs say so.

    Components keep what blocks share and leave noise out; where blocks share next to nothing they
    leave most sources out as well. The EEG tells: the sources that BOLD gives through components,
    and those that it gives block by block, each predict it by ridge regression, and the
    second are taken where they leave 1 % less of it unexplained in validation runs.

    Parameters
    ----------
    fit : LinearFit
        With the filter from BOLD to sources that all components share.
    training, validation : sequence of Signals
        The runs that it was fitted to, of which the first twelve are looked at, and those that
        choose.
    """
    components = fit.maps.T if fit.bold_mixing is None else fit.bold_mixing @ fit.maps.T
    left = []
    for read in (components, None):
        of_run = partial(_products, read=read, decoder=fit.decoder, first_lag=fit.decoder_lag)
        known, unseen = (summed(of_run, runs) for runs in (training[:_ENOUGH], validation))
        weights, _ = known.best(unseen, _RIDGES)
        left.append(unseen.errors(weights).sum())
    through, by_block = left
    return replace(fit, reads_blocks=bool(by_block < (1 - _PAYS) * through))


def _products(
    run: Signals,
    read: Float[ndarray, "components blocks"] | None,
    decoder: Float[ndarray, " taps"],
    first_lag: int,
) -> Products:
    """Return the products of the EEG of a run with the sources that its BOLD gives."""
    bold = run.bold if read is None else read @ run.bold
    valid = valid_slice(run.eeg.shape[1], len(decoder), first_lag=first_lag)
    sources = apply_fir(bold, decoder, first_lag=first_lag)
    return Products.of(centred(run.eeg, valid), np.asarray(centred(sources, valid)))
