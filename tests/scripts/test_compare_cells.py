"""Models of equal size: their hidden sizes, the table and the figure of a comparison, and a comparison in miniature."""

from pathlib import Path

import compare_cells
import pytest


@pytest.mark.parametrize("weights", [1, 400, 100_000, 10**12])
def test_the_size_found_is_the_nearest_of_all(weights: int) -> None:
    def measure(hidden: int) -> compare_cells.Sizes:
        return compare_cells.Sizes(hidden, hidden * hidden + 3 * hidden, hidden)

    every = [measure(hidden) for hidden in range(4, compare_cells.GREATEST + 1, 4)]
    expected = min(every, key=lambda found: abs(found.weights - weights))
    assert compare_cells.nearest(measure, weights) == expected


def test_every_shipped_cell_but_the_one_of_maps_is_compared() -> None:
    cells = compare_cells.shipped_cells()
    assert {"lstm", "elman", "mingru", "zoneout"} <= set(cells)
    assert "conv_lstm" not in cells


def test_the_table_has_the_best_cell_first_in_order_of_its_rows() -> None:
    sizes = compare_cells.Sizes(8, 1234, 16)
    rows = [
        compare_cells.Row("lstm", sizes, [2.0, 2.1], [10_000.0, 30_000.0, 20_000.0]),
        compare_cells.Row("gru", sizes, [2.5], [5.0]),
    ]
    assert compare_cells.table(rows).splitlines()[2:] == [
        "| `lstm` | 8 | 1,234 | 16 | 2.0500 ± 0.0707 | 20,000 |",
        "| `gru` | 8 | 1,234 | 16 | 2.5000 | 5 |",
    ]


def test_a_cell_of_the_size_asked_for_is_trained_and_drawn(command, tmp_path: Path, monkeypatch) -> None:
    """As a user does it, but for the process of each run, which the tests' server forks."""
    text = tmp_path / "names.txt"
    text.write_text("\n".join(f"{a}{b}{c}n" for a in "abcdefg" for b in "aeiou" for c in "klmnrst"))

    def run(words: list[str], **options: object) -> object:
        return command("train.py", *words[2:])

    monkeypatch.setattr("comparisons.runs.subprocess.run", run)
    settings = ("data.batch_size=8", "model.front.size=4", "data.split=[0.6,0.2,0.2]", "engine=reference")
    words = ("--cells", "mingru", "--seeds", "1", "--weights", "1500", "--steps", "2")
    arguments = ["compare_cells.py", str(tmp_path / "out"), f"data.path={text}", *settings, *words]
    monkeypatch.setattr("sys.argv", arguments)
    compare_cells.main()
    lines = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert len(lines) == 3
    cell, weights = (lines[2].split("|")[place].strip() for place in (1, 3))
    assert cell == "`mingru`" and 1000 < int(weights.replace(",", "")) < 2000
    assert (tmp_path / "out" / "cells.png").stat().st_size > 10_000
