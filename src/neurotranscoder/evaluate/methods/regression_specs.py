"""The rivals that need no head model, by name."""

from __future__ import annotations

from collections.abc import Callable

from neurotranscoder.evaluate.methods.cca import Cca
from neurotranscoder.evaluate.methods.conv1x1 import Conv1x1
from neurotranscoder.evaluate.methods.deconvolution import (
    BlindDeconvolution,
    InformedDeconvolution,
)
from neurotranscoder.evaluate.methods.eeg_from_bold import RidgeEeg
from neurotranscoder.evaluate.methods.filters import canonical_response, true_responses
from neurotranscoder.evaluate.methods.glm import EegInformedFmri, MeanVolume
from neurotranscoder.evaluate.methods.protocol import Knowledge, Method
from neurotranscoder.evaluate.methods.registry import MethodClass, MethodSpec
from neurotranscoder.evaluate.methods.regression import (
    RidgeBold,
    RidgeSettings,
    ridge_lags,
    ridge_lags_power,
)


def _blind(name: str, bound: MethodClass | None, make: Callable[[int], Method]) -> MethodSpec:
    """Return a rival that is given no truth, only a seed."""
    return MethodSpec(name, "rival", bound, lambda _, seed: make(seed))


def _informed(name: str, bound: MethodClass, make: Callable[[Knowledge], Method]) -> MethodSpec:
    """Return a rival that is given the truth."""

    def made(knowledge: Knowledge | None, _: int) -> Method:
        assert knowledge is not None
        return make(knowledge)

    return MethodSpec(name, "informed", bound, made, informed=True)


def _canonical(*, with_power: bool) -> Method:
    """Return the regression on EEG through the canonical response."""
    return RidgeBold(canonical_response(), RidgeSettings(), with_power=with_power)


def _true(knowledge: Knowledge, *, with_power: bool) -> Method:
    """Return the regression on EEG through the true response."""
    return RidgeBold(true_responses(knowledge.truth), RidgeSettings(), with_power=with_power)


REGRESSION_SPECS: tuple[MethodSpec, ...] = (
    _blind("ridge_lags", "linear", lambda _: ridge_lags()),
    _blind("ridge_lags_power", "linear_power", lambda _: ridge_lags_power()),
    _blind("ridge_canonical_hrf", "linear", lambda _: _canonical(with_power=False)),
    _blind("ridge_canonical_hrf_power", "linear_power", lambda _: _canonical(with_power=True)),
    _informed("ridge_true_hrf", "linear", lambda known: _true(known, with_power=False)),
    _informed("ridge_true_hrf_power", "linear_power", lambda known: _true(known, with_power=True)),
    _blind("mean_volume", None, lambda _: MeanVolume()),
    _blind("eeg_informed_fmri", "linear_power", lambda _: EegInformedFmri()),
    _blind("cca", "linear", lambda _: Cca()),
    _blind("conv1x1_network", "any", Conv1x1),
    _blind("ridge_eeg_from_bold", "linear", lambda _: RidgeEeg()),
    _blind(
        "wiener_deconvolution_canonical",
        "linear",
        lambda _: BlindDeconvolution(canonical_response()),
    ),
    _informed("wiener_deconvolution_true_hrf", "linear", InformedDeconvolution),
)
"""Regressions, deconvolutions, canonical correlation and a network: no leadfield is needed."""
