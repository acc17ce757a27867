"""Roofline of a cell's run by engine=fused: what bounds its time (Williams, Waterman & Patterson 2009).

Lower bounds of the seconds of forward and backward, each from a peak that is measured on this machine:

    flops       6 T B Σ |W| operations at the peak of multiply-adds: each weight matrix multiplies T B rows forward and
                twice backward, for the gradient of its input and for its own
    rows        the bytes of all arrays that have a row for each step, each read or written once by the pass that needs
                it, at the speed at which an array of that size is read
    weights     the weights of the recurrence, which each step of both passes reads, likewise
    a call      the run of one step of one lane of eight units: Python, autograd and the libraries' calls

The largest is what bounds the run. The rest of its time are functions of the gates, products that the shape keeps from
the peak, threads that wait for each other, and bounds that add up instead of overlapping.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from benchmarks.interleaved import median_seconds
from benchmarks.kernel import kernel
from benchmarks.machine import describe, provenance
from benchmarks.peak import peak_flops, read_bandwidth
from benchmarks.shapes import Shape
from benchmarks.variants import Variant, make_cell
from throughtime.cell.base import Cell
from throughtime.engine.compiler.runtime.kernel import CompiledKernel
from throughtime.engine.compiler.schedule.arrays import Array

SHAPES = [
    Shape(1, 64, 64),
    Shape(1, 1024, 64),
    Shape(8, 64, 128),
    Shape(32, 64, 128),
    Shape(32, 256, 64),
    Shape(32, 256, 256),
    Shape(64, 64, 512),
    Shape(8, 64, 1024),
]
QUICK = 2  # shapes
SMALLEST = Shape(1, 1, 8)
ENOUGH = 0.3  # seconds of rounds
BOUNDS = ("flops", "rows", "weights", "a call")
PASSES = ("forward_training", "backward")
OF_ALL_STEPS = ("steps", "state", "next_state")
"""The layouts of arrays that have a row for each step."""


def flops(cell: Cell, shape: Shape) -> int:
    """Operations of the matrix products of forward and backward."""
    numbers = sum(
        weight.numel() for weight in cell.parameters() if weight.dim() == 2 and 1 not in weight.shape
    )
    return 6 * shape.steps * shape.lanes * numbers


def bytes_of_rows(compiled: CompiledKernel, cell: Cell, shape: Shape) -> int:
    """Bytes of the rows that the passes, the input's product and the weights' gradients read and write."""
    arrays = _arrays(compiled)
    widths = sum(array.width for array in arrays if array.layout in OF_ALL_STEPS)
    operands = (operand for pairs in compiled.schedules.outer_operands for pair in pairs for operand in pair)
    widths += sum(operand.array.width for operand in operands)
    projected = next(array.width for array in arrays if array.name == "projected")
    # Forward x is read and W x + b written; backward its gradient is read twice, x read and its gradient written.
    widths += 3 * cell.input_size + 3 * projected
    return compiled.program.precision.itemsize * shape.steps * shape.lanes * widths


def bytes_of_weights(compiled: CompiledKernel) -> int:
    """Bytes of the matrices that a step forward and one backward read."""
    numbers = sum(array.width for array in _arrays(compiled) if array.layout == "matrix")
    return compiled.program.precision.itemsize * numbers


def _arrays(compiled: CompiledKernel) -> list[Array]:
    return [array for name in PASSES for array in compiled.functions[name].arrays]


def measure(cells: list[str], threads: list[int], quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """Measure cells on each shape beside their bounds.

    Args:
        cells: names, or FILE.py:CLASS.
        threads: numbers of threads of torch.
        quick: whether the first shapes stand for all.
        log: is called with a line of progress before each cell.

    Raises:
        UserError: there is no such cell, or no kernel of it.
    """
    found: dict[str, Any] = {"unit": "seconds of forward and backward", **provenance(), "rows": []}
    found["peak_flops"] = {}
    before = torch.get_num_threads()
    for number in threads:
        torch.set_num_threads(number)
        found["peak_flops"][number] = peak_flops(number)
        for name in cells:
            log(f"{name}, {number} threads")
            for shape in SHAPES[:QUICK] if quick else SHAPES:
                named = {"cell": name.rpartition("/")[2], "threads": number, **asdict(shape)}
                found["rows"].append({**named, **_bounds(name, shape, number)})
    torch.set_num_threads(before)
    return found


def _bounds(name: str, shape: Shape, threads: int) -> dict[str, float]:
    """The seconds of a run, and its lower bounds."""
    cell, variant = make_cell(name, shape.hidden_size), Variant(name, "fused")
    compiled = kernel(cell)
    rows, weights = bytes_of_rows(compiled, cell, shape), bytes_of_weights(compiled)
    seconds, call, _ = median_seconds(variant.workload(shape), variant.workload(SMALLEST), ENOUGH)
    return {
        "seconds": seconds,
        "flops": flops(cell, shape) / peak_flops(threads),
        "rows": rows / read_bandwidth(rows, threads),
        "weights": shape.steps * weights / read_bandwidth(weights, threads) if weights else 0.0,
        "a call": call,
    }


def table(found: dict[str, Any]) -> str:
    """A row for each cell and shape: the time, its bounds, and the share of the largest."""
    lines = []
    for number, peak in found["peak_flops"].items():
        title = f"{number} thread{'s' * (number > 1)}, {peak / 1e9:.0f} GFLOP/s"
        lines += ["", f"{title:<28}{'ms':>8}" + "".join(f"{bound:>8}" for bound in BOUNDS) + " largest"]
        for row in (row for row in found["rows"] if row["threads"] == number):
            largest = max(BOUNDS, key=row.__getitem__)
            name = f"{row['cell']} {Shape(row['lanes'], row['steps'], row['hidden_size'])}"
            figures = "".join(f"{1e3 * row[bound]:>8.2f}" for bound in BOUNDS)
            share = row[largest] / row["seconds"]
            lines.append(f"{name:<28}{1e3 * row['seconds']:>8.2f}{figures}{share:>5.0%} {largest}")
    return "\n".join([*lines[1:], "", describe(found)])
