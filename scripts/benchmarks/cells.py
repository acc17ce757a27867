"""Speed of cells by engines, forward and backward, against torch.nn and the plain loop, over a grid of shapes."""

import math
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from unittest import mock

import torch

from benchmarks.comparisons import POOLED, TIME_WEIGHTS, Comparison, comparisons
from benchmarks.interleaved import LONG, median_seconds
from benchmarks.kernel import kernel
from benchmarks.machine import provenance
from benchmarks.shapes import QUICK, Shape, expected_seconds, free_bytes, ordered
from benchmarks.variants import make_cell
from throughtime.cell.base import Cell
from throughtime.errors import UserError

ENOUGH, ENOUGH_QUICK = 0.3, 0.15  # seconds of rounds for a shape
COMPILED_HIDDEN_SIZE = 192  # not among the shapes, so that no kernel of this process is compiled already


def measure(
    kinds: list[str],
    cells: list[str],
    threads: list[int],
    minutes: float,
    quick: bool,
    log: Callable[[str], None],
) -> dict[str, Any]:
    """Run all comparisons of the given kinds and cells within a time limit.

    Args:
        kinds: of `comparisons.KINDS`.
        cells: names, or FILE.py:CLASS.
        threads: numbers of threads of torch; each gets an equal part of the time.
        minutes: the limit; time that one comparison leaves goes to the others.
        quick: whether the grid is a small one.
        log: is called with a line of progress before each comparison.

    Raises:
        UserError: there is no such cell, or nothing to compare it with.
    """
    end = time.perf_counter() + 60 * minutes
    for name in cells:
        make_cell(name, 8)
    found: dict[str, Any] = {"unit": "seconds of forward and backward", **provenance(), "minutes": minutes}
    if "compile" in kinds:
        log("compiling")
        found["compile_seconds"] = cold_seconds(cells)
    possible, found["impossible"] = _possible(comparisons(kinds, cells))
    if not (possible or found["impossible"] or "compile" in kinds):
        raise UserError(f"{', '.join(kinds)} compares no cell of {', '.join(cells)}")
    runs = [(number, each) for number in threads for each in possible]
    counts = {kind: sum(each.kind == kind for _, each in runs) for kind in kinds}
    weights = [TIME_WEIGHTS.get(each.kind, 1) / counts[each.kind] for _, each in runs]
    found["comparisons"] = []
    before = torch.get_num_threads()
    for place, (number, each) in enumerate(runs):
        left = (end - time.perf_counter()) * weights[place] / sum(weights[place:])
        log(f"{place + 1}/{len(runs)} {each}, {number} threads")
        torch.set_num_threads(number)
        found["comparisons"].append({"threads": number, **_measure_comparison(each, left, quick)})
    torch.set_num_threads(before)
    found["pooled"] = pooled(found["comparisons"])
    return found


def cold_seconds(cells: list[str]) -> dict[str, float]:
    """Processor seconds to trace, compile and load the kernel of each cell, with an empty cache.

    Those of the compiler's processes are among them; the matrix product that all kernels share is compiled before.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {"THROUGHTIME_CACHE": folder}),
    ):
        _seconds_to_compile(make_cell("elman", COMPILED_HIDDEN_SIZE + 8))  # loads torch's tracer
        seconds = {name: _seconds_to_compile(make_cell(name, COMPILED_HIDDEN_SIZE)) for name in cells}
    return {name: value for name, value in seconds.items() if value is not None}


def _seconds_to_compile(cell: Cell) -> float | None:
    """The processor seconds of this process and of the compiler's; None where the cell has no kernel."""
    start = _processor_seconds()
    try:
        kernel(cell)
    except UserError:
        return None
    return _processor_seconds() - start


def _processor_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _possible(every: list[Comparison]) -> tuple[list[Comparison], dict[str, str]]:
    """The comparisons that this machine can run, and the reasons why it cannot run the others."""
    reasons = {each: each.ours.unsupported_reason() or each.theirs.unsupported_reason() for each in every}
    possible = [each for each in every if reasons[each] is None]
    return possible, {str(each): reason for each, reason in reasons.items() if reason is not None}


def _measure_comparison(comparison: Comparison, seconds: float, quick: bool) -> dict[str, Any]:
    """Run one comparison over as many shapes as fit into the time and the memory."""
    end = time.perf_counter() + seconds
    shapes = [
        shape for shape in (QUICK if quick else ordered()) if shape.hidden_size >= comparison.min_hidden_size
    ]
    known: dict[Shape, float] = {}
    rows, left_out = [], []
    for shape in shapes:
        seconds_of_round = expected_seconds(shape, known)
        expected = 2 * seconds_of_round + min(2 * seconds_of_round, LONG)
        if shape.bytes > free_bytes():
            left_out.append({**asdict(shape), "for": "memory"})
        elif rows and time.perf_counter() + expected > end:
            left_out.append({**asdict(shape), "for": "time"})
        else:
            ours, theirs, rounds = median_seconds(
                comparison.ours.workload(shape),
                comparison.theirs.workload(shape),
                ENOUGH_QUICK if quick else ENOUGH,
            )
            known[shape] = ours + theirs
            rows.append(
                {**asdict(shape), "ours": ours, "theirs": theirs, "rounds": rounds, "ratio": theirs / ours}
            )
    named = {"comparison": str(comparison), "kind": comparison.kind}
    return {**named, **summary(rows), "left_out": left_out}


def pooled(measured: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The comparisons of each kind pooled over cells, where there are several."""
    found = []
    for threads, kind in dict.fromkeys((each["threads"], each["kind"]) for each in measured):
        several = [each for each in measured if (each["threads"], each["kind"]) == (threads, kind)]
        if len(several) > 1 and kind in POOLED:
            rows = [{"of": each["comparison"], **row} for each in several for row in each["shapes"]]
            left_out = [row for each in several for row in each["left_out"]]
            name = f"{len(several)} cells: {POOLED[kind]}"
            named = {"threads": threads, "comparison": name, "kind": kind}
            found.append({**named, **summary(rows), "left_out": left_out})
    return found


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The geometric mean of the ratios and the worst shape, with the shapes themselves."""
    mean = math.exp(sum(math.log(row["ratio"]) for row in rows) / len(rows))
    return {"geometric_mean": mean, "worst": min(rows, key=lambda row: row["ratio"]), "shapes": rows}
