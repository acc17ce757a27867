"""Forward and backward of cells by engines, against torch.nn and the plain loop, over a grid of shapes."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from benchmarks.comparisons import SHARES, TOGETHER, Comparison, comparisons
from benchmarks.compiling import cold_seconds
from benchmarks.machine import provenance
from benchmarks.shapes import QUICK, Shape, expected_seconds, free_bytes, ordered
from benchmarks.turns import LONG, medians
from benchmarks.ways import some_cell
from throughtime.errors import UserError

ENOUGH, ENOUGH_QUICK = 0.3, 0.15  # seconds of turns for a shape


def measure(
    kinds: list[str],
    cells: list[str],
    threads: list[int],
    minutes: float,
    quick: bool,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """All comparisons of these kinds and cells, within a time that they share.

    Args:
        kinds: of `comparisons.KINDS`.
        cells: names, or FILE.py:CLASS.
        threads: how many threads torch gets; each number has its part of the time.
        minutes: the time; what one comparison leaves of its part goes to the others.
        quick: whether the grid is a small one.
        tell: is told what is measured now.

    Raises:
        UserError: there is no such cell, or nothing to compare it with.
    """
    end = time.perf_counter() + 60 * minutes
    for name in cells:
        some_cell(name, 8)
    found: dict[str, Any] = {"unit": "seconds of forward and backward", **provenance(), "minutes": minutes}
    if "compile" in kinds:
        tell("compiling")
        found["compile_seconds"] = cold_seconds(cells)
    possible, found["impossible"] = _possible(comparisons(kinds, cells))
    if not (possible or found["impossible"] or "compile" in kinds):
        raise UserError(f"{', '.join(kinds)} compares no cell of {', '.join(cells)}")
    tracks = [(number, each) for number in threads for each in possible]
    counts = {kind: sum(each.kind == kind for _, each in tracks) for kind in kinds}
    shares = [SHARES.get(each.kind, 1) / counts[each.kind] for _, each in tracks]
    found["comparisons"] = []
    before = torch.get_num_threads()
    for place, (number, each) in enumerate(tracks):
        left = (end - time.perf_counter()) * shares[place] / sum(shares[place:])
        tell(f"{place + 1}/{len(tracks)} {each}, {number} threads")
        torch.set_num_threads(number)
        found["comparisons"].append({"threads": number, **_track(each, left, quick)})
    torch.set_num_threads(before)
    found["together"] = together(found["comparisons"])
    return found


def _possible(every: list[Comparison]) -> tuple[list[Comparison], dict[str, str]]:
    """The comparisons that this machine can make, and why not the others."""
    reasons = {each: each.ours.unsupported_reason() or each.theirs.unsupported_reason() for each in every}
    possible = [each for each in every if reasons[each] is None]
    return possible, {str(each): reason for each, reason in reasons.items() if reason is not None}


def _track(comparison: Comparison, seconds: float, quick: bool) -> dict[str, Any]:
    """One comparison, over as many shapes as there is time and memory for."""
    end = time.perf_counter() + seconds
    shapes = [shape for shape in (QUICK if quick else ordered()) if shape.hidden_size >= comparison.least]
    known: dict[Shape, float] = {}
    rows, left_out = [], []
    for shape in shapes:
        turn = expected_seconds(shape, known)
        expected = 2 * turn + min(2 * turn, LONG)
        if shape.bytes > free_bytes():
            left_out.append({**asdict(shape), "for": "memory"})
        elif rows and time.perf_counter() + expected > end:
            left_out.append({**asdict(shape), "for": "time"})
        else:
            ours, theirs, rounds = medians(
                comparison.ours.work(shape), comparison.theirs.work(shape), ENOUGH_QUICK if quick else ENOUGH
            )
            known[shape] = ours + theirs
            rows.append(
                {**asdict(shape), "ours": ours, "theirs": theirs, "rounds": rounds, "ratio": theirs / ours}
            )
    named = {"comparison": str(comparison), "kind": comparison.kind}
    return {**named, **summary(rows), "left_out": left_out}


def together(measured: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cells of each kind taken as one, where there are several that are compared in the same way."""
    found = []
    for threads, kind in dict.fromkeys((each["threads"], each["kind"]) for each in measured):
        several = [each for each in measured if (each["threads"], each["kind"]) == (threads, kind)]
        if len(several) > 1 and kind in TOGETHER:
            rows = [{"of": each["comparison"], **row} for each in several for row in each["shapes"]]
            left_out = [row for each in several for row in each["left_out"]]
            name = f"{len(several)} cells: {TOGETHER[kind]}"
            named = {"threads": threads, "comparison": name, "kind": kind}
            found.append({**named, **summary(rows), "left_out": left_out})
    return found


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The geometric mean of the ratios and the worst shape, with the shapes themselves."""
    mean = math.exp(sum(math.log(row["ratio"]) for row in rows) / len(rows))
    return {"geometric_mean": mean, "worst": min(rows, key=lambda row: row["ratio"]), "shapes": rows}
