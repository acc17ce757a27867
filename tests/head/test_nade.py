"""Notes one after another: the likelihood is that of the equations, and what is drawn has it."""

from itertools import product

import pytest
import torch
from torch.nn import functional

from throughtime.errors import UserError
from throughtime.head.nade import NADE

NOTES = 4
SETS = torch.tensor(list(product((0.0, 1.0), repeat=NOTES)))


@pytest.fixture
def head() -> NADE:
    torch.manual_seed(0)
    made = NADE(3, NOTES, hidden_size=6).double()
    with torch.no_grad():
        for weight in (made.read, made.write):
            weight.mul_(4)  # so that notes depend on each other
    return made


def by_the_equations(head: NADE, features: torch.Tensor, notes: torch.Tensor) -> torch.Tensor:
    """ln p of one frame, note by note."""
    biases, activation = head.note_bias(features), head.hidden_bias(features)
    total = torch.zeros((), dtype=features.dtype)
    for number, note in enumerate(notes):
        logit = biases[number] + head.write[number] @ torch.sigmoid(activation)
        total = total + (functional.logsigmoid(logit) if note else functional.logsigmoid(-logit))
        activation = activation + note * head.read[number]
    return total


def test_the_likelihood_and_its_gradient_are_those_of_the_equations(head: NADE) -> None:
    features = torch.randn(len(SETS), 3, dtype=torch.double)
    found = head.log_likelihood(features, SETS.double())
    expected = torch.stack(
        [by_the_equations(head, one, notes) for one, notes in zip(features, SETS.double(), strict=True)]
    )
    torch.testing.assert_close(found, expected)
    weights = list(head.parameters())
    for one, other in zip(
        torch.autograd.grad(found.sum(), weights), torch.autograd.grad(expected.sum(), weights), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_the_probabilities_of_all_sets_add_up_to_1(head: NADE) -> None:
    outputs = torch.randn(3, dtype=torch.double).expand(len(SETS), 3)
    total = head.log_likelihood(outputs, SETS.double()).exp().sum()
    torch.testing.assert_close(total, torch.ones((), dtype=torch.double))


def test_sets_that_are_drawn_have_their_likelihood(head: NADE) -> None:
    outputs = torch.randn(3, dtype=torch.double)
    drawn = head.draw(outputs.expand(20_000, 3), 1.0, torch.Generator().manual_seed(0))
    numbers = (drawn @ (2 ** torch.arange(NOTES).flip(0)).double()).long()
    shares = torch.bincount(numbers, minlength=len(SETS)) / len(drawn)
    expected = head.log_likelihood(outputs.expand(len(SETS), 3), SETS.double()).exp()
    assert (shares - expected).abs().max() < 0.015


def test_a_frame_of_silence_and_frames_of_any_shape_have_a_likelihood(head: NADE) -> None:
    silence = torch.zeros(2, 5, NOTES, dtype=torch.double)
    found = head.log_likelihood(torch.randn(2, 5, 3, dtype=torch.double), silence)
    assert found.shape == (2, 5) and bool((found < 0).all())
    assert head.predict(torch.randn(2, 5, 3, dtype=torch.double)).shape == (2, 5, NOTES)


def test_the_most_probable_notes_follow_one_another(head: NADE) -> None:
    outputs = torch.randn(7, 3, dtype=torch.double)
    assert torch.equal(head.draw(outputs, 0.0), (head.predict(outputs).exp() > 0.5).double())


def test_sizes_are_checked() -> None:
    with pytest.raises(UserError, match="hidden_size"):
        NADE(3, 4, hidden_size=0)
