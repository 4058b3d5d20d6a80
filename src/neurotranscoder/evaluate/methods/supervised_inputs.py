"""What supervised oracles read of a run: signals, components, and a first estimate of sources."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.block_estimates import BlockEstimates
from neurotranscoder.evaluate.methods.designs import RowsOf, TargetOf
from neurotranscoder.evaluate.methods.filters import BankOf, true_responses
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.spatial_wiener import spatial_wiener
from neurotranscoder.evaluate.methods.spectral_wiener import Course, SpectralWiener
from neurotranscoder.evaluate.oracle import SpatialWiener
from neurotranscoder.evaluate.scoring import HeldOut
from neurotranscoder.evaluate.truths import Units
from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.train.components import bold_components
from neurotranscoder.train.regression import centred
from neurotranscoder.train.scaling import Scaling

MANY_COMPONENTS = 150
"""Largest number of components of BOLD, and of true sources in the first estimate."""
HrfOf = Callable[[AlignedRun], Float[ndarray, " lags"]]
"""From a run to a response at the group rate."""
_RANK = 1e-6  # components below this share of the largest sd are rounding errors


@dataclass(frozen=True, slots=True, eq=False)
class SupervisedInputs:
    """Signals in units of their training runs, and the Wiener estimate of sources from them.

    Parameters
    ----------
    scaling : Scaling
        Of EEG and BOLD.
    source : float
        Standard deviation of the true sources over blocks and frames.
    maps : array, shape (blocks, components)
        Principal components of BOLD.
    source_maps : array, shape (blocks, courses)
        Principal components of the true sources.
    wiener : SpectralWiener
        From EEG and components of BOLD to principal components of the true sources.
    hrf_of : callable
        From a run to the true response of its brain, the mean over regions, at the group rate.
    apart : BlockEstimates or None
        Where any block may be a source of its own, estimates that components do not hold.
    spatial : SpatialWiener
        The best linear estimate from single EEG frames.
    gain : float
        Factor of its BOLD that suits the scaled BOLD of training runs best.
    """

    scaling: Scaling
    source: float
    maps: Float[ndarray, "blocks components"]
    source_maps: Float[ndarray, "blocks courses"]
    wiener: SpectralWiener
    hrf_of: HrfOf
    apart: BlockEstimates | None
    spatial: SpatialWiener
    gain: float

    @classmethod
    def fit(
        cls,
        knowledge: Knowledge,
        training: Sequence[HeldOut],
        validation: Sequence[HeldOut],
        floors: Sequence[float],
    ) -> SupervisedInputs:
        """Learn scales, components and the filter; choose its noise floor on validation runs."""
        aligned = [run.aligned for run in training]
        scaling = Scaling.fit(aligned)
        source = _sd(training)
        maps = bold_components([scaling.scale_bold(run.bold) for run in aligned], MANY_COMPONENTS)
        sources = [_centred(run.sources) / source for run in training]
        of_sources = _of_full_rank(sources)
        hrf_of = functools.partial(_only_filter, true_responses(knowledge.truth))
        wiener = SpectralWiener.fit(
            [
                Course(
                    of_sources.T @ truth,
                    scaling.scale_eeg(run.eeg),
                    _courses(maps, scaling, run),
                    hrf_of(run),
                )
                for truth, run in zip(sources, aligned, strict=True)
            ],
            floors[0],
        )
        spatial = spatial_wiener(knowledge.truth, aligned)
        late = functools.partial(_late, spatial)
        pairs = [(late(run), scaling.scale_bold(run.bold)) for run in aligned]
        gain = _gain(pairs, len(hrf_of(aligned[0])))
        apart = None
        units = Units.of(knowledge.truth, aligned[0].blocks)
        if min(units.shares.shape) > MANY_COMPONENTS:
            apart = BlockEstimates(knowledge, spatial, training, validation)
        filters = [wiener.with_floor(floor) for floor in floors]
        candidates = [
            cls(scaling, source, maps, of_sources, one, hrf_of, apart, spatial, gain)
            for one in filters
        ]
        errors = [one.first_error(validation) for one in candidates]
        return candidates[int(np.argmin(errors))]

    def eeg(self, run: AlignedRun) -> Float[ndarray, "channels frames"]:
        """Return scaled EEG."""
        return self.scaling.scale_eeg(run.eeg)

    def bold(self, run: AlignedRun) -> Float[ndarray, "components frames"]:
        """Return components of scaled BOLD."""
        return _courses(self.maps, self.scaling, run)

    def truth(self, run: HeldOut) -> Float[ndarray, "blocks frames"]:
        """Return the scaled true sources."""
        assert run.sources is not None
        return np.asarray(run.sources / self.source)

    def from_eeg(self, run: AlignedRun) -> Float[ndarray, "courses frames"]:
        """Return components of the sources, estimated from EEG."""
        return self.wiener.estimate(self.eeg(run), None, self.hrf_of(run))

    def from_bold(self, run: AlignedRun) -> Float[ndarray, "courses frames"]:
        """Return the same from BOLD."""
        return self.wiener.estimate(None, self.bold(run), self.hrf_of(run))

    def from_both(self, run: AlignedRun) -> Float[ndarray, "courses frames"]:
        """Return the same from both."""
        return self.wiener.estimate(self.eeg(run), self.bold(run), self.hrf_of(run))

    def in_blocks(self, courses: RowsOf) -> RowsOf:
        """Return the scaled sources of blocks that components make."""
        return lambda run: np.asarray(self.source_maps @ courses(run))

    def first_of_bold(self, floor: float) -> RowsOf:
        """Return the first estimate of scaled sources from BOLD at a noise floor."""
        wiener = self.wiener.with_floor(floor)
        return self.in_blocks(lambda run: wiener.estimate(None, self.bold(run), self.hrf_of(run)))

    def base_of_eeg(self, run: AlignedRun) -> Float[ndarray, "blocks frames"]:
        """Return scaled sources of single blocks from EEG; zeros where components hold all."""
        if self.apart is None:
            return np.zeros_like(run.bold)
        return self.apart.from_eeg(run) / self.source

    def base_of_bold(self, run: AlignedRun) -> Float[ndarray, "blocks frames"]:
        """Return the same from BOLD."""
        if self.apart is None:
            return np.zeros_like(run.bold)
        return self.apart.from_bold(run) / self.source

    def base_of_both(self, run: AlignedRun) -> Float[ndarray, "blocks frames"]:
        """Return the same from both."""
        if self.apart is None:
            return np.zeros_like(run.bold)
        return self.apart.from_both(run) / self.source

    def spatial_block_sources(self, run: AlignedRun) -> Float[ndarray, "blocks frames"]:
        """Return scaled sources by the spatial Wiener filter of the run's own head."""
        found = self.spatial.predict(run).source_from_eeg
        assert found is not None
        return found / self.source

    def spatial_sources(self, run: AlignedRun) -> Float[ndarray, "courses frames"]:
        """Return their components."""
        return np.asarray(self.source_maps.T @ self.spatial_block_sources(run))

    def truth_beyond(self, base: RowsOf, run: HeldOut) -> Float[ndarray, "blocks frames"]:
        """Return what an estimate leaves of the scaled true sources."""
        return np.asarray(self.truth(run) - base(run.aligned))

    def late_sources(self, run: AlignedRun) -> Float[ndarray, "courses frames"]:
        """Return components of the sources from EEG, through the true response."""
        return apply_fir(self.from_eeg(run), self.hrf_of(run))

    def late_bold(self, run: AlignedRun) -> Float[ndarray, "blocks frames"]:
        """Return the scaled BOLD that these sources give by the linear model."""
        return np.asarray(self.maps @ (self.wiener.bold.mixing @ self.late_sources(run)))

    def spatial_bold(self, run: AlignedRun) -> Float[ndarray, "blocks frames"]:
        """Return scaled BOLD by the spatial Wiener filter."""
        return self.gain * _late(self.spatial, run)

    def gain_of(self, late: TargetOf, runs: Sequence[HeldOut]) -> float:
        """Return the factor with which an estimate of BOLD has the least squared error on runs."""
        pairs = ((late(run), self.scaling.scale_bold(run.aligned.bold)) for run in runs)
        return _gain(pairs, len(self.hrf_of(runs[0].aligned)))

    def bold_beyond(self, base: RowsOf, run: HeldOut) -> Float[ndarray, "blocks frames"]:
        """Return what an estimate leaves of the scaled BOLD."""
        return self.scaling.scale_bold(run.aligned.bold) - base(run.aligned)

    def first_error(self, runs: Sequence[HeldOut]) -> float:
        """Return the squared error of the first estimate from BOLD, in components."""
        maps = self.source_maps
        errors = [maps.T @ _centred(self.truth(run)) - self.from_bold(run.aligned) for run in runs]
        return float(sum(np.sum(error**2) for error in errors))


def _late(spatial: SpatialWiener, run: AlignedRun) -> Float[ndarray, "blocks frames"]:
    """Return BOLD from EEG, in the unit of sources."""
    found = spatial.predict(run).bold_from_eeg
    assert found is not None
    return found


def _gain(
    pairs: Iterable[tuple[Float[ndarray, "blocks _"], Float[ndarray, "blocks _"]]], n_lags: int
) -> float:
    """Return the factor of least squared error, without frames that look back before a run."""
    late = slice(n_lags, None)
    products = np.zeros(2)
    for estimate, bold in pairs:
        found = centred(estimate, late)
        products += np.vdot(found, centred(bold, late)), np.vdot(found, found)
    return float(products[0] / products[1]) if products[1] else 0.0


def _only_filter(bank_of: BankOf, run: AlignedRun) -> Float[ndarray, " lags"]:
    """Return the only filter of a bank."""
    return np.asarray(bank_of(run).taps[0])


def _courses(
    maps: Float[ndarray, "blocks components"], scaling: Scaling, run: AlignedRun
) -> Float[ndarray, "components frames"]:
    """Return components of the scaled BOLD of a run."""
    return np.asarray(maps.T @ scaling.scale_bold(run.bold))


def _of_full_rank(
    sources: Sequence[Float[ndarray, "blocks _"]],
) -> Float[ndarray, "blocks courses"]:
    """Return principal components of sources, those that vary."""
    maps = bold_components(sources, MANY_COMPONENTS)
    powers = np.sum([np.sum((maps.T @ one) ** 2, axis=1) for one in sources], axis=0)
    return np.asarray(maps[:, powers > _RANK**2 * powers.max()])


def _sd(runs: Sequence[HeldOut]) -> float:
    """Return the sd of true sources over blocks, frames and runs, row means removed."""
    squares = sum(float(np.sum(_centred(run.sources) ** 2)) for run in runs)
    return float(np.sqrt(squares / sum(run.aligned.bold.size for run in runs))) or 1.0


def _centred(series: Float[ndarray, "rows frames"] | None) -> Float[ndarray, "rows frames"]:
    """Return rows without their means."""
    assert series is not None
    return np.asarray(series - series.mean(axis=1, keepdims=True))
