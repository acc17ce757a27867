"""Compare remedies for vanishing gradients on one task: `python scripts/remedies.py runs/remedies`."""

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from comparisons.runs import check_folder, folder_of, train

from throughtime.cli.command_line import run_script
from throughtime.files import atomic_write
from throughtime.run.recorded_files import read_results

COMMON = (
    *("experiment=adding", "cell.hidden_size=32", "data.batch_size=32", "data.eval_batch_size=128"),
    *("optim.optimizer.lr=0.002", "optim/schedule=constant", "trainer.val_check_interval=100"),
    *("trainer.limit_test_batches=0", "logger=csv", "debug=gradients"),
)
PLAIN = ("cell=elman", "cell.recurrent_initialisation=uniform", "cell.output_activation=null")
"""The Elman network as torch.nn.RNN begins: U(±1/√H), whose spectral radius is about 1/√3."""

ROWS: dict[str, tuple[str, ...]] = {
    "elman": PLAIN,
    "elman, init=orthogonal": (*PLAIN, "init=orthogonal"),
    "elman, init=identity, relu": (*PLAIN, "init=identity", "cell.activation=relu"),
    "elman, norm_preserving": (*PLAIN, "regulariser=norm_preserving"),
    "elman, flossing": (*PLAIN, "regulariser=flossing", "regulariser.every_n_steps=20"),
    "gru": ("cell=gru",),
    "lstm": ("cell=lstm",),
    "lem": ("cell=lem",),
    "lru": ("cell=lru",),
    "lstm, init=chrono": ("cell=lstm", "init=chrono"),
    "elman, delta_clip=0.1": (*PLAIN, "engine.delta_clip=0.1"),
    "elman, clipped by value": (
        *PLAIN,
        *("trainer.gradient_clip_algorithm=value", "trainer.gradient_clip_val=0.1"),
    ),
}
GROUPS = (
    tuple(name for name in ROWS if name.startswith("elman")),
    ("elman", *(name for name in ROWS if not name.startswith("elman"))),
)
"""The rows of each line of panels of the figure: the Elman network with remedies, and other cells."""


TABLE, FIGURE = "table.md", "remedies.png"


class Row(NamedTuple):
    """Measurements of one row.

    Attributes:
        name: of the row.
        losses: the validation loss by training step.
        first, last: the half-life of the gradient in steps at the first and at the last measurement.
        lags: the norm of the gradient by lag at the first measurement, that of lag 0 being 1.
        seconds: of the run.
    """

    name: str
    losses: list[tuple[int, float]]
    first: float
    last: float
    lags: list[tuple[int, float]]
    seconds: float


def main() -> None:
    """Train what is missing, and write table.md and remedies.png."""
    options = parser().parse_args()
    words = [word for word in options.rows.split(",") if word]
    names = [name for name in ROWS if not words or any(word in name for word in words)]
    check_folder(options.folder, (TABLE, FIGURE), ROWS)
    for name in names:
        train(name, words_of(name, options), options.folder / folder_of(name))
    rows = [read(name, options.folder / folder_of(name)) for name in names]
    options.folder.mkdir(parents=True, exist_ok=True)
    text = table(rows, options.solved)
    with atomic_write(options.folder / TABLE) as file:
        file.write(text.encode())
    print(text, end="")
    draw(rows, options.folder / FIGURE, options.solved)


def parser() -> argparse.ArgumentParser:
    """The parser of the command's options."""
    found = argparse.ArgumentParser(
        description="Train one task with the Elman network alone, with each remedy, and with other cells; write a "
        "table, and a figure of the gradient by lag beside the curve of the loss."
    )
    found.add_argument("folder", type=Path, help="where the runs, table.md and remedies.png go")
    found.add_argument("--length", type=int, default=50, help="of the sequences, in steps (default: 50)")
    found.add_argument("--steps", type=int, default=1500, help="optimiser steps of a run (default: 1500)")
    found.add_argument("--seed", type=int, default=1)
    found.add_argument("--solved", type=float, default=0.05, help="the validation loss of a solved task")
    found.add_argument(
        "--every", type=int, default=500, help="steps between two measurements of the gradient"
    )
    found.add_argument(
        "--rows", default="", help="only rows whose names have one of these words, with commas between"
    )
    return found


def words_of(name: str, options: argparse.Namespace) -> list[str]:
    """The settings of a row's run."""
    longest = [f"init.longest={options.length}"] if "init=chrono" in ROWS[name] else []
    return [
        *(*COMMON, *ROWS[name], *longest, f"data.length={options.length}", f"seed={options.seed}"),
        *(f"trainer.max_steps={options.steps}", f"callback.gradient_flow.every_n_steps={options.every}"),
    ]


def read(name: str, folder: Path) -> Row:
    """Read what a run has measured."""
    from throughtime.diagnosis.gradient_flow import half_life

    with (folder / "metrics.csv").open(encoding="utf-8") as file:
        losses = [
            (int(row["step"]), float(row["val/loss"])) for row in csv.DictReader(file) if row["val/loss"]
        ]
    curves: dict[int, list[tuple[int, float]]] = {}
    with (folder / "gradient_flow.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            curves.setdefault(int(row["step"]), []).append((int(row["lag"]), float(row["late"])))
    first, last = curves[min(curves)], curves[max(curves)]
    seconds = read_results(folder / "results.json", ("seconds",))["seconds"]
    scale = first[0][1]
    return Row(
        name,
        losses,
        half_life(rate_of(first)),
        half_life(rate_of(last)),
        [(lag, norm / scale) for lag, norm in first],
        seconds,
    )


def rate_of(curve: Sequence[tuple[int, float]]) -> float:
    """The factor by which the norm changes from one lag to the next."""
    import torch

    from throughtime.diagnosis.gradient_flow import decay_rate

    return decay_rate(torch.tensor([norm for _, norm in curve]))


def table(rows: Sequence[Row], solved: float) -> str:
    """The rows as a table in Markdown."""
    lines = [
        "| | best validation loss | steps to solve | half-life of the gradient, first | last | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        steps = next((str(step) for step, loss in row.losses if loss <= solved), "not")
        best = min(loss for _, loss in row.losses)
        lines.append(
            f"| {row.name} | {best:.4f} | {steps} | {in_steps(row.first)} | {in_steps(row.last)} | {row.seconds:.0f} |"
        )
    return "\n".join(lines) + "\n"


def in_steps(steps: float) -> str:
    """A half-life in a table."""
    return "does not fall" if math.isinf(steps) else "none" if math.isnan(steps) else f"{steps:.3g}"


def draw(rows: Sequence[Row], path: Path, solved: float) -> None:
    """Draw the gradient by lag beside the curve of the loss, a line of panels for each group of rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    panels = figure.subplots(len(GROUPS), 2, squeeze=False)
    known = {row.name: row for row in rows}
    for group, (gradient, loss) in zip(GROUPS, panels, strict=True):
        for index, name in enumerate(name for name in group if name in known):
            row, colour = known[name], f"C{index}"
            lags = [(lag, norm) for lag, norm in row.lags if norm > 0]
            gradient.plot(*zip(*lags, strict=True), color=colour, label=name)
            loss.plot(*zip(*row.losses, strict=True), color=colour, label=name)
        gradient.set(
            xlabel="lag k, steps",
            ylabel="norm of the gradient of h at lag k, of lag 0",
            yscale="log",
            ylim=(1e-8, 1e2),
        )
        gradient.set_title("gradient by lag at the first measurement")
        loss.set(xlabel="training step", ylabel="validation loss", yscale="log", title="validation loss")
        loss.axhline(solved, color="0.6", linestyle=":", linewidth=1)
        gradient.legend(fontsize="small")
        for axes in (gradient, loss):
            axes.grid(alpha=0.3)
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=100)


if __name__ == "__main__":
    run_script(main)
