"""A hemodynamic response: a curve over lags, with its peak and width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """A hemodynamic response.

    Parameters
    ----------
    times : array, shape (lags,)
        Lags, in s.
    values : array, shape (lags,)
        Response, area one where there is a clear area.
    """

    times: Float[ndarray, " lags"]
    values: Float[ndarray, " lags"]

    @property
    def peak(self) -> float:
        """Time of the largest value, in s, by a parabola through its neighbours."""
        index = int(np.argmax(self.values))
        step = float(self.times[1] - self.times[0])
        if index in (0, len(self.values) - 1):
            return float(self.times[index])
        before, top, after = self.values[index - 1 : index + 2]
        curvature = before - 2 * top + after
        shift = 0.0 if curvature == 0 else 0.5 * (before - after) / curvature
        return float(self.times[index] + shift * step)

    @property
    def fwhm(self) -> float:
        """Width of the main lobe at half its height, in s; NaN where it does not end."""
        top = int(np.argmax(self.values))
        half = self.values[top] / 2
        left = np.flatnonzero(self.values[:top] < half)
        right = np.flatnonzero(self.values[top:] < half)
        if not right.size:
            return float("nan")
        start = self._crossing(int(left[-1]), half) if left.size else float(self.times[0])
        return self._crossing(top + int(right[0]) - 1, half) - start

    def _crossing(self, index: int, level: float) -> float:
        """Return when the line from one sample to the next meets a level."""
        low, high = self.values[index : index + 2]
        share = (level - low) / (high - low)
        return float(self.times[index] + share * (self.times[index + 1] - self.times[index]))
