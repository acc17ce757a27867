"""Worker process of a parallel sweep: redirected output, signals, and the choice of a GPU."""

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
from throughtime.files import make_subfolder, no_follow
from throughtime.signals import stopping_signals
from throughtime.sweep.journal import Journal
from throughtime.sweep.run_job import OUTPUT, STOP, run_job

SLOTS = ".slots"
_slot: IO[str] | None = None  # open, and so locked, for as long as this process lives


def run_in_worker(config: DictConfig) -> None:
    """Run one job, as Hydra's parallel launchers call it; only the job's folder is read from the configuration.

    The job's folder records its outcome, and a signal is not an error for the launcher.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    journal = Journal(folder.parent)
    with (
        suppress(Interrupted, KeyboardInterrupt),
        _redirect_output(folder / OUTPUT),
        _watch_for_stop(folder.parent),
    ):
        choose_device(folder.parent)
        run_job(folder, journal.add, config.sweep.fail_fast)


@contextmanager
def _redirect_output(path: Path) -> Iterator[None]:
    """Redirect the output of this process and its libraries into a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    terminal = [os.dup(1), os.dup(2)]
    with open(path, "a", opener=no_follow) as file:
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
def _watch_for_stop(sweep: Path, interval: float = 0.3) -> Iterator[None]:
    """Inside this block a signal to stop raises `Interrupted`; one is sent once the sweep or its process stops."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in stopping_signals()}
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
    """Choose a GPU of this machine for the lifetime of this process; more processes than GPUs share them evenly.

    On a cluster the scheduler has chosen. A process cannot change its GPU after it has used it, so the choice holds for
    all jobs of this process.
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
    make_subfolder(folder.parent)
    make_subfolder(folder)
    number = 0
    while True:
        file = os.fdopen(no_follow(str(folder / str(number)), os.O_WRONLY | os.O_CREAT), "w")
        try:
            flock(file, LOCK_EX | LOCK_NB)
            return number, file
        except BlockingIOError:
            file.close()
            number += 1
