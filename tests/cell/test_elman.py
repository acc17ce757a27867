import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

STEPS, LANES, INPUT, HIDDEN = 7, 3, 4, 5


def test_one_step_is_the_equation():
    cell = Elman(INPUT, HIDDEN, activation="sigmoid", output_activation="softplus").double()
    x, h = torch.randn(INPUT).double(), torch.randn(HIDDEN).double()
    expected = 1 / (1 + torch.exp(-(cell.weight_input @ x + cell.weight_recurrent @ h + cell.bias)))
    output, state = cell.step(cell.project(x[None]), type(cell.initial_state(1))(h[None]))
    torch.testing.assert_close(state.hidden[0], expected)
    torch.testing.assert_close(
        output[0], torch.log1p((cell.weight_output @ expected + cell.bias_output).exp())
    )


def test_without_readout_the_output_is_the_hidden_state():
    cell = Elman(INPUT, HIDDEN, output_activation=None)
    output, state = cell.step(cell.project(torch.randn(2, INPUT)), cell.initial_state(2))
    assert torch.equal(output, state.hidden)
    assert {name for name, _ in cell.named_parameters()} == {"weight_input", "weight_recurrent", "bias"}


def test_autograd_is_backpropagation_through_time():
    """The partial derivatives of E = Σ_t E_t(o_t), written out:

    ε_t = φ_o'(b_t) ∘ ∂E/∂o_t,  with b_t = W_o h_t + b_o
    δ_t = φ'(a_t) ∘ (W_oᵀ ε_t + W_hᵀ δ_{t+1}),  with a_t = W_x x_t + W_h h_{t-1} + b
    ∂E/∂W_o = Σ_t ε_t h_tᵀ,  ∂E/∂W_h = Σ_t δ_t h_{t-1}ᵀ,  ∂E/∂W_x = Σ_t δ_t x_tᵀ,  ∂E/∂b = Σ_t δ_t,
    ∂E/∂x_t = W_xᵀ δ_t,  ∂E/∂h_0 = W_hᵀ δ_1

    (Werbos 1990, Proceedings of the IEEE 78:1550; Rumelhart, Hinton & Williams 1986.) For tanh, φ' = 1 - φ².
    """
    torch.manual_seed(0)
    cell = Elman(INPUT, HIDDEN, learned_state=True).double()
    inputs = torch.randn(STEPS, LANES, INPUT, dtype=torch.float64, requires_grad=True)
    error = torch.randn(STEPS, LANES, HIDDEN, dtype=torch.float64)  # ∂E/∂o_t of E = Σ_t e_t·o_t
    outputs, _ = Reference().run(cell, inputs, cell.initial_state(LANES))
    (error * outputs).sum().backward()

    with torch.no_grad():
        hidden = [cell.initial_state(LANES).hidden]
        for x in inputs:
            hidden.append(
                torch.tanh(x @ cell.weight_input.T + hidden[-1] @ cell.weight_recurrent.T + cell.bias)
            )
        h = torch.stack(hidden)
        epsilon = (1 - outputs**2) * error
        delta = torch.zeros(STEPS + 1, LANES, HIDDEN, dtype=torch.float64)
        for t in reversed(range(STEPS)):
            delta[t] = (1 - h[t + 1] ** 2) * (
                epsilon[t] @ cell.weight_output + delta[t + 1] @ cell.weight_recurrent
            )
        delta = delta[:-1]
        products = {
            cell.weight_output: torch.einsum("tbi,tbj->ij", epsilon, h[1:]),
            cell.bias_output: epsilon.sum((0, 1)),
            cell.weight_recurrent: torch.einsum("tbi,tbj->ij", delta, h[:-1]),
            cell.weight_input: torch.einsum("tbi,tbj->ij", delta, inputs),
            cell.bias: delta.sum((0, 1)),
            cell.start.hidden: (delta[0] @ cell.weight_recurrent).sum(0),
            inputs: delta @ cell.weight_input,
        }
    for tensor, expected in products.items():
        torch.testing.assert_close(tensor.grad, expected)


def test_an_identity_recurrence_remembers_without_input():
    cell = Elman(
        INPUT, HIDDEN, activation="relu", output_activation=None, recurrent_initialisation="scaled_identity"
    )
    state = type(cell.initial_state(1))(torch.rand(LANES, HIDDEN))
    outputs, _ = Reference().run(cell, torch.zeros(50, LANES, INPUT), state)
    assert torch.equal(outputs[-1], state.hidden)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_size": 0}, "hidden_size must be above 0"),
        ({"activation": "tahn"}, "tahn"),
        ({"output_activation": "torch.load"}, "torch.load"),
        ({"recurrent_initialisation": "unitary"}, "unitary"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(UserError, match=message):
        Elman(**{"input_size": INPUT, "hidden_size": HIDDEN, **options})
