"""CTC: the loss is the negative logarithm of a sum over all alignments, and what has none is left out."""

import itertools

import pytest
import torch

from throughtime.decode.ctc_path import collapse
from throughtime.errors import UserError
from throughtime.head.ctc import CTC, CTCTargets


def head(symbols=2):
    torch.manual_seed(0)
    return CTC(5, symbols).double()


def brute_force(log_probabilities, symbols):
    """-log of the sum over all paths that collapse to the symbols."""
    steps, classes = log_probabilities.shape
    totals = [
        sum(log_probabilities[step, one] for step, one in enumerate(path))
        for path in itertools.product(range(classes), repeat=steps)
        if collapse(path) == symbols
    ]
    return -torch.stack(totals).logsumexp(0)


@pytest.mark.parametrize("symbols", [[1], [1, 2], [1, 1], [2, 1, 2], [2, 2, 1]])
def test_the_loss_is_the_sum_over_all_alignments(symbols):
    layer = head()
    outputs = torch.randn(5, 1, 5, dtype=torch.float64)
    targets = CTCTargets(torch.tensor([symbols]), torch.tensor([len(symbols)]), torch.tensor([5]))
    expected = brute_force(layer.predict(outputs)[:, 0], symbols) / len(symbols)
    torch.testing.assert_close(layer.loss(outputs, targets), expected)


def test_its_gradient_is_that_of_the_sum_over_all_alignments():
    layer = head()
    outputs = torch.randn(4, 1, 5, dtype=torch.float64, requires_grad=True)
    targets = CTCTargets(torch.tensor([[1, 2]]), torch.tensor([2]), torch.tensor([4]))
    (found,) = torch.autograd.grad(layer.loss(outputs, targets), outputs)
    (expected,) = torch.autograd.grad(brute_force(layer.predict(outputs)[:, 0], [1, 2]) / 2, outputs)
    torch.testing.assert_close(found, expected)


def test_it_is_a_mean_over_symbols_whatever_is_padded():
    layer = head(3)
    outputs = torch.randn(8, 2, 5, dtype=torch.float64)
    symbols, counts, steps = torch.tensor([[1, 3, 2], [2, 1, 1]]), torch.tensor([3, 1]), torch.tensor([8, 6])
    losses = [
        layer.loss(
            outputs[: steps[lane], lane : lane + 1], CTCTargets(*(part[lane : lane + 1] for part in found))
        )
        for lane, found in enumerate([(symbols, counts, steps)] * 2)
    ]
    together = layer.loss(outputs, CTCTargets(symbols, counts, steps))
    torch.testing.assert_close(together, (losses[0] * 3 + losses[1]) / 4)


def test_sequences_without_an_alignment_are_known_and_left_out():
    symbols = torch.tensor([[1, 2, 3], [1, 1, 2], [1, 1, 2], [1, 2, 1]])
    targets = CTCTargets(symbols, torch.tensor([3, 3, 3, 2]), torch.tensor([3, 3, 4, 1]))
    assert targets.alignable().tolist() == [True, False, True, False]
    layer = head(3)
    outputs = torch.randn(4, 4, 5, dtype=torch.float64, requires_grad=True)
    loss = layer.loss(outputs, targets)
    loss.backward()
    assert loss.isfinite() and outputs.grad.isfinite().all()
    assert outputs.grad.abs().sum((0, 2)).bool().tolist() == [True, False, True, False]
    kept = CTCTargets(*(part[[0, 2]] for part in targets))
    torch.testing.assert_close(loss, layer.loss(outputs[:, [0, 2]], kept))


def test_without_any_sequence_that_counts_the_loss_is_0_and_has_a_gradient():
    layer = head()
    outputs = torch.randn(1, 1, 5, dtype=torch.float64)
    targets = CTCTargets(torch.tensor([[1, 2]]), torch.tensor([2]), torch.tensor([1]))
    loss = layer.loss(outputs, targets)
    loss.backward()
    assert loss == 0 and not layer.weight.grad.any()
    whole = CTCTargets(torch.tensor([[1, 2]]), torch.tensor([2]), torch.tensor([4]))
    assert layer.loss(torch.randn(4, 1, 5).double(), whole, torch.zeros(1, 2, dtype=torch.bool)) == 0


def test_a_size_or_a_dropout_out_of_range_is_refused():
    with pytest.raises(UserError, match="vocabulary_size"):
        CTC(5, 0)
    with pytest.raises(UserError, match="dropout"):
        CTC(5, 2, dropout=1.0)
