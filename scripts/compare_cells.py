"""Compare cells of equal size under one protocol: `python scripts/compare_cells.py runs/cells data.path=names.txt`."""

import argparse
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.setup import CONFIGURATIONS, composed
from comparisons.runs import check_folder, folder_of, mean_and_deviation, seeds_of, train

from throughtime.cli.command_line import run_script
from throughtime.errors import UserError
from throughtime.files import atomic_write
from throughtime.run.recorded_files import read_results

TABLE, FIGURE = "table.md", "cells.png"
LEFT_OUT = ("conv_lstm",)
"""Of the shipped cells: the LSTM of maps is that of one pixel here."""
MULTIPLE, GREATEST = 4, 4096
"""Hidden sizes are multiples of this (sLSTM has four heads), and at most so large."""


class Sizes(NamedTuple):
    """The size of a model.

    Attributes:
        hidden: H, the units of its cell.
        weights: trained numbers of the whole model and its head.
        state: numbers of the cell's state, of one sequence.
    """

    hidden: int
    weights: int
    state: int


class Row(NamedTuple):
    """Measurements of one cell: its sizes, and the test loss and the targets a second of each seed."""

    cell: str
    sizes: Sizes
    losses: list[float]
    speeds: list[float]


def main() -> None:
    """Find the hidden sizes, train what is missing, and write table.md and cells.png."""
    options = parser().parse_intermixed_args()
    protocol = [f"experiment={options.experiment}", *options.overrides, f"trainer.max_steps={options.steps}"]
    seeds = seeds_of(options.seeds)
    cells = [cell for cell in options.cells.split(",") if cell] or shipped_cells()
    names = [f"{cell} {seed}" for cell in cells for seed in seeds]
    check_folder(options.folder, (TABLE, FIGURE), names)
    sizes = {cell: equal_size(protocol, cell, options.weights) for cell in cells}
    rows = []
    for cell in cells:
        results = []
        for seed in seeds:
            folder = options.folder / folder_of(f"{cell} {seed}")
            words = [*protocol, f"cell={cell}", f"cell.hidden_size={sizes[cell].hidden}", f"seed={seed}"]
            train(f"{cell}, seed {seed}", words, folder)
            results.append(read_results(folder / "results.json", ("metrics", "speed")))
        if any("test/loss" not in found["metrics"] for found in results):
            raise UserError(
                f"experiment={options.experiment} measures no test/loss, by which cells are compared"
            )
        losses = [found["metrics"]["test/loss"] for found in results]
        rows.append(Row(cell, sizes[cell], losses, [found["speed"] for found in results]))
    rows.sort(key=lambda row: statistics.fmean(row.losses))
    text = table(rows)
    with atomic_write(options.folder / TABLE) as file:
        file.write(text.encode())
    print(text, end="")
    draw(rows, options.folder / FIGURE)


def parser() -> argparse.ArgumentParser:
    """The parser of the command's options."""
    found = argparse.ArgumentParser(
        description="Train a recipe with every cell, at hidden sizes whose models have about equal numbers of weights; "
        "write a table of test loss, speed and size of the state, and a figure."
    )
    found.add_argument("folder", type=Path, help="where the runs, table.md and cells.png go")
    found.add_argument(
        "overrides", nargs="*", metavar="SETTING", help="of every run, such as data.path=names.txt"
    )
    found.add_argument("--experiment", default="names", help="the recipe (default: names)")
    found.add_argument("--cells", default="", help="with commas between (default: all that are shipped)")
    found.add_argument("--seeds", default="1,2,3", help="with commas between (default: 1,2,3)")
    found.add_argument("--weights", type=int, default=100_000, help="of each model (default: 100,000)")
    found.add_argument("--steps", type=int, default=2000, help="optimiser steps of a run (default: 2,000)")
    return found


def shipped_cells() -> list[str]:
    """The names of the cells of conf/cell that are compared."""
    return sorted(file.stem for file in (CONFIGURATIONS / "cell").glob("*.yaml") if file.stem not in LEFT_OUT)


def equal_size(protocol: Sequence[str], cell: str, weights: int) -> Sizes:
    """The hidden size whose model has the number of weights nearest to the one asked for."""
    from throughtime.cell import Cell
    from throughtime.run.build import build_data, build_task

    config = composed([*protocol, f"cell={cell}", "engine=reference"])
    artifacts = build_data(config).artifacts()

    def measure(hidden: int) -> Sizes:
        task = build_task(
            {**config, "cell": {**config["cell"], "hidden_size": hidden}}, artifacts, trains=False
        )
        first = next(module for module in task.modules() if isinstance(module, Cell))
        state = sum(part.numel() for part in first.initial_state(1))
        return Sizes(hidden, sum(weight.numel() for weight in task.parameters()), state)

    return nearest(measure, weights)


def nearest(measure: Callable[[int], Sizes], weights: int) -> Sizes:
    """The sizes with the number of weights nearest to `weights`, of which `measure` has more the greater H is."""
    low, high = 1, GREATEST // MULTIPLE
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if measure(MULTIPLE * middle).weights <= weights else (low, middle)
    return min(
        (measure(MULTIPLE * number) for number in (low, high)), key=lambda found: abs(found.weights - weights)
    )


def table(rows: Sequence[Row]) -> str:
    """The rows as a table in Markdown, the best first."""
    lines = [
        "| cell | H | weights | state | test loss, nats | targets/s |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        speed = f"{statistics.median(row.speeds):,.0f}"
        sizes = f"{row.sizes.hidden} | {row.sizes.weights:,} | {row.sizes.state:,}"
        lines.append(f"| `{row.cell}` | {sizes} | {mean_and_deviation(row.losses)} | {speed} |")
    return "\n".join(lines) + "\n"


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw the test loss with its range over the seeds beside the speed, a line a cell, the best at the top."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1 + 0.28 * len(rows)), layout="constrained")
    loss, speed = figure.subplots(1, 2, sharey=True)
    for place, row in enumerate(rows):
        mean = statistics.fmean(row.losses)
        spread = [[mean - min(row.losses)], [max(row.losses) - mean]]
        loss.errorbar([mean], [place], xerr=spread, fmt="o", color="C0", markersize=4, elinewidth=1)
        speed.plot([statistics.median(row.speeds)], [place], "o", color="C0", markersize=4)
    loss.set_yticks(range(len(rows)), [row.cell for row in rows])
    loss.invert_yaxis()
    loss.set_xlabel("test loss, nats a target")
    speed.set_xlabel("targets a second in training")
    speed.set_xlim(left=0)
    for axes in (loss, speed):
        axes.grid(alpha=0.3)
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=100)


if __name__ == "__main__":
    run_script(main)
