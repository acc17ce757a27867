"""The linear recurrent unit (Orvieto et al. 2023, ICML, arXiv 2303.06349)."""

import math
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.initial_state import InitialState
from throughtime.cell.initialisation import initialise
from throughtime.cell.linear_recurrence import EIGENVALUE_RANGES, LinearRecurrence
from throughtime.errors import UserError, check_choice, check_fraction, check_positive


class LRUState(NamedTuple):
    """h_t: H real parts, then H imaginary ones, F = 2H."""

    hidden: Float[Tensor, "B F"]


class LRU(LinearRecurrence):
    """Linear recurrent unit: a diagonal recurrence over complex numbers, its eigenvalues inside the unit circle.

        h_t = λ ∘ h_{t-1} + e^γ ∘ (B x_t),      λ = exp(-e^ν + i e^θ)
        o_t = Re(C h_t) + D x_t

    λ lies inside the unit circle, or by `eigenvalue_range` on the real line, where θ is left out:

        λ = exp(-e^ν)                                               positive, in (0, 1)
        λ = 2 exp(-e^ν) - 1                                         symmetric, in (-1, 1)

    λ is initialised uniformly on a ring of the complex plane, and e^γ to √(1 - |λ|²), which keeps the variance of h
    for a white input. A real λ has the modulus of a complex one, and in a symmetric range either sign. The output has
    no activation: the paper puts one, and a residual connection, between layers.

    Args:
        input_size: I.
        hidden_size: H, the complex numbers of the state and the features of the output.
        radius_minimum: the smallest initial |λ|.
        radius_maximum: the largest initial |λ|, below 1; near 1 for long memories.
        phase_maximum: the largest initial angle of λ, in radians.
        eigenvalue_range: "complex", "positive" or "symmetric". In none of them does λ depend on the input, so that none
            can track the parity of a sequence of bits (Sarrof et al. 2024, arXiv 2405.17394).
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        decay, phase, scale: ν, θ and γ, `[H]` each; θ is None for a real λ.
        weight_input: the real part of B over its imaginary part, `[2H, I]`.
        weight_output: Re C beside -Im C, `[H, 2H]`.
        weight_skip: D, `[H, I]`.

    Raises:
        UserError: a size or the phase is not positive, the radii are no range within [0, 1), or the range of λ is not
            known.
    """

    complex_valued: ClassVar[bool] = True

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        radius_minimum: float = 0.5,
        radius_maximum: float = 0.99,
        phase_maximum: float = 2 * math.pi,
        eigenvalue_range: str = "complex",
        learned_state: bool = False,
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size, phase_maximum=phase_maximum)
        check_fraction(radius_minimum=radius_minimum, radius_maximum=radius_maximum)
        check_choice(("complex", *EIGENVALUE_RANGES), eigenvalue_range=eigenvalue_range)
        if radius_minimum >= radius_maximum:
            raise UserError(f"radius_minimum={radius_minimum} must be below radius_maximum={radius_maximum}")
        super().__init__(input_size, hidden_size)
        self.eigenvalue_range = eigenvalue_range
        place, angle = 1 - torch.rand(2, hidden_size)  # in (0, 1], as both are under a logarithm
        square = radius_minimum**2 + place * (radius_maximum**2 - radius_minimum**2)
        log_size = 0.5 * torch.log(square)
        if eigenvalue_range == "symmetric":
            log_size = torch.log((1 + torch.where(angle < 0.5, -1, 1) * torch.exp(log_size)) / 2)
        self.decay = nn.Parameter(torch.log(-log_size))
        is_complex = eigenvalue_range == "complex"
        self.phase = nn.Parameter(torch.log(phase_maximum * angle)) if is_complex else None
        self.scale = nn.Parameter(0.5 * torch.log1p(-square))
        self.weight_input = nn.Parameter(torch.randn(2 * hidden_size, input_size) / (2 * input_size) ** 0.5)
        self.weight_output = nn.Parameter(torch.randn(hidden_size, 2 * hidden_size) / hidden_size**0.5)
        self.weight_skip = nn.Parameter(torch.empty(hidden_size, input_size))
        initialise(self.weight_skip, "glorot")
        self.start = InitialState(learned_state, hidden=2 * hidden_size)

    def initial_state(self, batch_size: int) -> LRUState:
        return LRUState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        """e^γ ∘ (B x_t) and D x_t, in one product."""
        scale = torch.exp(self.scale).repeat(2)[:, None]
        weight = torch.cat((scale * self.weight_input, self.weight_skip))
        return functional.linear(inputs, weight)

    def eigenvalues(self) -> tuple[Float[Tensor, " H"], Float[Tensor, " H"]]:
        """The real and the imaginary part of λ."""
        radius = torch.exp(-torch.exp(self.decay))
        if self.phase is None:
            real = radius if self.eigenvalue_range == "positive" else 2 * radius - 1
            return real, torch.zeros_like(real)
        angle = torch.exp(self.phase)
        return radius * torch.cos(angle), radius * torch.sin(angle)

    def coefficients(
        self, projected: Float[Tensor, "*T B G"]
    ) -> tuple[Float[Tensor, "*T B F"], Float[Tensor, "*T B F"]]:
        drive = projected[..., : 2 * self.hidden_size]
        return torch.cat(self.eigenvalues()).expand_as(drive), drive.to(self.decay.dtype)

    def outputs(
        self, hidden: Float[Tensor, "*T B F"], projected: Float[Tensor, "*T B G"]
    ) -> Float[Tensor, "*T B H"]:
        return functional.linear(hidden, self.weight_output) + projected[..., 2 * self.hidden_size :]

    def step(self, projected: Float[Tensor, "B G"], state: LRUState) -> tuple[Float[Tensor, "B H"], LRUState]:
        cosine, sine = self.eigenvalues()
        real, imaginary = state.hidden.chunk(2, 1)
        turned = torch.cat((cosine * real - sine * imaginary, sine * real + cosine * imaginary), 1)
        hidden = turned + projected[:, : 2 * self.hidden_size]
        return self.outputs(hidden, projected), LRUState(hidden)
