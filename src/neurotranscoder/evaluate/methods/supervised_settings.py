"""Choices of the supervised oracles."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from neurotranscoder.core.settings import Settings
from neurotranscoder.evaluate.methods.regression import RIDGES


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
    late_gains: tuple[PositiveFloat, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)
    """Candidate factors of the same, unreduced, through the true response: for BOLD."""
    exponents: tuple[PositiveFloat, ...] = (1.0, 0.5)
    """Candidate exponents of band power: power or amplitude."""
    ridges: tuple[PositiveFloat, ...] = (*RIDGES, 100.0, 1000.0, 10_000.0)
    """Candidate ridge weights, relative to the mean power of the inputs."""
