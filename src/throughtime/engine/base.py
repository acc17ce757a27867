"""The contract of an engine: run a cell over T steps, and differentiate that run."""

from abc import ABC, abstractmethod
from typing import ClassVar, final, no_type_check

from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.engine.arguments import check_arguments
from throughtime.engine.delta_clip import DeltaClip, delta_clip_of
from throughtime.engine.recorded_runs import RecordedRun, record_run
from throughtime.errors import UserError


class Engine(ABC):
    """A way to run a cell over a sequence. Every engine gives the numbers of `Reference`, values and gradients alike.

    An engine holds no parameters and no state of its own, so a checkpoint does not depend on it. It is handed
    the raw inputs and calls `cell.project` itself, because a kernel of torch takes the input and its weight
    instead.

    Args:
        delta_clip: the bound of the gradient of the state that goes back from each step to the one before; None clips
            nothing there.
        delta_clip_algorithm: "norm", of each lane and part of the state, or "value", of each number.

    Attributes:
        records_errors: whether `gradient_records.recording` can read the errors of each step off its backward pass.
        delta_clip: bound and algorithm, or None (`throughtime.engine.delta_clip`).

    Raises:
        UserError: the bound is not positive, or the algorithm is not known.
    """

    records_errors: ClassVar[bool] = False
    delta_clip: DeltaClip | None = None

    def __init__(self, delta_clip: float | None = None, delta_clip_algorithm: str = "norm") -> None:
        self.delta_clip = delta_clip_of(delta_clip, delta_clip_algorithm)

    def unsupported_reason(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        lengths: Int[Tensor, " B"] | None,
        resets: Bool[Tensor, "T B"] | None,
    ) -> str | None:
        """The reason why `run` would raise `UserError` for this cell and these inputs, as half a sentence; else None.

        It is exact: after None, `run` computes the plain loop by this very engine. By default an engine supports all
        runs.
        """
        return None

    @final
    @no_type_check  # `check_arguments` does it, tests or not, and with messages of its own
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
            inputs: the sequence, time-major, of at least one step.
            state: the state before the first step; its tensors are as those of `cell.initial_state(B)`.
            lengths: the true steps of each lane, 0 to T; from there on its outputs are 0 and its state stays.
            resets: where true, the lane's state is replaced by the cell's initial state *before* that step.

        Returns:
            the outputs of all steps, and each lane's state after its last true step.

        Raises:
            TypeError, ValueError: an argument does not fit the cell or the others (`check_arguments`).
            UserError: this engine cannot run this cell (`unsupported_reason`).
        """
        check_arguments(cell, inputs, state, lengths, resets)
        outputs, after = self._run(cell, inputs, state, lengths, resets)
        return record_run(RecordedRun(cell, inputs, state, lengths, resets, outputs, after))

    @abstractmethod
    def _run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        """Run as `run` does, on checked arguments."""


def unsupported(engine: str, cell: Cell, reason: object, instead: str = "auto") -> UserError:
    """The error of an engine that cannot run a cell.

    Args:
        engine: its name on the command line.
        cell: the recurrence.
        reason: half a sentence (`Engine.unsupported_reason`).
        instead: the name of an engine that can run it.
    """
    return UserError(
        f"engine={engine} cannot run this {type(cell).__name__}: {reason}; choose engine={instead}"
    )
