"""Truncated backpropagation through time: the values of the whole, and gradients that go back exactly k2 steps."""

import logging
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from throughtime.cell.lstm import LSTM
from throughtime.data.batch import Batch
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.errors import UserError
from throughtime.head.softmax import Softmax
from throughtime.model.inputs.embedding import Embedding
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.stack import Stack
from throughtime.model.sequence import SequenceModel
from throughtime.task import tbptt
from throughtime.task.tbptt import TruncatedBPTT, gather, recomputes_model, scatter
from throughtime.tree import to_plain

Chunks = Callable[..., list[Batch]]


def whole(model: SequenceModel, chunks: Chunks, resets: Tensor | None = None) -> Tensor:
    batch = chunks(23, resets)[0]
    return model(batch.inputs, model.initial_state(3), None, batch.resets)[0]


@pytest.mark.parametrize("horizon", [None, 5, 7, 10, 12, 40])
def test_chunks_with_carried_state_are_the_whole_sequence(
    model: SequenceModel, chunks: Chunks, horizon: int | None
) -> None:
    carried = TruncatedBPTT(horizon)
    features = torch.cat([carried.run(model, batch.chunk) for batch in chunks(5)])
    torch.testing.assert_close(features, whole(model, chunks))


@pytest.mark.parametrize("horizon", [None, 9])
def test_resets_inside_chunks_are_those_of_the_whole_sequence(
    model: SequenceModel, chunks: Chunks, horizon: int | None
) -> None:
    resets = torch.rand(23, 3, generator=torch.Generator().manual_seed(2)) < 0.15
    carried = TruncatedBPTT(horizon)
    features = torch.cat([carried.run(model, batch.chunk) for batch in chunks(5, resets)])
    torch.testing.assert_close(features, whole(model, chunks, resets))


def test_a_fresh_batch_forgets_what_went_before(model: SequenceModel, chunks: Chunks) -> None:
    carried = TruncatedBPTT(9)
    for batch in chunks(5):
        carried.run(model, batch.chunk)
    again = carried.run(model, chunks(5)[0].chunk)
    torch.testing.assert_close(again, whole(model, chunks)[:5])


def reach(model: SequenceModel, chunks: Chunks, horizon: int | None, chunk: int) -> list[bool]:
    """For each step of the stream, whether the loss of one chunk of 5 has a gradient for the input embedded there."""
    seen: list[Tensor] = []

    def note(module: torch.nn.Module, arguments: tuple, output: Tensor) -> None:
        output.retain_grad()
        seen.append(output)

    hook = model.front.register_forward_hook(note)
    carried = TruncatedBPTT(horizon)
    for place, batch in enumerate(chunks(5)):
        seen.clear()
        features = carried.run(model, batch.chunk)
        if place == chunk:
            features.sum().backward()
            break
    hook.remove()
    return [bool(step.abs().sum() > 0) for part in seen if part.grad is not None for step in part.grad]


@pytest.mark.parametrize(("horizon", "steps"), [(None, 5), (5, 5), (6, 6), (10, 10), (12, 12), (100, 20)])
def test_the_gradient_goes_back_k2_steps_and_no_further(
    model: SequenceModel, chunks: Chunks, horizon: int | None, steps: int
) -> None:
    assert reach(model, chunks, horizon, chunk=3) == [True] * steps


def test_a_horizon_over_everything_gives_the_gradient_of_full_backpropagation(
    model: SequenceModel, chunks: Chunks
) -> None:
    whole(model, chunks)[15:20].sum().backward()
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    carried = TruncatedBPTT(23)
    for place, batch in enumerate(chunks(5)):
        features = carried.run(model, batch.chunk)
        if place == 3:
            features.sum().backward()
            break
    torch.testing.assert_close([parameter.grad for parameter in model.parameters()], expected)


@pytest.mark.parametrize("horizon", [None, 8])
@pytest.mark.parametrize("with_resets", [False, True])
def test_what_is_saved_and_loaded_goes_on_as_if_never_stopped(
    model: SequenceModel, chunks: Chunks, horizon: int | None, with_resets: bool
) -> None:
    resets = torch.rand(23, 3, generator=torch.Generator().manual_seed(2)) < 0.15 if with_resets else None
    first, second = TruncatedBPTT(horizon), TruncatedBPTT(horizon)
    stream = chunks(5, resets)
    for batch in stream[:2]:
        first.run(model, batch.chunk)
    second.load_state_dict(first.state_dict(), model)
    for batch in stream[2:]:
        assert torch.equal(first.run(model, batch.chunk), second.run(model, batch.chunk))


@pytest.mark.parametrize("horizon", [None, 8, 13])
def test_sequences_that_have_ended_stay_ended_in_a_resumed_stream(
    model: SequenceModel, chunks: Chunks, horizon: int | None
) -> None:
    """The state of a lane stays as it is from its end on, in the older steps that are run again too."""
    lengths = torch.tensor([23, 7, 12])
    stream = [
        batch.chunk._replace(lengths=(lengths - 5 * place).clamp(0, batch.chunk.steps))
        for place, batch in enumerate(chunks(5))
    ]
    first = TruncatedBPTT(horizon)
    for place, chunk in enumerate(stream):
        second = TruncatedBPTT(horizon)
        second.load_state_dict(first.state_dict(), model)
        parts = (
            [gather([first.state_dict()])]
            if place == 0
            else [scatter(first.state_dict(), rank, 3) for rank in range(3)]
        )
        third = TruncatedBPTT(horizon)
        third.load_state_dict(gather(parts), model)
        features = first.run(model, chunk)
        assert torch.equal(features, second.run(model, chunk))
        assert torch.equal(features, third.run(model, chunk))
        for other in (second, third):
            torch.testing.assert_close(other.state_dict(), first.state_dict(), rtol=0, atol=0)
    whole_chunk = chunks(23)[0].chunk
    _, ended = model(whole_chunk.inputs, model.initial_state(3), lengths, None)
    if horizon is None:
        torch.testing.assert_close(first.state_dict()["state"], to_plain(ended))


@pytest.mark.parametrize("horizon", [None, 9])
def test_what_is_carried_is_finite_until_it_is_not(
    model: SequenceModel, chunks: Chunks, horizon: int | None
) -> None:
    carried = TruncatedBPTT(horizon)
    assert carried.is_finite()
    for batch in chunks(5)[:3]:
        carried.run(model, batch.chunk)
    assert carried.is_finite()
    model.front.weight.data.fill_(torch.nan)
    for batch in chunks(5)[3:]:
        carried.run(model, batch.chunk)
    assert not carried.is_finite()
    carried.forget()
    assert carried.is_finite()


@pytest.mark.parametrize("horizon", [None, 9])
@pytest.mark.parametrize(("ranks", "afterwards"), [(2, 2), (3, 1), (2, 3), (1, 2)])
def test_what_ranks_carry_goes_on_with_any_number_of_ranks(
    model: SequenceModel, chunks: Chunks, horizon: int | None, ranks: int, afterwards: int
) -> None:
    resets = torch.rand(23, 3, generator=torch.Generator().manual_seed(2)) < 0.15
    parts = chunks(5, resets)

    def run(batches: list[Batch], count: int, saved: dict | None = None) -> tuple[Tensor, dict]:
        features, carried = [], [TruncatedBPTT(horizon) for _ in range(count)]
        for rank, one in enumerate(carried):
            if saved is not None:
                one.load_state_dict(scatter(saved, rank, count), model)
            features.append(torch.cat([one.run(model, batch.shard(rank, count).chunk) for batch in batches]))
        lanes = torch.empty(len(features[0]), 3, *features[0].shape[2:], dtype=features[0].dtype)
        for rank, part in enumerate(features):
            lanes[:, rank::count] = part
        return lanes, gather([one.state_dict() for one in carried])

    before, saved = run(parts[:2], ranks)
    after, _ = run(parts[2:], afterwards, saved)
    torch.testing.assert_close(torch.cat([before, after]), whole(model, chunks, resets))


def test_ranks_that_carry_nothing_gather_nothing() -> None:
    assert gather([{}, {}]) == {} == scatter({}, 1, 2)


@pytest.mark.parametrize("horizon", [None, 8])
def test_a_state_of_other_lanes_than_the_next_chunk_is_a_mistake(
    model: SequenceModel, chunks: Chunks, horizon: int | None
) -> None:
    first, second = TruncatedBPTT(horizon), TruncatedBPTT(horizon)
    batches = chunks(5)
    first.run(model, batches[0].chunk)
    second.load_state_dict(first.state_dict(), model)
    with pytest.raises(
        UserError, match=r"carried on is that of 3 lanes, but the next chunk has 2.*data\.batch_size"
    ):
        second.run(model, batches[1].shard(0, 2).chunk)
    with pytest.raises(UserError, match="3 lanes, but the next chunk has 2"):
        second.recomputed_loss(
            model, batches[1].shard(0, 2).chunk, lambda features, steps: features.sum(), []
        )


DAMAGE = {
    "lanes of one layer": lambda saved: saved | {"state": ((saved["state"][0][0][:2],), saved["state"][1])},
    "features": lambda saved: saved | {"state": tuple((part[0][:, :3],) for part in saved["state"])},
    "a layer": lambda saved: saved | {"state": saved["state"][:1]},
    "no layers": lambda saved: saved | {"state": ()},
    "integers": lambda saved: saved | {"state": tuple((part[0].long(),) for part in saved["state"])},
    "older inputs": lambda saved: (
        saved | {"older": saved["older"] | {"inputs": saved["older"]["inputs"][:, :2]}}
    ),
    "older lengths": lambda saved: saved | {"older": saved["older"] | {"lengths": torch.ones(2)}},
    "older resets": lambda saved: (
        saved | {"older": saved["older"] | {"resets": saved["older"]["resets"][:, :2]}}
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_not_a_state_of_the_model_is_a_mistake(
    model: SequenceModel, chunks: Chunks, damage: str
) -> None:
    carried = TruncatedBPTT(8)
    for batch in chunks(5, torch.zeros(23, 3, dtype=torch.bool))[:2]:
        carried.run(model, batch.chunk)
    saved = carried.state_dict()
    TruncatedBPTT(8).load_state_dict(saved, model)
    with pytest.raises(UserError, match="carried state of the checkpoint is not one of this model"):
        TruncatedBPTT(8).load_state_dict(DAMAGE[damage](saved), model)


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
        assert recomputes_model(model) == recompute
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
    tbptt._warn_once.cache_clear()
    model = model_with(BackpropagationThroughTime(recompute=True), 0.5, layers)
    with caplog.at_level(logging.WARNING):
        assert not recomputes_model(model)
    assert reason in caplog.text
