"""Oracles: linear regressions that see the true sources of training runs."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, PositiveFloat, PositiveInt

from neurotranscoder.core.settings import Settings
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.choosing import with_known_sources
from neurotranscoder.evaluate.methods.designs import (
    Design,
    Fitted,
    Fitter,
    Group,
    RowsOf,
    after,
    around,
)
from neurotranscoder.evaluate.methods.filters import BankOf, smooth_lags
from neurotranscoder.evaluate.methods.inputs import InputScaling
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.regression import RIDGES
from neurotranscoder.evaluate.methods.supervised_inputs import SupervisedInputs
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.evaluate.truths import brains_of
from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.train.components import bold_components

_POWER_REACH = 0.4  # in s: one frame to each side
_REMEMBERED = 64  # runs


class SupervisedSettings(Settings):
    """Choices of the supervised regressions; of several values validation runs choose one."""

    reaches: tuple[PositiveFloat, ...] = (0.8, 1.2, 2.0)
    """Candidates of how far sources look into past and future EEG, in s."""
    bold_span: tuple[float, float] = (-20.0, 4.0)
    """Lags of BOLD from which sources are estimated, in s; negative ones are in the future."""
    n_splines: int = Field(default=16, ge=4)
    """Smooth functions of that lag: more than one per TR."""
    n_components: tuple[PositiveInt, ...] = (50, 100)
    """Candidate numbers of components of BOLD."""
    power_seconds: PositiveFloat = 20.0
    """Longest lag of band power from which BOLD is predicted, in s."""
    n_power_splines: int = Field(default=8, ge=4)
    """Smooth functions of that lag."""
    floors: tuple[PositiveFloat, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
    """Candidate noise floors of the first estimate (see `SpectralWiener`)."""
    first_gain: PositiveFloat = 5.0
    """How much less the weights of the first estimate are shrunk than those of the signals."""
    bold_gains: tuple[PositiveFloat, ...] = (0.1, 0.3)
    """Candidate factors of BOLD beside EEG: its own ridge weight."""
    n_power: PositiveInt = 64
    """Principal components of band power, over channels and bands."""
    power_gains: tuple[PositiveFloat, ...] = (0.03, 0.3)
    """Candidate factors of band power beside EEG."""
    late_gains: tuple[PositiveFloat, ...] = (0.03, 0.1, 0.3, 1.0)
    """Candidate factors of the same, unreduced, through the true response: for BOLD."""
    exponents: tuple[PositiveFloat, ...] = (1.0, 0.5)
    """Candidate exponents of band power: power or amplitude."""
    ridges: tuple[PositiveFloat, ...] = (*RIDGES, 100.0, 1000.0, 10_000.0)
    """Candidate ridge weights, relative to the mean power of the inputs."""


@dataclass(frozen=True, slots=True, eq=False)
class FromBase:
    """A first estimate, and a regression of what it leaves."""

    base: RowsOf
    fitted: Fitted

    def predict(self, run: AlignedRun) -> Float[ndarray, "blocks frames"]:
        """Return their sum."""
        return np.asarray(self.base(run) + self.fitted.predict(run))


class SupervisedLinear:
    """Ridge regressions of true sources, and of BOLD on EEG, on all that a run shows.

    Each has the signals at many lags, past and future, as inputs; and, hardly shrunk, what the
    Wiener filter of the true linear model makes of them (`SpectralWiener`), so that few runs are
    enough to come near the best linear filter. Sources are estimated from EEG, from BOLD, and
    from both in one regression.

    Parameters
    ----------
    knowledge : Knowledge
        True sources of training and validation runs, true responses.
    settings : SupervisedSettings, optional
        Candidates.
    with_power : bool
        Whether the power of the EEG in bands is read beside its mean.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        settings: SupervisedSettings | None = None,
        *,
        with_power: bool = False,
    ) -> None:
        self.knowledge = knowledge
        self.settings = settings or SupervisedSettings()
        self.with_power = with_power

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Fit on training runs and their sources; make all choices on validation runs."""
        fitter, powers = self.fit_sources(training, validation)
        self.bold_from_eeg = self._bold_of_eeg(fitter, powers)

    def fit_sources(
        self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]
    ) -> tuple[Fitter, list[tuple[RowsOf, ...]]]:
        """Fit what estimates sources; return the runs, and band power at each exponent."""
        settings, knowledge = self.settings, self.knowledge
        known = with_known_sources(training, knowledge.training)
        unseen = with_known_sources(validation, knowledge.validation)
        self.inputs = inputs = SupervisedInputs.fit(knowledge, known, unseen, settings.floors)
        self._first_of_eeg = _remembered(inputs.from_eeg)
        self._first_of_bold = _remembered(inputs.from_bold)
        self._late_sources = _remembered(inputs.late_sources)
        fitter = Fitter(known, unseen, settings.ridges)
        self._late_powers: list[RowsOf] = []
        powers: list[tuple[RowsOf, ...]] = [(rows,) for rows in self._powers(training)] or [()]
        self.source_from_eeg = self._of_eeg(fitter, powers)
        self.source_from_bold = self._of_bold(fitter)
        self.source_fused = self._of_both(fitter)
        return fitter, powers

    def predict(self, run: AlignedRun) -> Prediction:
        """Return what can be said from what the run shows."""
        inputs, eeg, bold = self.inputs, bool(run.eeg.any()), bool(run.bold.any())
        unit = inputs.source
        return Prediction(
            source_from_eeg=unit * self.source_from_eeg.predict(run) if eeg else None,
            bold_from_eeg=inputs.scaling.bold * self.bold_from_eeg.predict(run) if eeg else None,
            source_from_bold=unit * self.source_from_bold.predict(run) if bold else None,
            source_fused=unit * self.source_fused.predict(run) if eeg and bold else None,
        )

    def _of_eeg(self, fitter: Fitter, powers: Sequence[tuple[RowsOf, ...]]) -> FromBase:
        """Fit sources to EEG."""
        settings, inputs = self.settings, self.inputs
        first = Group(self._first_of_eeg, gains=(settings.first_gain,))
        near = around(_POWER_REACH)
        own = [Group(inputs.spatial_sources, gains=first.gains)] if self._heads_differ() else []
        designs = [
            Design(
                (
                    first,
                    *own,
                    Group(inputs.eeg, around(reach)),
                    *(Group(rows, near, settings.power_gains) for rows in power),
                )
            )
            for reach in settings.reaches
            for power in powers
        ]
        target = functools.partial(inputs.truth_beyond, inputs.base_of_eeg)
        return FromBase(inputs.base_of_eeg, fitter.best(designs, target))

    def _of_bold(self, fitter: Fitter) -> FromBase:
        """Fit sources to BOLD."""
        settings, inputs = self.settings, self.inputs
        first = Group(self._first_of_bold, gains=(settings.first_gain,))
        bold = Group(inputs.bold, self._bold_bank())
        sizes = [n * settings.n_splines for n in settings.n_components]
        target = functools.partial(inputs.truth_beyond, inputs.base_of_bold)
        fitted = fitter.best([Design((first, bold))], target, leading=sizes)
        return FromBase(inputs.base_of_bold, fitted)

    def _of_both(self, fitter: Fitter) -> FromBase:
        """Fit sources to both, each with the lags that were chosen for it alone."""
        settings, of_eeg = self.settings, self.source_from_eeg.fitted
        first = Group(self.inputs.from_both, gains=(settings.first_gain,))
        signals = [
            replace(group, gains=(gain,))
            for group, gain in zip(of_eeg.design.groups[1:], of_eeg.gains[1:], strict=True)
        ]
        bold = Group(self._kept_bold(), self._bold_bank(), settings.bold_gains)
        base = self.inputs.base_of_both
        target = functools.partial(self.inputs.truth_beyond, base)
        return FromBase(base, fitter.best([Design((first, *signals, bold))], target))

    def _bold_of_eeg(self, fitter: Fitter, powers: Sequence[tuple[RowsOf, ...]]) -> FromBase:
        """Fit BOLD to EEG, and to its sources, through the true response; and to power at lags.

        What a first estimate leaves is fitted: spatial Wiener filter, or convolved sources.
        """
        settings, inputs = self.settings, self.inputs
        lags = smooth_lags((0.0, settings.power_seconds), settings.n_power_splines)
        past = after(len(inputs.hrf))
        first = Group(self._late_sources, past, (settings.first_gain,))
        signals = Group(lambda run: apply_fir(inputs.eeg(run), inputs.hrf), past)
        designs = [
            Design((first, signals, *(Group(rows, lags, settings.power_gains) for rows in power)))
            for power in powers
        ]
        for late in self._late_powers:
            power = Group(late, past, settings.late_gains)
            designs += [Design((first, signals, power)), Design((signals, power))]
        bases: tuple[RowsOf, ...] = (inputs.spatial_bold, inputs.late_bold, _nothing)
        found = [
            FromBase(base, fitter.best(designs, functools.partial(inputs.bold_beyond, base)))
            for base in bases
        ]
        return min(found, key=lambda one: one.fitted.error)

    def _heads_differ(self) -> bool:
        """Return whether runs are of several brains: then each has the filter of its own."""
        knowledge = self.knowledge
        return len(brains_of(knowledge.truth, knowledge.truth.runs)) > 1

    def _bold_bank(self) -> BankOf:
        """Return the smooth lags of BOLD."""
        return smooth_lags(self.settings.bold_span, self.settings.n_splines)

    def _kept_bold(self) -> RowsOf:
        """Return the components of BOLD that were chosen."""
        of_bold, inputs = self.source_from_bold, self.inputs
        n_first = len(inputs.wiener.courses)
        kept = (len(of_bold.fitted.weights) - n_first) // self.settings.n_splines
        return lambda run: inputs.bold(run)[:kept]

    def _powers(self, training: Sequence[AlignedRun]) -> Iterator[RowsOf]:
        """Yield components of band power for each exponent; nothing without power."""
        for exponent in self.settings.exponents if self.with_power else ():
            scaling = InputScaling.fit(training, with_power=True, exponent=exponent)
            rows = functools.partial(_power_rows, scaling)
            self._late_powers.append(functools.partial(_late, self.inputs.hrf, rows))
            maps = bold_components([rows(run) for run in training], self.settings.n_power)
            yield functools.partial(_projected, maps, rows)


def _remembered(rows: RowsOf) -> RowsOf:
    """Return the same, kept for the runs that were asked about last: runs are never changed."""
    return functools.lru_cache(maxsize=_REMEMBERED)(rows)


def _nothing(run: AlignedRun) -> Float[ndarray, "blocks frames"]:
    """Return zeros: no first estimate."""
    return np.zeros_like(run.bold)


def _power_rows(scaling: InputScaling, run: AlignedRun) -> Float[ndarray, "rows frames"]:
    """Return scaled power of all bands and channels."""
    return np.asarray(scaling.rows(run)[len(run.eeg) :])


def _late(
    response: Float[ndarray, " lags"], rows: RowsOf, run: AlignedRun
) -> Float[ndarray, "rows frames"]:
    """Return rows through a response."""
    return apply_fir(rows(run), response)


def _projected(
    maps: Float[ndarray, "rows components"], rows: RowsOf, run: AlignedRun
) -> Float[ndarray, "components frames"]:
    """Return components of rows."""
    return np.asarray(maps.T @ rows(run))
