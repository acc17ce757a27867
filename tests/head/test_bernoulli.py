"""Independent notes: a distribution over all their sets."""

from itertools import product

import pytest
import torch

from throughtime.errors import UserError
from throughtime.head.bernoulli import Bernoulli

SETS = torch.tensor(list(product((0.0, 1.0), repeat=4)))


def test_the_probabilities_of_all_sets_add_up_to_1() -> None:
    head = Bernoulli(3, 4)
    outputs = torch.randn(3).expand(len(SETS), 3)
    torch.testing.assert_close(head.log_likelihood(outputs, SETS).exp().sum(), torch.tensor(1.0))


def test_the_loss_is_the_cross_entropy_of_a_frame_and_not_of_a_note() -> None:
    head = Bernoulli(3, 4)
    with torch.no_grad():
        head.weight.zero_()
    loss = head.loss(torch.randn(5, 2, 3), (torch.rand(5, 2, 4) < 0.5).float())
    torch.testing.assert_close(loss, torch.tensor(4 * 0.6931472))


def test_notes_that_are_drawn_have_the_predicted_probabilities() -> None:
    head, outputs = Bernoulli(3, 4), torch.randn(3)
    drawn = head.draw(outputs.expand(20_000, 3), 1.0, torch.Generator().manual_seed(0))
    assert (drawn.mean(0) - head.predict(outputs).exp()).abs().max() < 0.015


def test_sizes_are_checked() -> None:
    with pytest.raises(UserError, match="notes"):
        Bernoulli(3, 0)
