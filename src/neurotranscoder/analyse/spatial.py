"""Leadfields of regions and the linear inverse, with how far they would move with other runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.analyse.jackknife import Banded, jackknife
from neurotranscoder.analyse.readouts import region_leadfield
from neurotranscoder.analyse.regions import Regions
from neurotranscoder.signal.correlation import correlate_rows
from neurotranscoder.train.alternating import Pair, spatial_products
from neurotranscoder.train.regression import centred, ridge_solve
from neurotranscoder.train.trained import TrainedTranscoder


@dataclass(frozen=True, slots=True, eq=False)
class RunMoments:
    """Products of the signals of one run; they add up over runs. All are in scaled units.

    Parameters
    ----------
    eeg_bold_source : array, shape (channels, regions)
        EEG with the source that BOLD gives.
    bold_source : array, shape (regions, regions)
        That source with itself.
    source_eeg : array, shape (blocks, channels)
        The source that EEG gives with the EEG.
    eeg : array, shape (channels, channels)
        EEG with itself.
    white_bold_eeg, white_eeg : array, shapes (regions, channels) and (channels, channels)
        BOLD of regions with EEG through the response, and the latter with itself, both whitened
        alike: the regression that the closed form has for its spatial map.
    """

    eeg_bold_source: Float[ndarray, "channels regions"]
    bold_source: Float[ndarray, "regions regions"]
    source_eeg: Float[ndarray, "blocks channels"]
    eeg: Float[ndarray, "channels channels"]
    white_bold_eeg: Float[ndarray, "regions channels"]
    white_eeg: Float[ndarray, "channels channels"]

    @classmethod
    def of(
        cls,
        trained: TrainedTranscoder,
        eeg: Float[ndarray, "channels frames"],
        bold: Float[ndarray, "regions frames"],
        sources: tuple[Float[ndarray, "blocks inner"], Float[ndarray, "regions inner"]],
        part: slice,
    ) -> RunMoments:
        """Return the moments of a run.

        Parameters
        ----------
        trained : TrainedTranscoder
            Its response is used.
        eeg, bold : array
            Scaled EEG, and scaled BOLD of regions.
        sources : (from_eeg, from_bold)
            The source of blocks that EEG gives, and of regions that BOLD gives, in one unit.
        part : slice
            Frames that the sources are of.
        """
        from_eeg, from_bold = (rows - rows.mean(axis=1, keepdims=True) for rows in sources)
        potential = centred(eeg, part)
        white = spatial_products(
            Pair(eeg, bold),
            trained.response.values,
            trained.settings.closed_form.whitening,
        )
        return cls(
            potential @ from_bold.T,
            from_bold @ from_bold.T,
            from_eeg @ potential.T,
            potential @ potential.T,
            white.cross,
            white.gram,
        )

    def __add__(self, other: RunMoments) -> RunMoments:
        return RunMoments(*(getattr(self, n) + getattr(other, n) for n in self.__slots__))

    def __sub__(self, other: RunMoments) -> RunMoments:
        return RunMoments(*(getattr(self, n) - getattr(other, n) for n in self.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class SpatialReadout:
    """What a transcoder has learnt about the head.

    Values are what its coders do; intervals come from linear fits to its training runs without
    each group in turn. ``refit_r`` says how far these fits are like the coders: where it is low,
    the interval is that of another map.

    Parameters
    ----------
    leadfield : Banded, shape (regions, channels)
        Potential per unit of a region's source, in V: a column of the leadfield in each row.
    inverse : Banded, shape (regions, channels)
        Source of a region per potential, in 1/V. What sparse sources or networks add to a linear
        map is in it as far as it is linear.
    block_inverse : array, shape (blocks, channels)
        The same for each block.
    eeg_explained : array, shape (regions,)
        Share of the EEG of validation runs that a region's source from BOLD explains through its
        leadfield, on its own; below 0 where it predicts worse than nothing. Shares of regions
        that go together overlap, so they add up to no total.
    leadfield_refit_r, inverse_refit_r : array, shape (regions,)
        Pearson's r over channels of the coder's map and the linear fit to all training runs.
    """

    leadfield: Banded
    inverse: Banded
    block_inverse: Float[ndarray, "blocks channels"]
    eeg_explained: Float[ndarray, " regions"]
    leadfield_refit_r: Float[ndarray, " regions"]
    inverse_refit_r: Float[ndarray, " regions"]


def spatial_readout(
    trained: TrainedTranscoder,
    regions: Regions,
    training: Sequence[RunMoments],
    validation: Sequence[RunMoments],
    groups: Sequence[Sequence[int]],
) -> SpatialReadout:
    """Return leadfields and inverse maps with their intervals over runs.

    Parameters
    ----------
    trained : TrainedTranscoder
        The model.
    regions : Regions
        From `find_regions`.
    training : sequence of RunMoments
        Of each training run.
    validation : sequence of RunMoments
        Of each validation run; ridge weights are chosen on them.
    groups : sequence of sequence of int
        Training runs that are left out together.
    """
    whole, unseen = _sum(training), _sum(validation)
    unit, choices = trained.scaling.eeg, trained.settings.closed_form
    block_inverse = whole.source_eeg @ np.linalg.pinv(whole.eeg, rcond=1e-10, hermitian=True)
    parts = [whole - _sum([training[i] for i in group]) for group in groups if len(groups) > 1]
    columns = region_leadfield(trained.leadfield, regions.maps)
    leadfield, leadfield_r = _banded(
        columns.T,
        [_leadfield_of(part) for part in (whole, *parts)],
        _leadfield_of(unseen),
        choices.leadfield_ridges,
    )
    inverse, inverse_r = _banded(
        regions.maps.T @ block_inverse,
        [_inverse_of(part) for part in (whole, *parts)],
        _inverse_of(unseen),
        choices.ridges,
    )
    return SpatialReadout(
        _in_unit(leadfield, unit),
        _in_unit(inverse, 1 / unit),
        np.asarray(block_inverse / unit),
        _explained(columns, unseen),
        leadfield_r,
        inverse_r,
    )


def _explained(
    leadfield: Float[ndarray, "channels regions"], moments: RunMoments
) -> Float[ndarray, " regions"]:
    """Return the share of EEG that each region explains on its own."""
    power = np.sum(leadfield**2, axis=0) * np.diag(moments.bold_source)
    gained = 2 * np.sum(leadfield * moments.eeg_bold_source, axis=0) - power
    return np.asarray(gained / max(float(np.trace(moments.eeg)), np.finfo(float).tiny))


@dataclass(frozen=True, slots=True, eq=False)
class _Regression:
    """Normal equations: ``weights = cross gram^-1``; ``turned`` where regions are the columns."""

    cross: Float[ndarray, "out inp"]
    gram: Float[ndarray, "inp inp"]
    turned: bool

    def fit(self, ridge: float) -> Float[ndarray, "out inp"]:
        """Return the weights."""
        return ridge_solve(self.cross, self.gram, ridge)

    def error(self, weights: Float[ndarray, "out inp"]) -> float:
        """Return the squared error of weights, but for what no weights change."""
        return float(np.sum(weights * (weights @ self.gram - 2 * self.cross)))


def _leadfield_of(moments: RunMoments) -> _Regression:
    """Return the regression of EEG on the source that BOLD gives."""
    return _Regression(moments.eeg_bold_source, moments.bold_source, turned=True)


def _inverse_of(moments: RunMoments) -> _Regression:
    """Return the regression of whitened BOLD on EEG through the response."""
    return _Regression(moments.white_bold_eeg, moments.white_eeg, turned=False)


def _banded(
    value: Float[ndarray, "regions channels"],
    problems: Sequence[_Regression],
    validation: _Regression,
    ridges: Sequence[float],
) -> tuple[Banded, Float[ndarray, " regions"]]:
    """Return a map with the interval of its refits, brought to its scale, and their likeness.

    The first problem has all runs, each other one lacks a group.
    """
    errors = [validation.error(problems[0].fit(ridge)) for ridge in ridges]
    ridge = ridges[int(np.argmin(errors))]
    fits = [one.fit(ridge).T if one.turned else one.fit(ridge) for one in problems]
    power = np.maximum(np.sum(fits[0] ** 2, axis=1), np.finfo(float).tiny)
    slope = np.abs(np.sum(value * fits[0], axis=1) / power)
    moved = [slope[:, np.newaxis] * fit for fit in fits[1:]]
    banded = jackknife(value, np.stack(moved) if moved else value[:0, np.newaxis])
    return banded, correlate_rows(value, fits[0])


def _in_unit(banded: Banded, unit: float) -> Banded:
    """Return numbers and bounds times a positive factor."""
    return Banded(banded.value * unit, banded.low * unit, banded.high * unit)


def _sum(parts: Sequence[RunMoments]) -> RunMoments:
    """Return the moments of several runs together."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
