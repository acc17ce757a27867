"""Processes that torchrun or SLURM's srun has started, on one machine or on several: each runs train.py.

Rank 0 reads the command line, composes the run and sends what a worker needs through a store (key `ORDER`); the other
ranks read no command line and wait for it. The store is torchrun's own, or rank 0's at the address that the launcher
names; whoever reaches that address can join the run, so it belongs on the network of a cluster.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from lightning.fabric.plugins.environments import ClusterEnvironment
from torch import distributed
from torch.distributed import DistError, PrefixStore, Store, TCPStore

from throughtime.distributed.launcher import WorkerLost, WorkerSpec
from throughtime.distributed.place import Place

ORDER = "throughtime/order"
"""The key of what rank 0 sends: the specification of each worker, or the exit code with which all end."""

LONGEST_WAIT = timedelta(days=1)
"""For what rank 0 does before the run begins, such as to read the data."""
END_WAIT = timedelta(seconds=60)
"""For the workers to end after rank 0, which may hold the store."""
LOOPBACK = re.compile(r"localhost|127\.[\d.]+|::1")


class ExternalEnvironment(ClusterEnvironment):
    """Cluster environment of processes that were started from outside; Lightning starts none of its own.

    Args:
        place: of this process among all.
        store: by which the ranks find each other; it holds the store of the process group too.
    """

    creates_processes_externally = True

    def __init__(self, place: Place, store: Store) -> None:
        super().__init__()
        self.place = place
        self.root = store

    @property
    def main_address(self) -> str:
        return self.place.address

    @property
    def main_port(self) -> int:
        return self.place.port

    @property
    def loopback_only(self) -> bool:
        """Whether all ranks are on this machine, by the address at which they find each other."""
        return LOOPBACK.fullmatch(self.place.address) is not None

    @staticmethod
    def detect() -> bool:
        return True

    def store(self) -> Store:
        """The store of the process group."""
        return PrefixStore("throughtime/group", self.root)

    def world_size(self) -> int:
        return self.place.world_size

    def set_world_size(self, size: int) -> None:
        """Do nothing: the launcher has chosen it."""

    def global_rank(self) -> int:
        return self.place.rank

    def set_global_rank(self, rank: int) -> None:
        """Do nothing: a rank has its number from the start."""

    def local_rank(self) -> int:
        return self.place.local_rank

    def node_rank(self) -> int:
        return self.place.rank // self.place.local_size


@cache
def connect(place: Place) -> Store:
    """The store by which the ranks of an external launcher find each other; a process has one.

    Raises:
        WorkerLost: rank 0 cannot be reached.
    """
    try:
        return TCPStore(
            place.address,
            place.port,
            is_master=place.rank == 0 and not place.hosted,
            wait_for_workers=False,
            timeout=LONGEST_WAIT if place.rank else END_WAIT,
        )
    except DistError as error:
        raise WorkerLost(
            f"rank {place.rank} cannot reach {place.address}:{place.port} ({str(error).splitlines()[0]})"
        ) from error


def receive(store: Store, rank: int) -> WorkerSpec | int:
    """Wait for what rank 0 sends this worker: its specification, or the exit code with which all ranks end."""
    store.wait([ORDER], LONGEST_WAIT)
    order = json.loads(store.get(ORDER))
    return order["exit_code"] if "exit_code" in order else WorkerSpec(**order["specs"][rank - 1])


@contextmanager
def lead_workers(
    store: Store, specs: Sequence[WorkerSpec], error_file: Callable[[int], Path]
) -> Iterator[None]:
    """Inside this block the workers of an external launcher train, by the specifications that rank 0 sends them.

    Args:
        store: of the ranks.
        specs: one for each rank but 0, which is this process.
        error_file: the file in which a rank reports its failure.

    Raises:
        RuntimeError: a worker has failed, with its own error message.
    """
    _send(store, {"specs": [asdict(spec) for spec in specs]})
    try:
        yield
        with suppress(DistError):
            store.wait([_ended(spec.rank) for spec in specs], END_WAIT)
    except RuntimeError as error:
        for spec in specs:
            report = error_file(spec.rank)
            if report.exists():
                raise RuntimeError(f"rank {spec.rank} failed: {report.read_text()}") from error
        raise
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def dismiss(store: Store, exit_code: int) -> None:
    """End the workers that still wait, where rank 0 ends without a run."""
    if not store.check([ORDER]):
        _send(store, {"exit_code": exit_code})


def report_end(store: Store, rank: int) -> None:
    """Tell rank 0, which may hold the store, that this worker needs it no longer."""
    with suppress(DistError):
        store.set(_ended(rank), "")


def _send(store: Store, order: Mapping[str, Any]) -> None:
    store.set(ORDER, json.dumps(order))


def _ended(rank: int) -> str:
    return f"throughtime/ended/{rank}"
