"""Scores by length: each length counts alike, whatever its answers' number, and masked answers do not count."""

import pytest
import torch

from throughtime.task.algorithmic.metrics import LengthScores


def scores(numbers: bool = False, near: int = 3) -> LengthScores:
    return LengthScores({3: 2, 6: 5}, numbers, near)


def test_every_length_counts_alike() -> None:
    measured = scores()
    measured.update(torch.ones(3, 4, dtype=torch.long), torch.ones(3, 4, dtype=torch.long), None)
    measured.update(torch.ones(6, 9, dtype=torch.long), torch.zeros(6, 9, dtype=torch.long), None)
    assert measured.values() == {
        "accuracy": 0.5,
        "sequence_accuracy": 0.5,
        "accuracy_near": 1.0,
        "accuracy_far": 0.0,
    }


def test_batches_of_one_length_add_up_and_masked_answers_do_not_count() -> None:
    measured = scores()
    mask = torch.tensor([[False, False], [False, True], [True, True]])
    targets = torch.tensor([[9, 9], [9, 1], [0, 1]])
    measured.update(torch.tensor([[0, 0], [0, 1], [0, 0]]), targets, mask)
    first = measured.by_length()[2]
    assert first["accuracy"] == pytest.approx(2 / 3) and first["sequence_accuracy"] == 0.5
    measured.update(targets, targets, mask)
    both = measured.by_length()[2]
    assert both["accuracy"] == pytest.approx(5 / 6) and both["sequence_accuracy"] == 0.75


def test_the_mean_loss_is_over_answers_that_count_and_then_over_lengths() -> None:
    measured = scores()
    for steps, loss in ((3, 1.0), (6, 4.0)):
        targets = torch.zeros(steps, 2, dtype=torch.long)
        mask = torch.arange(steps)[:, None].expand(steps, 2) == steps - 1
        losses = torch.where(mask, loss, 100.0)
        measured.update(targets, targets, mask, losses)
    assert measured.mean_loss == 2.5 and "loss" not in measured.values()


def test_of_numbers_the_score_is_the_mean_squared_error() -> None:
    measured = scores(numbers=True)
    mask = torch.tensor([False, False, True])[:, None, None].expand(3, 2, 1)
    measured.update(torch.full((3, 2, 1), 2.0), torch.tensor([1.0, 4.0]).view(1, 2, 1).expand(3, 2, 1), mask)
    assert measured.values() == {"mse": 2.5}


def test_nothing_measured_has_no_metrics() -> None:
    assert scores().values() == {} and scores().over_all_ranks().values() == {}
