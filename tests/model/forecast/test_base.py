"""Properties of every forecasting model, whatever its way of decoding."""

from functools import partial

import pytest
import torch
from torch import nn

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.data.window import Window
from throughtime.engine.auto import Auto
from throughtime.model.forecast.direct import Direct
from throughtime.model.forecast.encoder_decoder import EncoderDecoder
from throughtime.model.forecast.recursive import Recursive
from throughtime.model.forecast.segments import Segments
from throughtime.model.inputs.linear import Linear
from throughtime.model.layers.stack import Stack

SIZES = {"channels": 2, "history_size": 3, "known_size": 1, "horizon": 5, "look_back": 8, "series_count": 4}
MODELS = {
    "direct": partial(Direct, front=partial(Linear, size=6), size=7),
    "segments": partial(Segments, segment_length=3, size=8, step_size=4),
    "recursive": partial(Recursive, front=Linear),
    "encoder_decoder": partial(EncoderDecoder, front=Linear),
}


def window(lanes: int = 3, steps: int = 8, seed: int = 0) -> Window:
    numbers = torch.Generator().manual_seed(seed)
    return Window(
        history=torch.randn(steps, lanes, 3, generator=numbers),
        known=torch.randn(steps + 5, lanes, 1, generator=numbers),
        series=torch.arange(lanes) % 5,
        origin=torch.arange(lanes),
        location=torch.zeros(steps + 5, lanes, 2),
        scale=torch.ones(lanes, 2),
    )


def lane(whole: Window, place: int) -> Window:
    time_major = ("history", "known", "location")
    cut = {
        name: part[:, [place]] if name in time_major else part[[place]]
        for name, part in whole._asdict().items()
    }
    return Window(**cut)


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


@pytest.fixture(params=[Elman, GRU, LSTM])
def model(request, name):
    torch.manual_seed(0)
    factory = partial(request.param, hidden_size=6)
    return MODELS[name](layers=partial(Stack, depth=2), cell=factory, engine=Auto(), **SIZES).eval()


@pytest.fixture
def feed(model):
    torch.manual_seed(1)
    return nn.Linear(model.output_size, 2)


def test_every_step_ahead_has_features(model, feed):
    assert model.forecast(window(), feed).shape == (5, 3, model.output_size)


def test_a_lane_is_forecast_alone_as_in_a_batch(model, feed):
    together = model.forecast(window(), feed)
    for place in range(3):
        alone = model.forecast(lane(window(), place), feed)
        assert torch.allclose(alone[:, 0], together[:, place], atol=1e-5)


def test_every_weight_has_a_gradient(model, feed):
    model.train()
    model.forecast(window(), feed, torch.randn(5, 3, 2)).square().sum().backward()
    unused = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    # An encoder hands over its state alone, so the readout of its last layer has nothing to say.
    assert all(name.startswith("encoder.cells.1.") and "output" in name for name in unused)


def test_a_step_ahead_knows_no_later_truth(model, feed):
    truth = torch.randn(5, 3, 2)
    before = model.forecast(window(), feed, truth)
    truth[2:] = 100
    after = model.forecast(window(), feed, truth)
    assert torch.equal(before[:3], after[:3])


def test_teacher_forcing_with_its_own_forecasts_changes_nothing(model, feed):
    """The parallel run over the truth and the step by step run are the same recurrence."""
    free = model.forecast(window(), feed)
    assert torch.allclose(model.forecast(window(), feed, feed(free).detach()), free, atol=1e-5)
