"""What all commands share: options, progress, and errors as exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

from cyclopts import Parameter, validators
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from neurotranscoder.config import Config, load_config
from neurotranscoder.core.errors import InputError, NeurotranscoderError
from neurotranscoder.train.device import Device

DONE, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 75
_LINE_EVERY = 10  # plain logs get a line for each tenth of a task

Advance = Callable[..., None]
Stage = Literal["group", "subject"]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Common:
    """Options of every command that reads a study."""

    config: Annotated[
        Path | None,
        Parameter(
            help="Settings as a TOML file, or an experiment: oddball-paper, oddball, faces."
        ),
    ] = None
    set: Annotated[
        tuple[str, ...],
        Parameter(
            help="One setting, as train.split.test=1; may be repeated.",
            negative="",
            consume_multiple=False,
        ),
    ] = ()
    participant_label: Annotated[
        tuple[str, ...],
        Parameter(help="Subjects to read, without 'sub-'.", negative="", consume_multiple=1),
    ] = ()
    seed: Annotated[int | None, Parameter(help="Seed of networks and their training.")] = None
    device: Annotated[Device, Parameter(help="Where networks are trained.")] = "auto"

    def words(self) -> str:
        """Return the settings as they were given, for the command that goes on with them."""
        config = [] if self.config is None else ["--config", str(self.config)]
        changed = [word for one in self.set for word in ("--set", one)]
        seed = [] if self.seed is None else ["--seed", str(self.seed)]
        return "".join(f" {quote(word)}" for word in (*config, *changed, *seed))

    def settings(self) -> Config:
        """Return the resolved settings."""
        overrides = list(self.set)
        if self.participant_label:
            labels = ", ".join(json.dumps(label) for label in self.participant_label)
            overrides.append(f"study.participants=[{labels}]")
        if self.seed is not None:
            parts = ("train.residual", "train.paper", "paper_subject")
            overrides += [f"{part}.seed={self.seed}" for part in parts]
        return load_config(self.config, overrides)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Workers:
    """Where independent work is done; results are the same (fits with one thread, to the byte)."""

    jobs: Annotated[
        int, Parameter(help="Processes on this machine.", validator=validators.Number(gte=1))
    ] = 1
    cluster: Annotated[
        str | None,
        Parameter(help="Dask scheduler, as tcp://host:8786; its workers see the same files."),
    ] = None


_OVERHEARD: ContextVar[list[str] | None] = ContextVar("overheard", default=None)


@contextmanager
def overheard() -> Iterator[list[str]]:
    """Collect what is said meanwhile: a worker's words, for the process that it works for."""
    lines: list[str] = []
    token = _OVERHEARD.set(lines)
    try:
        yield lines
    finally:
        _OVERHEARD.reset(token)


def say(text: str) -> None:
    """Write a line about what is being done, to the error stream; rank 0 speaks for all."""
    lines = _OVERHEARD.get()
    if lines is not None:
        lines.append(text)
    elif not _rank():
        print(text, file=sys.stderr, flush=True)  # noqa: T201


def complain(text: str) -> None:
    """Write what went wrong, to the error stream; ranks beside rank 0 say which."""
    place = f"rank {_rank()}: " if _rank() else ""
    print(f"{place}{text}", file=sys.stderr, flush=True)  # noqa: T201


def _rank() -> int:
    """Return the number that torchrun gave this process; 0 without it."""
    number = os.environ.get("RANK", "0")
    several = os.environ.get("WORLD_SIZE", "1") != "1"
    return int(number) if several and number.isdecimal() else 0


@contextmanager
def progress(task: str) -> Iterator[Advance]:
    """Show how far a task is: a bar with the time left on a terminal, plain lines in a log.

    Ranks beside rank 0 show nothing.

    Yields
    ------
    advance : callable
        Called with (done, total), and anything else after them.
    """
    console = Console(stderr=True)
    if not console.is_terminal or _rank():
        yield _plain_lines(task)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        number = bar.add_task(task, total=None)

        def advance(done: int, total: int, *_: object) -> None:
            bar.update(number, completed=done, total=total)

        yield advance


def _plain_lines(task: str) -> Advance:
    """Return a function that writes about ten lines over a task."""
    written = -1

    def advance(done: int, total: int, *rest: object) -> None:
        nonlocal written
        tenth = done * _LINE_EVERY // max(total, 1)
        if tenth != written or done == total:
            written = tenth
            loss = f", loss {rest[0]:.4f}" if rest and isinstance(rest[0], float) else ""
            say(f"{task}: {done}/{total}{loss}")

    return advance


def exit_code(action: Callable[[], None]) -> int:
    """Run a command; turn errors that a user can meet into a message and an exit code."""
    try:
        action()
    except InputError as error:
        complain(f"{type(error).__name__}: {error}")
        return BAD_INPUT
    except NeurotranscoderError as error:
        complain(f"{type(error).__name__}: {error}")
        return FAILED
    except OSError as error:
        complain(f"{error}; a file cannot be read or written; check permissions and free space")
        return FAILED
    except KeyboardInterrupt:
        complain("stopped; run the same command again to go on")
        return STOPPED
    return DONE
