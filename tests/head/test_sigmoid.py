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


COUNTS = TARGETS.sum(0).int().tolist()


@pytest.mark.parametrize("weights", ["balanced", [1, 2, 3, 4]])
def test_weights_are_those_of_labels_that_hold_with_a_mean_of_1_over_training(weights):
    head = Sigmoid(SIZE, LABELS, class_weights=weights, class_counts=COUNTS, examples=LANES)
    true, false = head._class_weights
    assert torch.where(TARGETS == 1, true, false).mean() == pytest.approx(1)
    own = [(LANES - count) / count for count in COUNTS] if weights == "balanced" else weights
    torch.testing.assert_close(true / false, torch.tensor(own, dtype=torch.float32))
    expected = functional.binary_cross_entropy_with_logits(
        head._logits(OUTPUTS), TARGETS, pos_weight=true / false
    )
    torch.testing.assert_close(head.loss(OUTPUTS, TARGETS), expected * false[0])
    plain = functional.binary_cross_entropy_with_logits(head._logits(OUTPUTS), TARGETS)
    torch.testing.assert_close(head.eval().loss(OUTPUTS, TARGETS), plain)
    assert "_class_weights" not in head.state_dict()


def test_balanced_labels_weigh_as_much_where_they_hold_as_where_they_do_not():
    """Then the best constant prediction is a half, however rare a label is."""
    head = Sigmoid(SIZE, LABELS, class_weights="balanced", class_counts=COUNTS, examples=LANES)
    nn.init.zeros_(head.weight)
    head.loss(OUTPUTS, TARGETS).backward()
    torch.testing.assert_close(head.bias.grad, torch.zeros(LABELS), atol=1e-7, rtol=0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"class_weights": "balanced"}, "counts of labels"),
        ({"class_weights": "balanced", "class_counts": COUNTS}, "counts of labels"),
        ({"class_weights": "inverse"}, "class_weights=inverse"),
        ({"class_weights": [1.0]}, "has 1 numbers,.*each of the 4 classes"),
        ({"class_weights": [0.0] * LABELS}, "above 0"),
    ],
)
def test_weights_that_do_not_fit_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        Sigmoid(SIZE, LABELS, **given)
