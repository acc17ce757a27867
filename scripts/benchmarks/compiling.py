"""How long it takes to make a cell's kernel where nothing is known of it yet."""

import os
import tempfile
import time
from unittest import mock

from benchmarks.kernel import kernel
from benchmarks.ways import some_cell
from throughtime.cell.base import Cell

HIDDEN_SIZE = 192  # one that no shape has, so that no kernel of this process is met again


def cold_seconds(cells: list[str]) -> dict[str, float]:
    """Seconds from a cell to its loaded library, with an empty cache; torch's tracer is loaded before."""
    _make(some_cell("elman", 8))
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {"THROUGHTIME_CACHE": folder}),
    ):
        return {name: _make(some_cell(name, HIDDEN_SIZE)) for name in cells}


def _make(cell: Cell) -> float:
    start = time.perf_counter()
    kernel(cell)
    return time.perf_counter() - start
