"""SegRNN's segments."""

from functools import partial

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.data.window import Window
from throughtime.engine.auto import Auto
from throughtime.errors import UserError
from throughtime.model.forecast.segments import Segments
from throughtime.model.layers.stack import Stack


def build(**options) -> Segments:
    sizes = {"history_size": 1, "known_size": 0, "look_back": 10, "horizon": 5, "series_count": 2}
    parts = {"layers": Stack, "cell": partial(GRU, hidden_size=6), "engine": Auto()}
    return Segments(**parts, **sizes | {"segment_length": 4, "size": 8} | options).eval()


def window(history: torch.Tensor, series: int = 0) -> Window:
    steps = len(history) + 5
    return Window(
        history=history[:, None, None],
        known=torch.zeros(steps, 1, 0),
        series=torch.tensor([series]),
        origin=torch.tensor([0]),
        location=torch.zeros(steps, 1, 1),
        scale=torch.ones(1, 1),
    )


def test_the_oldest_steps_that_fill_no_segment_are_left_out():
    model, history = build(), torch.randn(10)
    changed = history.clone()
    changed[:2] = 9
    expected, found = (model.forecast(window(one), torch.Tensor.sum) for one in (history, changed))
    assert torch.equal(expected, found)


def test_segments_ahead_are_decoded_in_parallel_and_differ_by_place_and_series():
    model, history = build(horizon=5), torch.randn(10)
    assert model.segments_ahead == 2
    assert model.forecast(window(history), torch.Tensor.sum).shape == (5, 1, 4)
    first, second = (model.forecast(one, torch.Tensor.sum) for one in (window(history), window(history, 1)))
    assert not torch.equal(first, second)


def test_it_reads_the_covariates_of_whole_segments_within_the_horizon():
    model = build(horizon=10, segment_length=4)
    assert [model.steps_read(steps) for steps in (1, 4, 5, 9, 10)] == [4, 4, 8, 10, 10]


def test_a_series_that_training_did_not_have_has_a_vector_that_stays_0():
    model = build().train()
    model.forecast(window(torch.randn(10), 2), torch.Tensor.sum).sum().backward()
    assert not model.series.weight[2].any() and not model.series.weight.grad[2].any()


@pytest.mark.parametrize(
    ("options", "said"), [({"size": 7}, "must be even"), ({"segment_length": 11}, "longer than")]
)
def test_mistakes_are_told(options, said):
    with pytest.raises(UserError, match=said):
        build(**options)


def test_a_linear_map_of_the_history_is_added_to_the_features_of_each_step():
    torch.manual_seed(0)
    plain, linear = build(), build(linear=True)
    assert plain.linear is None and not linear.linear.weight.any()
    linear.load_state_dict(plain.state_dict(), strict=False)
    history = torch.randn(10)
    expected = plain.forecast(window(history), torch.Tensor.sum)
    assert torch.equal(linear.forecast(window(history), torch.Tensor.sum), expected)  # it begins at 0
    torch.nn.init.normal_(linear.linear.weight)
    found = linear.forecast(window(history), torch.Tensor.sum)
    weights = linear.linear.weight.detach().reshape(5, 4, 10)
    assert torch.allclose(found - expected, torch.einsum("sft,t->sf", weights, history)[:, None], atol=1e-5)
    linear.forecast(window(history), torch.Tensor.sum).sum().backward()
    assert linear.linear.weight.grad.abs().min() > 0
