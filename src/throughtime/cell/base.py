"""The contract of a recurrent cell: one step of recurrence, and the work that needs no state apart from it.

Axes, as everywhere: T time steps, B batch lanes, I input features, H hidden units, G gate pre-activations.
A sequence is time-major, `[T, B, ...]`.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""The state that one step hands to the next: a named tuple of `[B, ...]` tensors."""


class Cell(nn.Module, ABC):
    """A recurrence h_t = f(x_t, h_{t-1}), split into the work that needs the state and the work that does not.

    A cell of your own implements the three methods and calls `super().__init__(input_size, hidden_size)`.
    Nothing else is asked of it: the engines run it over time, carry its state, and take care of lengths and
    resets.

    Attributes:
        input_size: I, the features of one input step.
        hidden_size: H, the units of the hidden state.
        output_size: the features of one output step; H unless the cell projects its output.
        gates: the blocks of the parameter `bias` in their order, by what they do to the memory: "keep" where σ of the
            sum is the share of the old one that stays, "write" where it is the share of a new one that is added, else
            any other word. Initialisers (`throughtime.init`) set biases by it; empty where no gate is declared.
        recurrent_blocks: the number of recurrent matrices in the rows of the parameter `weight_recurrent`, or of
            diagonals if it is a vector; 0 where none is declared.
    """

    gates: ClassVar[tuple[str, ...]] = ()
    recurrent_blocks: ClassVar[int] = 0

    def __init__(self, input_size: int, hidden_size: int, output_size: int | None = None) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.output_size = hidden_size if output_size is None else output_size

    @abstractmethod
    def initial_state(self, batch_size: int) -> State:
        """The state before the first step, a named tuple of `[B, ...]` tensors on the parameters' device."""

    @abstractmethod
    def project(self, inputs: Float[Tensor, "*T B I"]) -> Float[Tensor, "*T B G"]:
        """Compute all that does not need the state, for the whole sequence in one product: W_x x_t + b."""

    @abstractmethod
    def step(self, projected: Float[Tensor, "B G"], state: State) -> tuple[Float[Tensor, "B O"], State]:
        """Compute one step of recurrence: the output of this step and the state for the next."""
