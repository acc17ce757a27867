"""The processes that train one model together (`trainer=ddp`): this one, rank 0, and the others, which it starts.

The others read no command line. Each is a Python of its own (`throughtime.run.worker`) that is told by one line of JSON
what rank 0 has composed, claimed and checked, so that there is one run folder, one voice on the terminal and one place
where mistakes are found; and it works the same from a sweep, a notebook or a test. A rank ends with rank 0, however
that ends: its standard input closes.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from lightning.fabric.plugins.environments import ClusterEnvironment

from throughtime.errors import UserError
from throughtime.run.build import Config
from throughtime.run.folder import RunFolder

READY = "ready\n"
ADDRESS = "127.0.0.1"


class Lost(RuntimeError):
    """Another rank is not there."""


@dataclass(frozen=True)
class Order:
    """What a rank is told.

    Attributes:
        rank: its number, from 1.
        port: where rank 0 awaits the others, on this machine.
        config: the whole resolved configuration.
        folder: of the run.
        checkpoint: where the run goes on from; None for a new one.
    """

    rank: int
    port: int
    config: Config
    folder: str
    checkpoint: str | None


class SingleNodeEnvironment(ClusterEnvironment):
    """Tells Lightning which rank this process is, and that it has no processes to start.

    Args:
        rank: the number of this process.
        port: where the ranks meet; None for a free one.
    """

    creates_processes_externally = True
    main_address = ADDRESS
    main_port = 0

    def __init__(self, rank: int = 0, port: int | None = None) -> None:
        super().__init__()
        self._rank = rank
        self._ranks = 1
        self.main_port = free_port() if port is None else port

    @staticmethod
    def detect() -> bool:
        return True

    def world_size(self) -> int:
        return self._ranks

    def set_world_size(self, size: int) -> None:
        self._ranks = size

    def global_rank(self) -> int:
        return self._rank

    def set_global_rank(self, rank: int) -> None:
        """Ranks have their numbers from the beginning."""

    def local_rank(self) -> int:
        return self._rank

    def node_rank(self) -> int:
        return 0


def check_ranks(count: int, config: Config) -> None:
    """Raise `UserError` where more devices are asked for than the configuration can use.

    Args:
        count: the devices that Lightning has found for `trainer.devices`, each of which is a rank.
        config: the whole configuration.
    """
    if count == 1:
        return
    if config["trainer"].get("strategy", "auto") == "auto":
        raise UserError(
            f"trainer.devices={config['trainer']['devices']} are {count} devices; trainer=ddp trains on more than one"
        )
    batch_size = config["data"]["batch_size"]
    if batch_size < count:
        raise UserError(
            f"data.batch_size={batch_size} is shared out among {count} processes; set it to {count} or more, or "
            "trainer.devices lower"
        )


def free_port() -> int:
    """A port that no one listens on."""
    with socket.socket() as listener:
        listener.bind((ADDRESS, 0))
        return listener.getsockname()[1]


@contextmanager
def other_ranks(
    count: int, port: int, config: Config, folder: RunFolder, checkpoint: Path | None
) -> Iterator[None]:
    """Within this block `count` ranks, this one included, are ready to train; after it the others are gone.

    Raises:
        RuntimeError: another rank could not start or has failed, with its own words, which are in the folder too.
    """
    if count == 1:
        yield
        return
    threads = torch.get_num_threads()
    share = max(1, threads // count)
    others = [_start(share) for _ in range(1, count)]
    try:
        torch.set_num_threads(share)
        for rank, process in enumerate(others, 1):
            path = None if checkpoint is None else str(checkpoint)
            order = Order(rank, port, config, str(folder.path), path)
            with suppress(BrokenPipeError):  # told below
                process.stdin.write(json.dumps(asdict(order)) + "\n")
                process.stdin.flush()
        for rank, process in enumerate(others, 1):
            if process.stdout.readline() != READY:
                raise Lost(f"rank {rank} of {count} has not started")
        yield
        for process in others:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=60)
    except RuntimeError as error:
        if isinstance(error, Lost | torch.distributed.DistError) or "gloo" in str(error):
            _blame(others, folder, error)
        raise
    finally:
        for process in others:
            _end(process)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        torch.set_num_threads(threads)


def _start(threads: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "throughtime.run.worker"],
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


def _blame(others: list[subprocess.Popen[str]], folder: RunFolder, error: Exception) -> None:
    """Raise for the rank that failed, where this one only finds that the connection is lost."""
    for rank, process in enumerate(others, 1):
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        told = folder.error_of(rank)
        if told.exists():
            raise RuntimeError(f"rank {rank} failed: {told.read_text()}") from error
        if process.returncode is not None and process.returncode < 0:
            raise RuntimeError(f"rank {rank} was ended by signal {-process.returncode}") from error
