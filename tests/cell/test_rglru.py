import numpy as np
import pytest
import torch

from throughtime.cell.minimal_recurrence import MinimalState
from throughtime.cell.rglru import RGLRU
from throughtime.engine.reference import Reference
from throughtime.engine.scan import Scan
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 4


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def test_the_outputs_are_those_of_the_papers_equations():
    """With as many features as units and W_u = 1, as the unit stands in the paper (section 2.4)."""
    torch.manual_seed(0)
    cell = RGLRU(HIDDEN, HIDDEN).double()
    torch.nn.init.normal_(cell.bias)
    torch.nn.init.normal_(cell.decay)
    with torch.no_grad():
        cell.weight_input[2 * HIDDEN :] = torch.eye(HIDDEN)
        cell.bias[2 * HIDDEN :] = 0
    w, b, lam = (p.detach().numpy() for p in (cell.weight_input, cell.bias, cell.decay))
    inputs, h = torch.randn(30, 1, HIDDEN).double(), np.zeros(HIDDEN)
    outputs, _ = Reference().run(cell, inputs, cell.initial_state(1))
    for x, output in zip(inputs[:, 0].numpy(), outputs[:, 0].detach().numpy(), strict=True):
        r = sigmoid(w[:HIDDEN] @ x + b[:HIDDEN])
        i = sigmoid(w[HIDDEN : 2 * HIDDEN] @ x + b[HIDDEN : 2 * HIDDEN])
        a = sigmoid(lam) ** (8 * r)
        h = a * h + np.sqrt(1 - a**2) * (i * x)
        np.testing.assert_allclose(output, h, rtol=1e-10, atol=1e-12)


def test_the_input_has_a_layer_of_its_own():
    torch.manual_seed(0)
    cell = RGLRU(INPUT, HIDDEN).double()
    torch.nn.init.normal_(cell.bias)
    x, h = torch.randn(INPUT).double(), torch.randn(HIDDEN).double()
    r, i, u = (cell.weight_input @ x + cell.bias).chunk(3)
    a = torch.sigmoid(cell.decay) ** (8 * torch.sigmoid(r))
    output, state = cell.step(cell.project(x[None]), MinimalState(h[None]))
    torch.testing.assert_close(output[0], a * h + torch.sqrt(1 - a**2) * torch.sigmoid(i) * u)
    assert torch.equal(output, state.hidden)


def test_the_decay_lies_between_nothing_and_all_whatever_is_learned():
    torch.manual_seed(0)
    cell = RGLRU(INPUT, HIDDEN).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=2)
    a, _ = cell.coefficients(cell.project(torch.randn(500, 1, INPUT).double()))
    assert (a > 0).all() and (a < 1).all()


def test_the_smallest_decay_begins_uniform_between_its_bounds():
    torch.manual_seed(0)
    cell = RGLRU(INPUT, 2000, decay_minimum=0.6, decay_maximum=0.9)
    power = torch.sigmoid(cell.decay) ** 8
    assert 0.6 <= power.min() < 0.61 and 0.89 < power.max() <= 0.9 + 1e-5
    assert power.mean().item() == pytest.approx(0.75, abs=0.01)
    assert power.var().item() == pytest.approx(0.3**2 / 12, rel=0.1)


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.99])
def test_a_white_input_keeps_the_variance_of_the_state(decay):
    """What the normaliser is for: var h = a² var h + (1 - a²) var(i u), whatever a is."""
    torch.manual_seed(0)
    cell = RGLRU(1, 1)
    with torch.no_grad():
        cell.decay.fill_(torch.logit(torch.tensor(decay ** (1 / 8))).item())
        cell.weight_input.copy_(torch.tensor([[0.0], [0.0], [1.0]]))
        cell.bias.copy_(torch.tensor([100.0, 100.0, 0.0]))  # both gates are open
    outputs, _ = Scan().run(cell, torch.randn(2000, 200, 1), cell.initial_state(200))
    assert outputs[1000:].var().item() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("gate", [-200.0, 200.0])
def test_a_gate_that_is_shut_or_open_has_a_finite_gradient(gate):
    """A shut one keeps the state exactly; the root of 1 - a² = 0 has no derivative."""
    cell = RGLRU(INPUT, HIDDEN)
    with torch.no_grad():
        cell.bias[:HIDDEN] = gate
    inputs, before = torch.randn(5, 2, INPUT, requires_grad=True), torch.randn(2, HIDDEN)
    outputs, _ = Reference().run(cell, inputs, MinimalState(before))
    gradients = torch.autograd.grad(outputs.sum(), [inputs, *cell.parameters()])
    assert all(part.isfinite().all() for part in (outputs, *gradients))
    if gate < 0:
        torch.testing.assert_close(outputs, before.expand(5, 2, HIDDEN))


def test_the_coefficients_are_in_the_precision_of_the_state_under_autocast():
    cell = RGLRU(INPUT, HIDDEN)
    with torch.autocast("cpu", torch.bfloat16):
        a, b = cell.coefficients(cell.project(torch.randn(2, INPUT)))
    assert a.dtype == b.dtype == torch.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decay_maximum": 1.0}, "decay_maximum must be at least 0 and below 1"),
        ({"decay_minimum": 0.0}, "decay_minimum=0.0 must be above 0"),
        ({"decay_minimum": 0.9, "decay_maximum": 0.8}, "below decay_maximum=0.8"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(UserError, match=message):
        RGLRU(INPUT, HIDDEN, **options)
