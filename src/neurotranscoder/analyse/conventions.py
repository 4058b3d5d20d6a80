"""Sign, lag and gain: what the data cannot tell, how each was fixed, and what speaks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurotranscoder.analyse.agreement import Agreement
from neurotranscoder.core.response import Response
from neurotranscoder.train.trained import TrainedTranscoder

_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class ConventionFact:
    """One number about something that was fixed by convention.

    Parameters
    ----------
    quantity : str
        'sign', 'lag' or 'gain'.
    fixed_by : str
        The convention, in words.
    measure, unit : str
        What the number is.
    value, low, high : float
        Number and 95 % interval over validation runs, NaN where there is none.
    """

    quantity: str
    fixed_by: str
    measure: str
    value: float
    low: float
    high: float
    unit: str


def convention_facts(
    trained: TrainedTranscoder, agreement: Agreement
) -> tuple[ConventionFact, ...]:
    """Return what is known of the sign, the lag and the gain of the sources.

    Parameters
    ----------
    trained : TrainedTranscoder
        The model.
    agreement : Agreement
        Of its two source estimates in validation runs.
    """
    settings, response = trained.settings.closed_form, trained.response
    first, last = settings.peak_window
    sign, lag, gain = "not fixed", "not fixed", "not fixed"
    if settings.fix_conventions:
        sign = f"the largest lobe of the response between {first:g} and {last:g} s is positive"
        lag = "the response is causal, and is given to BOLD alone"
        gain = "the response has area one"
    area = float(response.values.sum()) / trained.rate
    apart, slope = agreement.lag, agreement.gain
    return (
        ConventionFact(
            "sign", sign, "opposite_lobe", opposite_lobe(response, (first, last)), _NAN, _NAN, ""
        ),
        ConventionFact("lag", lag, "response_peak", response.peak, _NAN, _NAN, "s"),
        ConventionFact("lag", lag, "bold_estimate_later", apart.mean, apart.low, apart.high, "s"),
        ConventionFact("gain", gain, "response_area", area, _NAN, _NAN, ""),
        ConventionFact("gain", gain, "bold_estimate_slope", slope.mean, slope.low, slope.high, ""),
    )


def opposite_lobe(response: Response, window: tuple[float, float]) -> float:
    """Return the largest negative value over the largest positive one within a window (s).

    Near 0 the sign is clear; at 1 either sign would do as well. Infinite where nothing in the
    window is positive.
    """
    inside = response.values[(response.times >= window[0]) & (response.times <= window[1])]
    largest = float(np.max(inside, initial=0.0))
    opposite = float(np.max(-inside, initial=0.0))
    return opposite / largest if largest > 0 else float("inf")
