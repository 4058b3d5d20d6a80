"""BOLD from EEG in the supervised regressions: candidates, from the narrowest class on."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.deconvolution import block_responses
from neurotranscoder.evaluate.methods.designs import Design, Fitted, Fitter, Group, RowsOf, after
from neurotranscoder.evaluate.methods.filters import BankOf, true_responses
from neurotranscoder.evaluate.methods.known_forward import convolved
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.regression import RidgeBold, RidgeSettings
from neurotranscoder.evaluate.methods.supervised_inputs import SupervisedInputs
from neurotranscoder.evaluate.methods.supervised_settings import SupervisedSettings
from neurotranscoder.evaluate.scoring import HeldOut
from neurotranscoder.signal.fir import apply_fir
from neurotranscoder.simulate.truth import Truth


@dataclass(frozen=True, slots=True, eq=False)
class FromBase:
    """A first estimate, and a regression of what it leaves.

    Parameters
    ----------
    base : callable
        From a run to the first estimate.
    fitted : Fitted
        The regression.
    """

    base: RowsOf
    fitted: Fitted

    def predict(self, run: AlignedRun) -> Float[ndarray, "blocks frames"]:
        """Return their sum."""
        return np.asarray(self.base(run) + self.fitted.predict(run))


@dataclass(frozen=True, slots=True, eq=False)
class BoldCandidates:
    """Regressions of BOLD on EEG, all of them through the true response.

    They are fitted to measured BOLD, or to what the linear model makes of the true sources: where
    that model holds it is BOLD without its noise.

    Parameters
    ----------
    knowledge : Knowledge
        True responses.
    inputs : SupervisedInputs
        Signals and first estimates.
    fitter : Fitter
        Runs.
    settings : SupervisedSettings
        Candidates.
    late_sources : callable
        From a run to components of its sources from EEG, through the true response.
    """

    knowledge: Knowledge
    inputs: SupervisedInputs
    fitter: Fitter
    settings: SupervisedSettings
    late_sources: RowsOf

    def linear(self) -> list[RowsOf]:
        """Return linear estimates, the spatial one first."""
        inputs = self.inputs
        bases: tuple[RowsOf, ...] = (inputs.spatial_bold, inputs.late_bold, nothing)
        own = self._own()
        return [
            inputs.spatial_bold,
            self._ridge(with_power=False),
            *(self._measured(base, [own]).predict for base in bases),
            self._noiseless([own]).predict,
        ]

    def with_power(self, narrow: RowsOf, powers: Sequence[RowsOf]) -> list[RowsOf]:
        """Return estimates from band power, at every exponent.

        Parameters
        ----------
        narrow : callable
            The linear estimate that was chosen.
        powers : sequence of callable
            From a run to scaled band power of all channels.
        """
        own, past = self._own(), self._past()
        designs = [
            Design((*own.groups, Group(self._late(power), past, self.settings.late_gains)))
            for power in powers
        ]
        return [
            self._ridge(with_power=True),
            self._measured(narrow, designs).predict,
            self._noiseless(designs).predict,
        ]

    def _own(self) -> Design:
        """Return what is read of the EEG itself."""
        inputs, past = self.inputs, self._past()
        first = Group(self.late_sources, past, (self.settings.first_gain,))
        return Design((first, Group(self._late(inputs.eeg), past)))

    def _late(self, rows: RowsOf) -> RowsOf:
        """Return rows through the true response."""
        return lambda run: apply_fir(rows(run), self.inputs.hrf_of(run))

    def _past(self) -> BankOf:
        """Return banks for rows that went through the true response."""
        return after(len(self.inputs.hrf_of(self.fitter.training[0].aligned)))

    def _measured(self, base: RowsOf, designs: Sequence[Design]) -> FromBase:
        """Fit what a first estimate leaves of measured BOLD."""
        target = functools.partial(self.inputs.bold_beyond, base)
        return FromBase(base, self.fitter.best(designs, target))

    def _noiseless(self, designs: Sequence[Design]) -> FromBase:
        """Fit true sources through the true response of each block, in the unit of BOLD."""
        target = functools.partial(_late_truth, self.knowledge.truth, self.inputs)
        gain = self.inputs.gain_of(target, self.fitter.training)
        return FromBase(nothing, self.fitter.best(designs, lambda run: gain * target(run)))

    def _ridge(self, *, with_power: bool) -> RowsOf:
        """Return the rival that is given the true response, whose class this one holds."""
        response = true_responses(self.knowledge.truth)
        rival = RidgeBold(response, RidgeSettings(), with_power=with_power)
        rival.fit(*([run.aligned for run in runs] for runs in self._runs()))
        scale = self.inputs.scaling.bold

        def predicted(run: AlignedRun) -> Float[ndarray, "blocks frames"]:
            found = rival.predict(run).bold_from_eeg
            assert found is not None
            return found / scale

        return predicted

    def _runs(self) -> Iterator[Sequence[HeldOut]]:
        """Yield training and validation runs."""
        yield self.fitter.training
        yield self.fitter.validation


def nothing(run: AlignedRun) -> Float[ndarray, "blocks frames"]:
    """Return zeros: no first estimate."""
    return np.zeros_like(run.bold)


def _late_truth(
    truth: Truth, inputs: SupervisedInputs, run: HeldOut
) -> Float[ndarray, "blocks frames"]:
    """Return scaled true sources through the true response of each block."""
    return convolved(inputs.truth(run), block_responses(truth, run.aligned))
