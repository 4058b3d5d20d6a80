"""Example time courses of one held-out run: what was true or measured, and what a method said.

Places are chosen by the truth alone, evenly through the brain and over the scalp, so that they
are the same for all methods and no method has a say in them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import safetensors.numpy
from jaxtyping import Float, Int
from numpy import ndarray

from neurotranscoder.core.errors import StoreError
from neurotranscoder.evaluate.scoring import HeldOut, Prediction, Scorer
from neurotranscoder.evaluate.table import Quantity, SourceKind
from neurotranscoder.io.arrays import read_arrays
from neurotranscoder.io.store import write_bytes
from neurotranscoder.reconstruct.cells import at_acquisition
from neurotranscoder.signal.correlation import correlate_rows

N_PLACES = 9
"""Places of each kind that are kept; the page shows one of them."""

SHOWN_SECONDS = 60.0
"""How much of them is kept, from the start of what is scored."""

TRACED = frozenset(
    {
        "minimum_norm_true_leadfield",
        "minimum_norm_wrong_leadfield",
        "lcmv_true_leadfield",
        "ridge_lags",
        "ridge_eeg_from_bold",
        "wiener_deconvolution_canonical",
    }
)
"""Methods besides the transcoders whose time courses are kept."""

_SOURCES: tuple[Quantity, ...] = ("source_from_eeg", "source_from_bold", "source_fused")
_ARRAYS = ("starts", "truth", "estimate", "r")


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One quantity at a few places of one run.

    Parameters
    ----------
    quantity : str
        What was predicted.
    unit : str
        Of both time courses; 'sd' where sign and scale are conventions.
    places : tuple of str
        Blocks, channels or cells, in words.
    kinds : tuple of str
        Kind of source of each place; 'all' for BOLD and EEG.
    step : float
        Time from one sample to the next, in s.
    starts : array, shape (places,)
        Time of the first sample, in s from the start of the run.
    truth, estimate : array, shape (places, times)
        The true source, or what was measured; and what the method said.
    r : array, shape (places,)
        Pearson r of both over all of the run that is scored.
    """

    quantity: Quantity
    unit: str
    places: tuple[str, ...]
    kinds: tuple[SourceKind, ...]
    step: float
    starts: Float[ndarray, " places"]
    truth: Float[ndarray, "places times"]
    estimate: Float[ndarray, "places times"]
    r: Float[ndarray, " places"]

    def times(self, place: int) -> Float[ndarray, " times"]:
        """Return when the samples of a place were taken, in s."""
        return np.asarray(self.starts[place] + self.step * np.arange(self.truth.shape[1]))


@dataclass(frozen=True, slots=True, eq=False)
class RunTraces:
    """All that is kept of one method in one world.

    Parameters
    ----------
    run : str
        Label of the held-out run.
    traces : tuple of Trace
        One for each quantity that the method predicts.
    """

    run: str
    traces: tuple[Trace, ...]


def traces_of(prediction: Prediction, run: HeldOut) -> RunTraces:
    """Return the time courses that are kept of a prediction.

    Parameters
    ----------
    prediction : Prediction
        What a method says about the run.
    run : HeldOut
        The run and its true sources.
    """
    found = (*_sources(prediction, run), *_bold(prediction, run), *_eeg(prediction, run))
    return RunTraces(run.aligned.run.label, found)


def _sources(prediction: Prediction, run: HeldOut) -> Iterator[Trace]:
    """Yield the sources that are predicted, standardised."""
    if run.sources is None or run.kinds is None:
        return
    kinds: tuple[SourceKind, ...] = ("evoked", "oscillatory")
    chosen = [(kind, row) for kind in kinds for row in spread(np.flatnonzero(run.kinds == kind))]
    rows = np.array([row for _, row in chosen], dtype=int)
    axis = run.aligned.axis
    for quantity in _SOURCES:
        estimate = getattr(prediction, quantity)
        if estimate is not None and chosen:
            pair = run.sources[rows], estimate[rows]
            starts = np.full(len(rows), axis.times[0])
            places = tuple(f"block {row}" for row in rows)
            of_places = tuple(kind for kind, _ in chosen)
            yield _trace(quantity, "sd", (places, of_places), pair, (starts, 1 / axis.sfreq))


def _bold(prediction: Prediction, run: HeldOut) -> Iterator[Trace]:
    """Yield BOLD where and when it was acquired, without its mean."""
    if prediction.bold_from_eeg is None:
        return
    aligned, cells = run.aligned, run.aligned.cells
    heard = np.arange(len(cells.block))
    if run.kinds is not None:
        heard = np.flatnonzero(run.kinds[cells.block] != "silent")
    rows = spread(heard)
    predicted = at_acquisition(prediction.bold_from_eeg, aligned.axis, cells)
    places = tuple(f"block {cells.block[row]}, slice {cells.slice[row]}" for row in rows)
    kinds = _no_kind(len(rows))
    starts = np.array([cells.times(int(row))[0] for row in rows])
    pair = cells.data[rows], predicted[rows]
    yield _trace("bold_from_eeg", "image units", (places, kinds), pair, (starts, cells.volumes.tr))


def _eeg(prediction: Prediction, run: HeldOut) -> Iterator[Trace]:
    """Yield the potential at channels, without its mean."""
    if prediction.eeg_from_bold is None:
        return
    aligned = run.aligned
    rows = spread(np.arange(len(aligned.eeg)))
    places = tuple(f"channel {aligned.montage.names[row]}" for row in rows)
    kinds = _no_kind(len(rows))
    pair = 1e6 * aligned.eeg[rows], 1e6 * prediction.eeg_from_bold[rows]
    time = np.full(len(rows), aligned.axis.times[0]), 1 / aligned.axis.sfreq
    yield _trace("eeg_from_bold", "µV", (places, kinds), pair, time)


def _no_kind(n_places: int) -> tuple[SourceKind, ...]:
    """Return the kind of places that show no source."""
    none: SourceKind = "all"
    return (none,) * n_places


def spread(rows: Int[ndarray, " rows"]) -> Int[ndarray, " chosen"]:
    """Return at most `N_PLACES` rows, evenly spaced from the first to the last."""
    if len(rows) <= N_PLACES:
        return rows
    return np.asarray(rows[np.round(np.linspace(0, len(rows) - 1, N_PLACES)).astype(int)])


def _trace(
    quantity: Quantity,
    unit: str,
    where: tuple[tuple[str, ...], tuple[SourceKind, ...]],
    pair: tuple[Float[ndarray, "places times"], Float[ndarray, "places times"]],
    time: tuple[Float[ndarray, " places"], float],
) -> Trace:
    """Score both time courses where all methods are scored, and keep their start."""
    edge, (starts, step) = Scorer("").edge, time
    first, last = (int(np.ceil(seconds / step)) for seconds in edge)
    truth, estimate = (values[:, first : values.shape[1] - last] for values in pair)
    r = correlate_rows(estimate, truth)
    r[np.isnan(r) & (np.ptp(truth, axis=1) > 0)] = 0.0
    n_kept = round(SHOWN_SECONDS / step)
    kept = [_centred(values, unit)[:, :n_kept].astype(np.float32) for values in (truth, estimate)]
    return Trace(quantity, unit, *where, step, starts + first * step, kept[0], kept[1], r)


def _centred(values: Float[ndarray, "places times"], unit: str) -> Float[ndarray, "places times"]:
    """Return time courses without their means, those without a unit with sd 1."""
    centred = values - values.mean(axis=1, keepdims=True)
    if unit != "sd":
        return np.asarray(centred)
    return np.asarray(centred / np.maximum(values.std(axis=1, keepdims=True), 1e-300))


def traces_path(folder: Path, method: str) -> Path:
    """Return the file of a method's time courses in the folder of a world."""
    return folder / "traces" / f"{method.replace(':', '--')}.safetensors"


def save_traces(path: Path, kept: RunTraces) -> str:
    """Write time courses; return the SHA-256 of the file."""
    traces = [
        {
            "quantity": one.quantity,
            "unit": one.unit,
            "places": one.places,
            "kinds": one.kinds,
            "step": one.step,
        }
        for one in kept.traces
    ]
    words = json.dumps({"run": kept.run, "traces": traces})
    arrays = {
        f"{one.quantity}.{name}": np.ascontiguousarray(getattr(one, name))
        for one in kept.traces
        for name in _ARRAYS
    }
    content = safetensors.numpy.save(arrays | {"words": np.frombuffer(words.encode(), np.uint8)})
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def are_kept(path: Path, digest: str) -> bool:
    """Return whether the file is there with this SHA-256."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def load_traces(path: Path) -> RunTraces:
    """Read time courses.

    Raises
    ------
    StoreError
        When they are missing, or no time courses of ours.
    """
    arrays = read_arrays(path)
    try:
        words = json.loads(arrays["words"].tobytes())
        traces = tuple(
            Trace(
                cast(Quantity, one["quantity"]),
                one["unit"],
                tuple(one["places"]),
                tuple(one["kinds"]),
                one["step"],
                *(arrays[f"{one['quantity']}.{name}"] for name in _ARRAYS),
            )
            for one in words["traces"]
        )
        return RunTraces(words["run"], traces)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{path}: holds no time courses of a benchmark ({type(error).__name__}: {error}); "
            "remove it and run the benchmark again"
        ) from error
