"""Classify files: the options and the work of `scripts/predict.py`."""

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NamedTuple

from jaxtyping import Float
from torch import Tensor

from throughtime.data.labelled.data import check_like
from throughtime.data.labelled.sequences import SequenceSet
from throughtime.data.labelled.sources import source_from_state
from throughtime.errors import UserError
from throughtime.files import output_file
from throughtime.task.classification.task import Classification


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scripts/predict.py`."""
    parser.add_argument(
        "input",
        type=Path,
        nargs="+",
        metavar="FILES",
        help="files of the kind that the model was trained on, of one group where data.standardise=group",
    )
    parser.add_argument("--output", type=Path, help="a CSV file to write (default: the terminal)")
    parser.add_argument("--task", help="of a model of several tasks: the one whose classes are predicted")
    parser.add_argument(
        "--stream", action="store_true", help="the label after every step, instead of one a sequence"
    )


def predict(
    task: Classification,
    paths: Sequence[Path],
    output: Path | None = None,
    stream: bool = False,
    chosen: str | None = None,
) -> None:
    """Write a CSV table with the label and the probabilities of each sequence in some files.

    Args:
        task: trained, in evaluation mode.
        paths: files, or folders of them.
        output: where to write; None for the standard output.
        stream: whether a row is written for each step, with the label for the steps so far.
        chosen: of a model of several tasks, the one whose classes are predicted.

    Raises:
        UserError: a file cannot be read as the training data were; of streams, that the model is bidirectional; the
            task is not one of the model's.
    """
    found = _read(task, paths, chosen)
    found.check()
    check_like(task.artifacts, found)
    write = _stream if stream else _whole
    classes = classes_of(task, chosen)
    if output is None:
        write(task, found, classes, sys.stdout)
        return
    text = io.StringIO()
    write(task, found, classes, text)
    with output_file(output) as file:
        file.write(text.getvalue().encode())


def _read(task: Classification, paths: Sequence[Path], chosen: str | None) -> SequenceSet:
    """The sequences of some files as the model takes them, of several tasks as sequences of the chosen one."""
    state = task.artifacts["source"]
    if not task.tasks and chosen is None:
        return source_from_state(state).read_for_prediction(paths)
    if not task.tasks:
        raise UserError(f"--task {chosen}: the model was trained on one task alone; leave --task out")
    if chosen not in task.tasks:
        wrong = (
            "the model has several tasks"
            if chosen is None
            else f"--task {chosen} is none of the model's tasks"
        )
        raise UserError(f"{wrong}; name one by --task: {', '.join(task.tasks)}")
    number = list(task.tasks).index(chosen)
    own = task.artifacts["tasks"][number]
    state = state | own["source"] | {"labels": own["labels"]}
    found = source_from_state(state).read_for_prediction(paths)
    first = number * len(found.symbols)
    sequences = [sequence + first for sequence in found.sequences]
    return replace(found, sequences=sequences, symbols=tuple(found.symbols) * len(task.tasks))


class Classes(NamedTuple):
    """The classes of a table.

    Attributes:
        names: as they are in the files.
        columns: which of the model's probabilities are theirs.
        multilabel: whether several may hold at once.
    """

    names: list[str]
    columns: slice
    multilabel: bool


def label_of(classes: Classes, probabilities: Float[Tensor, " K"]) -> str:
    """The most probable class; or all labels with a probability of a half or more, with a semicolon between them."""
    if not classes.multilabel:
        return classes.names[int(probabilities.argmax())]
    return ";".join(
        name for name, one in zip(classes.names, probabilities.tolist(), strict=True) if one >= 0.5
    )


def classes_of(task: Classification, chosen: str | None = None) -> Classes:
    """All classes, or of several tasks those of the chosen one."""
    if chosen is None:
        return Classes(task.labels, slice(None), task.multilabel)
    first = task.labels.index(f"{chosen}/{task.tasks[chosen][0]}")
    names = task.tasks[chosen]
    return Classes(names, slice(first, first + len(names)), task.multilabel)


def _whole(task: Classification, found: SequenceSet, classes: Classes, file: IO[str] | Any) -> None:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["name", "label", *classes.names])
    probabilities = task.probabilities(found.sequences)[:, classes.columns]
    for name, row in zip(found.names, probabilities, strict=True):
        table.writerow([name, label_of(classes, row), *(f"{value:.4f}" for value in row.tolist())])


def _stream(task: Classification, found: SequenceSet, classes: Classes, file: IO[str] | Any) -> None:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["name", "step", "label", *classes.names])
    standardisers = task.standardiser.of_groups(found.sequences)
    for name, sequence, own in zip(found.names, found.sequences, standardisers, strict=True):
        for step, row in enumerate(task.running_probabilities(sequence, own)[:, classes.columns]):
            table.writerow(
                [name, step + 1, label_of(classes, row), *(f"{value:.4f}" for value in row.tolist())]
            )
        file.flush()
