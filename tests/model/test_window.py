"""The window model: cut, padded and stepped runs equal the whole one, and the text alone says what is seen."""

from functools import partial

import pytest
import torch

from throughtime.cell.lstm import LSTM
from throughtime.data.conditioned import Conditioned
from throughtime.engine.reference import Reference
from throughtime.errors import UserError
from throughtime.model.layers.stack import Stack
from throughtime.model.window import WindowModel
from throughtime.tree import leaves

T, B, V = 7, 3, 5


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return WindowModel(
        Stack, partial(LSTM, hidden_size=6), Reference(), input_size=4, symbols=V, windows=3, step=0.5
    ).double()


@pytest.fixture(scope="module")
def inputs():
    generator = torch.Generator().manual_seed(1)
    points = torch.randn(T, B, 4, generator=generator, dtype=torch.float64)
    text = torch.tensor([[1, 2, 3, 4], [4, 4, 0, 0], [2, 0, 0, 0]])
    return Conditioned(points, torch.zeros(B, dtype=torch.int64), text, torch.tensor([4, 2, 1]))


def part(inputs, steps):
    return inputs._replace(features=inputs.features[steps])


def close(one, other):
    for a, b in zip(leaves(one), leaves(other), strict=True):
        torch.testing.assert_close(a, b)


def test_steps_equal_the_sequence(model, inputs):
    features, after = model(inputs, model.initial_state(B))
    state = model.initial_state(B)
    for t in range(T):
        one, state = model.step(part(inputs, t), state)
        torch.testing.assert_close(one, features[t])
    close(state, after)


def test_a_chunked_run_equals_the_whole(model, inputs):
    whole, after = model(inputs, model.initial_state(B))
    first, state = model(part(inputs, slice(0, 3)), model.initial_state(B))
    second, state = model(part(inputs, slice(3, T)), state)
    torch.testing.assert_close(torch.cat((first, second)), whole)
    close(state, after)


def test_padding_changes_nothing(model, inputs):
    lengths = torch.tensor([T, 4, 2])
    features, after = model(inputs, model.initial_state(B), lengths)
    for lane, length in enumerate(lengths.tolist()):
        alone = part(inputs.lanes(slice(lane, lane + 1)), slice(0, length))
        expected, state = model(alone, model.initial_state(1))
        torch.testing.assert_close(features[:length, lane], expected[:, 0])
        assert (features[length:, lane] == 0).all()
        for a, b in zip(leaves(after), leaves(state), strict=True):
            torch.testing.assert_close(a[lane], b[0])


def test_what_stands_after_a_text_is_not_seen(model, inputs):
    other = inputs.text.clone()
    other[1, 2:], other[2, 1:] = 3, 1
    one, another = (model(i, model.initial_state(B))[0] for i in (inputs, inputs._replace(text=other)))
    torch.testing.assert_close(one, another)


def test_the_end_is_where_the_window_shows_no_symbol_as_much(inputs):
    """A window of one narrow Gaussian that moves by a symbol in 3 steps passes a text of U symbols after 3 U + 2."""
    made = WindowModel(
        Stack, partial(LSTM, hidden_size=2), Reference(), input_size=4, symbols=V, windows=1
    ).double()
    with torch.no_grad():
        made.map.weight.zero_()
        made.map.bias[:] = torch.tensor([0.0, 2.0, 1 / 3]).double()  # α̂, β̂ and κ̂
        made.map.bias[2].log_()
    state, passed = made.initial_state(B), torch.full((B,), -1)
    for t in range(20):
        _, state = made.step(part(inputs, t % T), state)
        passed = torch.where((passed < 0) & state.past_text(), t + 1, passed)
    assert passed.tolist() == (3 * inputs.text_lengths + 2).tolist()
    assert state.past_text().all()


def test_before_the_text_the_window_is_not_past_it(model):
    assert not model.initial_state(B).past_text().any()


def test_the_text_is_seen(model, inputs):
    other = inputs._replace(text=inputs.text.flip(1))
    assert not torch.allclose(*(model(i, model.initial_state(B))[0][:, 0] for i in (inputs, other)))


def test_a_reset_begins_anew_before_its_step(model, inputs):
    resets = torch.zeros(T, B, dtype=torch.bool)
    resets[3, 1] = True
    features, _ = model(inputs, model.initial_state(B), None, resets)
    fresh, _ = model(part(inputs, slice(3, T)), model.initial_state(B))
    whole, _ = model(inputs, model.initial_state(B))
    torch.testing.assert_close(features[3:, 1], fresh[:, 1])
    torch.testing.assert_close(features[:, 0], whole[:, 0])


def test_the_window_moves_forwards_only(model, inputs):
    state, places = model.initial_state(B), []
    for t in range(T):
        _, state = model.step(part(inputs, t), state)
        places.append(state.places)
    assert (torch.stack(places).diff(dim=0) > 0).all()


def test_a_gradient_reaches_every_weight(model, inputs):
    features, _ = model(inputs, model.initial_state(B))
    features.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in model.parameters())
    model.zero_grad()


@pytest.mark.parametrize("sizes", [{"symbols": 0}, {"symbols": 3, "classes": 2}])
def test_data_without_texts_are_refused(sizes):
    with pytest.raises(UserError, match="reads a text"):
        WindowModel(Stack, partial(LSTM, hidden_size=6), Reference(), input_size=4, **sizes)
