"""Speed of a cell under torch.compile against fused, and the seconds that compiling takes.

The step compiled and called in a loop, the whole loop compiled, and `torch._higher_order_ops.scan`, a prototype, as it
is and compiled. Each runs in a process of its own without a cache of compiled code, and is given up after a time limit:
the loop is unrolled, so the time to compile it grows with T.
"""

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from benchmarks.interleaved import median_seconds
from benchmarks.machine import describe, provenance
from benchmarks.shapes import Shape
from benchmarks.variants import Variant, make_cell
from throughtime.cell.base import Cell
from throughtime.tree import leaves, map_state

SHAPES = [Shape(32, 64, 128), Shape(1, 64, 64), Shape(8, 64, 128), Shape(64, 64, 256)]
QUICK_SHAPES = [Shape(2, 4, 8)]
ENOUGH = 0.3  # seconds of rounds

Run = Callable[[Tensor], Tensor]
"""Inputs `[T, B, I]` to outputs `[T, B, H]`."""


def plain_loop(cell: Cell) -> Run:
    """The loop over steps, as one writes it."""

    def run(inputs: Tensor) -> Tensor:
        state, outputs = cell.initial_state(inputs.shape[1]), []
        for row in cell.project(inputs).unbind():
            output, state = cell.step(row, state)
            outputs.append(output)
        return torch.stack(outputs)

    return run


def compiled_step(cell: Cell) -> Run:
    """The step compiled, and called in a loop."""
    step = torch.compile(cell.step)

    def run(inputs: Tensor) -> Tensor:
        state, outputs = cell.initial_state(inputs.shape[1]), []
        for row in cell.project(inputs).unbind():
            output, state = step(row, state)
            outputs.append(output)
        return torch.stack(outputs)

    return run


def compiled_loop(cell: Cell) -> Run:
    """The whole loop compiled."""
    return torch.compile(plain_loop(cell))


def scanned(cell: Cell) -> Run:
    """`torch._higher_order_ops.scan` over the step, which is captured as a graph and run step by step."""
    from torch._higher_order_ops.scan import scan

    def combine(parts: list[Tensor], row: Tensor) -> tuple[list[Tensor], Tensor]:
        given = iter(parts)
        state = map_state(lambda _: next(given), cell.initial_state(row.shape[0]))
        output, after = cell.step(row, state)
        return [part.clone() for part in leaves(after)], output.clone()

    def run(inputs: Tensor) -> Tensor:
        initial = [part.clone() for part in leaves(cell.initial_state(inputs.shape[1]))]
        return scan(combine, initial, cell.project(inputs))[1]

    return run


def compiled_scan(cell: Cell) -> Run:
    """`scanned`, compiled."""
    return torch.compile(scanned(cell))


WAYS = {
    "the step": compiled_step,
    "the whole loop": compiled_loop,
    "scan": scanned,
    "scan, compiled": compiled_scan,
}


def measure(
    cells: list[str], minutes: float, limit: float, quick: bool, log: Callable[[str], None]
) -> dict[str, Any]:
    """Measure each way, cell and shape within a time limit.

    Args:
        cells: names in conf/cell.
        minutes: the limit of all; what is left out is named.
        limit: seconds after which one way is given up.
        quick: whether one tiny shape stands for all.
        log: is called with a line of progress before each measurement.

    Raises:
        UserError: there is no such cell.
    """
    end = time.perf_counter() + 60 * minutes
    for name in cells:
        make_cell(name, 8)
    found: dict[str, Any] = {"unit": "seconds of forward and backward", **provenance(), "rows": []}
    found["threads"] = torch.get_num_threads()
    for shape in QUICK_SHAPES if quick else SHAPES:
        for cell in cells:
            for way in WAYS:
                log(f"{cell}, {shape}, {way}")
                seconds = min(limit, end - time.perf_counter())
                outcome = (
                    {"reason": "the time of --minutes is over"}
                    if seconds <= 0
                    else _in_own_process(cell, shape, way, found["threads"], seconds)
                )
                found["rows"].append({"cell": cell, **asdict(shape), "way": way, **outcome})
    return found


def table(found: dict[str, Any]) -> str:
    """A row for each way, cell and shape."""
    plural = "s" * (found["threads"] > 1)
    title = f"{found['threads']} thread{plural}, torch.compile of"
    lines = [f"{title:<42}{'fused ms':>10}{'theirs ms':>11}{'times':>7}{'compile s':>11}"]
    for row in found["rows"]:
        name = f"{row['cell']} {Shape(row['lanes'], row['steps'], row['hidden_size'])}: {row['way']}"
        if "reason" in row:
            lines.append(f"{name:<42} not measured: {row['reason']}")
            continue
        figures = f"{1e3 * row['ours']:>10.2f}{1e3 * row['theirs']:>11.2f}{row['theirs'] / row['ours']:>7.2f}"
        lines.append(f"{name:<42}{figures}{row['compile_seconds']:>11.1f}")
    return "\n".join([*lines, "", describe(found)])


def _in_own_process(cell: str, shape: Shape, way: str, threads: int, seconds: float) -> dict[str, Any]:
    """The result of `measure_way` in a process of its own, or the reason why there is none."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sender, cell, shape, way, threads))
    process.start()
    sender.close()
    try:
        if receiver.poll(seconds):
            return receiver.recv()
        return {"reason": f"it takes longer than {seconds:.0f} seconds"}
    except EOFError:
        return {"reason": "its process has ended without a result"}
    finally:
        process.kill()
        process.join()


def _child(sender: Any, cell: str, shape: Shape, way: str, threads: int) -> None:
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
    torch.set_num_threads(threads)
    try:
        outcome = measure_way(cell, shape, way)
    except Exception as error:  # torch.compile raises errors of many classes
        outcome = {"reason": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:100]}"}
    sender.send(outcome)


def measure_way(cell: str, shape: Shape, way: str) -> dict[str, Any]:
    """Seconds of fused and of one way of torch.compile, interleaved, and the seconds of its first run."""
    ours = Variant(cell, "fused")
    reason = ours.unsupported_reason()
    if reason is not None:
        return {"reason": reason}
    torch.manual_seed(0)
    module = make_cell(cell, shape.hidden_size)
    run = WAYS[way](module)
    inputs = torch.randn(shape.steps, shape.lanes, shape.hidden_size, requires_grad=True)
    gradient = torch.randn_like(plain_loop(module)(inputs))

    def theirs() -> None:
        module.zero_grad()
        inputs.grad = None
        run(inputs).backward(gradient)

    begin = time.perf_counter()
    theirs()
    compile_seconds = time.perf_counter() - begin
    torch.testing.assert_close(run(inputs), plain_loop(module)(inputs), rtol=1e-3, atol=1e-4)
    mine, others, _ = median_seconds(ours.workload(shape), theirs, ENOUGH)
    return {"ours": mine, "theirs": others, "compile_seconds": compile_seconds}
