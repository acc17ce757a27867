"""The contract of a cell whose recurrence is linear in its state, so that all steps can be computed in parallel."""

from abc import abstractmethod
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from throughtime.cell.base import Cell

EIGENVALUE_RANGES = ("positive", "symmetric")
"""Ranges of a real a_t: (0, 1), where a state keeps its sign, or (-1, 1)."""


class LinearRecurrence(Cell):
    """Linear recurrence: h_t = a_t ∘ h_{t-1} + b_t,  o_t = f(h_t, x_t),  with a_t and b_t functions of x_t alone.

    Two steps after each other are again such a step, (a_2 ∘ a_1, a_2 ∘ b_1 + b_2), and so is any number of them:
    `engine=scan` combines steps in pairs, pairs of pairs, and so on. The other engines call `step`, which must be
    the same equation. The state is a named tuple of one tensor, h.

    Attributes:
        complex_valued: whether h, a and b are complex numbers: N real parts followed by N imaginary ones, F = 2N.
    """

    complex_valued: ClassVar[bool] = False

    @abstractmethod
    def coefficients(
        self, projected: Float[Tensor, "*T B G"]
    ) -> tuple[Float[Tensor, "*T B F"], Float[Tensor, "*T B F"]]:
        """Compute a and b of all steps, in the precision of the state."""

    @abstractmethod
    def outputs(
        self, hidden: Float[Tensor, "*T B F"], projected: Float[Tensor, "*T B G"]
    ) -> Float[Tensor, "*T B O"]:
        """Compute o of all steps."""
