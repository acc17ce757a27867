"""The minimal GRU (Feng et al. 2024, Were RNNs all we needed?, arXiv 2410.01201)."""

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.cell.linear_recurrence import EIGENVALUE_RANGES
from throughtime.cell.minimal_recurrence import MinimalRecurrence, decay
from throughtime.errors import check_choice


class MinGRU(MinimalRecurrence):
    """Minimal GRU: a GRU whose gate and candidate do not see the state.

        z_t = σ(W_z x_t + b_z)                                      update gate
        n_t = g(W_n x_t + b_n)                                      candidate
        h_t = a_t ∘ h_{t-1} + z_t ∘ n_t,    a_t = 1 - z_t

    The eigenvalues a_t lie in (0, 1). With `eigenvalue_range="symmetric"` a_t = 2 (1 - z_t) - 1, in (-1, 1): the state
    can change its sign, as counting modulo 2 needs (Grazzi et al. 2024, arXiv 2411.12537).

    The gate and the candidate are stacked in the order z, n.

    Args:
        input_size: I.
        hidden_size: H.
        positive: whether g is `minimal_recurrence.make_positive`, as in the paper's experiments, or else the identity.
        eigenvalue_range: "positive" or "symmetric".
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: W, `[2H, I]`.
        bias: b, `[2H]`.

    Raises:
        UserError: a size is not positive, or the range is not known.
    """

    gates = ("write", "candidate")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        positive: bool = True,
        eigenvalue_range: str = "positive",
        learned_state: bool = False,
    ) -> None:
        check_choice(EIGENVALUE_RANGES, eigenvalue_range=eigenvalue_range)
        super().__init__(input_size, hidden_size, 2, positive, learned_state)
        self.eigenvalue_range = eigenvalue_range

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        """Compute a_t and z_t ∘ n_t, which is b_t."""
        z, n = self.sums(inputs)
        return torch.cat((decay(-z, self.eigenvalue_range), torch.sigmoid(z) * n), -1)
