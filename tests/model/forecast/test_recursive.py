"""The recursive model: one step, carried along a stream or fed back."""

from functools import partial

import torch

from throughtime.cell.gru import GRU
from throughtime.data.window import Window
from throughtime.engine.auto import Auto
from throughtime.model.forecast.recursive import Recursive
from throughtime.model.inputs.linear import Linear
from throughtime.model.layers.stack import Stack


def test_a_window_is_the_stream_that_ends_with_it():
    torch.manual_seed(0)
    model = Recursive(
        Linear, Stack, partial(GRU, hidden_size=4), Auto(), channels=1, history_size=1, known_size=2
    )
    history, known = torch.randn(7, 2, 1), torch.randn(10, 2, 2)
    stream, _ = model(torch.cat([history, known[1:8]], dim=-1), model.initial_state(2))
    series = torch.zeros(2, dtype=torch.int64)
    window = Window(history, known, series, series, torch.zeros(10, 2, 1), torch.ones(2, 1))
    ahead = model.forecast(window, lambda features: features[..., :1])
    assert ahead.shape[0] == 3 and torch.allclose(ahead[0], stream[-1], atol=1e-6)
