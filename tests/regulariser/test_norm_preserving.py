"""Ω and its gradient are those of the definition, and 0 where the recurrence keeps the norm of the gradient."""

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.cell.mingru import MinGRU
from throughtime.diagnosis.dynamics import flat_state, jacobians, unflat_state
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.recorded_runs import recorded_runs
from throughtime.engine.reference import Reference
from throughtime.errors import UserError
from throughtime.regulariser.norm_preserving import NormPreserving, state_gradients

STEPS, LANES = 6, 2
OMEGA = NormPreserving(1.0)


def run(cell, engine=None, lengths=None, resets=None, last_only=False):
    """The recorded runs of a cell on fixed numbers, and a loss of all outputs or of the last state."""
    torch.manual_seed(3)
    dtype = next(cell.parameters()).dtype
    inputs = torch.randn(STEPS, LANES, cell.input_size, dtype=dtype)
    with recorded_runs() as runs:
        outputs, after = (engine or Reference()).run(cell, inputs, cell.initial_state(LANES), lengths, resets)
    weights = torch.linspace(0.5, 2, STEPS, dtype=dtype)[:, None, None]
    return runs, flat_state(after).square().sum() if last_only else (outputs * weights).square().sum()


def made(kind, **settings):
    torch.manual_seed(1)
    return kind(3, 4, **settings).double()


@pytest.mark.parametrize("rho", [1.0, 0.9, 1.3])
def test_a_linear_cell_of_spectral_radius_rho_has_omega_of_its_distance_from_one(rho) -> None:
    cell = made(Elman, activation="identity", output_activation=None)
    with torch.no_grad():
        cell.weight_recurrent.mul_(rho)
    penalty = OMEGA.penalty(*run(cell))
    assert float(penalty) == pytest.approx(STEPS * (rho - 1) ** 2, abs=1e-6)


@pytest.mark.parametrize("kind", [LSTM, GRU, MinGRU])
def test_omega_is_that_of_its_definition(kind) -> None:
    """Jacobians of the step, and the gradient of each state by a loop that keeps it."""
    cell = made(kind)
    runs, loss = run(cell, last_only=True)
    expected = 0.0
    states = [runs[0].state]
    rows = cell.project(runs[0].inputs)
    vectors = []
    for row in rows:
        _, after = cell.step(row, states[-1])
        vectors.append(flat_state(after))
        states.append(unflat_state(vectors[-1], after))
    again = vectors[-1].square().sum()
    errors = torch.autograd.grad(again, vectors, retain_graph=True)
    for jacobian, error in zip(jacobians(cell, runs[0].inputs, runs[0].state), errors, strict=True):
        back = torch.einsum("bij,bi->bj", jacobian, error)
        expected += float((back.norm(dim=1) / error.norm(dim=1) - 1).square().sum()) / LANES
    assert float(OMEGA.penalty(runs, loss)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("engine", [BackpropagationThroughTime, Fused])
def test_it_is_the_same_under_every_engine_with_lengths_and_resets(engine) -> None:
    cell = made(GRU)
    resets = torch.zeros(STEPS, LANES, dtype=torch.bool)
    resets[2, 0] = True
    masks = {"lengths": torch.tensor([STEPS, 3]), "resets": resets}
    expected = OMEGA.penalty(*run(cell, **masks))
    assert float(OMEGA.penalty(*run(cell, engine(), **masks))) == pytest.approx(float(expected), rel=1e-6)
    assert float(expected) > 0


def test_padding_counts_for_nothing() -> None:
    cell = made(GRU)
    lengths = torch.tensor([4, 4])
    runs, loss = run(cell, lengths=lengths)
    short = runs[0]._replace(inputs=runs[0].inputs.clone())
    short.inputs[4:] = torch.nan
    with recorded_runs() as cut:
        outputs, _ = Reference().run(cell, runs[0].inputs[:4], runs[0].state)
    own = (outputs * torch.linspace(0.5, 2, STEPS, dtype=outputs.dtype)[:4, None, None]).square().sum()
    expected = OMEGA.penalty(cut, own)
    assert float(OMEGA.penalty([short], loss)) == pytest.approx(float(expected), rel=1e-9)


def test_its_gradient_is_that_of_the_jacobians_alone() -> None:
    """Finite differences of Ω in the weights, at fixed states, inputs and gradients of states."""
    cell = made(LSTM)
    runs, loss = run(cell, last_only=True)
    penalty = OMEGA.penalty(runs, loss)
    (gradient,) = torch.autograd.grad(penalty, cell.weight_recurrent)
    after = torch.autograd.grad(loss, runs[0].after, retain_graph=True)
    fixed = state_gradients(runs[0], torch.zeros_like(runs[0].outputs), after)

    def omega() -> float:
        total = 0.0
        for row, vector, error in zip(
            cell.project(runs[0].inputs), fixed.before, fixed.gradients, strict=True
        ):

            def step(x, row=row):
                return flat_state(cell.step(row, unflat_state(x, cell.initial_state(LANES)))[1])

            back = torch.func.vjp(step, vector)[1](error)[0]
            total += float((back.norm(dim=1) / error.norm(dim=1) - 1).square().sum()) / LANES
        return total

    assert float(penalty) == pytest.approx(omega(), rel=1e-9)
    size = 1e-6
    with torch.no_grad():
        for place in [(0, 0), (5, 2), (9, 1), (14, 3)]:
            values = []
            for sign in (1, -1):
                cell.weight_recurrent[place] += sign * size
                values.append(omega())
                cell.weight_recurrent[place] -= sign * size
            assert float(gradient[place]) == pytest.approx(
                (values[0] - values[1]) / (2 * size), rel=1e-4, abs=1e-8
            )


def test_descent_brings_a_contracting_cell_to_keep_the_norm() -> None:
    cell = made(Elman, activation="identity", output_activation=None)
    with torch.no_grad():
        cell.weight_recurrent.mul_(0.5)
    optimiser = torch.optim.SGD([cell.weight_recurrent], lr=0.2)
    first = float(OMEGA.penalty(*run(cell)))
    for _ in range(30):
        optimiser.zero_grad()
        OMEGA.penalty(*run(cell)).backward()
        optimiser.step()
    assert float(OMEGA.penalty(*run(cell))) < 0.01 * first


def test_the_gradient_of_the_loss_is_still_there_and_unchanged() -> None:
    cell = made(GRU).float()
    runs, loss = run(cell, Fused())
    OMEGA.penalty(runs, loss)
    loss.backward()
    kept = cell.weight_recurrent.grad.clone()
    cell.zero_grad()
    run(cell, Fused())[1].backward()
    assert torch.equal(kept, cell.weight_recurrent.grad)


def test_runs_without_a_graph_are_refused() -> None:
    cell = made(GRU)
    with torch.no_grad():
        runs, _ = run(cell)
    with pytest.raises(UserError, match=r"set engine\.recompute=false"):
        OMEGA.penalty(runs, torch.zeros((), requires_grad=True))
