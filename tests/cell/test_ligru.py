import pytest
import torch
from torch.nn import functional

from throughtime.cell.ligru import LiGRU, LiGRUState
from throughtime.engine.reference import Reference

INPUT, HIDDEN = 3, 4


def some_cell(**options):
    torch.manual_seed(0)
    cell = LiGRU(INPUT, HIDDEN, **options).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    return cell


@pytest.mark.parametrize("normalised", [True, False])
def test_one_step_is_the_equation(normalised):
    cell = some_cell(normalised=normalised)
    x, h = torch.randn(INPUT).double(), torch.randn(HIDDEN).double()
    sums = cell.weight_input @ x
    if normalised:
        sums = cell.gain * (sums - sums.mean()) / (sums.var(correction=0) + 1e-5).sqrt()
    z, n = (sums + cell.bias + cell.weight_recurrent @ h).chunk(2)
    z, n = torch.sigmoid(z), n.clamp(min=0)
    output, state = cell.step(cell.project(x[None]), LiGRUState(h[None]))
    torch.testing.assert_close(output[0], z * h + (1 - z) * n)
    assert torch.equal(output, state.hidden)


def test_a_normalised_lane_does_not_feel_the_scale_of_its_inputs_nor_its_neighbours():
    cell, inputs = some_cell(), torch.randn(7, 2, INPUT).double()
    outputs, _ = Reference().run(cell, inputs, cell.initial_state(2))
    louder = torch.stack((inputs[:, 0], 1000 * inputs[:, 1]), 1)
    others, _ = Reference().run(cell, louder, cell.initial_state(2))
    assert torch.equal(others[:, 0], outputs[:, 0])
    torch.testing.assert_close(others[:, 1], outputs[:, 1], rtol=1e-3, atol=1e-3)


def test_an_open_update_gate_carries_the_state_unchanged():
    cell = some_cell()
    with torch.no_grad():
        cell.bias[:HIDDEN] = 1e3
    before = LiGRUState(torch.rand(2, HIDDEN).double())
    _, after = Reference().run(cell, torch.randn(50, 2, INPUT).double(), before)
    torch.testing.assert_close(after, before)


def test_without_recurrent_weights_the_output_is_a_mean_of_rectified_sums():
    cell, inputs = some_cell(), torch.randn(20, 2, INPUT).double()
    with torch.no_grad():
        cell.weight_recurrent.zero_()
    outputs, _ = Reference().run(cell, inputs, cell.initial_state(2))
    rectified = functional.relu(cell.project(inputs).chunk(2, -1)[1])
    assert (outputs >= 0).all()
    assert (outputs <= rectified.cummax(0).values).all()
