"""The norms that an engine hands back are those that hooks on the plain loop see."""

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.layernorm_lstm import LayerNormLSTM
from throughtime.cell.lstm import LSTM
from throughtime.cell.mingru import MinGRU
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.gradient_records import recording
from throughtime.engine.reference import Reference
from throughtime.engine.torch_kernels.engine import TorchKernels
from throughtime.errors import UserError
from throughtime.tree import where_state

CELLS = {
    "elman": Elman,
    "elman relu": lambda i, h: Elman(i, h, activation="relu", output_activation=None),
    "gru": GRU,
    "gru reset before": lambda i, h: GRU(i, h, reset="before"),
    "lstm": LSTM,
    "lstm projection": lambda i, h: LSTM(i, h, projection_size=2),
    "layer norm": LayerNormLSTM,
    "mingru": MinGRU,
}
ENGINES = {"bptt": BackpropagationThroughTime, "fused": Fused}
LENGTHS = torch.tensor([4, 0, 6, 1])
RESETS = torch.zeros(6, 4, dtype=torch.bool)
RESETS[0, 0] = RESETS[3, 2] = RESETS[3, 0] = RESETS[5, 2] = RESETS[2, 1] = True
SITUATIONS = {
    "whole": (None, None),
    "lengths": (LENGTHS, None),
    "resets": (None, RESETS),
    "lengths and resets": (LENGTHS, RESETS),
}


def hooked(cell, inputs, lengths, resets):
    """‖δ_t‖ and ‖∂ℓ/∂h_t‖ by autograd on a plain loop."""
    steps, lanes = inputs.shape[:2]
    running = torch.ones(steps, lanes, dtype=torch.bool)
    if lengths is not None:
        running = torch.arange(steps)[:, None] < lengths
    state, start, outputs, seen = cell.initial_state(lanes), cell.initial_state(lanes), [], []
    for t in range(steps):
        if resets is not None:
            state = where_state(resets[t] & running[t], start, state)
        projected = cell.project(inputs[t])
        output, after = cell.step(projected, state)
        outputs.append(torch.where(running[t][:, None], output, 0))
        state = where_state(running[t], after, state)
        seen += [projected, after[0]]
    loss = (torch.stack(outputs) ** 2).sum() + sum((part**3).sum() for part in state)
    found = torch.autograd.grad(loss, seen, allow_unused=True, materialize_grads=True)
    return [torch.stack([gradient.norm() for gradient in found[k::2]]) for k in (0, 1)]


def loss_of(engine, cell, inputs, *masks):
    outputs, state = engine.run(cell, inputs, cell.initial_state(inputs.shape[1]), *masks)
    return (outputs**2).sum() + sum((part**3).sum() for part in state)


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CELLS)
def test_they_are_what_hooks_on_the_plain_loop_see(case, engine, situation):
    torch.manual_seed(0)
    cell, engine, inputs = CELLS[case](3, 5).double(), ENGINES[engine](), torch.randn(6, 4, 3).double()
    expected = hooked(cell, inputs, *SITUATIONS[situation])
    loss = loss_of(engine, cell, inputs, *SITUATIONS[situation])
    with recording(engine) as runs:
        loss.backward()
    (norms,) = runs
    torch.testing.assert_close(list(norms), expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_several_runs_are_told_in_their_order(engine):
    cells, engine, inputs = [Elman(3, 5), GRU(5, 4)], ENGINES[engine](), torch.randn(6, 2, 3)
    first, _ = engine.run(cells[0], inputs, cells[0].initial_state(2))
    loss = loss_of(engine, cells[1], first)
    with recording(engine) as runs:
        loss.backward(retain_graph=True)
    with recording(engine) as alone:
        torch.autograd.grad(loss, first)
    assert len(runs) == 2
    torch.testing.assert_close(runs[1], alone[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_segments_are_told_in_their_order(engine):
    cell, inputs = LSTM(3, 5), torch.randn(12, 2, 3)
    norms = []
    for recompute in (False, True):
        chosen = ENGINES[engine](recompute=recompute)
        loss = loss_of(chosen, cell, inputs)
        with recording(chosen) as runs:
            loss.backward()
        norms.append([torch.cat(parts) for parts in zip(*runs, strict=True)])
    assert len(runs) > 1
    torch.testing.assert_close(norms[0], norms[1])


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_recorded_unless_asked(engine):
    engine = ENGINES[engine]()
    with recording(engine) as runs:
        pass
    loss_of(engine, Elman(3, 5), torch.randn(6, 2, 3)).backward()
    assert runs == []


@pytest.mark.parametrize("engine", [TorchKernels, Reference])
def test_an_engine_that_leaves_it_to_torch_is_refused_in_a_sentence(engine):
    with pytest.raises(UserError, match="engine=bptt or engine=fused"), recording(engine()):
        pass
