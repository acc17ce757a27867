"""The real-gated linear recurrent unit (De et al. 2024, Griffin, arXiv 2402.19427)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.minimal_recurrence import MinimalRecurrence
from throughtime.errors import UserError, check_fraction

C = 8.0
"""c: how far the recurrence gate opens the decay, from a^8 to 1."""


class RGLRU(MinimalRecurrence):
    """Real-gated linear recurrent unit: a diagonal recurrence whose decay is gated by the input.

        r_t = σ(W_a x_t + b_a)                                      recurrence gate
        i_t = σ(W_x x_t + b_x)                                      input gate
        a_t = a^{c r_t},  a = σ(Λ),  c = 8                          log a_t = -c r_t ∘ softplus(-Λ)
        h_t = a_t ∘ h_{t-1} + √(1 - a_t²) ∘ (i_t ∘ (W_u x_t + b_u))

    In the paper x_t has H features and W_u is a layer before the unit; with I = H and W_u = 1 this is its equation. √(1
    - a_t²) keeps the variance of h for a white input. The gates and the input are stacked in the order r, i, u.

    Λ is initialised so that a^c, the smallest decay, is uniform between two bounds, as the paper has it. (The reference
    code stores -Λ and takes its bounds for a. It also leaves the root out at the first step of a sequence.) The
    weights are normal with a variance of 1/I, and the biases 0.

    Args:
        input_size: I.
        hidden_size: H.
        decay_minimum: the smallest initial a^c, above 0.
        decay_maximum: the largest initial a^c, below 1; near 1 for long memories.
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: W, `[3H, I]`.
        bias: b, `[3H]`.
        decay: Λ, `[H]`.

    Raises:
        UserError: a size is not positive, or the decays are no range within (0, 1).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        decay_minimum: float = 0.9,
        decay_maximum: float = 0.999,
        learned_state: bool = False,
    ) -> None:
        check_fraction(decay_minimum=decay_minimum, decay_maximum=decay_maximum)
        if not 0 < decay_minimum < decay_maximum:
            raise UserError(
                f"decay_minimum={decay_minimum} must be above 0 and below decay_maximum={decay_maximum}"
            )
        super().__init__(input_size, hidden_size, 3, False, learned_state)
        nn.init.normal_(self.weight_input, std=input_size**-0.5)
        power = torch.empty(hidden_size).uniform_(decay_minimum, decay_maximum)
        self.decay = nn.Parameter(torch.logit(power ** (1 / C)))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        """Compute a_t and √(1 - a_t²) ∘ (i_t ∘ u_t), which are a_t and b_t."""
        r, i, u = self.sums(inputs)
        log_a = -C * torch.sigmoid(r) * functional.softplus(-self.decay)
        # Where the gate has shut to 0 the root's derivative would be infinite, and 0 times it NaN.
        left = (-torch.expm1(2 * log_a)).clamp(min=torch.finfo(log_a.dtype).tiny)
        return torch.cat((torch.exp(log_a), torch.sqrt(left) * torch.sigmoid(i) * u), -1)
