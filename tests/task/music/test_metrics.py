"""Metrics of notes are those of all frames together."""

import pytest
import torch

from throughtime.task.music.metrics import NoteCounts


def test_each_metric_is_its_fraction_of_counts() -> None:
    counts = NoteCounts()
    predicted = torch.tensor([[1.0, 1, 0, 0], [0, 1, 1, 1]])
    targets = torch.tensor([[1.0, 0, 1, 0], [0, 1, 1, 0]])
    counts.update(predicted, targets)
    assert counts.counts.tolist() == [3, 2, 1]
    assert counts.values() == {
        "frame_accuracy": 3 / 6,
        "precision": 3 / 5,
        "recall": 3 / 4,
        "f1": pytest.approx(2 * (3 / 5) * (3 / 4) / (3 / 5 + 3 / 4)),
    }


def test_frames_in_padding_do_not_count_and_batches_add_up() -> None:
    predicted, targets = ((torch.rand(9, 4, 5) < 0.5).float() for _ in range(2))
    mask = torch.rand(9, 4) < 0.7
    whole, parts = NoteCounts(), NoteCounts()
    whole.update(predicted[mask], targets[mask])
    for step in range(9):
        parts.update(predicted[step], targets[step], mask[step])
    assert torch.equal(whole.counts, parts.counts)
    assert whole.over_all_ranks().values() == parts.values()


def test_a_fraction_of_nothing_is_0() -> None:
    assert set(NoteCounts().values().values()) == {0.0}
