"""Methods of one's own: an object with ``fit`` and ``predict``, or files of predictions.

Neither is given any truth, and what they answer is checked before it is scored. Files were made
elsewhere, by somebody who had the test runs: what they looked at nobody can check.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from neurotranscoder.core.errors import MethodError, StoreError
from neurotranscoder.core.source import AlignedRun
from neurotranscoder.evaluate.methods.protocol import Knowledge
from neurotranscoder.evaluate.methods.registry import MethodSpec
from neurotranscoder.evaluate.scoring import Prediction
from neurotranscoder.io.arrays import SUFFIXES, read_arrays

_PARTS = tuple(field.name for field in fields(Prediction))


def load_factory(address: str) -> Callable[[], Any]:
    """Return the callable that an address names.

    Parameters
    ----------
    address : str
        ``package.module:factory``; modules of the current folder are found as well.

    Raises
    ------
    MethodError
        When the module cannot be imported or has no such callable.
    """
    module_name, found, name = address.partition(":")
    if not (found and module_name and name):
        raise MethodError(
            f"method {address!r} is no address; need package.module:factory, such as "
            "my_lab.methods:Wavelets"
        )
    try:
        with _current_folder():
            module = importlib.import_module(module_name)
    except Exception as error:
        raise MethodError(
            f"method {address!r}: {module_name} cannot be imported ({_words(error)}); install it, "
            "or run the command in its folder"
        ) from error
    factory = getattr(module, name, None)
    if not callable(factory):
        there = "is no callable" if hasattr(module, name) else "does not exist"
        raise MethodError(
            f"method {address!r}: {name} {there} in {module_name}; need a function or class that "
            "is called without arguments and returns an object with fit and predict"
        )
    return factory  # type: ignore[no-any-return]


@contextmanager
def _current_folder() -> Iterator[None]:
    """Let modules of the current folder be found."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)


class OutsideMethod:
    """A method of somebody else, its answers checked.

    Parameters
    ----------
    name : str
        What messages and tables call it.
    address : str
        ``package.module:factory``.
    """

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self._made = self._call("the factory", load_factory(address))
        missing = [part for part in ("fit", "predict") if not callable(_of(self._made, part))]
        if missing:
            raise MethodError(
                f"method {name!r}: {address} made a {type(self._made).__name__} without "
                f"{' and '.join(missing)}; need fit(training, validation) and predict(run)"
            )

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Let the method learn; whatever it does to the runs, others are shown them unchanged."""
        shown = ([_of_its_own(run) for run in runs] for runs in (training, validation))
        self._call("fit", self._made.fit, *shown)

    def predict(self, run: AlignedRun) -> Prediction:
        """Return what the method says about one run, checked."""
        found = self._call("predict", self._made.predict, _of_its_own(run))
        return checked(self.name, found, run)

    def _call(self, what: str, function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        """Call code of others; whatever it raises becomes an error that names it."""
        try:
            return function(*arguments)
        except (Exception, SystemExit) as error:
            raise MethodError(
                f"method {self.name!r}: {what} failed ({_words(error)}); repair it and run the "
                "same command again"
            ) from error


@dataclass(frozen=True, slots=True)
class PredictionFiles:
    """Predictions that were made elsewhere: one file for each test run.

    Parameters
    ----------
    name : str
        What messages and tables call it.
    folder : Path
        Holds ``<label of the run>.safetensors`` or ``.npz`` with arrays ``bold_from_eeg``, ...
    """

    name: str
    folder: Path

    def fit(self, training: Sequence[AlignedRun], validation: Sequence[AlignedRun]) -> None:
        """Nothing is left to learn."""

    def predict(self, run: AlignedRun) -> Prediction:
        """Return the arrays of a run's file, checked."""
        paths = [self.folder / f"{run.run.label}{suffix}" for suffix in SUFFIXES]
        there = [path for path in paths if path.is_file()]
        if len(there) != 1:
            found = "both files" if there else "no file"
            raise MethodError(
                f"method {self.name!r}: {found} of run {run.run.label} in {self.folder}; need "
                f"one, {paths[0].name} or {paths[1].name}"
            )
        try:
            return checked(self.name, read_arrays(there[0]), run)
        except StoreError as error:
            raise MethodError(f"method {self.name!r}: {error}") from error


def checked(name: str, found: object, run: AlignedRun) -> Prediction:
    """Return an answer as a `Prediction` of numbers that fit the run.

    Parameters
    ----------
    name : str
        The method, for messages.
    found : Prediction, or mapping from the names of its parts to arrays
        The answer.
    run : AlignedRun
        What it is about.

    Raises
    ------
    MethodError
        For an unknown part, a wrong shape, or what is not finite.
    """
    if isinstance(found, Prediction):
        parts = {part: getattr(found, part) for part in _PARTS}
    elif isinstance(found, Mapping):
        parts = dict(found)
    else:
        raise MethodError(
            f"method {name!r}: predict returned a {type(found).__name__}; need a Prediction, or a "
            f"mapping from some of {', '.join(_PARTS)} to arrays"
        )
    if unknown := sorted(str(part) for part in parts if part not in _PARTS):
        raise MethodError(
            f"method {name!r}: predicts {', '.join(unknown)}; known parts are {', '.join(_PARTS)}"
        )
    if all(values is None for values in parts.values()):
        raise MethodError(
            f"method {name!r}: says nothing about {run.run}; need some of {', '.join(_PARTS)}"
        )
    return Prediction(**{part: _array(name, part, values, run) for part, values in parts.items()})


def _array(name: str, part: str, values: object, run: AlignedRun) -> ndarray | None:
    """Return one part of an answer as finite numbers of the right shape."""
    if values is None:
        return None
    rows, what = (
        (len(run.eeg), "channels") if part.startswith("eeg") else (run.blocks.n_blocks, "blocks")
    )
    try:
        array = np.asarray(values)
        if np.iscomplexobj(array):
            raise TypeError("it is complex")
        array = array.astype(float)
    except (TypeError, ValueError) as error:
        raise MethodError(
            f"method {name!r}: {part} of {run.run} is no array of numbers ({error})"
        ) from error
    expected = (rows, run.axis.n_times)
    if array.shape != expected:
        raise MethodError(
            f"method {name!r}: {part} of {run.run} has shape {array.shape}; need {expected}: "
            f"{what} by frames"
        )
    if not np.all(np.isfinite(array)):
        raise MethodError(
            f"method {name!r}: {part} of {run.run} has {int(np.sum(~np.isfinite(array)))} NaN or "
            "infinite values; need finite numbers; leave a part out that cannot be predicted"
        )
    return array


@functools.cache
def outside_spec(name: str, address: str) -> MethodSpec:
    """Return somebody's method under a name; that it can be made is found out here, once.

    Raises
    ------
    MethodError
        When it cannot be made.
    """
    OutsideMethod(name, address)
    return MethodSpec(name, "rival", None, functools.partial(_outside, name, address))


def files_spec(name: str, folder: Path) -> MethodSpec:
    """Return the predictions of a folder as a method."""
    return MethodSpec(name, "rival", None, functools.partial(_files, name, folder))


def fingerprint_of(address: str) -> str:
    """Return a hash of the file that a method comes from; not of what that imports."""
    load_factory(address)
    source = getattr(sys.modules[address.partition(":")[0]], "__file__", None)
    content = Path(source).read_bytes() if source and Path(source).is_file() else b""
    return hashlib.sha256(address.encode() + content).hexdigest()


def fingerprint_of_files(folder: Path) -> str:
    """Return a hash of all predictions of a folder; the same for a folder that is not there."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*")):
        if path.suffix in SUFFIXES:
            digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _outside(name: str, address: str, _: Knowledge | None, __: int) -> OutsideMethod:
    return OutsideMethod(name, address)


def _files(name: str, folder: Path, _: Knowledge | None, __: int) -> PredictionFiles:
    return PredictionFiles(name, folder)


def _of(made: object, part: str) -> object:
    """Return a method of an object, or None."""
    return getattr(made, part, None)


def _words(error: BaseException) -> str:
    """Return an error as text."""
    return f"{type(error).__name__}: {error}"


def _of_its_own(run: AlignedRun) -> AlignedRun:
    """Return a copy of a run, but for its signals: these are large, and cannot be written to."""
    signals = [one for one in (run.eeg, run.bold, run.power, run.cells.data) if one is not None]
    return copy.deepcopy(run, {id(one): _locked(one) for one in signals})


def _locked(values: ndarray) -> ndarray:
    """Return a view that cannot be written to."""
    view = values.view()
    view.flags.writeable = False
    return view
