"""Metrics of classes and of labels, from the predictions for all sequences of a split.

All predictions are kept until the end of a stage, so that no metric depends on the batch size or on the number of
processes: AUROC and calibration are no means over batches.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_calibration_error,
    multiclass_confusion_matrix,
    multiclass_f1_score,
    multilabel_auroc,
    multilabel_average_precision,
    multilabel_exact_match,
    multilabel_f1_score,
)

from throughtime.distributed.collectives import all_gather

BINS = 15
"""Bins of confidence, as in Guo et al. 2017, arXiv 1706.04599."""


def task_numbers(tasks: Mapping[str, Sequence[str]], device: torch.device | None = None) -> Int[Tensor, " K"]:
    """The number of the task of each class, where classes are numbered one task after the other."""
    counts = torch.tensor([len(labels) for labels in tasks.values()], device=device)
    return torch.arange(len(tasks), device=device).repeat_interleave(counts)


class ClassMetrics:
    """Predictions and targets so far.

    Args:
        labels: the names of the K classes or labels.
        multilabel: whether several labels may hold at once.
        tasks: the classes of each of several tasks by its name, in the order of the labels; empty for a single one.
    """

    def __init__(
        self, labels: Sequence[str], multilabel: bool, tasks: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.labels = list(labels)
        self.multilabel = multilabel
        self.tasks = dict(tasks or {})
        self._probabilities: list[Tensor] = []
        self._targets: list[Tensor] = []

    def update(
        self,
        probabilities: Float[Tensor, "B K"],
        targets: Int[Tensor, " B"] | Int[Tensor, "B K"] | Float[Tensor, "B K"],
    ) -> None:
        """Add the predictions for some sequences; of several tasks, those for the classes of the target's task."""
        probabilities, targets = probabilities.detach().double().cpu(), targets.detach().cpu().long()
        if self.tasks:
            numbers = task_numbers(self.tasks)
            probabilities = probabilities * (numbers == numbers[targets][:, None])
        self._probabilities.append(probabilities)
        self._targets.append(targets)

    def over_all_ranks(self) -> "ClassMetrics":
        """The predictions of all ranks."""
        found = ClassMetrics(self.labels, self.multilabel, self.tasks)
        for probabilities, targets in all_gather((self.probabilities, self.targets)):
            found.update(probabilities, targets)
        return found

    @property
    def probabilities(self) -> Float[Tensor, "N K"]:
        """The probability of each class for every sequence."""
        return torch.cat([torch.zeros(0, len(self.labels), dtype=torch.float64), *self._probabilities])

    @property
    def targets(self) -> Int[Tensor, " N"] | Int[Tensor, "N K"]:
        """The number of the true class, or marks of the true labels, of every sequence."""
        empty = (0, len(self.labels)) if self.multilabel else (0,)
        return torch.cat([torch.zeros(empty, dtype=torch.long), *self._targets])

    @property
    def marks(self) -> Int[Tensor, "N K"]:
        """The targets as marks of the classes that hold."""
        targets = self.targets
        return targets if self.multilabel else torch.nn.functional.one_hot(targets, len(self.labels))

    def values(self) -> dict[str, float]:
        """Each metric by its name; one that is not defined for these sequences is left out.

        Of several tasks: the mean of each metric over the tasks that have sequences, and `task/metric` of each task.
        """
        if not len(self.targets):
            return {}
        if self.tasks:
            return self._of_tasks()
        found = self._of_labels() if self.multilabel else self._of_classes()
        return {name: float(value) for name, value in found.items()}

    def by_task(self) -> dict[str, "ClassMetrics"]:
        """The metrics of each of several tasks that has sequences, by its name."""
        found, first, numbers = {}, 0, task_numbers(self.tasks)
        for number, (name, labels) in enumerate(self.tasks.items()):
            members = numbers[self.targets] == number
            if members.any():
                found[name] = ClassMetrics(labels, self.multilabel)
                probabilities = self.probabilities[members, first : first + len(labels)]
                found[name].update(probabilities, self.targets[members] - first)
            first += len(labels)
        return found

    def _of_tasks(self) -> dict[str, float]:
        by_task = {name: metrics.values() for name, metrics in self.by_task().items()}
        names = list(dict.fromkeys(name for values in by_task.values() for name in values))
        lists = {name: [values[name] for values in by_task.values() if name in values] for name in names}
        means = {name: sum(values) / len(values) for name, values in lists.items()}
        return means | {
            f"{task}/{name}": value for task, own in by_task.items() for name, value in own.items()
        }

    def _of_classes(self) -> dict[str, Tensor]:
        probabilities, targets, count = self.probabilities, self.targets, len(self.labels)
        recalls = multiclass_accuracy(probabilities, targets, count, average="none", validate_args=False)
        return {
            "accuracy": multiclass_accuracy(
                probabilities, targets, count, average="micro", validate_args=False
            ),
            # Over the classes that are there, as that of a class without sequences is not defined.
            "balanced_accuracy": recalls[targets.unique()].mean(),
            "macro_f1": multiclass_f1_score(
                probabilities, targets, count, average="macro", validate_args=False
            ),
            "calibration_error": self._calibration_error(),
            **self._auroc(),
        }

    def _calibration_error(self) -> Tensor:
        """Σ over bins of |accuracy - confidence|, weighted by their sequences."""
        probabilities, targets = self.probabilities, self.targets
        confidence, predicted = probabilities.max(-1)
        # Sums of float32 depend on the order, which would be that of batches and ranks.
        order = (predicted == targets).long().argsort(stable=True)
        order = order[confidence[order].argsort(stable=True)]
        return multiclass_calibration_error(
            probabilities[order],
            targets[order],
            len(self.labels),
            n_bins=BINS,
            norm="l1",
            validate_args=False,
        )

    def _of_labels(self) -> dict[str, Tensor]:
        probabilities, targets, count = self.probabilities, self.targets, len(self.labels)
        present = targets.any(0)
        found = {
            f"{average}_f1": multilabel_f1_score(
                probabilities, targets, count, average=average, validate_args=False
            )
            for average in ("micro", "macro")
        }
        found["exact_match"] = multilabel_exact_match(probabilities, targets, count, validate_args=False)
        if present.any():
            found["average_precision"] = multilabel_average_precision(
                probabilities[:, present], targets[:, present], int(present.sum()), validate_args=False
            )
        return found | self._auroc()

    def _auroc(self) -> dict[str, Tensor]:
        """The mean over classes of the area under the curve of one against the rest, where there are both."""
        marks = self.marks
        both = marks.any(0) & ~marks.all(0)
        if not both.any():
            return {}
        area = multilabel_auroc(
            self.probabilities[:, both], marks[:, both], int(both.sum()), validate_args=False
        )
        return {"auroc": area}

    def predicted(self) -> Int[Tensor, "N K"]:
        """Marks of the predicted class, or of the labels with a probability of a half or more."""
        probabilities = self.probabilities
        if self.multilabel:
            return (probabilities >= 0.5).long()
        return torch.nn.functional.one_hot(probabilities.argmax(-1), len(self.labels))

    def by_class(self) -> list[tuple[str, float, float, float, int]]:
        """Of each class: its name, precision, recall, F1 (0 where not defined) and the number of its sequences."""
        marks, predicted = self.marks, self.predicted()
        right, given, true = (marks * predicted).sum(0), predicted.sum(0), marks.sum(0)
        precision, recall = right / given.clamp(min=1), right / true.clamp(min=1)
        f1 = 2 * right / (given + true).clamp(min=1)
        rows = zip(precision.tolist(), recall.tolist(), f1.tolist(), true.tolist(), strict=True)
        return [(name, *row) for name, row in zip(self.labels, rows, strict=True)]

    def confusion(self) -> Int[Tensor, "K K"]:
        """The number of sequences of each true class (row) and predicted class (column)."""
        return multiclass_confusion_matrix(
            self.probabilities, self.targets, len(self.labels), validate_args=False
        )

    def reliability(self) -> Float[Tensor, "3 bins"]:
        """Of each bin of confidence: the mean confidence, the fraction that is right, and the number of predictions.

        A prediction is a sequence's class with its probability; of several labels, each label's probability.
        """
        if self.multilabel:
            confidence, right = self.probabilities.flatten(), self.marks.flatten().double()
        else:
            confidence, predicted = self.probabilities.max(-1)
            right = (predicted == self.targets).double()
        bins = (confidence * BINS).long().clamp(max=BINS - 1)
        count = torch.bincount(bins, minlength=BINS).double()
        sums = [torch.bincount(bins, weights=values, minlength=BINS) for values in (confidence, right)]
        return torch.stack([*(total / count.clamp(min=1) for total in sums), count])
