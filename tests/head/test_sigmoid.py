"""Several labels at once: each has a probability of its own, and the loss is the mean of their cross-entropies."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from throughtime.errors import UserError
from throughtime.head.sigmoid import Sigmoid

LANES, SIZE, LABELS = 6, 3, 4
OUTPUTS = torch.randn(LANES, SIZE, generator=torch.Generator().manual_seed(0))
TARGETS = torch.randint(2, (LANES, LABELS), generator=torch.Generator().manual_seed(0)).float()


def test_the_loss_is_the_binary_cross_entropy_of_the_prediction():
    head = Sigmoid(SIZE, LABELS)
    expected = functional.binary_cross_entropy(head.predict(OUTPUTS).exp(), TARGETS)
    torch.testing.assert_close(head.loss(OUTPUTS, TARGETS), expected)
    mask = torch.tensor([True, False, True, True, False, False])
    torch.testing.assert_close(head.loss(OUTPUTS, TARGETS, mask), head.loss(OUTPUTS[mask], TARGETS[mask]))


def test_knowing_nothing_costs_one_bit():
    head = Sigmoid(SIZE, LABELS)
    nn.init.zeros_(head.weight)
    assert head.loss(OUTPUTS, TARGETS).item() == pytest.approx(math.log(2))


def test_nothing_counts_where_nothing_is_true_in_the_mask():
    head = Sigmoid(SIZE, LABELS)
    outputs = OUTPUTS.clone().requires_grad_()
    loss = head.loss(outputs, TARGETS, torch.zeros(LANES, dtype=torch.bool))
    loss.backward()
    assert loss == 0 and not outputs.grad.any()


def test_classes_in_place_of_labels_are_told():
    with pytest.raises(UserError, match="one of 4 classes each, not a mark for each label"):
        Sigmoid(SIZE, LABELS).loss(OUTPUTS, torch.zeros(LANES, dtype=torch.int64))


def test_mistakes_are_told():
    with pytest.raises(UserError, match="dropout"):
        Sigmoid(SIZE, LABELS, dropout=1.0)


def test_smoothing_counts_in_training_alone():
    head = Sigmoid(SIZE, LABELS, label_smoothing=0.2)
    smooth = functional.binary_cross_entropy_with_logits(head._logits(OUTPUTS), TARGETS * 0.8 + 0.1)
    torch.testing.assert_close(head.loss(OUTPUTS, TARGETS), smooth)
    plain = functional.binary_cross_entropy_with_logits(head._logits(OUTPUTS), TARGETS)
    torch.testing.assert_close(head.eval().loss(OUTPUTS, TARGETS), plain)
