"""Metrics agree with scikit-learn's, and are defined wherever they can be."""

import numpy as np
import pytest
import torch
from sklearn import metrics as oracle

from throughtime.task.classification.metrics import BINS, ClassMetrics

COUNT, CLASSES = 200, 5


def predictions(seed=0, classes=CLASSES, absent=()):
    generator = torch.Generator().manual_seed(seed)
    probabilities = (2 * torch.randn(COUNT, classes, generator=generator)).softmax(-1)
    there = torch.tensor([number for number in range(classes) if number not in absent])
    targets = there[torch.randint(len(there), (COUNT,), generator=generator)]
    return probabilities, targets


def measured(probabilities, targets, multilabel=False):
    found = ClassMetrics([f"c{n}" for n in range(probabilities.shape[-1])], multilabel)
    for part in range(0, len(targets), 17):
        found.update(probabilities[part : part + 17], targets[part : part + 17])
    return found


@pytest.mark.parametrize("absent", [(), (3,), (0, 4)])
@pytest.mark.parametrize("classes", [2, CLASSES])
def test_classes_are_measured_as_scikit_learn_does(classes, absent):
    probabilities, targets = predictions(classes=classes, absent=() if classes == 2 else absent)
    values = measured(probabilities, targets).values()
    predicted = probabilities.argmax(-1)
    assert values["accuracy"] == pytest.approx(oracle.accuracy_score(targets, predicted))
    with pytest.warns() if set(predicted.tolist()) - set(targets.tolist()) else _nothing():
        expected = oracle.balanced_accuracy_score(targets, predicted)
    assert values["balanced_accuracy"] == pytest.approx(expected)
    assert values["macro_f1"] == pytest.approx(oracle.f1_score(targets, predicted, average="macro"))
    areas = [
        oracle.roc_auc_score(targets == number, probabilities[:, number])
        for number in targets.unique().tolist()
    ]
    assert values["auroc"] == pytest.approx(np.mean(areas), abs=1e-6)


class _nothing:
    def __enter__(self):
        return None

    def __exit__(self, *_):
        return None


def test_calibration_is_the_mean_gap_between_confidence_and_accuracy():
    probabilities, targets = predictions()
    found = measured(probabilities, targets)
    confidence, right, count = found.reliability()
    assert count.sum() == COUNT and len(count) == BINS
    gap = float((count * (confidence - right).abs()).sum() / COUNT)
    assert found.values()["calibration_error"] == pytest.approx(gap, abs=1e-6)


def test_labels_are_measured_as_scikit_learn_does():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(COUNT, CLASSES, generator=generator)
    targets = (torch.rand(COUNT, CLASSES, generator=generator) < probabilities).float()
    values = measured(probabilities, targets, True).values()
    predicted = (probabilities >= 0.5).int()
    for average in ("micro", "macro"):
        expected = oracle.f1_score(targets, predicted, average=average)
        assert values[f"{average}_f1"] == pytest.approx(expected)
    precision = oracle.average_precision_score(targets, probabilities, average="macro")
    assert values["average_precision"] == pytest.approx(precision, abs=1e-6)
    assert values["exact_match"] == pytest.approx(oracle.accuracy_score(targets, predicted))
    assert values["auroc"] == pytest.approx(oracle.roc_auc_score(targets, probabilities), abs=1e-6)


def test_the_order_and_the_grouping_of_sequences_change_nothing():
    probabilities, targets = predictions()
    order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(1))
    whole, mixed = measured(probabilities, targets), measured(probabilities[order], targets[order])
    assert whole.values() == pytest.approx(mixed.values(), abs=1e-12)
    parts = measured(probabilities[:50], targets[:50]) + measured(probabilities[50:], targets[50:])
    assert parts.values() == whole.values()


def test_nothing_is_measured_of_nothing():
    assert ClassMetrics(["a", "b"], False).values() == {}
    assert ClassMetrics(["a", "b"], True).values() == {}


def test_each_class_has_precision_recall_and_f1():
    probabilities, targets = predictions(absent=(2,))
    predicted = probabilities.argmax(-1)
    expected = oracle.precision_recall_fscore_support(
        targets, predicted, labels=list(range(CLASSES)), zero_division=0
    )
    for number, (name, *scores, count) in enumerate(measured(probabilities, targets).by_class()):
        assert name == f"c{number}" and count == expected[3][number]
        assert scores == pytest.approx([column[number] for column in expected[:3]])
    confusion = oracle.confusion_matrix(targets, predicted, labels=list(range(CLASSES)))
    assert np.array_equal(measured(probabilities, targets).confusion().numpy(), confusion)
