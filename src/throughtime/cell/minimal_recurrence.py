"""The shared part of minimal gated recurrences (Feng et al. 2024, Were RNNs all we needed?, arXiv 2410.01201)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.cell.linear_recurrence import LinearRecurrence
from throughtime.errors import check_positive


class MinimalState(NamedTuple):
    """h_t."""

    hidden: Float[Tensor, "B H"]


def make_positive(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """g(v) = v + ½ for v ≥ 0, else σ(v): above 0, continuous and increasing (Feng et al. 2024, appendix B)."""
    return torch.where(values >= 0, values + 0.5, torch.sigmoid(values))


def decay(logits: Float[Tensor, "*shape"], eigenvalue_range: str) -> Float[Tensor, "*shape"]:
    """a = σ(v), or 2 σ(v) - 1 = tanh(v / 2) of a symmetric range (Grazzi et al. 2024, arXiv 2411.12537)."""
    return torch.sigmoid(logits) if eigenvalue_range == "positive" else torch.tanh(logits / 2)


class MinimalRecurrence(LinearRecurrence):
    """A linear recurrence whose output is its state, with gates and a candidate that are functions of the input alone.

    A subclass computes a_t and b_t in `project`, from the sums W x_t + b of its gates and its candidate.

    Args:
        input_size: I.
        hidden_size: H.
        gates: the number of gates and candidates, stacked in W and b.
        positive: whether the candidate goes through `make_positive`.
        learned_state: whether h_0 is a parameter instead of 0.
    """

    def __init__(
        self, input_size: int, hidden_size: int, gates: int, positive: bool, learned_state: bool
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        super().__init__(input_size, hidden_size)
        self.positive = positive
        self.weight_input = nn.Parameter(torch.empty(gates * hidden_size, input_size))
        self.bias = nn.Parameter(torch.zeros(gates * hidden_size))
        initialise(self.weight_input, "glorot", gates)
        self.start = InitialState(learned_state, hidden=hidden_size)

    def initial_state(self, batch_size: int) -> MinimalState:
        return MinimalState(*self.start(batch_size))

    def sums(self, inputs: Float[Tensor, "*T B I"]) -> tuple[Float[Tensor, "*T B H"], ...]:
        """W x_t + b of each gate, and g of the candidate's, which is the last."""
        # In lower precision a gate near 1 would round to 1, and the state would never fade.
        sums = functional.linear(inputs, self.weight_input, self.bias).to(self.bias.dtype)
        *gates, candidate = sums.split(self.hidden_size, -1)
        return *gates, make_positive(candidate) if self.positive else candidate

    def coefficients(
        self, projected: Float[Tensor, "*T B G"]
    ) -> tuple[Float[Tensor, "*T B H"], Float[Tensor, "*T B H"]]:
        a, b = projected.chunk(2, -1)
        return a, b

    def outputs(
        self, hidden: Float[Tensor, "*T B H"], projected: Float[Tensor, "*T B G"]
    ) -> Float[Tensor, "*T B H"]:
        return hidden

    def step(
        self, projected: Float[Tensor, "B G"], state: MinimalState
    ) -> tuple[Float[Tensor, "B H"], MinimalState]:
        a, b = self.coefficients(projected)
        hidden = a * state.hidden + b
        return hidden, MinimalState(hidden)
