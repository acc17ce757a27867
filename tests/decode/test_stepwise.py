"""The loop feeds back what was chosen, and nothing else."""

import pytest
import torch

from throughtime.decode.stepwise import write_stepwise
from throughtime.errors import Diverged


def test_the_model_is_stepped_with_each_symbol_that_was_written(toy):
    model, fed = toy(), []

    def step(ids, state):
        fed.append(ids)
        return model.step(ids, state)

    choices = iter(torch.tensor([[3], [1], [4], [1]]))
    written = list(write_stepwise(lambda _: next(choices), step, *model.start(), 4))
    assert [ids.item() for ids in written] == [3, 1, 4, 1]
    assert [ids.item() for ids in fed] == [3, 1, 4]


def test_a_symbol_is_handed_over_before_the_next_step_is_taken(toy):
    model = toy()
    stream = write_stepwise(lambda log_p: log_p.argmax(-1), model.step, *model.start(), 4)
    for steps in range(4):
        next(stream)
        assert model.steps == steps


def test_a_model_whose_probabilities_are_not_numbers_is_told_and_nothing_is_chosen(toy):
    log_probabilities, state = toy().start()
    log_probabilities = torch.full_like(log_probabilities, torch.nan)
    with pytest.raises(Diverged, match=r"training diverged.*optim\.optimizer\.lr"):
        next(write_stepwise(lambda log_p: log_p.argmax(-1), toy().step, log_probabilities, state, 4))
