"""The pulse artefact of EEG in a magnetic field, taken out.

Three ways, each usable alone. All find the middle of the pulse from the data: it lies some tenths
of a second after the R peak, and windows around the peak itself would cut it in two.
"""

from __future__ import annotations

import mne
import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.signal.windows import tukey

from neurotranscoder.preprocess.heart import Beats
from neurotranscoder.preprocess.pulse_fit import aligned, fit_pulses, rendered
from neurotranscoder.preprocess.pulse_found import (
    FoundPulse,
    PulseReport,
    PulseSettings,
    find_pulse,
    without_artefact,
)
from neurotranscoder.signal.beats import whole_beats

_TAPER = 0.1  # of a window, half of it at each end


def remove_pulse(
    raw: mne.io.BaseRaw, beats: Beats | None = None, *, settings: PulseSettings | None = None
) -> tuple[mne.io.BaseRaw, PulseReport]:
    """Subtract the average pulse, component by component in space, as strong as each beat's.

    Components in space are those of the average beat that exceed noise (the paper's spatial PCA,
    4.1.3). Each has the time course that it has on average, as strong, late and long as all
    channels together tell of each beat (`fit_pulses`). Nothing that differs in its time course is
    touched.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        EEG without gradient artefact.
    beats : Beats, optional
        From `find_beats`, which is called by default.
    settings : PulseSettings, optional
        When there is a pulse.

    Returns
    -------
    cleaned : mne.io.BaseRaw
        A copy.
    report : PulseReport
        What was removed.

    Raises
    ------
    CleaningError
        When there is no heartbeat, or no pulse in the EEG: none there, or removed before.
    """
    found = find_pulse(raw, beats, settings)
    artefact = _train_of_pulses(found)
    return without_artefact(found, artefact, "average pulses", found.space.shape[1])


def project_pulse(
    raw: mne.io.BaseRaw,
    beats: Beats | None = None,
    *,
    n_components: int | None = None,
    settings: PulseSettings | None = None,
) -> tuple[mne.io.BaseRaw, PulseReport]:
    """Take components in space out of EEG altogether (the paper's way, 4.1.3).

    Principal components of the low-passed average beat are projected back on the broadband data
    and subtracted. Whatever the brain has in them goes as well, at all times, and the data lose
    as many ranks.

    Parameters
    ----------
    raw, beats, settings
        As for `remove_pulse`.
    n_components : int, optional
        How many; by default those that exceed noise.

    Returns
    -------
    cleaned, report
        As of `remove_pulse`.

    Raises
    ------
    CleaningError
        As `remove_pulse`.
    """
    found = find_pulse(raw, beats, settings, n_components=n_components)
    artefact = found.space @ (found.space.T @ found.data)
    return without_artefact(found, artefact, "projection", found.space.shape[1])


def remove_pulse_obs(
    raw: mne.io.BaseRaw,
    beats: Beats | None = None,
    *,
    n_components: int = 0,
    settings: PulseSettings | None = None,
) -> tuple[mne.io.BaseRaw, PulseReport]:
    """Subtract an optimal basis set of each channel (Niazy 2005; `mne.preprocessing`).

    The mean over beats and principal components of a channel's beats are fitted to each beat. The
    components are mostly brain: see docs/eeg_cleaning.md for what each costs. What lies before the
    first and after the last whole beat stays.

    Parameters
    ----------
    raw, beats, settings
        As for `remove_pulse`.
    n_components : int
        Components beside the mean.

    Returns
    -------
    cleaned, report
        As of `remove_pulse`.

    Raises
    ------
    CleaningError
        As `remove_pulse`.
    """
    found = find_pulse(raw, beats, settings)
    centres = whole_beats(found.centres, found.half + 1, found.data.shape[1])
    names = [raw.ch_names[pick] for pick in found.picks]
    cleaned = mne.preprocessing.apply_pca_obs(
        raw.copy().pick(names).load_data(verbose="error"),
        names,
        qrs_times=(centres + 0.5) / raw.info["sfreq"],  # MNE rounds down
        n_components=n_components,
        copy=False,
        verbose="error",
    ).get_data()
    means = found.data.mean(axis=1, keepdims=True) - cleaned.mean(axis=1, keepdims=True)
    return without_artefact(
        found, found.data - cleaned - means, "optimal basis sets", n_components
    )


def _train_of_pulses(found: FoundPulse) -> Float[ndarray, "channels times"]:
    """Return the average pulse at every beat, as strong, late and long as it is there."""
    space, half = found.space, found.half
    fit = fit_pulses(space.T @ found.banded, found.centres, half)
    n_times = found.data.shape[1]
    whole = (found.centres >= half) & (found.centres < n_times - half)
    wave = aligned(space.T @ found.data, found.centres, half, fit)[whole].mean(axis=0)
    wave = (wave - wave.mean(axis=1, keepdims=True)) * tukey(wave.shape[1], _TAPER)
    return np.asarray(space @ rendered(wave, found.centres, fit, n_times))
