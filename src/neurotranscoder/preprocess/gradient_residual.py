"""What templates leave: artefacts that follow the head, and the filter's ringing at the edges.

Above 70 Hz there is little EEG, so how strong each slice's artefact is, and what else varies from
slice to slice, can be read off there almost without noise (Niazy 2005: amplitude, optimal basis
set). What goes with these strengths at any frequency is artefact; the EEG does not follow them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int
from numpy import ndarray
from scipy import signal

from neurotranscoder.preprocess.gradient_grid import ScanGrid
from neurotranscoder.preprocess.gradient_templates import certainty, slow_part

LOWEST = 70.0  # Hz: Niazy 2005
_N_LINES = 40
_MARGIN = 1.2
_DEPENDENT = 1e-6
_MEMORY = 8  # slices: what the head does lasts longer, muscles and noise do not
_EARLY, _RINGING, _FLANK = 0.01, 0.03, 0.01  # s before and after an edge, and beyond that


def high_pass(
    series: Float[ndarray, "*rows times"], sfreq: float
) -> Float[ndarray, "*rows times"]:
    """Return what series have above 70 Hz, without delay."""
    sos = signal.butter(4, LOWEST, "highpass", fs=sfreq, output="sos")
    return np.asarray(signal.sosfiltfilt(sos, series, axis=-1))


@dataclass(frozen=True, slots=True, eq=False)
class Following:
    """What follows the strengths of slices.

    Parameters
    ----------
    rows : array, shape (volumes, row)
        Artefact beside the templates; 0 in slices that are absent.
    amplitude : array, shape (slices,)
        How much larger the artefact of each present slice is than its template, as a share.
    n_components : int
        Principal components that were found beside the amplitude.
    """

    rows: Float[ndarray, "volumes row"]
    amplitude: Float[ndarray, " slices"]
    n_components: int


def following_part(
    rows: Float[ndarray, "volumes row"],
    templates: Float[ndarray, "volumes row"],
    grid: ScanGrid,
    sfreq: float,
    *,
    most: int,
) -> Following:
    """Return what in the residual of templates follows the strengths of slices.

    Parameters
    ----------
    rows : array, shape (volumes, row)
        Residual of the templates.
    templates : array, shape (volumes, row)
        What was subtracted.
    grid : ScanGrid
        The raster.
    sfreq : float
        Sampling frequency of the EEG, in Hz.
    most : int
        Largest number of principal components.
    """
    present = grid.present
    slices = grid.slices(rows)[present]
    cycle = grid.slices(templates)[present].mean(axis=0)
    spectra = np.fft.rfft(_without_slow_waves(slices), axis=1)
    fast_spectra = np.fft.rfft(grid.slices(_fast_part(rows, grid, sfreq))[present], axis=1)
    noise = np.mean(np.abs(np.diff(fast_spectra, axis=0)) ** 2, axis=0) / 2
    template = np.fft.rfft(cycle)
    fast = _fast_lines(np.abs(template) ** 2, noise, sfreq / grid.step / grid.n_phases)
    weight = np.sqrt(2 / noise[fast])
    whitened, mean = (
        _real(weight * fast_spectra[:, fast]),
        _real(weight * template[np.newaxis, fast]),
    )
    amplitude, scores = strengths(whitened, mean[0], most=most, memory=min(_MEMORY, grid.n_slices))
    spectra -= np.outer(amplitude, template)
    known = np.column_stack([amplitude, scores])
    ringing = -np.diff(known, axis=0, prepend=known[:1])  # of the slice before, where it differs
    known = np.concatenate([known, ringing], axis=1)
    follows = np.outer(amplitude, template) + follow(spectra, known)
    out = np.zeros_like(rows)
    grid.slices(out)[present] = np.fft.irfft(follows, grid.n_phases, axis=1)
    return Following(out, amplitude, scores.shape[1])


def strengths(
    slices: Float[ndarray, "slices lines"],
    template: Float[ndarray, " lines"],
    *,
    most: int,
    memory: int,
) -> tuple[Float[ndarray, " slices"], Float[ndarray, "slices components"]]:
    """Return how strong the template is in each slice, and each pattern of what it leaves.

    Parameters
    ----------
    slices : array, shape (slices, lines)
        Residual in the order of time, scaled to noise of unit variance.
    template : array, shape (lines,)
        The mean slice, scaled alike.
    most : int
        Largest number of patterns.
    memory : int
        Slices that patterns last: muscles and noise do not, the head does.

    Returns
    -------
    amplitude : array, shape (slices,)
        Of the template, in the residual.
    scores : array, shape (slices, components)
        Of the principal components of means over ``memory`` slices that are larger than noise
        can make them (the edge of Marchenko and Pastur 1967).
    """
    size = float(template @ template)
    amplitude = slices @ template / size if size > 0 else np.zeros(len(slices))
    left = slices - amplitude[:, np.newaxis] * template
    n_means = len(left) // memory
    if n_means < 2 or most == 0:
        return amplitude, np.zeros((len(slices), 0))
    means = left[: n_means * memory].reshape(n_means, memory, -1).mean(axis=1)
    _, sizes, patterns = np.linalg.svd(means, full_matrices=False)
    edge = _MARGIN * (np.sqrt(n_means) + np.sqrt(means.shape[1])) / np.sqrt(memory)
    n_components = min(most, int(np.sum(sizes > edge)))
    return amplitude, left @ patterns[:n_components].T


def follow(
    spectra: Complex[ndarray, "slices lines"], known: Float[ndarray, "slices components"]
) -> Complex[ndarray, "slices lines"]:
    """Return what in spectra goes with known strengths: a regression, where it exceeds chance.

    Strengths are made orthogonal in their order, so that each has a certainty of its own.
    """
    basis, triangle = np.linalg.qr(known)
    sizes = np.abs(np.diag(triangle))
    basis = basis[:, sizes > _DEPENDENT * np.linalg.norm(known, axis=0)]
    patterns = basis.T @ spectra
    scatter = np.mean(np.abs(spectra - basis @ patterns) ** 2, axis=0)
    patterns *= certainty(np.abs(patterns) ** 2, scatter)
    patterns[:, 0] = 0
    return np.asarray(basis @ patterns)


def remove_ringing(
    channel: Float[ndarray, " times"],
    starts: Float[ndarray, " starts"],
    ends: Float[ndarray, " ends"],
    sfreq: float,
) -> None:
    """Remove what templates miss where artefacts begin and end, in place.

    A template holds the ringing of the slice before. The first slice has none before it, and the
    last rings on into silence: the first lacks what the last has too much. The same holds for
    a raster that is a little early or late. The EEG under it is taken for a line.

    Parameters
    ----------
    channel : array, shape (times,)
        EEG whose templates were subtracted.
    starts, ends : array
        Where artefacts begin after silence and end before it, in samples.
    sfreq : float
        Sampling frequency, in Hz.
    """
    before, after, flank = (round(seconds * sfreq) for seconds in (_EARLY, _RINGING, _FLANK))
    reach = before + flank, after + flank
    places = [(-1.0, p) for p in _whole(starts, reach, len(channel))]
    places += [(1.0, p) for p in _whole(ends, reach, len(channel))]
    if not places:
        return
    cuts = np.stack([sign * channel[p - reach[0] : p + reach[1]] for sign, p in places])
    shared = np.median([_without_line(cut, flank) for cut in cuts], axis=0)[flank:-flank]
    place = np.arange(-before, after)
    fade = np.interp(place, [-before, -before / 2, after / 2, after], [0, 1, 1, 0])
    for sign, p in places:
        channel[p - before : p + after] -= sign * np.sin(np.pi / 2 * fade) ** 2 * shared


def _fast_part(
    rows: Float[ndarray, "volumes row"], grid: ScanGrid, sfreq: float
) -> Float[ndarray, "volumes row"]:
    """Return rows above 70 Hz, filtered block by block."""
    out = np.empty_like(rows)
    for block in grid.blocks:
        out[block] = high_pass(rows[block].ravel(), sfreq / grid.step).reshape(-1, grid.n_row)
    return out


def _fast_lines(
    power: Float[ndarray, " lines"], noise: Float[ndarray, " lines"], spacing: float
) -> Int[ndarray, " fast"]:
    """Return the lines above 70 Hz, ``spacing`` Hz apart, where the artefact is clearest."""
    clear = np.where(noise > 0, power / np.maximum(noise, 1e-300), 0.0)
    clear[spacing * np.arange(len(power)) < LOWEST] = 0
    order = np.argsort(-clear, kind="stable")[:_N_LINES]
    return np.sort(order[clear[order] > 0])


def _real(values: Complex[ndarray, "rows lines"]) -> Float[ndarray, "rows parts"]:
    """Return real and imaginary parts beside each other."""
    return np.concatenate([values.real, values.imag], axis=1)


def _without_slow_waves(slices: Float[ndarray, "slices phase"]) -> Float[ndarray, "slices phase"]:
    """Return slices less their running mean over a slice, which holds nothing that repeats."""
    flat, n = slices.ravel(), slices.shape[1]
    return np.asarray((flat - slow_part(flat, n)).reshape(slices.shape))


def _whole(
    places: Float[ndarray, " places"], reach: tuple[int, int], n_times: int
) -> Int[ndarray, " inside"]:
    """Return the next whole samples of places that have enough EEG around them."""
    samples = np.ceil(places).astype(np.int64)
    return np.asarray(samples[(samples >= reach[0]) & (samples + reach[1] <= n_times)])


def _without_line(cut: Float[ndarray, " times"], flank: int) -> Float[ndarray, " times"]:
    """Return a cut less the line through its first and last samples."""
    times = np.arange(len(cut))
    outside = (times < flank) | (times >= len(cut) - flank)
    line = np.polyfit(times[outside], cut[outside], 1)
    return np.asarray(cut - np.polyval(line, times))
