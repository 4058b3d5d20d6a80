"""Sources of single blocks from known forward models, where any block may be its own source."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.deconvolution import InformedDeconvolution
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.symmetric_fusion import SymmetricFusionL2
from neurotranscoder.evaluate.oracle import SpatialWiener
from neurotranscoder.evaluate.scoring import HeldOut
from neurotranscoder.train.regression import centred

Estimate = Callable[[AlignedRun], Float[ndarray, "blocks frames"] | None]
_ALL = slice(None)


class BlockEstimates:
    """Spatial Wiener filter, deconvolution and symmetric fusion, each with the gain that fits.

    Parameters
    ----------
    knowledge : Knowledge
        Forward models, and true sources of training and validation runs.
    spatial : SpatialWiener
        The filter of single EEG frames.
    training, validation : sequence of HeldOut
        Runs with their true sources.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        spatial: SpatialWiener,
        training: Sequence[HeldOut],
        validation: Sequence[HeldOut],
    ) -> None:
        deconvolution, fusion = InformedDeconvolution(knowledge), SymmetricFusionL2(knowledge)
        for method in (deconvolution, fusion):
            known, unseen = ([run.aligned for run in runs] for runs in (training, validation))
            method.fit(known, unseen)
        self.from_eeg = _fitted(lambda run: spatial.predict(run).source_from_eeg, training)
        self.from_bold = _fitted(lambda run: deconvolution.predict(run).source_from_bold, training)
        self.from_both = _fitted(lambda run: fusion.predict(run).source_fused, training)


def _fitted(
    estimate: Estimate, training: Sequence[HeldOut]
) -> Callable[[AlignedRun], Float[ndarray, "blocks frames"]]:
    """Return an estimate times the factor of least squared error in training runs."""
    products = np.zeros(2)
    for run in training:
        found = estimate(run.aligned)
        assert found is not None
        assert run.sources is not None
        found = centred(found, _ALL)
        products += np.vdot(found, centred(run.sources, _ALL)), np.vdot(found, found)
    gain = float(products[0] / products[1]) if products[1] else 0.0

    def scaled(run: AlignedRun) -> Float[ndarray, "blocks frames"]:
        found = estimate(run)
        assert found is not None
        return np.asarray(gain * centred(found, _ALL))

    return scaled
