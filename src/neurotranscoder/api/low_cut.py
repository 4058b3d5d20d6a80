"""How much of what BOLD follows the filters of EEG have left, said before a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurotranscoder.core.passband import Passband
from neurotranscoder.core.response import Response
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.core.spread import each
from neurotranscoder.physics.hrf import double_gamma_hrf
from neurotranscoder.train.settings import TrainSettings

_STEP = 0.1  # s
_DURATION = 32.0
_ENOUGH = 0.5
_READ_POWER = ("sparse", "transcoder")


@dataclass(frozen=True, slots=True)
class LowCut:
    """What the filters of the most filtered run have left.

    Parameters
    ----------
    share : float
        Share of the power of a canonical hemodynamic response that passes.
    low_cut : float
        Lowest frequency of at least half power, in Hz.
    source : str
        Whether filters were 'measured' or are 'stated' by a header or sidecar.
    """

    share: float
    low_cut: float
    source: str

    @property
    def too_much(self) -> bool:
        """Whether less than half is left."""
        return self.share < _ENOUGH

    def words(self, settings: TrainSettings) -> str:
        """Say so, with what a training of these settings does about it."""
        found = (
            f"filters of the EEG ({self.source}; half power from {self.low_cut:.3g} Hz on) let "
            f"{100 * self.share:.0f} % of the power of a hemodynamic response pass"
        )
        if not self.too_much:
            return found
        if settings.architecture in _READ_POWER and settings.sparse.power_gains:
            cure = "held-out BOLD decides how much band power of the EEG is read beside the EEG"
        else:
            cure = "this training reads no band power of the EEG; --architecture sparse can"
        return (
            f"warning: {found}; BOLD follows what is gone, and linear models have little left to "
            "tell it from; "
            f"{cure}; train on recordings with a lower cut-off where there are any"
        )


def response_share(passband: Passband) -> float:
    """Return the share of the power of a canonical hemodynamic response that filters let pass.

    Parameters
    ----------
    passband : Passband
        Of all filters together.
    """
    times = np.arange(0, _DURATION, _STEP)
    return passband.share_of(Response(times, double_gamma_hrf(times)))


def low_cut_of(runs: Sequence[AlignedRun]) -> LowCut | None:
    """Return what the filters of the most filtered run have left; None where none is known.

    Parameters
    ----------
    runs : sequence of AlignedRun
        Training runs.
    """
    known = [found for found in each(_low_cut, runs) if found is not None]
    return min(known, key=lambda one: one.share, default=None)


def _low_cut(run: AlignedRun) -> LowCut | None:
    """Return what the filters of one run have left."""
    band = run.passband
    if band is None:
        return None
    return LowCut(response_share(band), band.low_cut, band.source)
