"""The contract of a regulariser: a term of the loss, computed from the runs of all cells of a training step."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.engine.recorded_runs import RecordedRun
from throughtime.errors import check_positive
from throughtime.tree import map_state


class Regulariser(ABC):
    """A term w · penalty(runs, ℓ) that is added to the loss ℓ of a chunk; it runs any cell by its three methods.

    Args:
        weight: w.
        every_n_steps: optimiser steps from one at which the term is added to the next.
        until_step: the last optimiser step with the term; None for all.

    Raises:
        UserError: a number is not positive.
    """

    def __init__(self, weight: float, every_n_steps: int = 1, until_step: int | None = None) -> None:
        check_positive(weight=weight, every_n_steps=every_n_steps)
        if until_step is not None:
            check_positive(until_step=until_step)
        self.weight, self.every_n_steps, self.until_step = weight, every_n_steps, until_step

    @final
    def is_due(self, step: int) -> bool:
        """Whether the term is added at an optimiser step, counted from 1."""
        return step % self.every_n_steps == 0 and (self.until_step is None or step <= self.until_step)

    @final
    def term(self, runs: Sequence[RecordedRun], loss: Float[Tensor, ""]) -> Float[Tensor, ""]:
        """The weighted term.

        Args:
            runs: of all cells, from which the loss was computed.
            loss: of the chunk; its graph is kept.
        """
        # QR decompositions and differences of norms need the precision of the parameters.
        with torch.autocast(loss.device.type, enabled=False):
            return self.weight * self.penalty([_in_full_precision(run) for run in runs], loss)

    @abstractmethod
    def penalty(self, runs: Sequence[RecordedRun], loss: Float[Tensor, ""]) -> Float[Tensor, ""]:
        """The term without its weight; its gradient reaches the parameters of the cells."""


def _in_full_precision(run: RecordedRun) -> RecordedRun:
    """A run whose inputs and state before are of the type of the cell's parameters."""
    first = next((part for part in run.cell.parameters() if part.is_floating_point()), run.inputs)

    def cast(part: Tensor) -> Tensor:
        return part.to(first.dtype) if part.is_floating_point() else part

    return run._replace(inputs=cast(run.inputs), state=map_state(cast, run.state))
