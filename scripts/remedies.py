"""Compare remedies for vanishing gradients on one task: `python scripts/remedies.py runs/remedies`."""

import argparse
import csv
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from comparisons.runs import check_folder, folder_of, mean_and_deviation, seeds_of, train

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


class Measured(NamedTuple):
    """Measurements of one run.

    Attributes:
        losses: the validation loss by training step.
        first, last: the half-life of the gradient in steps at the first and at the last measurement.
        lags: the norm of the gradient by lag at the first measurement, that of lag 0 being 1.
        seconds: of the run.
    """

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
    seeds = seeds_of(options.seeds)
    check_folder(options.folder, (TABLE, FIGURE), [f"{name} {seed}" for name in ROWS for seed in seeds])
    rows: dict[str, list[Measured]] = {}
    for name in names:
        for seed in seeds:
            folder = options.folder / folder_of(f"{name} {seed}")
            train(f"{name}, seed {seed}", words_of(name, seed, options), folder)
            rows.setdefault(name, []).append(read(folder))
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
    found.add_argument("--seeds", default="1,2,3", help="with commas between (default: 1,2,3)")
    found.add_argument("--solved", type=float, default=0.05, help="the validation loss of a solved task")
    found.add_argument(
        "--every", type=int, default=500, help="steps between two measurements of the gradient"
    )
    found.add_argument(
        "--rows", default="", help="only rows whose names have one of these words, with commas between"
    )
    return found


def words_of(name: str, seed: int, options: argparse.Namespace) -> list[str]:
    """The settings of a row's run."""
    longest = [f"init.longest={options.length}"] if "init=chrono" in ROWS[name] else []
    return [
        *(*COMMON, *ROWS[name], *longest, f"data.length={options.length}", f"seed={seed}"),
        *(f"trainer.max_steps={options.steps}", f"callback.gradient_flow.every_n_steps={options.every}"),
    ]


def read(folder: Path) -> Measured:
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
    return Measured(
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


def table(rows: Mapping[str, Sequence[Measured]], solved: float) -> str:
    """The rows as a table in Markdown: means with deviations, each seed's steps to solve, and medians."""
    lines = [
        "| | best validation loss | steps to solve | half-life of the gradient, first | last | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for name, runs in rows.items():
        best = mean_and_deviation([min(loss for _, loss in run.losses) for run in runs])
        steps = ", ".join(
            next((str(step) for step, loss in run.losses if loss <= solved), "not") for run in runs
        )
        first = in_steps(statistics.median(run.first for run in runs))
        last = in_steps(statistics.median(run.last for run in runs))
        seconds = statistics.median(run.seconds for run in runs)
        lines.append(f"| {name} | {best} | {steps} | {first} | {last} | {seconds:.0f} |")
    return "\n".join(lines) + "\n"


def in_steps(steps: float) -> str:
    """A half-life in a table."""
    return "does not fall" if math.isinf(steps) else "none" if math.isnan(steps) else f"{steps:.3g}"


def draw(rows: Mapping[str, Sequence[Measured]], path: Path, solved: float) -> None:
    """Draw the gradient by lag beside the curve of the loss, a line a seed, two panels for each group of rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    panels = figure.subplots(len(GROUPS), 2, squeeze=False)
    for group, (gradient, loss) in zip(GROUPS, panels, strict=True):
        for index, name in enumerate(name for name in group if name in rows):
            for number, run in enumerate(rows[name]):
                line = {"color": f"C{index}", "label": None if number else name, "linewidth": 1}
                lags = [(lag, norm) for lag, norm in run.lags if norm > 0]
                gradient.plot(*zip(*lags, strict=True), **line)
                loss.plot(*zip(*run.losses, strict=True), **line)
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
