import numpy as np
import pytest
import torch

from throughtime.cell.slstm import SLSTM, SLSTMState
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

INPUT, HIDDEN, HEADS = 3, 6, 2
ENGINES = [Reference(), BackpropagationThroughTime(), Fused()]


def random_cell(**options) -> SLSTM:
    torch.manual_seed(0)
    cell = SLSTM(INPUT, HIDDEN, **{"heads": HEADS, **options}).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    return cell


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def papers_outputs(cell: SLSTM, inputs: np.ndarray, stabilised: bool) -> np.ndarray:
    """h of one lane by the paper's equations 8 to 17, with (c, n) or with (c e^{-m}, n e^{-m}, m)."""
    weights = (cell.weight_input, cell.weight_recurrent, cell.bias)
    w, r, b = (weight.detach().numpy() for weight in weights)
    size, units = cell.hidden_size, cell.hidden_size // cell.heads
    full = np.zeros((4 * size, size))
    for row in range(4 * size):
        head = row % size // units
        full[row, head * units : (head + 1) * units] = r[row]
    h, c, n, m = np.zeros(size), np.zeros(size), np.zeros(size), np.full(size, -np.inf)
    found = []
    for x in inputs:
        i, f, z, o = np.split(w @ x + full @ h + b, 4)
        log_f = f if cell.forget_gate == "exponential" else np.log(sigmoid(f))
        if stabilised:
            latest = np.maximum(log_f + m, i)
            forget, add, m = np.exp(log_f + m - latest), np.exp(i - latest), latest
        else:
            forget, add = np.exp(log_f), np.exp(i)
        c, n = forget * c + add * np.tanh(z), forget * n + add
        h = sigmoid(o) * c / n
        found.append(h)
    return np.stack(found)


@pytest.mark.parametrize("stabilised", [False, True])
@pytest.mark.parametrize("options", [{}, {"heads": 1}, {"heads": HIDDEN}, {"forget_gate": "exponential"}])
def test_the_outputs_are_those_of_the_papers_equations(options, stabilised):
    cell = random_cell(**options)
    inputs = torch.randn(30, 1, INPUT).double()
    outputs, state = Reference().run(cell, inputs, cell.initial_state(1))
    expected = papers_outputs(cell, inputs[:, 0].numpy(), stabilised)
    np.testing.assert_allclose(outputs[:, 0].detach(), expected, rtol=1e-10, atol=1e-12)
    assert torch.equal(outputs[-1], state.hidden)


def test_the_state_is_the_papers_memory_over_its_normaliser():
    cell = random_cell()
    projected = torch.randn(2, 4 * HIDDEN).double()
    hidden, memory = torch.randn(2, 2, HIDDEN).double()
    normaliser = torch.rand(2, HIDDEN).double() + 0.1
    with torch.no_grad():
        cell.weight_recurrent.zero_()
    i, f, z, o = projected.chunk(4, 1)
    c = torch.sigmoid(f) * memory + torch.exp(i) * torch.tanh(z)
    n = torch.sigmoid(f) * normaliser + torch.exp(i)
    output, after = cell.step(projected, SLSTMState(hidden, memory / normaliser, normaliser.log()))
    torch.testing.assert_close(after.cell, c / n)
    torch.testing.assert_close(after.log_normaliser, n.log())
    torch.testing.assert_close(output, torch.sigmoid(o) * c / n)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: type(engine).__name__)
@pytest.mark.parametrize("forget_gate", ["sigmoid", "exponential"])
def test_gates_of_200_overflow_nowhere(forget_gate, engine):
    """exp(200) is beyond single precision, and the normaliser of a shut input gate, exp(-200), is below it."""
    cell = SLSTM(INPUT, HIDDEN, heads=1, forget_gate=forget_gate)
    inputs = 200 * torch.randint(-1, 2, (12, 20, INPUT), generator=torch.Generator().manual_seed(0)).float()
    with torch.no_grad():
        cell.weight_input.copy_(torch.eye(INPUT).repeat(4 * HIDDEN // INPUT, 1).roll(1, 1))
        cell.weight_recurrent.normal_()
    inputs.requires_grad_()
    outputs, state = engine.run(cell, inputs, cell.initial_state(20))
    gradients = torch.autograd.grad(outputs.square().sum(), [inputs, *cell.parameters()])
    assert all(part.isfinite().all() for part in (outputs, *state, *gradients))
    exact, _ = Reference().run(cell.double(), inputs.double(), cell.initial_state(20))
    torch.testing.assert_close(outputs.double(), exact, rtol=1e-4, atol=1e-4)
    assert exact.abs().max() > 0.1


def test_the_first_step_takes_its_candidate_whatever_the_input_gate_says():
    cell = SLSTM(INPUT, HIDDEN, heads=1)
    for gate in (-200.0, 0.0, 200.0):
        i, f, z, o = torch.full((1, HIDDEN), gate), *torch.randn(3, 1, HIDDEN)
        output, state = cell.step(torch.cat((i, f, z, o), 1), cell.initial_state(1))
        torch.testing.assert_close(output, torch.sigmoid(o) * torch.tanh(z))
        torch.testing.assert_close(state.log_normaliser, i)


def test_a_unit_sees_the_units_of_its_own_head_only():
    cell = random_cell(heads=3)
    x = torch.randn(1, INPUT).double()
    state = SLSTMState(*torch.randn(3, 1, HIDDEN).double())
    seen = torch.autograd.functional.jacobian(
        lambda hidden: cell.step(cell.project(x), state._replace(hidden=hidden))[0], state.hidden
    )[0, :, 0]
    head = torch.arange(HIDDEN) // 2
    assert torch.equal(seen != 0, head[:, None] == head)


def test_it_begins_as_the_reference_code_does():
    """Powers from 5 to -7 over the units of each head, no recurrence, other biases 0."""
    cell = SLSTM(INPUT, 12, heads=3)
    i, f, z, o = cell.bias.detach().chunk(4)
    assert not any(part.any() for part in (i, z, o, cell.weight_recurrent))
    for head in f.chunk(3):
        torch.testing.assert_close(head, torch.tensor([5 - 12 * (j / 3) ** 0.3 for j in range(4)]))
    assert torch.equal(SLSTM(INPUT, 4, forget_bias=2.0).bias[4:8], torch.full((4,), 2.0))
    assert SLSTM(INPUT, 4).bias[4:8].isfinite().all()  # one unit a head


def test_an_empty_memory_is_no_parameter_and_a_learned_one_has_a_weight():
    assert not any(name.startswith("start") for name in SLSTM(INPUT, HIDDEN, 1).state_dict())
    learned = SLSTM(INPUT, HIDDEN, 1, learned_state=True)
    assert all((part == 0).all() for part in learned.initial_state(2))
    outputs, _ = Reference().run(learned, torch.randn(3, 2, INPUT), learned.initial_state(2))
    gradients = torch.autograd.grad(outputs.sum(), [learned.start.cell, learned.start.log_normaliser])
    assert all((gradient != 0).all() for gradient in gradients)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 4}, "heads=4 must divide hidden_size=6"),
        ({"heads": 0}, "heads must be above 0"),
        ({"heads": 1, "forget_gate": "tanh"}, "forget_gate=tanh is not known"),
        ({"heads": 1, "recurrent_initialisation": "ones"}, "initialisation=ones is not known"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(UserError, match=message):
        SLSTM(INPUT, HIDDEN, **options)
