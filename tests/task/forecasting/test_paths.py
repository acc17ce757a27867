"""Sampled futures: as many as asked, from a generator of their own, spread as the process is."""

from functools import partial

import torch

from throughtime.cell.gru import GRU
from throughtime.data.window import Window
from throughtime.engine.auto import Auto
from throughtime.head.gaussian import Gaussian
from throughtime.model.forecast.recursive import Recursive
from throughtime.model.inputs.linear import Linear
from throughtime.model.layers.stack import Stack
from throughtime.task.forecasting.paths import sample_paths


def parts():
    torch.manual_seed(0)
    sizes = {"channels": 1, "history_size": 1, "known_size": 0}
    model = Recursive(Linear, Stack, partial(GRU, hidden_size=4), Auto(), **sizes).eval()
    series = torch.zeros(3, dtype=torch.int64)
    window = Window(
        torch.randn(6, 3, 1), torch.zeros(10, 3, 0), series, series, torch.zeros(10, 3, 1), torch.ones(3, 1)
    )
    return model, Gaussian(4, 1).eval(), window


@torch.no_grad()
def test_the_same_seed_gives_the_same_paths_and_training_does_not_notice():
    model, head, window = parts()
    state = torch.get_rng_state()
    one, other = (sample_paths(model, head, window, 7, torch.Generator().manual_seed(2)) for _ in range(2))
    assert one.shape == (7, 4, 3, 1) and torch.equal(one, other)
    assert torch.equal(state, torch.get_rng_state())
    assert one.std(0).min() > 0


@torch.no_grad()
def test_the_first_step_is_drawn_from_the_heads_distribution():
    model, head, window = parts()
    paths = sample_paths(model, head, window, 4000, torch.Generator().manual_seed(2))
    mean, deviation = head.parameters_of(model.forecast(window, head.predict))
    assert torch.allclose(paths[:, 0].mean(0), mean[0], atol=0.06)
    assert torch.allclose(paths[:, 0].std(0), deviation[0], rtol=0.06)
