"""Realism as an evaluation would have it, made without a recording."""

import numpy as np

from neurotranscoder.evaluate.findings import (
    REFERENCE,
    Line,
    Panel,
    Realism,
    Topography,
    ValueMap,
)
from neurotranscoder.evaluate.table import RealismRow

NAN = float("nan")


def example_realism(rng, n_blocks, n_channels):
    """Return realism with one row of each verdict and one picture of each kind."""
    frequencies = np.linspace(0.25, 45, 180)
    lags = np.arange(0.0, 21.0, 2.0)
    potentials = rng.standard_normal((2, n_channels))
    spectrum = Panel(
        "EEG, sub-03 run-04",
        "frequency (Hz)",
        "power (µV²/Hz)",
        (
            Line("median of channels", frequencies, 30 / frequencies),
            Line(REFERENCE + "exponent 2", frequencies, 30 / frequencies**2),
        ),
    )
    course = Panel(
        "BOLD responses, sub-03 run-04",
        "time from the event (s)",
        "change (%)",
        (
            Line("oddball", lags, np.sin(lags / 4)),
            Line(REFERENCE + "latency 4-6 s", np.full(2, 4.0), np.array([0.0, 1.0])),
            Line("", np.full(2, 6.0), np.array([0.0, 1.0])),
        ),
    )
    return Realism(
        run="sub-03_run-04",
        rows=(
            RealismRow("temporal SNR", 66.61, "1", 52.0, 88.0, "measured", "six runs"),
            RealismRow("latency", 0.638, "s", 0.25, 0.5, "published", "Polich 2007"),
            RealismRow("strongest r", 0.13, "1", NAN, -0.114, "null", "shifts in time"),
            RealismRow("components", 8.0, "1", NAN, NAN, "none", "no reference"),
            RealismRow("displacement", NAN, "mm", 0.05, 0.15, "measured", "six runs"),
        ),
        spectra=(spectrum,),
        courses=(course,),
        maps=(ValueMap("Temporal SNR", "mean over sd", rng.uniform(40, 90, n_blocks)),),
        potentials=(Topography("Potentials", ("oddball", "standard"), potentials),),
        amplitudes=Topography("EEG by band", ("1-4 Hz", "8-13 Hz"), np.abs(potentials)),
        limits=("The head lies still.",),
    )
