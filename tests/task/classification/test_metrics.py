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
    parts = measured(probabilities[:50], targets[:50])
    parts.update(probabilities[50:], targets[50:])
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


TASKS = {"films": ["bad", "good"], "moods": ["calm", "glad", "sad"]}


def of_tasks(counts=(30, 50)):
    """Predictions of two tasks one after the other, and of each alone."""
    generator, parts = torch.Generator().manual_seed(0), {}
    for (name, labels), count in zip(TASKS.items(), counts, strict=True):
        logits = torch.randn(count, len(labels), generator=generator)
        parts[name] = logits.softmax(-1), torch.randint(len(labels), (count,), generator=generator)
    found = ClassMetrics([f"{task}/{label}" for task, own in TASKS.items() for label in own], False, TASKS)
    first = 0
    for name, (probabilities, targets) in parts.items():
        # A head gives a distribution for the classes of each task, also of those that are not meant.
        both = torch.cat([torch.full((len(targets), len(own)), 1 / len(own)) for own in TASKS.values()], -1)
        both[:, first : first + len(TASKS[name])] = probabilities
        found.update(both, targets + first)
        first += len(TASKS[name])
    return found, parts


def test_metrics_of_several_tasks_are_those_of_each_and_their_mean():
    found, parts = of_tasks()
    values = found.values()
    alone = {name: measured(*part).values() for name, part in parts.items()}
    assert set(values) == {*alone["films"], *(f"{task}/{name}" for task in TASKS for name in alone[task])}
    for name in alone["films"]:
        for task in TASKS:
            assert values[f"{task}/{name}"] == pytest.approx(alone[task][name])
        assert values[name] == pytest.approx((alone["films"][name] + alone["moods"][name]) / 2)


def test_a_prediction_for_a_task_is_one_of_its_classes():
    found, _ = of_tasks()
    confusion = found.confusion()
    assert not confusion[:2, 2:].any() and not confusion[2:, :2].any()
    torch.testing.assert_close(found.probabilities.sum(-1), torch.ones(80, dtype=torch.float64))


def test_a_task_without_sequences_is_not_in_the_mean():
    found, parts = of_tasks((0, 50))
    values = found.values()
    assert values["accuracy"] == values["moods/accuracy"] == measured(*parts["moods"]).values()["accuracy"]
    assert not any(name.startswith("films/") for name in values)
