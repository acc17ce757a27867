"""Baselines of classes: logistic regression and nearest neighbours, on all features of a sequence at once."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from throughtime.data.labelled.sequences import SequenceSet
from throughtime.data.labelled.standardise import Standardiser
from throughtime.task.classification.metrics import ClassMetrics
from throughtime.task.classification.warping import cells, warped_distances

LARGEST_REGRESSION = 5_000_000
"""Numbers of the training part up to which logistic regression takes seconds."""

LARGEST_NEIGHBOURS = 20_000_000_000
"""Products of all distances up to which the nearest neighbours take seconds."""

LARGEST_WARPING = 5_000_000_000
"""Cells of all warping matrices up to which dynamic time warping takes about a minute."""

WARPING_WINDOW = 0.1
"""The Sakoe-Chiba band of series of one length, as a share of it; series of different lengths have none."""

Series = Sequence[Float[np.ndarray, "_ C"]]


def compare(
    train: SequenceSet, test: SequenceSet, task: Any, series: tuple[Series, Series] | None = None
) -> tuple[dict[str, ClassMetrics], str]:
    """The metrics of each baseline on the test part, by its name, and a sentence on those that there are not.

    Logistic regression reads standardised features, the nearest neighbour the features as they are, dynamic time
    warping the values of series.

    Args:
        train, test: the parts, as they were read.
        task: names the labels and has the standardisation of the training.
        series: the series of both parts, where the sequences are made of series.
    """
    if task.multilabel:
        return {}, "no baselines: they are for one class a sequence"
    found: dict[str, Any] = {}
    skipped: list[str] = []
    sentences: list[str] = []
    lengths = {len(sequence) for part in (train, test) for sequence in part.sequences}
    if len(lengths) == 1:
        _flat_baselines(train, test, task, series, found, skipped)
    else:
        what = "no baselines" if series is None else "no logistic regression, no 1-nearest neighbour"
        sentences.append(f"{what}: sequences of different lengths have no flat features to compare")
    if series is not None:
        window = WARPING_WINDOW if len(lengths) == 1 else None
        name = "1-NN DTW" if window is None else f"1-NN DTW, {window:.0%} window"
        if cells(*series, window) <= LARGEST_WARPING:
            found[name] = lambda: _warped_neighbours(series, train.labels, window)
        else:
            skipped.append(name)
    measured = {name: _measure(predict(), test.labels, task.labels) for name, predict in found.items()}
    if skipped:
        sentences.append(f"not computed on this many numbers: {', '.join(skipped)}")
    return measured, "\n".join(sentences)


def _flat_baselines(
    train: SequenceSet,
    test: SequenceSet,
    task: Any,
    series: tuple[Series, Series] | None,
    found: dict[str, Any],
    skipped: list[str],
) -> None:
    """Add the baselines that compare sequences of one length step by step, and the names of those left out."""
    symbols = None if train.symbols is None else len(train.symbols)
    parts = series or (train.sequences, test.sequences)
    flat = [_flat(part, symbols) for part in parts]
    count, size = flat[0].shape
    if count * size <= LARGEST_REGRESSION:
        found["logistic regression"] = lambda: _regression(train, test, task.standardiser, symbols)
    else:
        skipped.append("logistic regression")
    if count * len(test) * size <= LARGEST_NEIGHBOURS:
        found["1-nearest neighbour"] = lambda: _neighbours(flat[0], train.labels, flat[1])
    else:
        skipped.append("1-nearest neighbour")


def table(rows: Mapping[str, ClassMetrics], stage: str) -> str:
    """A line for each row: the model, and the baselines or the tasks, by name."""
    multilabel = next(iter(rows.values())).multilabel
    columns = ("micro_f1", "macro_f1") if multilabel else ("accuracy", "balanced_accuracy", "macro_f1")
    lines = [f"{stage:<22}" + "".join(f"{name.replace('_', ' '):>19}" for name in columns)]
    for name, metrics in rows.items():
        values = metrics.values()
        lines.append(f"{name:<22}" + "".join(f"{values[column]:>19.2%}" for column in columns))
    return "\n".join(lines)


def _flat(sequences: Sequence[np.ndarray], symbols: int | None) -> Float[np.ndarray, "N D"]:
    """All features of each sequence in one row; ids as marks of each symbol at each step."""
    stacked = np.stack(sequences)
    if symbols is not None:
        stacked = np.eye(symbols, dtype=np.float32)[stacked]
    return stacked.reshape(len(stacked), -1).astype(np.float32)


def _regression(
    train: SequenceSet, test: SequenceSet, standardiser: Standardiser, symbols: int | None
) -> list[str]:
    from sklearn.linear_model import LogisticRegression  # only now: it takes a second

    features = [
        _flat(standardiser.standardised(part.sequences, part.groups), symbols) for part in (train, test)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged in so many steps
        fitted = LogisticRegression(max_iter=300).fit(features[0], train.labels)
    return list(fitted.predict(features[1]))


def _neighbours(
    train: Float[np.ndarray, "N D"], labels: Sequence[Any], test: Float[np.ndarray, "M D"]
) -> list[str]:
    from sklearn.neighbors import KNeighborsClassifier  # only now: it takes a second

    return list(KNeighborsClassifier(1).fit(train, labels).predict(test))


def _warped_neighbours(
    series: tuple[Series, Series], labels: Sequence[Any], window: float | None
) -> list[str]:
    return [labels[number] for number in warped_distances(*series, window).argmin(0)]


def _measure(predicted: Sequence[str], labels: Sequence[Any], names: Sequence[str]) -> ClassMetrics:
    numbers = {name: number for number, name in enumerate(names)}
    metrics = ClassMetrics(names, False)
    found = torch.tensor([numbers[str(name)] for name in predicted])
    metrics.update(
        torch.nn.functional.one_hot(found, len(names)).double(),
        torch.tensor([numbers[name] for name in labels]),
    )
    return metrics
