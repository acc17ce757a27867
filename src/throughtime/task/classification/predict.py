"""Classify files: the options and the work of `scripts/predict.py`."""

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from jaxtyping import Float
from torch import Tensor

from throughtime.data.labelled.data import check_like
from throughtime.data.labelled.sequences import SequenceSet
from throughtime.data.labelled.sources import source_from_state
from throughtime.files import output_file
from throughtime.task.classification.task import Classification


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scripts/predict.py`."""
    parser.add_argument(
        "input", type=Path, nargs="+", metavar="FILES", help="files of the kind that the model was trained on"
    )
    parser.add_argument("--output", type=Path, help="a CSV file to write (default: the terminal)")
    parser.add_argument(
        "--stream", action="store_true", help="the label after every step, instead of one a sequence"
    )


def predict(
    task: Classification, paths: Sequence[Path], output: Path | None = None, stream: bool = False
) -> None:
    """Write a CSV table with the label and the probabilities of each sequence in some files.

    Args:
        task: trained, in evaluation mode.
        paths: files, or folders of them.
        output: where to write; None for the standard output.
        stream: whether a row is written for each step, with the label for the steps so far.

    Raises:
        UserError: a file cannot be read as the training data were; of streams, that the model is bidirectional.
    """
    found = source_from_state(task.artifacts["source"]).read_for_prediction(paths)
    found.check()
    check_like(task.artifacts, found)
    write = _stream if stream else _whole
    if output is None:
        write(task, found, sys.stdout)
        return
    text = io.StringIO()
    write(task, found, text)
    with output_file(output) as file:
        file.write(text.getvalue().encode())


def label_of(task: Classification, probabilities: Float[Tensor, " K"]) -> str:
    """The most probable class; or all labels with a probability of a half or more, with a semicolon between them."""
    if not task.multilabel:
        return task.labels[int(probabilities.argmax())]
    return ";".join(name for name, one in zip(task.labels, probabilities.tolist(), strict=True) if one >= 0.5)


def _whole(task: Classification, found: SequenceSet, file: IO[str] | Any) -> None:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["name", "label", *task.labels])
    for name, row in zip(found.names, task.probabilities(found.sequences), strict=True):
        table.writerow([name, label_of(task, row), *(f"{value:.4f}" for value in row.tolist())])


def _stream(task: Classification, found: SequenceSet, file: IO[str] | Any) -> None:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["name", "step", "label", *task.labels])
    for name, sequence in zip(found.names, found.sequences, strict=True):
        for step, row in enumerate(task.running_probabilities(sequence)):
            label = label_of(task, row)
            table.writerow([name, step + 1, label, *(f"{value:.4f}" for value in row.tolist())])
        file.flush()
