import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM, LSTMState
from throughtime.engine.torch_kernels.padding import fits, run_padded


def test_the_memory_outlasts_any_padding_to_the_last_bit():
    cell = LSTM(3, 4)
    state = LSTMState(torch.randn(2, 4), torch.randn(2, 4) * torch.tensor([1e-6, 1.0, 1e3, -1e3]))
    lengths = torch.tensor([0, 1])
    _, after = run_padded(cell, torch.randn(500, 2, 3), state, lengths)
    _, true = cell.step(cell.project(torch.zeros(2, 3)), state)
    assert torch.equal(after.cell[0], state.cell[0])
    assert torch.equal(after.hidden[0], state.hidden[0])
    assert not torch.equal(after.cell[1], true.cell[1])


def test_a_gradient_crosses_the_padding_unchanged():
    cell = LSTM(3, 4)
    memory = torch.randn(1, 4, requires_grad=True)
    _, after = run_padded(
        cell, torch.randn(100, 1, 3), LSTMState(torch.zeros(1, 4), memory), torch.tensor([0])
    )
    weighting = torch.randn(1, 4)
    (after.cell * weighting).sum().backward()
    torch.testing.assert_close(memory.grad, weighting, rtol=0, atol=0)
    assert not any(p.grad is not None and p.grad.abs().max() > 1e-30 for p in cell.parameters())


def test_it_is_for_what_onednn_runs():
    inputs = torch.zeros(1, 1, 3)
    assert fits(LSTM(3, 4), inputs)
    assert not fits(LSTM(3, 4, projection_size=2), inputs)
    assert not fits(GRU(3, 4), inputs)
