"""When gradients really switched: volumes are aligned by their artefact, to parts of a sample.

Triggers are rounded to samples and may be wrong by more. The artefact of the channel that has
most of it is the better clock: above 70 Hz it exceeds EEG and noise a thousand times.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from neurotranscoder.core.errors import CleaningError
from neurotranscoder.preprocess.gradient_grid import ScanGrid
from neurotranscoder.preprocess.gradient_phase import phase_shift
from neurotranscoder.preprocess.gradient_spans import SliceSpan, find_spans
from neurotranscoder.preprocess.gradient_triggers import Volumes, robust_line
from neurotranscoder.preprocess.scan_blocks import FEWEST_VOLUMES

_SEARCHED = 0.025  # s to both sides of a trigger
_PRESENT = 0.5  # of the template
_REGULAR = 0.05  # samples, sd around a line


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """The raster of a recording and how it was found.

    Parameters
    ----------
    grid : ScanGrid
        Volumes and slices that have an artefact.
    drift_ppm : float
        How much longer an EEG second lasts on the scanner clock, in parts per million; NaN
        where volumes are irregular.
    ratio : float
        Power of the mean volume over that of what varies from volume to volume, above 70 Hz.
    notes : tuple of str
        What was found and repaired.
    """

    grid: ScanGrid
    drift_ppm: float
    ratio: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A channel that shows when gradients switch, and how the scanner works.

    Parameters
    ----------
    fast : array, shape (times,)
        The channel with most artefact, above 70 Hz.
    sfreq : float
        Its sampling frequency, in Hz.
    tr : float
        Time from one volume to the next, in s.
    span : SliceSpan
        Excitations within a volume.
    """

    fast: Float[ndarray, " times"]
    sfreq: float
    tr: float
    span: SliceSpan

    def grid(self, volumes: Volumes, spacing: float | None = None) -> ScanGrid:
        """Return the raster of volumes that are ``spacing`` samples apart, the TR by default."""
        spacing = self.tr * self.sfreq if spacing is None else spacing
        period = self.span.period / self.tr * spacing
        n_slices = self.span.n_slices
        return ScanGrid.of_rows(
            volumes.starts, volumes.block, spacing=spacing, slice_period=period, n_slices=n_slices
        )

    def rows(self, volumes: Volumes) -> Float[ndarray, "volumes row"]:
        """Return the channel at that raster."""
        return self.grid(volumes).sample(self.fast)


def measure_timing(
    fast: Float[ndarray, " times"],
    volumes: Volumes,
    *,
    tr: float,
    sfreq: float,
    span: SliceSpan | None,
    min_ratio: float,
) -> Timing:
    """Align volumes by their artefact and find the slices that have one.

    Parameters
    ----------
    fast : array, shape (times,)
        The channel with most artefact, above 70 Hz.
    volumes : Volumes
        Nominal places.
    tr : float
        Time from one volume to the next, in s.
    sfreq : float
        Sampling frequency of the EEG, in Hz.
    span : SliceSpan or None
        Excitations within a volume; None finds them.
    min_ratio : float
        Least power of the mean volume over that of what varies, above 70 Hz.

    Raises
    ------
    CleaningError
        When there is no artefact, or fewer than 3 volumes have it.
    """
    if span is None:
        whole = Scan(fast, sfreq, tr, SliceSpan(1, tr))
        span = find_spans(whole.rows(volumes), tr)
    scan = Scan(fast, sfreq, tr, span)
    volumes = dataclasses.replace(volumes, starts=volumes.starts + span.first * sfreq)
    volumes = _aligned(scan, volumes)
    sure, ratio = _agreeing(scan.rows(volumes))
    if ratio < min_ratio:
        raise CleaningError(
            f"what repeats with the {len(sure)} volumes has {ratio:.2g} times the power of what "
            f"does not (above 70 Hz, in the strongest channel); need at least {min_ratio:g}: no "
            "gradient artefact follows these triggers, or it was removed already; check triggers "
            "and TR, or leave this step out"
        )
    volumes, measured = _on_lines(scan, volumes, sure)
    spacing = tr * sfreq if measured is None else measured
    volumes = _with_neighbours(scan, volumes, spacing)
    grid, notes = _where_present(scan, volumes, spacing)
    shift = phase_shift(fast, grid, sfreq)
    if shift != 0:
        volumes = dataclasses.replace(volumes, starts=volumes.starts + shift)
        grid, notes = _where_present(scan, volumes, spacing)
        notes = (f"artefact begins {1e3 * shift / sfreq:.1f} ms after the triggers", *notes)
    drift_ppm = np.nan if measured is None else (tr * sfreq / measured - 1) * 1e6
    return Timing(grid, drift_ppm, ratio, (*volumes.notes, *notes))


def _where_present(
    scan: Scan, volumes: Volumes, spacing: float
) -> tuple[ScanGrid, tuple[str, ...]]:
    """Return the raster of the slices that have an artefact, and what there is to say."""
    grid = scan.grid(volumes, spacing)
    present = _present(grid, grid.sample(scan.fast), len(scan.fast))
    n_complete = int(present.all(axis=1).sum())
    if n_complete < FEWEST_VOLUMES:
        raise CleaningError(
            f"{n_complete} of {grid.n_volumes} volumes have the artefact of all their slices; "
            f"need at least {FEWEST_VOLUMES}; check triggers and TR"
        )
    used = present.any(axis=1)
    n_absent = int(np.sum(~present))
    grid = dataclasses.replace(
        grid, starts=grid.starts[used], block=grid.block[used], present=present[used]
    )
    return grid, (f"{n_absent} slices without artefact left as they are",) if n_absent else ()


def _aligned(scan: Scan, volumes: Volumes) -> Volumes:
    """Shift volumes to where their artefact agrees best with that of one of them."""
    grid, rows = scan.grid(volumes), scan.rows(volumes)
    power = np.sum(rows**2, axis=1)
    one = int(np.argsort(power, kind="stable")[len(power) // 2])
    spectra = np.fft.rfft(rows, axis=1)
    agreement = np.fft.irfft(spectra * spectra[one].conj(), grid.n_row, axis=1)
    furthest = int(min(_SEARCHED * scan.sfreq, grid.n_phases / 2 - 1))
    lags = np.arange(-furthest, furthest + 1)
    best = np.argmax(agreement[:, lags], axis=1)
    sure = agreement[np.arange(len(rows)), lags[best]] > _PRESENT * np.sqrt(power * power[one])
    shifts = np.where(sure, lags[best], 0) * grid.step
    shifts -= np.where(sure, np.median(shifts[sure]), 0.0)
    volumes = dataclasses.replace(volumes, starts=volumes.starts + shifts)
    for _ in range(3):
        shifts = np.where(sure, _fine_shifts(scan.rows(volumes), sure) * grid.step, 0.0)
        volumes = dataclasses.replace(volumes, starts=volumes.starts + shifts)
    return volumes


def _fine_shifts(
    rows: Float[ndarray, "volumes row"], sure: Bool[ndarray, " volumes"]
) -> Float[ndarray, " volumes"]:
    """Return how much later than the mean volume each is, to first order, in samples of a row."""
    mean = rows[sure].mean(axis=0)
    basis = np.stack([mean, np.gradient(mean)])
    amplitude, slope = np.linalg.lstsq(basis.T, rows.T, rcond=None)[0]
    later = -slope / np.where(amplitude == 0, np.inf, amplitude)
    return np.asarray(np.clip(later, -1, 1))


def _agreeing(rows: Float[ndarray, "volumes row"]) -> tuple[Bool[ndarray, " volumes"], float]:
    """Return which volumes have the artefact, and how much stronger it is than what varies."""
    mean = rows.mean(axis=0)
    sure = rows @ mean > _PRESENT * (mean @ mean)
    if sure.sum() < FEWEST_VOLUMES:
        return sure, 0.0
    rows = rows[sure]
    mean = rows.mean(axis=0)
    varies = float(np.mean((rows - mean) ** 2))
    return sure, float(np.mean(mean**2)) / varies if varies > 0 else np.inf


def _on_lines(
    scan: Scan, volumes: Volumes, sure: Bool[ndarray, " volumes"]
) -> tuple[Volumes, float | None]:
    """Put the volumes of each regular block on its line; return the spacing, where there is one.

    Slices are alike: a volume whose trigger was far off may have been aligned to the wrong one.
    """
    starts, notes = volumes.starts.copy(), list(volumes.notes)
    spacings: list[float] = []
    weights: list[float] = []
    period = scan.span.period * scan.sfreq
    for block in np.unique(volumes.block):
        here = volumes.block == block
        number, found = volumes.number[here & sure], volumes.starts[here & sure]
        if len(found) < FEWEST_VOLUMES:
            continue
        found = found - period * np.rint((found - robust_line(number, found)(number)) / period)
        line = np.polyfit(number, found, 1)
        scatter = float(np.std(found - np.polyval(line, number)))
        if scatter <= _REGULAR:
            starts[here] = np.polyval(line, volumes.number[here])
            spacings.append(float(line[0]))
            weights.append(float(len(found)) ** 3)
        else:
            notes.append(
                f"volumes come at irregular times (sd {1e3 * scatter / scan.sfreq:.3g} ms); each "
                "is placed where its artefact is"
            )
    spacing = float(np.average(spacings, weights=weights)) if spacings else None
    return dataclasses.replace(volumes, starts=starts, notes=tuple(notes)), spacing


def _with_neighbours(scan: Scan, volumes: Volumes, spacing: float) -> Volumes:
    """Add volumes before and after each block that have the artefact but no trigger."""
    grid = scan.grid(volumes, spacing)
    mean = grid.slices(grid.sample(scan.fast)).mean(axis=0)
    starts, number, block, n_added = volumes.starts, volumes.number, volumes.block, 0
    for which in np.unique(block):
        for end in (-1, 1):
            while True:
                here = np.flatnonzero(block == which)[0 if end < 0 else -1]
                place = starts[here] + end * spacing
                if not _free(place, starts, spacing) or not _has(scan, grid, mean, place):
                    break
                at = here + (end > 0)
                starts = np.insert(starts, at, place)
                number = np.insert(number, at, number[here] + end)
                block = np.insert(block, at, which)
                n_added += 1
    notes = (f"{n_added} volumes without a trigger found by their artefact",) if n_added else ()
    return Volumes(starts, number, block, (*volumes.notes, *notes))


def _free(place: float, starts: Float[ndarray, " volumes"], spacing: float) -> bool:
    """Return whether a volume at this place would overlap no other."""
    return bool(np.min(np.abs(starts - place)) > 0.9 * spacing)


def _has(scan: Scan, grid: ScanGrid, mean: Float[ndarray, "slices phase"], place: float) -> bool:
    """Return whether most slices of a volume here, as far as recorded, have the artefact."""
    one = dataclasses.replace(
        grid, starts=np.array([place]), block=np.zeros(1, dtype=np.int64), present=grid.present[:1]
    )
    strength = _strength(one.slices(one.sample(scan.fast)), mean)
    recorded = strength[_inside(one, len(scan.fast))]
    return len(recorded) > 0 and bool(np.mean(recorded > _PRESENT) > _PRESENT)


def _present(
    grid: ScanGrid, rows: Float[ndarray, "volumes row"], n_times: int
) -> Bool[ndarray, "volumes slices"]:
    """Return which slices have the artefact and lie within the recording."""
    slices = grid.slices(rows)
    return np.asarray((_strength(slices, slices.mean(axis=0)) > _PRESENT) & _inside(grid, n_times))


def _strength(
    slices: Float[ndarray, "volumes slices phase"], mean: Float[ndarray, "slices phase"]
) -> Float[ndarray, "volumes slices"]:
    """Return how strong the mean slice of each place is in the slices."""
    size = np.maximum(np.sum(mean**2, axis=1), np.finfo(float).tiny)
    return np.asarray(np.einsum("vsp,sp->vs", slices, mean) / size)


def _inside(grid: ScanGrid, n_times: int) -> Bool[ndarray, "volumes slices"]:
    """Return which slices lie within the recording."""
    period = grid.step * grid.n_phases
    start = grid.starts[:, np.newaxis] + period * np.arange(grid.n_slices)
    return np.asarray((start >= 0) & (start + period <= n_times - 1))
