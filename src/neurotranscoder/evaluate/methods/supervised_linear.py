"""Oracles: linear regressions that see the true sources of training runs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.choosing import with_known_sources
from neurotranscoder.evaluate.methods.designs import Design, Fitter, Group, RowsOf, around
from neurotranscoder.evaluate.methods.filters import BankOf, smooth_lags
from neurotranscoder.evaluate.methods.inputs import InputScaling
from neurotranscoder.evaluate.methods.nested import Nested
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.supervised_bold import BoldCandidates, FromBase
from neurotranscoder.evaluate.methods.supervised_inputs import SupervisedInputs
from neurotranscoder.evaluate.methods.supervised_settings import SupervisedSettings
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.evaluate.table import Quantity
from neurotranscoder.evaluate.truths import brains_of
from neurotranscoder.train.components import bold_components

_POWER_REACH = 0.4  # in s: one frame to each side
_REMEMBERED = 64  # runs


@dataclass(frozen=True, slots=True, eq=False)
class _Power:
    """Band power at one exponent: all of it, and its components."""

    rows: RowsOf
    components: RowsOf


class SupervisedLinear:
    """Ridge regressions of true sources, and of BOLD on EEG, on all that a run shows.

    Each has the signals at many lags, past and future, as inputs; and, hardly shrunk, what the
    Wiener filter of the true linear model makes of them (`SpectralWiener`), so that few runs are
    enough to come near the best linear filter. Sources are estimated from EEG, from BOLD, and
    from both in one regression. Estimates of narrower classes are candidates beside them:
    validation runs choose (`Nested`).

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
        fitter = self.fit_sources(training, validation)
        found = BoldCandidates(
            self.knowledge,
            self.inputs,
            fitter,
            self.settings,
            remembered(self.inputs.late_sources),
        )
        self.bold_from_eeg = Nested.choose("bold_from_eeg", found.linear(), fitter.validation)
        if self.with_power:
            wider = found.with_power(
                remembered(self.bold_from_eeg.predict), [power.rows for power in self._powers]
            )
            self.bold_from_eeg = self._wider("bold_from_eeg", self.bold_from_eeg, wider, fitter)

    def fit_sources(
        self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]
    ) -> Fitter:
        """Fit what estimates sources; return the runs."""
        settings, knowledge = self.settings, self.knowledge
        known = with_known_sources(training, knowledge.training)
        unseen = with_known_sources(validation, knowledge.validation)
        self.inputs = inputs = SupervisedInputs.fit(knowledge, known, unseen, settings.floors)
        self._first_of_eeg = remembered(inputs.from_eeg)
        self._first_of_bold = remembered(inputs.from_bold)
        self._first_of_both = remembered(inputs.from_both)
        fitter = Fitter(known, unseen, settings.ridges)
        self.of_eeg = self._of_eeg(fitter)
        self.of_bold = self._of_bold(fitter)
        self.of_both = self._of_both(fitter)
        self.source_from_eeg, self.source_from_bold, self.source_fused = (
            Nested.choose(quantity, [*narrow, wide.predict], unseen)
            for quantity, narrow, wide in self._linear_estimates()
        )
        if self.with_power:
            self._powers = [self._power(training, exponent) for exponent in settings.exponents]
            self.of_eeg = self._of_eeg_power(fitter)
            self.of_both = self._of_both(fitter)
            self.source_from_eeg = self._wider(
                "source_from_eeg", self.source_from_eeg, [self.of_eeg.predict], fitter
            )
            self.source_fused = self._wider(
                "source_fused", self.source_fused, [self.of_both.predict], fitter
            )
        return fitter

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

    def _linear_estimates(self) -> tuple[tuple[Quantity, list[RowsOf], FromBase], ...]:
        """Return each quantity, its narrower estimates and its regression."""
        inputs = self.inputs
        of_bold: list[RowsOf] = [inputs.base_of_bold]
        of_both: list[RowsOf] = [inputs.base_of_both]
        if inputs.apart is None:
            of_bold = [inputs.first_of_bold(floor) for floor in self.settings.floors]
            of_both = [inputs.in_blocks(self._first_of_both)]
        return (
            ("source_from_eeg", [inputs.spatial_block_sources], self.of_eeg),
            ("source_from_bold", of_bold, self.of_bold),
            ("source_fused", of_both, self.of_both),
        )

    def _wider(
        self, quantity: Quantity, narrow: Nested, wide: Sequence[RowsOf], fitter: Fitter
    ) -> Nested:
        """Choose between what a narrower class has chosen and estimates of a wider one."""
        return Nested.choose(quantity, [narrow.predict, *wide], fitter.validation)

    def _of_eeg(self, fitter: Fitter) -> FromBase:
        """Fit sources to EEG."""
        settings, inputs = self.settings, self.inputs
        first = Group(self._first_of_eeg, gains=(settings.first_gain,))
        own = [Group(inputs.spatial_sources, gains=first.gains)] if self._heads_differ() else []
        designs = [
            Design((first, *own, Group(inputs.eeg, around(reach)))) for reach in settings.reaches
        ]
        return self._best(fitter, inputs.base_of_eeg, designs)

    def _of_eeg_power(self, fitter: Fitter) -> FromBase:
        """Fit sources to EEG at the lags that were chosen for it alone, and to band power."""
        near, groups = around(_POWER_REACH), self.of_eeg.fitted.design.groups
        designs = [
            Design((*groups, Group(power.components, near, self.settings.power_gains)))
            for power in self._powers
        ]
        return self._best(fitter, self.inputs.base_of_eeg, designs)

    def _of_bold(self, fitter: Fitter) -> FromBase:
        """Fit sources to BOLD."""
        settings, inputs = self.settings, self.inputs
        first = Group(self._first_of_bold, gains=(settings.first_gain,))
        design = Design((first, Group(inputs.bold, self._bold_bank())))
        sizes = [n * settings.n_splines for n in settings.n_components]
        return self._best(fitter, inputs.base_of_bold, [design], leading=sizes)

    def _of_both(self, fitter: Fitter) -> FromBase:
        """Fit sources to both, each with the lags that were chosen for it alone."""
        settings, of_eeg = self.settings, self.of_eeg.fitted
        first = Group(self._first_of_both, gains=(settings.first_gain,))
        signals = [
            replace(group, gains=gains)
            for group, gains in zip(of_eeg.design.groups[1:], of_eeg.gains[1:], strict=True)
        ]
        bold = Group(self._kept_bold(), self._bold_bank(), settings.bold_gains)
        return self._best(fitter, self.inputs.base_of_both, [Design((first, *signals, bold))])

    def _best(
        self,
        fitter: Fitter,
        base: RowsOf,
        designs: Sequence[Design],
        *,
        leading: Sequence[int] = (),
    ) -> FromBase:
        """Fit what a first estimate leaves of the true sources."""
        target = functools.partial(self.inputs.truth_beyond, base)
        return FromBase(base, fitter.best(designs, target, leading=leading))

    def _heads_differ(self) -> bool:
        """Return whether runs are of several brains: then each has the filter of its own."""
        knowledge = self.knowledge
        return len(brains_of(knowledge.truth, knowledge.truth.runs)) > 1

    def _bold_bank(self) -> BankOf:
        """Return the smooth lags of BOLD."""
        return smooth_lags(self.settings.bold_span, self.settings.n_splines)

    def _kept_bold(self) -> RowsOf:
        """Return the components of BOLD that were chosen."""
        of_bold, inputs = self.of_bold, self.inputs
        n_first = len(inputs.wiener.courses)
        kept = (len(of_bold.fitted.weights) - n_first) // self.settings.n_splines
        return lambda run: inputs.bold(run)[:kept]

    def _power(self, training: Sequence[AlignedRun], exponent: float) -> _Power:
        """Return band power at an exponent."""
        scaling = InputScaling.fit(training, with_power=True, exponent=exponent)
        rows = functools.partial(_power_rows, scaling)
        maps = bold_components([rows(run) for run in training], self.settings.n_power)
        return _Power(rows, functools.partial(_projected, maps, rows))


def remembered(rows: RowsOf) -> RowsOf:
    """Return the same, kept for the runs that were asked about last: runs are never changed."""
    return functools.lru_cache(maxsize=_REMEMBERED)(rows)


def _power_rows(scaling: InputScaling, run: AlignedRun) -> Float[ndarray, "rows frames"]:
    """Return scaled power of all bands and channels."""
    return np.asarray(scaling.rows(run)[len(run.eeg) :])


def _projected(
    maps: Float[ndarray, "rows components"], rows: RowsOf, run: AlignedRun
) -> Float[ndarray, "components frames"]:
    """Return components of rows."""
    return np.asarray(maps.T @ rows(run))
