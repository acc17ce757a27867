from functools import partial

import pytest
import torch
from torch import nn

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.auto import Auto
from throughtime.engine.reference import Reference
from throughtime.errors import UserError
from throughtime.model.layers.stack import Stack

STEPS, LANES, INPUT, HIDDEN = 5, 3, 4, 4
INPUTS = torch.randn(STEPS, LANES, INPUT, generator=torch.Generator().manual_seed(0))


def stack(cell=GRU, engine=None, **options) -> Stack:
    torch.manual_seed(1)
    return Stack(partial(cell, hidden_size=HIDDEN), engine or Auto(), INPUT, **options)


OPTIONS = [
    {},
    {"depth": 3},
    {"depth": 2, "residual": True},
    {"depth": 2, "layer_norm": True},
    {"depth": 2, "residual": True, "layer_norm": True, "dropout": 0.4},
    {"depth": 2, "dropout": 0.4, "variational": True},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("cell", [GRU, partial(LSTM, projection_size=2)])
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_in_evaluation_a_run_is_step_after_step_and_chunk_after_chunk(cell, options):
    model, inputs = stack(cell, **options).double().eval(), INPUTS.double()
    whole, last = model(inputs, model.initial_state(LANES))
    state, outputs = model.initial_state(LANES), []
    for x in inputs:
        output, state = model.step(x, state)
        outputs.append(output)
    torch.testing.assert_close((torch.stack(outputs), state), (whole, last))
    first, state = model(inputs[:2], model.initial_state(LANES))
    second, state = model(inputs[2:], state)
    torch.testing.assert_close((torch.cat((first, second)), state), (whole, last))


def test_layers_are_those_of_torch_stacked():
    oracle = nn.GRU(INPUT, HIDDEN, num_layers=2)
    model = stack(depth=2)
    with torch.no_grad():
        for layer, cell in enumerate(model.cells):
            inner, outer = (getattr(oracle, f"bias_{part}_l{layer}") for part in ("hh", "ih"))
            cell.weight_input.copy_(getattr(oracle, f"weight_ih_l{layer}"))
            cell.weight_recurrent.copy_(getattr(oracle, f"weight_hh_l{layer}"))
            cell.bias.copy_(outer + torch.cat((inner[: 2 * HIDDEN], torch.zeros(HIDDEN))))
            cell.bias_recurrent.copy_(inner[2 * HIDDEN :])
    expected, last = oracle(INPUTS)
    outputs, state = model(INPUTS, model.initial_state(LANES))
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(torch.stack([layer.hidden for layer in state]), last)


def test_a_residual_layer_that_says_nothing_passes_its_input_on():
    model = stack(depth=2, residual=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    torch.testing.assert_close(model(INPUTS, model.initial_state(LANES))[0], INPUTS)


def test_a_residual_needs_equal_sizes():
    torch.manual_seed(1)
    plain = Stack(partial(GRU, hidden_size=7), Reference(), INPUT)
    torch.manual_seed(1)
    residual = Stack(partial(GRU, hidden_size=7), Reference(), INPUT, residual=True)
    state = plain.initial_state(LANES)
    assert torch.equal(plain(INPUTS, state)[0], residual(INPUTS, state)[0])


def test_a_normalised_output_has_mean_zero_and_variance_one():
    model = stack(layer_norm=True)
    outputs, _ = model(INPUTS, model.initial_state(LANES))
    torch.testing.assert_close(outputs.mean(-1), torch.zeros(STEPS, LANES), atol=1e-5, rtol=0)
    torch.testing.assert_close(outputs.var(-1, correction=0), torch.ones(STEPS, LANES), atol=0.1, rtol=0)


def test_dropout_is_between_the_layers_and_not_in_the_recurrence():
    model = stack(depth=2, dropout=0.5)
    _, dropped = model(INPUTS, model.initial_state(LANES))
    _, kept = model.eval()(INPUTS, model.initial_state(LANES))
    torch.testing.assert_close(dropped[0], kept[0])
    assert not torch.allclose(dropped[1].hidden, kept[1].hidden)


def test_a_variational_mask_is_the_same_at_every_step():
    model = stack(dropout=0.5, variational=True)
    dropped = model(INPUTS, model.initial_state(LANES))[0] == 0
    assert (dropped == dropped[0]).all()
    assert dropped.any()


@pytest.mark.parametrize("variational", [True, False])
@pytest.mark.parametrize(("dropout", "training"), [(0.0, True), (0.5, False)])
def test_without_dropout_no_random_number_is_drawn(variational, dropout, training):
    model = stack(depth=2, dropout=dropout, variational=variational).train(training)
    before = torch.get_rng_state()
    model(INPUTS, model.initial_state(LANES))
    assert torch.equal(torch.get_rng_state(), before)


def test_lengths_and_resets_reach_every_layer():
    model = stack(depth=2)
    lengths = torch.tensor([STEPS, 2, 0])
    _, state = model(INPUTS, model.initial_state(LANES), lengths)
    _, alone = model(INPUTS[:2, 1:2], model.initial_state(1))
    for layer, expected in zip(state, alone, strict=True):
        torch.testing.assert_close(layer.hidden[1:2], expected.hidden)
        assert not layer.hidden[2].any()
    resets = torch.zeros(STEPS, LANES, dtype=torch.bool)
    resets[3] = True
    outputs, _ = model(INPUTS, model.initial_state(LANES), None, resets)
    anew, _ = model(INPUTS[3:], model.initial_state(LANES))
    torch.testing.assert_close(outputs[3:], anew)


@pytest.mark.parametrize("options", [{"depth": 0}, {"dropout": -0.1}])
def test_a_wrong_option_is_a_mistake_of_the_user(options):
    with pytest.raises(UserError, match=next(iter(options))):
        stack(**options)
