"""engine.recompute=true: the numbers of the plain run, the whole model in segments."""

import logging
from functools import partial

import pytest
import torch

from throughtime.cell.lstm import LSTM
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.head.softmax import Softmax
from throughtime.model.inputs.embedding import Embedding
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.stack import Stack
from throughtime.model.sequence import SequenceModel
from throughtime.task import recompute as segmented
from throughtime.task.recompute import in_segments
from throughtime.task.tbptt import TruncatedBPTT

ENGINES = {"bptt": BackpropagationThroughTime, "fused": Fused}


def model_with(engine, dropout: float = 0.0, layers=Stack) -> SequenceModel:
    torch.manual_seed(1)
    return SequenceModel(
        partial(Embedding, size=4),
        partial(layers, depth=2, dropout=dropout),
        partial(LSTM, hidden_size=6),
        engine,
        vocabulary_size=7,
    )


def losses_and_gradients(model: SequenceModel, head: Softmax, stream, horizon, in_parts: bool):
    """The loss of every chunk, and the gradient of their sum."""
    carried, losses = TruncatedBPTT(horizon), []
    model.zero_grad()
    head.zero_grad()
    torch.manual_seed(3)
    for batch in stream:
        if in_parts:
            loss = carried.recomputed_loss(
                model,
                batch.chunk,
                lambda features, steps, b=batch: (
                    head.loss(features, b.targets[steps]) * b.targets[steps].numel()
                ),
                [*model.parameters(), *head.parameters()],
            )
            loss = loss / batch.targets.numel()
        else:
            loss = head.loss(carried.run(model, batch.chunk), batch.targets)
        loss.backward()
        losses.append(loss.detach())
    return losses, [p.grad.clone() for p in (*model.parameters(), *head.parameters())]


@pytest.mark.parametrize("horizon", [None, 9, 40])
@pytest.mark.parametrize("with_resets", [False, True])
@pytest.mark.parametrize("engine", ENGINES)
def test_segments_give_the_loss_and_the_gradient_of_the_whole(engine, chunks, horizon, with_resets) -> None:
    resets = torch.rand(23, 3, generator=torch.Generator().manual_seed(2)) < 0.15 if with_resets else None
    torch.manual_seed(0)
    head, found = Softmax(6, 7), []
    for recompute in (False, True):
        model = model_with(ENGINES[engine](recompute=recompute))
        assert in_segments(model) == recompute
        found.append(losses_and_gradients(model, head, chunks(7, resets), horizon, recompute))
    torch.testing.assert_close(found[1], found[0])


def test_dropout_is_the_same_when_a_segment_is_made_again(chunks) -> None:
    model = model_with(BackpropagationThroughTime(recompute=True), dropout=0.5)
    drawn = []
    model.layers.dropout.register_forward_hook(lambda module, given, output: drawn.append(output == 0))
    carried = TruncatedBPTT()
    (batch,) = chunks(23)
    learned = list(model.parameters())
    loss = carried.recomputed_loss(
        model, batch.chunk, lambda features, steps: features.square().sum(), learned
    )
    first, state = list(drawn), torch.get_rng_state()
    loss.backward()
    assert torch.equal(state, torch.get_rng_state())
    again = drawn[len(first) :]
    assert len(first) == len(again) > 4
    # The backward pass begins at the last segment; each has two layers.
    pairs = [again[place : place + 2] for place in range(0, len(again), 2)][::-1]
    assert all(
        torch.equal(a, b) for a, b in zip(first, (part for pair in pairs for part in pair), strict=True)
    )


def test_nothing_is_carried_differently(chunks) -> None:
    model = model_with(BackpropagationThroughTime(recompute=True))
    whole, parts = TruncatedBPTT(9), TruncatedBPTT(9)
    for batch in chunks(5):
        whole.run(model, batch.chunk)
        parts.recomputed_loss(model, batch.chunk, lambda features, steps: features.sum(), [])
        torch.testing.assert_close(whole.state_dict(), parts.state_dict())


@pytest.mark.parametrize(
    ("layers", "reason"),
    [(Bidirectional, "bidirectional"), (partial(Stack, variational=True), "variational=true")],
)
def test_what_cannot_be_cut_says_so_in_a_sentence(layers, reason, caplog) -> None:
    segmented._warn_once.cache_clear()
    model = model_with(BackpropagationThroughTime(recompute=True), 0.5, layers)
    with caplog.at_level(logging.WARNING):
        assert not in_segments(model)
    assert reason in caplog.text
