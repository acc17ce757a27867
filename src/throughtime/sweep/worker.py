"""A process that runs jobs beside others: its output out of the way, its signals, its share of the machine."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from types import FrameType
from typing import IO

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from throughtime.errors import Interrupted
from throughtime.sweep.journal import Journal
from throughtime.sweep.run_job import OUTPUT, STOP, perform

SLOTS = ".slots"
_slot: IO[str] | None = None  # open, and so locked, for as long as this process lives


def carried(config: DictConfig) -> None:
    """The function that Hydra's parallel launchers run, once a job; of the configuration only the job's folder counts.

    Whatever becomes of the job is in its folder, and a signal is no error to the launcher.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    journal = Journal(folder.parent)
    with (
        suppress(Interrupted, KeyboardInterrupt),
        _output_into(folder / OUTPUT),
        _stopping_with(folder.parent),
    ):
        choose_device(folder.parent)
        perform(folder, journal.add, config.sweep.fail_fast)


@contextmanager
def _output_into(path: Path) -> Iterator[None]:
    """Send all that this process and its libraries print into a file, so that jobs do not garble the terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    terminal = [os.dup(1), os.dup(2)]
    with path.open("a") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, before in zip((1, 2), terminal, strict=True):
            os.dup2(before, descriptor)
            os.close(before)


@contextmanager
def _stopping_with(sweep: Path, interval: float = 0.3) -> Iterator[None]:
    """Within this block SIGTERM raises `Interrupted`, and comes when the sweep is to stop or its process has died."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    ended, parent = threading.Event(), os.getppid()

    def watch() -> None:
        while not ended.wait(interval):
            if (sweep / STOP).exists() or os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        for number, handler in before.items():
            signal.signal(number, handler)


def choose_device(sweep: Path) -> None:
    """Take a GPU of this machine for as long as this process lives; more processes than GPUs share them evenly.

    A cluster's scheduler has done so already. A process cannot change its GPU after it has used it, so the choice
    holds for all jobs of this process.
    """
    global _slot
    if _slot is not None or "SLURM_JOB_ID" in os.environ:
        return
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(place) for place in range(torch.cuda.device_count())]
    if len(devices) < 2:
        return
    number, _slot = free_slot(sweep / SLOTS / os.uname().nodename)
    os.environ["CUDA_VISIBLE_DEVICES"] = devices[number % len(devices)]


def free_slot(folder: Path) -> tuple[int, IO[str]]:
    """The first number that no living process holds, with the open file that holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    while True:
        file = (folder / str(number)).open("w")
        try:
            flock(file, LOCK_EX | LOCK_NB)
            return number, file
        except BlockingIOError:
            file.close()
            number += 1
