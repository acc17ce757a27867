"""Launcher of the worker processes that train one model on several devices (`trainer=ddp`).

This process is rank 0 and starts the others. A worker reads no command line: it gets a `WorkerSpec` as one line of
JSON, with everything that rank 0 has composed and checked, so that there is one run folder, one output on the terminal
and one place where errors are found, from a command, a sweep, a notebook or a test alike. A worker ends with rank 0,
however that ends, because its standard input closes.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.environments import ClusterEnvironment
from torch.distributed import FileStore, HashStore, Store

READY = "ready\n"
STORE = "store"
"""The file by which the ranks find each other."""


class WorkerLost(RuntimeError):
    """A worker process does not answer."""


@dataclass(frozen=True)
class WorkerSpec:
    """The specification of one worker.

    Attributes:
        rank: its number, from 1.
        meeting: the folder by which the ranks find each other.
        config: the whole resolved configuration, in plain containers.
        folder: of the run.
        checkpoint: the checkpoint that the run goes on from; None for a new run.
    """

    rank: int
    meeting: str
    config: Mapping[str, Any]
    folder: str
    checkpoint: str | None


class SingleNodeEnvironment(ClusterEnvironment):
    """Cluster environment of one machine: the rank of this process; Lightning starts no processes of its own.

    Args:
        rank: the number of this process.
        folder: the one by which the ranks find each other, of the user's own; None for a run of one process.
    """

    creates_processes_externally = True
    loopback_only = True
    main_address = "127.0.0.1"
    main_port = 0
    """Lightning asks for an address; the ranks connect without one (`throughtime.distributed.strategy`)."""

    def __init__(self, rank: int = 0, folder: str | None = None) -> None:
        super().__init__()
        self.folder = folder
        self._rank = rank
        self._world_size = 1

    @staticmethod
    def detect() -> bool:
        return True

    def store(self) -> Store:
        """The store of the process group: a file, or the memory of a process that is alone."""
        if self._world_size == 1:
            return HashStore()
        return FileStore(f"{self.folder}/{STORE}", self._world_size)

    def world_size(self) -> int:
        return self._world_size

    def set_world_size(self, size: int) -> None:
        self._world_size = size

    def global_rank(self) -> int:
        return self._rank

    def set_global_rank(self, rank: int) -> None:
        """Do nothing: a rank has its number from the start."""

    def local_rank(self) -> int:
        return self._rank

    def node_rank(self) -> int:
        return 0


@contextmanager
def meeting_folder() -> Iterator[str]:
    """Inside this block there is a temporary folder of mode 0700, by which the ranks of a run find each other."""
    with tempfile.TemporaryDirectory(prefix="throughtime-ranks-", ignore_cleanup_errors=True) as folder:
        yield folder


@contextmanager
def launch_workers(
    module: str, specs: Sequence[WorkerSpec], error_file: Callable[[int], Path]
) -> Iterator[None]:
    """Inside this block the workers are ready to train; after it they are gone.

    Args:
        module: the one whose `main` a worker runs (`python -m <module>`): it reads a `WorkerSpec` as one line of JSON
            from its standard input, and prints `READY` once it can train.
        specs: one for each rank but 0, which is this process.
        error_file: the file in which a rank reports its failure.

    Raises:
        RuntimeError: a worker could not start or has failed, with its own error message.
    """
    if not specs:
        yield
        return
    threads = torch.get_num_threads()
    share = max(1, threads // (len(specs) + 1))
    workers = {spec.rank: _start(module, share) for spec in specs}
    try:
        torch.set_num_threads(share)
        for spec in specs:
            process = workers[spec.rank]
            with suppress(BrokenPipeError):  # reported below
                process.stdin.write(json.dumps(asdict(spec)) + "\n")
                process.stdin.flush()
        for rank, process in workers.items():
            if process.stdout.readline() != READY:
                raise WorkerLost(f"rank {rank} of {len(specs) + 1} has not started")
        yield
        for process in workers.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=60)
    except RuntimeError as error:
        if isinstance(error, WorkerLost | torch.distributed.DistError) or "gloo" in str(error):
            _raise_worker_error(workers, error_file, error)
        raise
    finally:
        for process in workers.values():
            _end(process)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        torch.set_num_threads(threads)


def _start(module: str, threads: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module],  # -P: no file of the working folder takes a module's place
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
    )


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _raise_worker_error(
    workers: Mapping[int, subprocess.Popen[str]], error_file: Callable[[int], Path], error: Exception
) -> None:
    """Raise the error of the worker that failed, where this process only finds the connection closed."""
    for rank, process in workers.items():
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        report = error_file(rank)
        if report.exists():
            raise RuntimeError(f"rank {rank} failed: {report.read_text()}") from error
        if process.returncode is not None and process.returncode < 0:
            raise RuntimeError(f"rank {rank} was ended by signal {-process.returncode}") from error
