"""A hemodynamic response for each region, estimated after training.

A transcoder learns one response h for all blocks. Here each region gets its own: the smooth one
that turns its source, as EEG gives it, into its BOLD. How far it may leave h is chosen on
validation runs. Signals are not whitened: slow frequencies, where BOLD has its power, decide.

The source that EEG gives is not the source: it holds noise, and parts of other regions. Both draw
responses towards a common one, and slow noise makes all of them later and wider. The order of
regions is worth more than the times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.interpolate import BSpline

from neurotranscoder.analyse.jackknife import groups_of
from neurotranscoder.analyse.response_shapes import (
    RegionResponses,
    ResponseSettings,
    responses_with_shapes,
)
from neurotranscoder.core.errors import GridError
from neurotranscoder.core.response import Response
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.reconstruct.group import source_of_eeg
from neurotranscoder.signal.fir import apply_fir, second_differences, valid_slice
from neurotranscoder.train.regression import centred
from neurotranscoder.train.trained import TrainedTranscoder

_DEGREE = 3
_SIZE_WEIGHT = 1e-3  # of the squared size of a deviation beside that of its second difference
Course = tuple[Float[ndarray, "regions _"], Float[ndarray, "regions _"]]


@dataclass(frozen=True, slots=True, eq=False)
class LagStatistics:
    """What one or more runs say about the responses of regions; they add up over runs.

    Parameters
    ----------
    gram : array, shape (regions, basis, basis)
        Products of the source through each pair of basis functions.
    cross : array, shape (regions, basis)
        Products of these with BOLD.
    energy : array, shape (regions,)
        BOLD squared.
    """

    gram: Float[ndarray, "regions basis basis"]
    cross: Float[ndarray, "regions basis"]
    energy: Float[ndarray, " regions"]

    def __add__(self, other: LagStatistics) -> LagStatistics:
        return LagStatistics(
            self.gram + other.gram, self.cross + other.cross, self.energy + other.energy
        )

    def __sub__(self, other: LagStatistics) -> LagStatistics:
        return LagStatistics(
            self.gram - other.gram, self.cross - other.cross, self.energy - other.energy
        )

    @property
    def pooled(self) -> LagStatistics:
        """What all regions say together about one response."""
        return LagStatistics(
            *(part.sum(axis=0, keepdims=True) for part in (self.gram, self.cross, self.energy))
        )

    def unexplained(self, weights: Float[ndarray, "regions basis"]) -> Float[ndarray, " regions"]:
        """Return the share of BOLD that responses leave; 1 where there is no BOLD."""
        fit = np.einsum("rb,rbc,rc->r", weights, self.gram, weights)
        error = self.energy - 2 * np.einsum("rb,rb->r", weights, self.cross) + fit
        nothing = np.ones(len(fit))
        return np.asarray(np.divide(error, self.energy, out=nothing, where=self.energy > 0))


def spline_basis(n_lags: int, rate: float, spacing: float) -> Float[ndarray, "lags basis"]:
    """Return cubic splines over lags, zero before lag 0, with knots ``spacing`` s apart."""
    last = n_lags / rate
    inner = np.arange(0.0, last + spacing, spacing)
    knots = np.concatenate([np.zeros(_DEGREE), inner, np.full(_DEGREE, inner[-1])])
    lags = np.arange(n_lags) / rate
    return np.asarray(BSpline.design_matrix(lags, knots, _DEGREE).toarray())


def basis_of(response: Response, settings: ResponseSettings) -> Float[ndarray, "lags basis"]:
    """Return the basis for responses that are as long as the shared one."""
    return spline_basis(len(response.times), _rate_of(response), settings.knot_spacing)


def weights_of(
    response: Response, basis: Float[ndarray, "lags basis"]
) -> Float[ndarray, " basis"]:
    """Return the weights of basis functions that give a response, by least squares."""
    return np.asarray(np.linalg.lstsq(basis, response.values, rcond=None)[0])


def roughness(basis: Float[ndarray, "lags basis"]) -> Float[ndarray, "basis basis"]:
    """Return the quadratic form of weights that deviations from a response cost."""
    smooth = second_differences(len(basis)) + _SIZE_WEIGHT * np.eye(len(basis))
    return np.asarray(basis.T @ smooth @ basis)


def lag_statistics(course: Course, basis: Float[ndarray, "lags basis"]) -> LagStatistics:
    """Return what a run says about the responses of its regions.

    Parameters
    ----------
    course : (source, bold), each of shape (regions, frames)
        The source of each region from EEG, and its BOLD.
    basis : array, shape (lags, basis)
        From `spline_basis`.

    Raises
    ------
    GridError
        When the run is shorter than the response.
    """
    source, bold = course
    valid = valid_slice(source.shape[1], len(basis))
    if valid.stop - valid.start < basis.shape[1]:
        needed = len(basis) + basis.shape[1]
        raise GridError(
            f"a run has {source.shape[1]} frames; responses of {len(basis)} frames need runs of "
            f"{needed} or more; leave this run out"
        )
    through = np.stack([centred(apply_fir(source, taps), valid) for taps in basis.T], axis=1)
    target = centred(bold, valid)
    return LagStatistics(
        through @ through.transpose(0, 2, 1),
        np.einsum("rbt,rt->rb", through, target),
        np.sum(target**2, axis=1),
    )


def fit_responses(
    statistics: LagStatistics,
    shared: Float[ndarray, " basis"],
    penalty: Float[ndarray, "basis basis"],
    shrinkage: float,
) -> Float[ndarray, "regions basis"]:
    """Return the response of each region: the shared one at its own gain, and a deviation."""
    gram, cross = statistics.gram, statistics.cross
    along = cross @ shared
    power = np.einsum("b,rbc,c->r", shared, gram, shared)
    gain = np.divide(along, power, out=np.zeros(len(along)), where=power > 0).clip(min=0)
    start = gain[:, np.newaxis] * shared
    size = np.einsum("rbb->r", gram) / gram.shape[1]
    weight = shrinkage * size + np.finfo(float).tiny
    left = gram + weight[:, np.newaxis, np.newaxis] * penalty
    right = cross - np.einsum("rbc,rc->rb", gram, start)
    return np.asarray(start + np.linalg.solve(left, right[..., np.newaxis])[..., 0])


def region_responses(
    training: Sequence[LagStatistics],
    validation: Sequence[LagStatistics],
    response: Response,
    groups: Sequence[Sequence[int]],
    settings: ResponseSettings,
) -> RegionResponses:
    """Return the response of each region, with intervals over runs.

    Parameters
    ----------
    training : sequence of LagStatistics
        Of each training run, with the basis of `basis_of`.
    validation : sequence of LagStatistics
        Of each validation run.
    response : Response
        The response that the transcoder learnt.
    groups : sequence of sequence of int
        Training runs that are left out together.
    settings : ResponseSettings
        Choices.
    """
    basis = basis_of(response, settings)
    shared, penalty = weights_of(response, basis), roughness(basis)
    whole, unseen = total_of(training), total_of(validation)
    fits = [fit_responses(whole, shared, penalty, one) for one in settings.shrinkages]
    left = [unseen.unexplained(fit) for fit in fits]
    best = int(np.argmin([one.mean() for one in left]))
    chosen = settings.shrinkages[best]
    without = [
        fit_responses(whole - total_of([training[i] for i in group]), shared, penalty, chosen)
        @ basis.T
        for group in groups
        if len(groups) > 1
    ]
    return responses_with_shapes(
        response.times,
        fits[best] @ basis.T,
        without,
        1 - left[best],
        settings,
        shrinkage=chosen,
    )


def responses_of(
    trained: TrainedTranscoder,
    training: Sequence[AlignedRun],
    validation: Sequence[AlignedRun],
    weights: Float[ndarray, "blocks regions"],
    settings: ResponseSettings,
) -> RegionResponses:
    """Return the responses of any regions, given how much each block belongs to each.

    Parameters
    ----------
    trained : TrainedTranscoder
        The model.
    training, validation : sequence of AlignedRun
        Its runs.
    weights : array, shape (blocks, regions)
        Of blocks in the time courses of regions.
    settings : ResponseSettings
        Choices.
    """
    basis = basis_of(trained.response, settings)

    def statistics(run: AlignedRun) -> LagStatistics:
        source = source_of_eeg(trained, run.eeg, run.power)
        bold = trained.scaling.scale_bold(run.bold)
        return lag_statistics((weights.T @ source, weights.T @ bold), basis)

    known, unseen = ([statistics(run) for run in runs] for runs in (training, validation))
    return region_responses(known, unseen, trained.response, groups_of(training), settings)


def _rate_of(response: Response) -> float:
    """Return the lags per second of a response."""
    return 1 / float(response.times[1] - response.times[0])


def total_of(parts: Sequence[LagStatistics]) -> LagStatistics:
    """Return the statistics of several runs together."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
