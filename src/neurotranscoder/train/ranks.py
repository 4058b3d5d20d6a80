"""Processes that share a training, as ``torchrun`` starts them: each is a rank of one group."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor

from neurotranscoder.core.errors import SettingsError, WorkerError
from neurotranscoder.train.network import NetworkSettings

_CPU = torch.device("cpu")
_PATIENCE = timedelta(minutes=5)
_VARIABLES = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Ranks:
    """A process among those that share a training.

    Parameters
    ----------
    rank : int
        Number of this process; rank 0 writes files and messages.
    n_ranks : int
        Number of processes; 1 where a training is not shared.
    device : torch.device
        Where tensors are when they are exchanged.
    """

    rank: int = 0
    n_ranks: int = 1
    device: torch.device = _CPU

    @classmethod
    def current(cls) -> Ranks:
        """Return the group that this process has joined, or this process alone."""
        if not (dist.is_available() and dist.is_initialized()):
            return cls()
        on_gpu = dist.get_backend() == "nccl"
        device = torch.device("cuda", torch.cuda.current_device()) if on_gpu else _CPU
        return cls(dist.get_rank(), dist.get_world_size(), device)

    @property
    def leads(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0

    def check(self, settings: NetworkSettings) -> None:
        """Refuse steps that have fewer windows than there are ranks.

        Raises
        ------
        SettingsError
            When a rank would never have anything to do.
        """
        _check_windows(settings, self.n_ranks)

    def share(
        self,
        items: Sequence[_Item],
        function: Callable[[_Item], Float[Tensor, " n"]],
        empty: Float[Tensor, " n"],
    ) -> Iterator[Float[Tensor, " n"]]:
        """Yield the vectors of all items, in order, on every rank.

        Rank r calls the function for items r, r + n, ...; vectors travel unchanged, so that what
        is made of them is the same on every rank, to the last bit.

        Parameters
        ----------
        items : sequence
            The same on every rank.
        function : callable
            Returns a vector of the size, precision and device of ``empty``.
        empty : tensor, shape (n,)
            What a rank sends when it has no item left.

        Raises
        ------
        WorkerError
            When another rank is gone, or silent for too long.
        """
        for start in range(0, len(items), self.n_ranks):
            mine = start + self.rank
            vector = function(items[mine]) if mine < len(items) else empty
            yield from self.gather(vector)[: len(items) - start]

    def gather(self, vector: Float[Tensor, " n"]) -> list[Tensor]:
        """Return the vectors of all ranks, in their order."""
        if self.n_ranks == 1:
            return [vector]
        found = [torch.empty_like(vector) for _ in range(self.n_ranks)]
        with _lost_ranks(self.rank):
            dist.all_gather(found, vector)
        return found

    def from_first(self, content: bytes) -> bytes:
        """Return on every rank what rank 0 has; what others bring is not looked at."""
        if self.n_ranks == 1:
            return content
        size = torch.tensor([len(content)], device=self.device)
        with _lost_ranks(self.rank):
            dist.broadcast(size, src=0)
            data = torch.zeros(int(size), dtype=torch.uint8, device=self.device)
            if self.leads:
                data.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
            dist.broadcast(data, src=0)
        return data.cpu().numpy().tobytes()

    def check_same(self, text: str) -> None:
        """Refuse ranks that were given different trainings, by a text that describes each.

        Raises
        ------
        WorkerError
            On every rank, when the text of one differs.
        """
        digest = hashlib.sha256(text.encode()).digest()
        mine = torch.tensor(list(digest), dtype=torch.float64, device=self.device)
        found = self.gather(mine)
        odd = [rank for rank, other in enumerate(found) if not torch.equal(other, found[0])]
        if odd:
            raise WorkerError(
                f"ranks {odd} were given other settings, runs or sizes than rank 0; all need the "
                "same command, the same study and the same version; start them again so"
            )


def launched() -> tuple[int, int]:
    """Return rank and number of ranks as the environment states them: 0 and 1 by default.

    Raises
    ------
    SettingsError
        When there are several, and the environment does not say how they meet.
    """
    n_ranks = os.environ.get("WORLD_SIZE", "1")
    if n_ranks == "1":
        return 0, 1
    missing = [name for name in _VARIABLES if name not in os.environ]
    try:
        rank, n = int(os.environ.get("RANK", "0")), int(n_ranks)
        valid = 0 <= rank < n
    except ValueError:
        valid = False
    if missing or not valid:
        raise SettingsError(
            f"WORLD_SIZE is {n_ranks!r}, RANK {os.environ.get('RANK')!r}, and {missing} are not "
            "set; several processes need all of them, as torchrun sets them; start with torchrun, "
            "or unset WORLD_SIZE"
        )
    return rank, n


@contextmanager
def joined(
    device: torch.device,
    settings: NetworkSettings | None = None,
    *,
    patience: timedelta = _PATIENCE,
) -> Iterator[Ranks]:
    """Join the processes that ``torchrun`` started with this one; leave them at the end.

    Parameters
    ----------
    device : torch.device
        Where this process trains: GPUs talk by NCCL, all else by gloo.
    settings : NetworkSettings, optional
        Refused before anything is done where ranks would have no windows.
    patience : timedelta
        How long one rank waits for another before it gives up.

    Yields
    ------
    ranks : Ranks
        This process alone, where there is no other.

    Raises
    ------
    SettingsError
        When steps have fewer windows than there are ranks.
    WorkerError
        When the others cannot be met.
    """
    rank, n_ranks = launched()
    if n_ranks == 1 or dist.is_initialized():
        yield Ranks.current()
        return
    if settings is not None:
        _check_windows(settings, n_ranks)
    backend = "gloo"
    if device.type == "cuda":
        backend = "nccl"
        torch.cuda.set_device(device)
        os.environ.setdefault("TORCH_NCCL_BLOCKING_WAIT", "1")  # else a timeout ends in SIGABRT
    with _lost_ranks(rank):
        dist.init_process_group(backend, timeout=patience)
    try:
        yield Ranks.current()
    finally:
        dist.destroy_process_group()


def _check_windows(settings: NetworkSettings, n_ranks: int) -> None:
    """Refuse steps that have fewer windows than there are ranks."""
    got = settings.windows_per_step
    if got < n_ranks:
        section = "residual" if settings.architecture == "gated" else settings.architecture
        raise SettingsError(
            f"train.{section}.windows_per_step is {got} and {n_ranks} ranks were started; each "
            f"needs a window of every step; set it to {n_ranks} or a multiple, or start {got}"
        )


@contextmanager
def _lost_ranks(rank: int) -> Iterator[None]:
    """Say what it means when an exchange with other ranks fails."""
    try:
        yield
    except RuntimeError as error:
        silent = "timed out" in str(error).lower() or "timeout" in str(error).lower()
        raise WorkerError(
            f"rank {rank} lost the other ranks of its training "
            f"({'no answer in time' if silent else 'a connection was closed'}); all need to run "
            "until the end; look for the first error among their messages, then run the same "
            "command again: it goes on from its last checkpoint"
        ) from error
