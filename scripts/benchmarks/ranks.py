"""Weak and strong scaling of data-parallel training: measured on two processes, and a model of many ranks.

The processes average their gradients by DistributedDataParallel over gloo and the loopback interface, as `trainer=ddp`
does, with one thread each.
"""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed import FileStore
from torch.nn.parallel import DistributedDataParallel

from benchmarks.all_reduce import (
    Network,
    Step,
    fitted_network,
    fitted_step,
    strong_seconds,
    strong_speed_up,
    weak_efficiency,
    weak_seconds,
)
from benchmarks.machine import provenance
from benchmarks.setup import prepared
from throughtime.data.batch import Batch
from throughtime.distributed.launcher import meeting_folder
from throughtime.distributed.strategy import INTERFACES, loopback
from throughtime.run.build import build_task
from throughtime.run.log_filters import filter_logs
from throughtime.task.base import Task

HIDDEN_SIZES = (128, 512, 1024)
MANY = (8, 64, 512)
"""Numbers of ranks that the model tells."""
LANES, STEPS = 32, 32
REDUCED = tuple(4 << power for power in range(8, 25, 2))
"""Bytes of the measured all-reduces: 1 KiB to 64 MiB."""
ENOUGH = 0.2  # seconds of steps for a round


class LossOf(nn.Module):
    """The loss of a task's training chunk as a forward pass, so that DistributedDataParallel sees it."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task = task

    def forward(self, batch: Batch) -> Tensor:
        return self.task.chunk_loss("train", batch)[0]


def measure(overrides: list[str], rounds: int, log: Callable[[str], None]) -> dict[str, Any]:
    """Measure steps on one process and on two, fit the model, and tell what many ranks would give.

    Args:
        overrides: settings of the models beside `cell.hidden_size`, which takes each of `HIDDEN_SIZES`.
        rounds: of each measurement; medians count.
        log: is called with a line of progress before each part.
    """
    log("all-reduce of two processes")
    samples = _in_ranks(2, _all_reduce, rounds)
    network = fitted_network(samples, 2)
    found: dict[str, Any] = {
        **provenance(),
        "unit": "seconds",
        "samples": samples,
        **asdict(network),
        "models": [],
    }
    for hidden_size in HIDDEN_SIZES:
        log(f"steps of {hidden_size} units")
        settings = [*overrides, f"cell.hidden_size={hidden_size}", f"data.chunk_length={STEPS}"]
        parameters, whole = _in_ranks(1, _step, rounds, settings, LANES)
        _, half = _in_ranks(1, _step, rounds, settings, LANES // 2)
        _, weak = _in_ranks(2, _step, rounds, settings, 2 * LANES)
        _, strong = _in_ranks(2, _step, rounds, settings, LANES)
        step = fitted_step(parameters, LANES, whole, half)
        measured = {"one process": whole, "one process, half the lanes": half, "weak": weak, "strong": strong}
        found["models"].append(
            {"hidden_size": hidden_size, "measured": measured, **prediction(step, network)}
        )
    return found


def prediction(step: Step, network: Network) -> dict[str, Any]:
    """What the model tells of a step, for two ranks and for many."""
    rows = [
        {
            "ranks": ranks,
            "weak seconds": weak_seconds(step, network, ranks),
            "weak efficiency": weak_efficiency(step, network, ranks),
            "strong seconds": strong_seconds(step, network, ranks),
            "strong speed-up": strong_speed_up(step, network, ranks),
        }
        for ranks in (2, *MANY)
    ]
    return {**asdict(step), "ranks": rows}


def table(found: dict[str, Any]) -> str:
    """The network, and a row for each model and number of ranks."""
    lines = [
        f"network: latency {found['latency'] * 1e6:.1f} µs a message, bandwidth {found['bandwidth'] / 1e9:.3g} GB/s, "
        f"all-reduce {found['algorithm']}",
        "",
        f"{'parameters':>12}{'lanes':>6}{'step ms':>9}{'ranks':>7}{'all-reduce ms':>15}{'weak efficiency':>17}"
        f"{'strong speed-up':>17}",
    ]
    network = Network(found["latency"], found["bandwidth"], found["algorithm"])
    for model in found["models"]:
        step = Step(model["parameters"], model["lanes"], model["fixed"], model["per_lane"])
        measured = model.get("measured")
        for row in model["ranks"]:
            lines.append(
                f"{step.parameters:>12,}{step.lanes:>6}{1e3 * step.seconds(step.lanes):>9.1f}{row['ranks']:>7}"
                f"{1e3 * network.seconds(row['ranks'], step.size):>15.2f}{row['weak efficiency']:>17.2f}"
                f"{row['strong speed-up']:>17.2f}"
            )
            if measured and row["ranks"] == 2:
                whole = measured["one process"]
                lines.append(
                    f"{'measured:':>34}{2:>7}{'':>15}{whole / measured['weak']:>17.2f}"
                    f"{whole / measured['strong']:>17.2f}"
                )
    return "\n".join(lines)


def predict(step: Step, network: Network) -> dict[str, Any]:
    """The model with numbers of the user's own, in the form of `measure`."""
    return {**asdict(network), "models": [prediction(step, network)]}


def _in_ranks(count: int, work: Callable[..., Any], *arguments: Any) -> Any:
    """The result of rank 0 of `count` processes that do the same work at once."""
    context = multiprocessing.get_context("spawn")
    with meeting_folder() as folder, context.Pool(count) as pool:
        # One task a worker: each waits for the others in its process group, so none takes a second.
        calls = [(work, rank, count, folder, arguments) for rank in range(count)]
        return pool.starmap(_rank, calls, chunksize=1)[0]


def _rank(work: Callable[..., Any], rank: int, count: int, folder: str, arguments: tuple[Any, ...]) -> Any:
    os.environ.update(dict.fromkeys(INTERFACES, loopback()))
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", store=FileStore(f"{folder}/store", count), rank=rank, world_size=count
    )
    try:
        return work(*arguments)
    finally:
        distributed.destroy_process_group()


def _all_reduce(rounds: int) -> list[tuple[int, float]]:
    """Bytes and median seconds of all-reduces."""
    return [(size, _median_seconds(_reduction(size), rounds)) for size in REDUCED]


def _reduction(size: int) -> Callable[[], None]:
    gradient = torch.zeros(size // 4)
    return lambda: distributed.all_reduce(gradient)


def _step(rounds: int, overrides: list[str], lanes: int) -> tuple[int, float]:
    """The parameters of a model, and the median seconds of its step with these lanes over all ranks."""
    filter_logs()
    config, data, artifacts = prepared([*overrides, f"data.batch_size={lanes}"])
    task = build_task(config, artifacts)
    optimizer = torch.optim.AdamW(task.parameters(), lr=1e-3, fused=True)
    batches = iter(data.train_dataloader())
    next(batches)  # the first one begins anew; the second is the kind that most are
    batch = next(batches).shard(distributed.get_rank(), distributed.get_world_size())
    module = LossOf(task)
    if distributed.get_world_size() > 1:
        module = DistributedDataParallel(module, find_unused_parameters=True)

    def step() -> None:
        optimizer.zero_grad()
        module(batch).backward()
        nn.utils.clip_grad_norm_(task.parameters(), 1.0)
        optimizer.step()

    parameters = sum(parameter.numel() for parameter in task.parameters())
    return parameters, _median_seconds(step, rounds)


def _median_seconds(work: Callable[[], None], rounds: int) -> float:
    """Median seconds of work that all ranks do, as often a round as takes `ENOUGH`; the slowest rank counts."""
    work()
    start = time.perf_counter()
    work()
    repeats = int(_slowest(max(1.0, ENOUGH / (time.perf_counter() - start))))
    return statistics.median(_round(work, repeats) for _ in range(rounds))


def _round(work: Callable[[], None], repeats: int) -> float:
    distributed.barrier()
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return _slowest((time.perf_counter() - start) / repeats)


def _slowest(value: float) -> float:
    """The largest value of all ranks."""
    shared = torch.tensor(value, dtype=torch.float64)
    distributed.all_reduce(shared, distributed.ReduceOp.MAX)
    return float(shared)
