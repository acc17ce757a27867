"""Diagnose the gradient through time of a trained model, on its own data or on others."""

import math
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from itertools import groupby
from pathlib import Path

import torch

from throughtime.callback.gradient_flow import TABLE
from throughtime.callback.logging import read_csv
from throughtime.data.batch import Batch
from throughtime.diagnosis.dynamics import STEPS
from throughtime.diagnosis.gradient_flow import decay_rate, measure_flow
from throughtime.diagnosis.layer import LayerDiagnosis, diagnose_layer
from throughtime.diagnosis.page import write_page
from throughtime.diagnosis.probe import CellRun, probing
from throughtime.diagnosis.verdict import Verdict, change, gradient_verdict
from throughtime.errors import UserError
from throughtime.inference.averages import RAW
from throughtime.inference.evaluate import evaluation_data
from throughtime.inference.load import load
from throughtime.run.folder import RunFolder
from throughtime.run.recorded_files import read_overrides
from throughtime.task.base import Task


def diagnose(
    path: str,
    other: str | None = None,
    weights: str = RAW,
    output: Path | None = None,
    report: Callable[[str], None] | None = None,
) -> tuple[Verdict, tuple[Path, Path]]:
    """The verdict on a run or a checkpoint, and the PNG and the HTML page that were written.

    Args:
        path: the folder of a run, or a checkpoint.
        other: a file of other data; None for the run's own test split, or its validation split where it has none.
        weights: `raw`, or an average that the run kept.
        output: the folder of the page; None for the run's own.
        report: takes a line that names the files that are read, before they are.

    Raises:
        UserError: there is no such run, data or folder, or the model has no recurrence that an engine runs.
    """
    loaded = load(path, weights)
    run = loaded.path.parent.parent
    folder = output or (run if Path(path).is_dir() else loaded.path.parent)
    if not folder.is_dir():
        raise UserError(f"--output={folder} is no folder")
    data = evaluation_data(loaded, path, other, report)
    loader = data.test_dataloader() or data.val_dataloader()
    if not loader:
        raise UserError(f"{path} has no test split; give other data with --path")
    layers = diagnose_layers(loaded.task, loader)
    if not layers:
        raise UserError(f"the model of {path} has no recurrent layer that an engine runs forwards")
    typed = read_overrides(RunFolder(run).overrides) or [f"task={loaded.task.name}"]
    verdict = gradient_verdict(layers, loaded.config, typed, loaded.step, changes(run / TABLE, loaded.step))
    return verdict, write_page(folder, f"Gradients through time: {path}", verdict, layers)


def diagnose_layers(task: Task, batches: Iterable[Batch]) -> list[LayerDiagnosis]:
    """Diagnose every recurrent layer on the first batches: one for the gradient, up to 257 steps for the dynamics.

    Args:
        task: in evaluation mode.
        batches: a loader; lanes that go on from batch to batch are followed.
    """
    task.carried["train"].forget()
    runs: list[CellRun] = []
    for number, batch in enumerate(batches):
        if number and not _goes_on(runs, batch):
            break
        if not number or batch.chunk.steps >= measured.chunk.steps:  # the last chunk of a text may be short
            measured, before = batch, copy(task.carried["train"])
        with torch.no_grad(), probing(task.model) as probe:
            task.chunk_loss("train", batch)
        runs += probe.runs
        if not runs:
            return []
    task.carried["train"] = before
    flows = measure_flow(task.model, lambda: task.chunk_loss("train", measured)[0])
    by_name = {
        name: list(own) for name, own in groupby(sorted(runs, key=lambda run: run.name), lambda run: run.name)
    }
    return [diagnose_layer(flow, by_name[flow.layer]) for flow in flows]


def _goes_on(runs: Sequence[CellRun], batch: Batch) -> bool:
    """Whether a batch continues the lanes of the runs, and they are not long enough yet."""
    first = [run for run in runs if run.cell is runs[0].cell]
    long = sum(len(run.inputs) for run in first) > max(STEPS)
    return not long and not batch.chunk.fresh and first[0].inputs.shape[1] == batch.chunk.batch_size


def changes(table: Path, step: int) -> dict[str, list[tuple[int, float]]]:
    """The change of the gradient over its lags at each measured step up to this one, by layer."""
    if not table.is_file():
        return {}
    found: dict[str, list[tuple[int, float]]] = {}
    rows = [row for row in read_csv(table) if int(row["step"]) <= step]
    for (measured, layer), own in groupby(rows, lambda row: (int(row["step"]), row["layer"])):
        points = [(int(row["lag"]), float(row["late"])) for row in own if not math.isnan(float(row["late"]))]
        dense = [norm for place, (lag, norm) in enumerate(points) if place == lag]
        rate = decay_rate(torch.tensor(dense))
        found.setdefault(layer, []).append((measured, change(rate, points[-1][0] + 1 if points else 1)))
    return found
