"""Peak memory: a chunk with recomputation against one without, and a long stream against a short one."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import torch

from benchmarks.setup import composed, prepared
from throughtime.data.batch import Batch, Chunk
from throughtime.errors import UserError
from throughtime.run.build import build_task
from throughtime.run.log_filters import filter_logs
from throughtime.task.base import Task

WARM_UP = 400  # steps of a chunk before the measured one, in which kernels are compiled
TRAIN = Path(__file__).resolve().parent.parent.parent / "train.py"


def measure(overrides: list[str], rounds: int, steps: int) -> dict[str, Any]:
    """Measure peak memory and time, each setting in a process of its own; with engine=fused by default.

    Args:
        overrides: settings of what is measured.
        rounds: how often a chunk is measured; the smallest time and the largest memory are reported.
        steps: T of the chunk, one lane; the streams are runs of train.py over 10 T and 100 T tokens.
    """
    overrides = ["engine=fused", *overrides]
    figures: dict[str, Any] = {
        "unit": "MB, of a chunk over weights and input; µs a step, forward and backward"
    }
    for name, setting in (("in segments", "true"), ("at once", "false")):
        settings = [
            *overrides,
            "data.batch_size=1",
            f"data.chunk_length={WARM_UP}",
            f"engine.recompute={setting}",
        ]
        found = [_in_own_process(settings, steps, torch.get_num_threads()) for _ in range(rounds)]
        figures[f"memory {name}"] = max(memory for memory, _ in found)
        figures[f"time {name}"] = min(seconds for _, seconds in found)
    figures["time ratio"] = figures["time in segments"] / figures["time at once"]
    for times in (10, 100):
        figures[f"peak of a run over {times * steps:.0e} tokens"] = stream(overrides, times * steps)
    return figures


def stream(overrides: list[str], tokens: int) -> float:
    """Peak memory, in MB, of a whole run of train.py over a number of tokens."""
    data = composed(overrides)["data"]
    updates = max(1, tokens // (data["batch_size"] * data["chunk_length"]))
    with tempfile.TemporaryDirectory() as folder:
        settings = ["task=textgen", *overrides, f"trainer.max_steps={updates}", f"hydra.run.dir={folder}/run"]
        run = subprocess.Popen([sys.executable, str(TRAIN), *settings], cwd=folder, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode:
        raise UserError(f"train.py {' '.join(settings)} ended with {run.returncode}")
    return usage.ru_maxrss / 1024


def _in_own_process(overrides: list[str], steps: int, threads: int) -> tuple[float, float]:
    """`chunk` in a process that does nothing else."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(chunk, (overrides, steps, threads))


def chunk(overrides: list[str], steps: int, threads: int) -> tuple[float, float]:
    """Peak memory of one chunk of T steps, in MB above the memory in use before it, and µs a step."""
    filter_logs()
    torch.set_num_threads(threads)
    config, data, artifacts = prepared(overrides)
    task = build_task(config, artifacts)
    batches = chain.from_iterable(repeat(data.train_dataloader()))
    pieces = list(islice(batches, -(-steps // WARM_UP)))
    inputs, targets = (
        torch.cat([getattr(piece, name) for piece in pieces])[:steps] for name in ("inputs", "targets")
    )
    for _ in range(2):
        _forward_and_backward(task, Batch(Chunk(inputs[:WARM_UP]), targets[:WARM_UP]))
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before, begin = _peak_megabytes(), time.perf_counter()
    _forward_and_backward(task, Batch(Chunk(inputs), targets))
    return _peak_megabytes() - before, (time.perf_counter() - begin) / steps * 1e6


def _forward_and_backward(task: Task, batch: Batch) -> None:
    task.zero_grad(set_to_none=False)
    task.chunk_loss("train", batch)[0].backward()


def _peak_megabytes() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
