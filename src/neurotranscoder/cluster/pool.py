"""A ``map`` whose calls run in other processes, on this machine or on a Dask cluster."""

from __future__ import annotations

import functools
import importlib
import itertools
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from neurotranscoder.core.errors import SettingsError, WorkerError
from neurotranscoder.io.scratch import scratch_folder

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_ONE_THREAD = dict.fromkeys(_THREADS, "1")
_JOBS_PER_WORKER = 2  # in flight: one that runs and one that waits
_PATIENCE = "10s"


@contextmanager
def pool(jobs: int, cluster: str | None = None) -> Iterator[Map]:
    """Offer a ``map`` that spreads calls and returns results in the order of the items.

    Few calls are in flight at a time, so items may be many and large. The function goes to each
    worker once: bind what all calls share to it with `functools.partial`. It must come from a
    module that workers can import. When a call fails, its exception is raised and calls that
    have not begun are dropped.

    Parameters
    ----------
    jobs : int
        Processes on this machine; 1 stays in this process.
    cluster : str, optional
        Address of a Dask scheduler, as tcp://host:8786, whose workers are used instead; 'local'
        is this machine.

    Yields
    ------
    map : callable
        Takes a function and items, returns an iterator; usable within the context only.

    Raises
    ------
    SettingsError
        For an unknown cluster, one that does not answer, or without Dask.
    WorkerError
        While iterating, when a worker died.
    """
    if jobs < 1:
        raise SettingsError(f"jobs is {jobs}; need at least 1")
    if cluster in (None, "local"):
        with _this_machine(jobs) as spread:
            yield spread
    elif cluster is not None and cluster.startswith(("tcp://", "tls://")):
        with _dask_cluster(cluster) as spread:
            yield spread
    else:
        raise SettingsError(
            f"cluster is {cluster!r}; need 'local' or the address of a Dask scheduler, as "
            "tcp://host:8786"
        )


@contextmanager
def _this_machine(jobs: int) -> Iterator[Map]:
    """Spread over processes, each with one thread; they end when this process is stopped."""
    if jobs == 1:
        yield map
        return
    context = multiprocessing.get_context("spawn")
    reader, lifeline = context.Pipe(duplex=False)
    with (
        _environment(_ONE_THREAD),
        scratch_folder(Path(tempfile.gettempdir())) as folder,
        reader,
        lifeline,
    ):
        executor = ProcessPoolExecutor(jobs, context, _begin_worker, (reader,))
        numbers = itertools.count()

        def spread(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
            path = folder / f"{next(numbers)}.pickle"
            with path.open("wb") as file:
                pickle.dump(function, file, protocol=pickle.HIGHEST_PROTOCOL)
            return _process_map(executor, path, items, _JOBS_PER_WORKER * jobs)

        try:
            yield spread
        except (KeyboardInterrupt, SystemExit):
            lifeline.close()
            raise
        finally:
            executor.shutdown(cancel_futures=True)


def _process_map(
    executor: ProcessPoolExecutor, path: Path, items: Iterable[Any], window: int
) -> Iterator[Any]:
    """Yield the results of a function that lies in a file."""
    try:
        yield from _in_order(lambda item: executor.submit(_call_stored, path, item), items, window)
    except BrokenProcessPool as error:
        raise WorkerError(
            "a worker process died before its job was done, as when memory runs out; run the same "
            "command again with fewer --jobs"
        ) from error
    finally:
        path.unlink(missing_ok=True)


def _in_order(submit: Callable[[Any], Any], items: Iterable[Any], window: int) -> Iterator[Any]:
    """Yield results in the order of the items, with a bounded number of calls in flight."""
    waiting: deque[Any] = deque()
    try:
        for item in items:
            waiting.append(submit(item))
            if len(waiting) == window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _begin_worker(lifeline: Connection) -> None:
    """Leave interrupts to the parent, and end when it lets go of its side of the lifeline."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    """End this process once the other side of a connection is gone."""
    try:
        lifeline.recv()
    except EOFError:
        os._exit(1)


@functools.lru_cache(maxsize=1)
def _stored(path: Path) -> Callable[[Any], Any]:
    """Return the function that the parent wrote, read once in each worker."""
    with path.open("rb") as file:
        function: Callable[[Any], Any] = pickle.load(file)
    return function


def _call_stored(path: Path, item: object) -> object:
    """Call the function in a file."""
    return _stored(path)(item)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment, which new processes inherit, and restore them."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _dask_cluster(address: str) -> Iterator[Map]:
    """Spread over the workers of a Dask scheduler."""
    with _connect(address) as client:
        yield functools.partial(_dask_map, client)


def _connect(address: str) -> Any:  # noqa: ANN401, Dask has no types
    """Return a client of a scheduler, or say why there is none."""
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise SettingsError(
            f"cluster is {address!r}, and Dask is not installed; run "
            "`pip install 'neurotranscoder[hpc]'`"
        ) from None
    try:
        return distributed.Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"no Dask scheduler answers at {address} ({error}); check the address, or start one "
            "with `dask scheduler`"
        ) from error


def _dask_map(
    client: Any,  # noqa: ANN401, Dask has no types
    function: Callable[[Any], Any],
    items: Iterable[Any],
) -> Iterator[Any]:
    """Yield results of a function that is sent to each worker once."""
    killed = importlib.import_module("distributed").KilledWorker
    shared = client.scatter([function], broadcast=True, hash=False)[0]
    submit = functools.partial(client.submit, _call_shared, shared, pure=False)
    window = _JOBS_PER_WORKER * max(sum(client.nthreads().values()), 1)
    try:
        yield from _in_order(submit, items, window)
    except killed as error:
        raise WorkerError(
            f"workers of the cluster died during a job ({error}); give them more memory, or fewer "
            "threads each, and run the same command again"
        ) from error


def _call_shared(function: Callable[[Any], Any], item: object) -> object:
    """Call a function that lies on the worker."""
    return function(item)
