import math

import pytest
import torch
from torch import nn

from throughtime.errors import UserError
from throughtime.head.softmax import Softmax
from throughtime.model.inputs.embedding import Embedding

STEPS, LANES, SIZE, SYMBOLS = 5, 4, 3, 7
OUTPUTS = torch.randn(STEPS, LANES, SIZE, generator=torch.Generator().manual_seed(0))
TARGETS = torch.randint(SYMBOLS, (STEPS, LANES), generator=torch.Generator().manual_seed(0))


def test_a_prediction_is_a_distribution():
    log_probabilities = Softmax(SIZE, SYMBOLS).predict(OUTPUTS)
    torch.testing.assert_close(log_probabilities.exp().sum(-1), torch.ones(STEPS, LANES))
    assert Softmax(SIZE, SYMBOLS).predict(OUTPUTS[0]).shape == (LANES, SYMBOLS)


def test_knowing_nothing_costs_the_logarithm_of_the_vocabulary():
    head = Softmax(SIZE, SYMBOLS)
    nn.init.zeros_(head.weight)
    assert head.loss(OUTPUTS, TARGETS).item() == pytest.approx(math.log(SYMBOLS))


def test_the_loss_is_the_mean_surprise_of_the_targets():
    head = Softmax(SIZE, SYMBOLS)
    surprise = -head.predict(OUTPUTS).gather(-1, TARGETS[..., None])[..., 0]
    torch.testing.assert_close(head.loss(OUTPUTS, TARGETS), surprise.mean())
    mask = torch.rand(STEPS, LANES) < 0.5
    torch.testing.assert_close(head.loss(OUTPUTS, TARGETS, mask), surprise[mask].mean())


def test_classes_of_sequences_are_targets_too():
    head = Softmax(SIZE, SYMBOLS)
    torch.testing.assert_close(head.loss(OUTPUTS[0], TARGETS[0]), head.loss(OUTPUTS[:1], TARGETS[:1]))
    mask = torch.tensor([True, False, True, False])
    torch.testing.assert_close(
        head.loss(OUTPUTS[0], TARGETS[0], mask), head.loss(OUTPUTS[0, ::2], TARGETS[0, ::2])
    )


def test_the_mean_does_not_depend_on_the_batch_size():
    head = Softmax(SIZE, SYMBOLS)
    mask = torch.arange(STEPS)[:, None] < torch.tensor([5, 2, 0, 3])
    doubled = head.loss(OUTPUTS.repeat(1, 2, 1), TARGETS.repeat(1, 2), mask.repeat(1, 2))
    torch.testing.assert_close(head.loss(OUTPUTS, TARGETS, mask), doubled)


def test_a_masked_target_changes_nothing():
    head = Softmax(SIZE, SYMBOLS)
    mask = torch.ones(STEPS, LANES, dtype=torch.bool)
    mask[2:, 1] = False
    outputs = OUTPUTS.clone().requires_grad_()
    loss = head.loss(outputs, TARGETS, mask)
    loss.backward()
    assert (outputs.grad[~mask] == 0).all()
    assert torch.equal(loss, head.loss(OUTPUTS, TARGETS.where(mask, (TARGETS + 1) % SYMBOLS), mask))


def test_with_nothing_to_predict_the_loss_and_its_gradient_are_zero():
    head = Softmax(SIZE, SYMBOLS)
    loss = head.loss(OUTPUTS, TARGETS, torch.zeros(STEPS, LANES, dtype=torch.bool))
    loss.backward()
    assert loss == 0
    assert not head.weight.grad.any()


@pytest.mark.parametrize("size", [SIZE, 6])
def test_a_tied_head_learns_the_embedding(size):
    front, head = Embedding(SYMBOLS, size), Softmax(SIZE, SYMBOLS, tied=True)
    head.tie(front.weight)
    head.loss(OUTPUTS, TARGETS).backward()
    assert front.weight.grad.any()
    parameters = set(nn.ModuleList([front, head]).parameters())
    assert len([p for p in parameters if SYMBOLS in p.shape]) == 2  # one matrix, one bias


def test_two_vocabularies_cannot_be_tied():
    with pytest.raises(UserError, match=r"set head\.tied=false"):
        Softmax(SIZE, SYMBOLS, tied=True).tie(Embedding(SYMBOLS + 1, SIZE).weight)


@pytest.mark.parametrize(("dropout", "training"), [(0.0, True), (0.5, False)])
def test_without_dropout_no_random_number_is_drawn(dropout, training):
    head = Softmax(SIZE, SYMBOLS, dropout=dropout).train(training)
    before = torch.get_rng_state()
    head.loss(OUTPUTS, TARGETS)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("options", [{"vocabulary_size": 0}, {"dropout": 1.0}])
def test_a_wrong_option_is_a_mistake_of_the_user(options):
    with pytest.raises(UserError, match=next(iter(options))):
        Softmax(**{"input_size": SIZE, "vocabulary_size": SYMBOLS, **options})


def test_smoothing_is_that_of_torch_and_counts_in_training_alone():
    head = Softmax(SIZE, SYMBOLS, label_smoothing=0.2)
    mask = torch.rand(STEPS, LANES, generator=torch.Generator().manual_seed(2)) < 0.6
    logits = head._logits(OUTPUTS)
    expected = nn.functional.cross_entropy(logits[mask], TARGETS[mask], label_smoothing=0.2)
    torch.testing.assert_close(head.loss(OUTPUTS, TARGETS, mask), expected)
    plain = nn.functional.cross_entropy(logits[mask], TARGETS[mask])
    torch.testing.assert_close(head.eval().loss(OUTPUTS, TARGETS, mask), plain)


COUNTS = torch.bincount(TARGETS.flatten(), minlength=SYMBOLS).tolist()


@pytest.mark.parametrize("weights", ["balanced", [1, 2, 3, 4, 5, 6, 7]])
def test_the_weights_of_classes_have_a_mean_of_1_over_the_targets(weights):
    head = Softmax(SIZE, SYMBOLS, class_weights=weights, class_counts=COUNTS)
    losses = nn.functional.cross_entropy(
        head._logits(OUTPUTS).flatten(0, 1), TARGETS.flatten(), reduction="none"
    )
    own = head._class_weights[TARGETS.flatten()]
    assert own.mean().item() == pytest.approx(1)
    torch.testing.assert_close(head.loss(OUTPUTS, TARGETS), (own * losses).mean())
    # The mean over two halves is the mean of the whole: no normalisation by the weights of a batch.
    halves = [head.loss(OUTPUTS[:, :2], TARGETS[:, :2]), head.loss(OUTPUTS[:, 2:], TARGETS[:, 2:])]
    torch.testing.assert_close(head.loss(OUTPUTS, TARGETS), torch.stack(halves).mean())


def test_balanced_weights_are_inverse_to_the_counts():
    head = Softmax(SIZE, 3, class_weights="balanced", class_counts=[1, 2, 7])
    weights = head._class_weights
    torch.testing.assert_close(weights * torch.tensor([1.0, 2.0, 7.0]), torch.full((3,), 10 / 3))
    assert "_class_weights" not in head.state_dict()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"class_weights": "balanced"}, "counts of classes"),
        ({"class_weights": "inverse", "class_counts": [1] * SYMBOLS}, "class_weights=inverse"),
        ({"class_weights": [1.0, 2.0]}, "has 2 numbers,.*each of the 7 classes"),
        ({"class_weights": [0.0] * SYMBOLS}, "above 0"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
    ],
)
def test_weights_that_do_not_fit_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        Softmax(SIZE, SYMBOLS, **given)


def test_a_tied_head_needs_an_embedding():
    with pytest.raises(UserError, match=r"head\.tied needs an embedding of symbols"):
        Softmax(SIZE, SYMBOLS, tied=True).tie(None)


SETS = [2, 4, 1]
FIRST = torch.tensor([0, 0, 2, 2, 2, 2, 6])
LAST = torch.tensor([2, 2, 6, 6, 6, 6, 7])


def test_the_symbols_of_each_task_have_a_distribution_of_their_own():
    probabilities = Softmax(SIZE, SYMBOLS, label_sets=SETS).predict(OUTPUTS).exp()
    for part in probabilities.split(SETS, -1):
        torch.testing.assert_close(part.sum(-1), torch.ones(STEPS, LANES))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("masked", [False, True])
def test_the_loss_of_a_task_is_that_of_a_head_with_its_symbols_alone(smoothing, masked):
    head = Softmax(SIZE, SYMBOLS, label_sets=SETS, label_smoothing=smoothing)
    nn.init.normal_(head.bias)
    mask = TARGETS % 2 == 0 if masked else torch.ones_like(TARGETS, dtype=torch.bool)
    expected = []
    for place in mask.nonzero().tolist():
        target = TARGETS[tuple(place)]
        own = slice(int(FIRST[target]), int(LAST[target]))
        alone = Softmax(SIZE, own.stop - own.start, label_smoothing=smoothing)
        alone.load_state_dict({"weight": head.weight[own], "bias": head.bias[own]})
        expected.append(alone.loss(OUTPUTS[tuple(place)][None], target[None] - own.start))
    loss = head.loss(OUTPUTS, TARGETS, mask if masked else None)
    torch.testing.assert_close(loss, torch.stack(expected).mean())


def test_the_loss_of_a_task_moves_no_other():
    head = Softmax(SIZE, SYMBOLS, label_sets=SETS)
    head.loss(OUTPUTS[0], torch.tensor([2, 3, 5, 4])).backward()
    assert head.weight.grad.any(1).tolist() == [False, False, True, True, True, True, False]
