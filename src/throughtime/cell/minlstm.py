"""The minimal LSTM (Feng et al. 2024, Were RNNs all we needed?, arXiv 2410.01201)."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from throughtime.cell.linear_recurrence import EIGENVALUE_RANGES
from throughtime.cell.minimal_recurrence import MinimalRecurrence, decay
from throughtime.errors import check_choice


class MinLSTM(MinimalRecurrence):
    """Minimal LSTM: gates and candidate do not see the state, and the two gates are normalised to a sum of 1.

        f_t = σ(W_f x_t + b_f),  i_t = σ(W_i x_t + b_i)             forget and input gate
        n_t = g(W_n x_t + b_n)                                      candidate
        h_t = a_t ∘ h_{t-1} + i_t / (f_t + i_t) ∘ n_t,    a_t = f_t / (f_t + i_t)

    The eigenvalues a_t lie in (0, 1). With `eigenvalue_range="symmetric"` a_t = 2 f_t / (f_t + i_t) - 1, in (-1, 1):
    the state can change its sign, as counting modulo 2 needs (Grazzi et al. 2024, arXiv 2411.12537).

    The gates and the candidate are stacked in the order f, i, n.

    Args:
        input_size: I.
        hidden_size: H.
        forget_bias: the initial b_f.
        positive: whether g is `minimal_recurrence.make_positive`, as in the paper's experiments, or else the identity.
        eigenvalue_range: "positive" or "symmetric".
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: W, `[3H, I]`.
        bias: b, `[3H]`.

    Raises:
        UserError: a size is not positive, or the range is not known.
    """

    gates = ("keep", "write", "candidate")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        forget_bias: float = 1.0,
        positive: bool = True,
        eigenvalue_range: str = "positive",
        learned_state: bool = False,
    ) -> None:
        check_choice(EIGENVALUE_RANGES, eigenvalue_range=eigenvalue_range)
        super().__init__(input_size, hidden_size, 3, positive, learned_state)
        self.eigenvalue_range = eigenvalue_range
        self.bias.data[:hidden_size] = forget_bias

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        """Compute a_t and i / (f + i) ∘ n, which is b_t."""
        f, i, n = self.sums(inputs)
        # f / (f + i) = σ(log f - log i): no division, so two shut gates are normalised as well.
        odds = functional.logsigmoid(f) - functional.logsigmoid(i)
        return torch.cat((decay(odds, self.eigenvalue_range), torch.sigmoid(-odds) * n), -1)
