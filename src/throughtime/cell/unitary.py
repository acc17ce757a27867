"""The scaled Cayley network (Helfrich, Willmott & Ye 2018, ICML; Maduranga, Helfrich & Ye 2019, AAAI)."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from throughtime.cell.base import Cell
from throughtime.cell.initial_state import InitialState
from throughtime.errors import check_fraction, check_positive

EPSILON = 1e-5
"""Added to |z|² of a complex z, so that |z| has a derivative at 0; as in the reference code."""


class UnitaryState(NamedTuple):
    """h_t: H numbers, or H real parts and then H imaginary ones, F = 2H."""

    hidden: Float[Tensor, "B F"]


class Unitary(Cell):
    """Scaled Cayley network: an orthogonal or unitary recurrent matrix, which keeps the norm of states and gradients.

        z_t = U x_t + W h_{t-1},    h_t = modReLU(z_t) = z_t / |z_t| ∘ max(0, |z_t| + b)
        W = (1 + A)⁻¹ (1 - A) D,    A* = -A

    Real (scoRNN, arXiv 1707.09520): A is skew-symmetric, D is a constant diagonal of 1 and -1, without which W could
    have no eigenvalue near -1. Complex (scuRNN, arXiv 1811.04142): A is skew-Hermitian and D = diag(e^{iθ}), so that
    the gradient reaches the phases that D has. In either case W is unitary for every value of its parameters, and an
    optimiser's step needs no projection; it costs one linear system a sequence.

    A is initialised with blocks [[0, s], [-s, 0]], s = -tan(t/2), t uniform in [0, π/2), which are rotations by t; θ
    uniform in [0, 2π), b at 0, where modReLU is the identity. Nothing fades then, so that the norm of h grows with the
    square root of the steps; U is small, uniform in ±0.01 as in the reference code of scoRNN.

    Args:
        input_size: I.
        hidden_size: H, real or complex units.
        complex_valued: whether the state is complex; the output is then its real and imaginary parts, 2H features.
        negative_share: the share of -1 in D of a real network; the last ones.
        learned_state: whether h_0 is a parameter instead of 0.

    Attributes:
        weight_input: U, `[F, I]`.
        weight_skew: the numbers of A: those below the diagonal, `[H (H - 1) / 2]` row by row; of a complex A a matrix
            `[H, H]` whose lower triangle gives the real part, and whose diagonal and upper triangle the imaginary one.
        bias: b, `[H]`.
        phase: θ, `[H]`, or None.
        sign: the diagonal of D of a real network, `[H]`, or None.

    Raises:
        UserError: a size is not positive, or the share is not in [0, 1).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        complex_valued: bool = False,
        negative_share: float = 0.5,
        learned_state: bool = False,
    ) -> None:
        check_positive(input_size=input_size, hidden_size=hidden_size)
        check_fraction(negative_share=negative_share)
        features = 2 * hidden_size if complex_valued else hidden_size
        super().__init__(input_size, hidden_size, features)
        self.complex_valued = complex_valued
        self.weight_input = nn.Parameter(torch.empty(features, input_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        nn.init.uniform_(self.weight_input, -0.01, 0.01)
        lower = torch.zeros(hidden_size, hidden_size)
        first = torch.arange(0, hidden_size - 1, 2)
        lower[first + 1, first] = torch.tan(math.pi / 4 * torch.rand(len(first)))
        if complex_valued:
            self.weight_skew = nn.Parameter(lower)
            self.phase = nn.Parameter(2 * math.pi * torch.rand(hidden_size))
            self.sign = None
        else:
            self.weight_skew = nn.Parameter(lower[torch.tril_indices(hidden_size, hidden_size, -1).unbind()])
            self.phase = None
            sign = torch.ones(hidden_size)
            sign[hidden_size - round(negative_share * hidden_size) :] = -1
            self.register_buffer("sign", sign, persistent=False)
        self.start = InitialState(learned_state, hidden=features)

    def initial_state(self, batch_size: int) -> UnitaryState:
        return UnitaryState(*self.start(batch_size))

    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        return functional.linear(inputs, self.weight_input)

    def recurrent_matrix(self) -> Float[Tensor, "F F"]:
        """W; of a complex one [[Re W, -Im W], [Im W, Re W]], which acts on real and imaginary parts."""
        # No solver works in half precision.
        numbers = self.weight_skew.to(torch.promote_types(self.weight_skew.dtype, torch.float32))
        matrix = self._unitary(numbers) if self.complex_valued else self._orthogonal(numbers)
        return matrix.to(self.weight_skew.dtype)

    def _orthogonal(self, numbers: Float[Tensor, " N"]) -> Float[Tensor, "H H"]:
        size = self.hidden_size
        places = torch.tril_indices(size, size, -1, device=numbers.device).unbind()
        lower = numbers.new_zeros(size, size).index_put(places, numbers)
        skew, one = lower - lower.t(), torch.eye(size, dtype=numbers.dtype, device=numbers.device)
        return torch.linalg.solve(one + skew, one - skew) * self.sign

    def _unitary(self, numbers: Float[Tensor, "H H"]) -> Float[Tensor, "F F"]:
        """The real system [[1 + X, -Y], [Y, 1 + X]] (Re, Im) = (1 - X, -Y) of A = X + i Y, times D."""
        lower, upper = numbers.tril(-1), numbers.triu(1)
        x, y = lower - lower.t(), numbers.triu() + upper.t()
        one = torch.eye(self.hidden_size, dtype=numbers.dtype, device=numbers.device)
        left = torch.cat((torch.cat((one + x, -y), 1), torch.cat((y, one + x), 1)))
        real, imaginary = torch.linalg.solve(left, torch.cat((one - x, -y))).chunk(2)
        cosine, sine = torch.cos(self.phase), torch.sin(self.phase)
        real, imaginary = real * cosine - imaginary * sine, real * sine + imaginary * cosine
        return torch.cat((torch.cat((real, -imaginary), 1), torch.cat((imaginary, real), 1)))

    def step(
        self, projected: Float[Tensor, "B G"], state: UnitaryState
    ) -> tuple[Float[Tensor, "B F"], UnitaryState]:
        sums = torch.addmm(projected, state.hidden, self.recurrent_matrix().t())
        if self.complex_valued:
            real, imaginary = sums.chunk(2, 1)
            size = torch.sqrt(real * real + imaginary * imaginary + EPSILON)
            scale = torch.relu(size + self.bias) / size
            hidden = torch.cat((scale * real, scale * imaginary), 1)
        else:
            hidden = torch.sign(sums) * torch.relu(sums.abs() + self.bias)
        return hidden, UnitaryState(hidden.to(self.bias.dtype))
