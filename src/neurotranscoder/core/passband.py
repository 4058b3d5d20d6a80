"""What filters let through, frequency by frequency, and how much of a slow response that is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from neurotranscoder.core.errors import GridError
from neurotranscoder.core.response import Response

_MARK = "neurotranscoder: passband "
_STEP = 1e-3  # Hz
_HIGHEST = 0.5  # Hz: hemodynamic responses let nothing through above
_HALF_POWER = 1 / np.sqrt(2)


@dataclass(frozen=True, slots=True, eq=False)
class Passband:
    """The gain of all filters that a recording has behind it.

    Parameters
    ----------
    frequencies : array, shape (frequencies,)
        Ascending, in Hz; between them gains are interpolated, beyond them held.
    gains : array, shape (frequencies,)
        Amplitude that comes out over amplitude that went in.
    source : {'measured', 'stated'}
        Measured on impulses, or drawn from cut-offs that a header states.
    """

    frequencies: Float[ndarray, " frequencies"]
    gains: Float[ndarray, " frequencies"]
    source: Literal["measured", "stated"] = "measured"

    def __post_init__(self) -> None:
        rising = np.all(np.diff(self.frequencies) > 0) and len(self.frequencies) > 0
        if not rising or np.any(self.gains < 0):
            raise GridError(
                f"a passband got {len(self.frequencies)} frequencies and gains down to "
                f"{self.gains.min(initial=0):g}; it needs ascending frequencies and gains of 0 or "
                "more"
            )

    @classmethod
    def of_cutoffs(cls, low: float, high: float) -> Passband:
        """Return filters of first order with these half-power frequencies (Hz); 0 or inf is none.

        Amplifiers have such high-passes; steeper filters take away more.
        """
        edges = [one for one in (low, high) if 0 < one < np.inf]
        grid = [one * np.geomspace(1e-3, 1e3, 241) for one in edges]
        frequencies = np.unique(np.concatenate([[0.0, 1.0], *grid]))
        squared = frequencies**2
        gains = np.sqrt(squared / (squared + low**2)) if low > 0 else np.ones(len(frequencies))
        if high < np.inf:
            gains = gains / np.sqrt(1 + squared / high**2)
        return cls(frequencies, gains, "stated")

    def at(self, frequencies: Float[ndarray, "*any"]) -> Float[ndarray, "*any"]:
        """Return gains at frequencies in Hz."""
        return np.asarray(np.interp(frequencies, self.frequencies, self.gains))

    def followed_by(self, later: Passband) -> Passband:
        """Return what both let through."""
        grid = np.union1d(self.frequencies, later.frequencies)
        both = {self.source, later.source}
        return Passband(
            grid, self.at(grid) * later.at(grid), "stated" if "stated" in both else "measured"
        )

    def share_of(self, response: Response) -> float:
        """Return the share of a response's power that is let through.

        It is that of the BOLD that white sources make. A model may amplify what is left, and
        with it all noise that came after the filters.
        """
        frequencies = np.arange(0, _HIGHEST, _STEP)
        waves = np.exp(-2j * np.pi * np.outer(frequencies, response.times))
        power = np.abs(waves @ response.values) ** 2
        return float(np.sum(power * self.at(frequencies) ** 2) / np.sum(power))

    @property
    def low_cut(self) -> float:
        """Lowest frequency of at least half power, in Hz; 0 where the mean passes."""
        passing = np.flatnonzero(self.gains >= _HALF_POWER)
        first = int(passing[0]) if passing.size else -1
        if first <= 0:
            return 0.0 if first == 0 else float("inf")
        below, above = self.gains[first - 1 : first + 1]
        share = (_HALF_POWER - below) / (above - below)
        start, stop = self.frequencies[first - 1 : first + 1]
        return float(start + share * (stop - start))

    def note(self) -> str:
        """Return a line for the description of a recording; inverse of `noted`."""
        gains = [float(f"{gain:.6g}") for gain in self.gains]
        rows = list(zip(self.frequencies.tolist(), gains, strict=True))
        return _MARK + json.dumps({"source": self.source, "rows": rows}, separators=(",", ":"))

    @classmethod
    def noted(cls, description: str | None) -> Passband | None:
        """Return the passband that a description holds, None without one.

        Raises
        ------
        GridError
            When the line that holds it is damaged.
        """
        lines = [one for one in (description or "").splitlines() if one.startswith(_MARK)]
        if not lines:
            return None
        try:
            found = json.loads(lines[-1].removeprefix(_MARK))
            frequencies, gains = np.array(found["rows"], dtype=np.float64).T
            is_measured = found["source"] == "measured"
        except (ValueError, KeyError, TypeError) as error:
            raise GridError(
                f"the passband in the description of a recording is damaged ({error}); take the "
                "line out, or filter again"
            ) from error
        return cls(frequencies, gains, "measured" if is_measured else "stated")
