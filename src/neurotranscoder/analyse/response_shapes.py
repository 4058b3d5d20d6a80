"""What is read from the responses of regions: peak, width and undershoot, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from neurotranscoder.analyse.jackknife import Banded, jackknife
from neurotranscoder.core.response import Response
from neurotranscoder.core.settings import Settings


class ResponseSettings(Settings):
    """How the response of a region is estimated."""

    knot_spacing: float = Field(default=1.6, gt=0)
    """Distance of the knots of the cubic splines that responses are made of, in s."""
    subject_knot_spacing: float = Field(default=1.2, gt=0)
    """The same for regions of a subject, which are read at voxels and their own slice times."""
    shrinkages: tuple[float, ...] = (1e-2, 1e-1, 1.0, 10.0, 100.0, 1e3, 1e4)
    """Candidate weights of the squared second difference by which a response leaves the shared
    one, relative to the power of the source; validation runs choose one for all regions."""
    instrument_shrinkage: float = Field(default=1.0, ge=0)
    """The same weight for responses of a subject's regions by instruments (`analyse.instruments`),
    which held-out BOLD cannot choose."""
    latest_peak: float = Field(default=12.0, gt=0)
    """Largest lag at which a peak is looked for, in s."""
    latest_undershoot: float = Field(default=24.0, gt=0)
    """Largest lag at which an undershoot is looked for, in s; the end of a response is noise."""

    @property
    def of_subject(self) -> ResponseSettings:
        """The settings with the knots of a subject's regions."""
        return self.model_copy(update={"knot_spacing": self.subject_knot_spacing})


@dataclass(frozen=True, slots=True, eq=False)
class RegionResponses:
    """The response of each region.

    Parameters
    ----------
    times : array, shape (lags,)
        Lags, in s.
    values : Banded, shape (regions, lags)
        Responses, in the unit of the shared one: a region whose source is estimated too weak has
        a larger one.
    peak, fwhm : Banded, shape (regions,)
        In s; NaN where a response has no positive peak, or its width no end.
    undershoot : Banded, shape (regions,)
        Depth of the lowest value after the peak below 0, relative to the peak; 0 where the
        response stays above, NaN where it has no positive peak.
    undershoot_time : Banded, shape (regions,)
        Lag of that value, in s; NaN where there is no undershoot.
    explained : array, shape (regions,)
        Share of the BOLD of runs that were held out that the response explains; below 0 where it
        predicts worse than nothing.
    shrinkage : float
        The weight that held-out runs chose.
    """

    times: Float[ndarray, " lags"]
    values: Banded
    peak: Banded
    fwhm: Banded
    undershoot: Banded
    undershoot_time: Banded
    explained: Float[ndarray, " regions"]
    shrinkage: float


def responses_with_shapes(
    times: Float[ndarray, " lags"],
    values: Float[ndarray, "regions lags"],
    without: Sequence[Float[ndarray, "regions lags"]],
    explained: Float[ndarray, " regions"],
    settings: ResponseSettings,
    *,
    shrinkage: float,
) -> RegionResponses:
    """Return responses with their shapes and intervals.

    Parameters
    ----------
    times : array, shape (lags,)
        Lags, in s.
    values : array, shape (regions, lags)
        Responses from all runs.
    without : sequence of array
        The same without each group of runs in turn; fewer than two give no intervals.
    explained : array, shape (regions,)
        See `RegionResponses`.
    settings : ResponseSettings
        Where peaks and undershoots are looked for.
    shrinkage : float
        See `RegionResponses`.
    """
    all_values = np.stack([values, *without])
    shapes = np.stack([shapes_of(times, one, settings) for one in all_values])
    peak, fwhm, depth, when = (jackknife(shapes[0, k], shapes[1:, k]) for k in range(4))
    curves = jackknife(values, all_values[1:])
    return RegionResponses(times, curves, peak, fwhm, depth, when, explained, shrinkage)


def shapes_of(
    times: Float[ndarray, " lags"],
    values: Float[ndarray, "regions lags"],
    settings: ResponseSettings,
) -> Float[ndarray, "4 regions"]:
    """Return peak (s), width (s), depth of the undershoot (share of the peak) and its time (s).

    Parameters
    ----------
    times : array, shape (lags,)
        Lags, in s.
    values : array, shape (regions, lags)
        Responses.
    settings : ResponseSettings
        Where peaks and undershoots are looked for.
    """
    early = times <= settings.latest_peak
    out = np.full((4, len(values)), np.nan)
    for region, one in enumerate(values):
        height = one[early].max()
        if height > 0:
            whole = Response(times, np.where(early | (one < height), one, 0.0))
            out[:2, region] = whole.peak, whole.fwhm
            out[2:, region] = _undershoot(times, one, whole.peak, settings.latest_undershoot)
            out[2, region] /= height
    return out


def _undershoot(
    times: Float[ndarray, " lags"], values: Float[ndarray, " lags"], peak: float, latest: float
) -> tuple[float, float]:
    """Return how far a response falls below 0 after its peak, and when; 0 and NaN: it does not."""
    after = (times > peak) & (times <= latest)
    lowest = np.where(after, -values, -np.inf)
    depth = float(lowest.max())
    if not after.any() or depth <= 0:
        return 0.0, float("nan")
    found = Response(times[after], -values[after])
    return depth, found.peak
