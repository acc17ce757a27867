"""The contract of an engine: how a cell is run over T steps, and how that run is differentiated."""

from abc import ABC, abstractmethod

from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.cell.base import Cell, State


class Engine(ABC):
    """Runs a cell over a sequence. Every engine gives the numbers of `Reference`, values and gradients alike.

    An engine holds no parameters and no state of its own, so a checkpoint does not depend on it. It is handed
    the raw inputs and calls `cell.project` itself, because a native kernel takes the input and its weight
    instead.
    """

    @abstractmethod
    def refusal(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        lengths: Int[Tensor, " B"] | None,
        resets: Bool[Tensor, "T B"] | None,
    ) -> str | None:
        """Why this engine cannot run this cell on these inputs, as half a sentence; None when it can."""

    @abstractmethod
    def run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        """Run the cell over all T steps.

        Args:
            cell: the recurrence.
            inputs: the sequence, time-major.
            state: the state before the first step.
            lengths: the true steps of each lane, 0 to T; from there on its outputs are 0 and its state stays.
            resets: where true, the lane's state is replaced by the cell's initial state *before* that step.

        Returns:
            the outputs of all steps, and each lane's state after its last true step.
        """
