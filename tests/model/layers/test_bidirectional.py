"""A reverse pass over true lengths: what stands after a lane's end changes nothing before it."""

from functools import partial

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.auto import Auto
from throughtime.engine.reference import Reference
from throughtime.errors import UserError
from throughtime.model.layers.bidirectional import Bidirectional, reverse

LENGTHS = torch.tensor([5, 1, 0, 7, 3])


def model(cell=LSTM, engine=None, **options):
    torch.manual_seed(0)
    layers = Bidirectional(partial(cell, hidden_size=4), engine or Auto(), 3, depth=2, **options)
    return layers.double().eval()


def sequence(steps=7):
    return torch.randn(steps, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def run(layers, inputs, lengths=None):
    return layers(inputs, layers.initial_state(inputs.shape[1]), lengths)[0]


def test_reversing_twice_is_nothing_and_padding_stays():
    inputs = sequence()
    backwards = reverse(inputs, LENGTHS)
    assert torch.equal(reverse(backwards, LENGTHS), inputs)
    assert torch.equal(reverse(inputs, None), inputs.flip(0))
    for lane, length in enumerate(LENGTHS.tolist()):
        assert torch.equal(backwards[:length, lane], inputs[:length, lane].flip(0))
        assert torch.equal(backwards[length:, lane], inputs[length:, lane])


@pytest.mark.parametrize("cell", [Elman, GRU, LSTM])
@pytest.mark.parametrize("engine", [Reference(), Auto()])
def test_each_lane_reads_as_if_it_were_alone(cell, engine):
    layers, inputs = model(cell, engine), sequence()
    together = run(layers, inputs, LENGTHS)
    for lane, length in enumerate(LENGTHS.tolist()):
        assert not together[length:, lane].any()
        if length:
            alone = run(layers, inputs[:length, lane : lane + 1])
            torch.testing.assert_close(together[:length, lane : lane + 1], alone)


@pytest.mark.parametrize("cell", [Elman, GRU, LSTM])
def test_a_padded_step_changes_no_number_and_no_gradient(cell):
    layers, inputs = model(cell), sequence()
    results = []
    for padding in (0.0, 1e6):
        padded = torch.cat((inputs, torch.full_like(inputs[:2], padding)))
        for lane, length in enumerate(LENGTHS.tolist()):
            padded[length:, lane] = padding
        outputs = run(layers, padded, LENGTHS)
        gradients = torch.autograd.grad(outputs.square().sum(), list(layers.parameters()))
        results.append([outputs, *gradients])
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


def test_every_output_depends_on_every_step_of_its_lane_alone():
    layers, inputs = model(), sequence().requires_grad_()
    outputs = run(layers, inputs, LENGTHS)
    (gradient,) = torch.autograd.grad(outputs[2, 0].sum(), inputs)
    touched = gradient.abs().sum(-1) > 0
    assert touched[:5, 0].all()
    assert touched.sum() == 5


def test_reading_backwards_is_mirrored():
    layers, inputs = model(), sequence()
    mirrored = model()
    pairs = zip(layers.forwards, layers.backwards, mirrored.forwards, mirrored.backwards, strict=True)
    for depth, (ahead, back, other_ahead, other_back) in enumerate(pairs):
        other_ahead.load_state_dict(_swapped(back, depth))
        other_back.load_state_dict(_swapped(ahead, depth))
    left, right = run(layers, inputs, LENGTHS).chunk(2, -1)
    other = run(mirrored, reverse(inputs, LENGTHS), LENGTHS)
    torch.testing.assert_close(torch.cat((right, left), -1), reverse(other, LENGTHS))


def _swapped(layer, depth):
    """The weights for a layer whose two halves of inputs have changed places."""
    state = layer.state_dict()
    if depth:
        state = {
            name: value.roll(4, 1) if name.endswith("weight_input") else value
            for name, value in state.items()
        }
    return state


def test_the_state_is_handed_back_as_it_was():
    layers = model()
    state = layers.initial_state(5)
    assert layers(sequence(), state, LENGTHS)[1] is state


def test_running_text_and_single_steps_are_refused():
    layers = model()
    state = layers.initial_state(5)
    with pytest.raises(UserError, match="whole sequences"):
        layers(sequence(), state, None, torch.zeros(7, 5, dtype=torch.bool))
    with pytest.raises(UserError, match="step"):
        layers.step(sequence()[0], state)
    with pytest.raises(UserError, match="depth"):
        Bidirectional(partial(LSTM, hidden_size=4), Auto(), 3, depth=0)
