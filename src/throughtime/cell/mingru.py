"""The minimal GRU (Feng et al. 2024, Were RNNs all we needed?, arXiv 2410.01201)."""

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.cell.minimal_recurrence import MinimalRecurrence


class MinGRU(MinimalRecurrence):
    """Minimal GRU: a GRU whose gate and candidate do not see the state.

        z_t = σ(W_z x_t + b_z)                                      update gate
        n_t = g(W_n x_t + b_n)                                      candidate
        h_t = (1 - z_t) ∘ h_{t-1} + z_t ∘ n_t

    The gate and the candidate are stacked in the order z, n.

    Args:
        input_size: I.
        hidden_size: H.
        positive: whether g is `minimal_recurrence.make_positive`, as in the paper's experiments, or else the identity.
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: W, `[2H, I]`.
        bias: b, `[2H]`.

    Raises:
        UserError: a size is not positive.
    """

    def __init__(
        self, input_size: int, hidden_size: int, positive: bool = True, learned_state: bool = False
    ) -> None:
        super().__init__(input_size, hidden_size, 2, positive, learned_state)

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        """Compute 1 - z_t and z_t ∘ n_t, which are a_t and b_t."""
        z, n = self.sums(inputs)
        return torch.cat((torch.sigmoid(-z), torch.sigmoid(z) * n), -1)
