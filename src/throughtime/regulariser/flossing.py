"""Gradient flossing: Lyapunov exponents of the recurrence are pulled towards 0 (Engelken 2023)."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.diagnosis.dynamics import flat_state, random_basis, unflat_state
from throughtime.diagnosis.layer import trajectory
from throughtime.diagnosis.probe import CellRun
from throughtime.engine.recorded_runs import RecordedRun
from throughtime.errors import check_positive
from throughtime.regulariser.base import Regulariser
from throughtime.tree import map_state


class Flossing(Regulariser):
    """Σ_{i ≤ n} λ_i², the squares of the n largest Lyapunov exponents, the mean over sequences and the sum over cells.

    λ_i are those of the Jacobians of `Cell.step` along the inputs of the batch, by QR decompositions that are
    differentiated through, states included (Engelken 2023, NeurIPS, arXiv 2312.17306). With λ_i = 0 the norm of a
    gradient in those directions neither falls nor grows. A state of fewer numbers than n has as many exponents.

    Args:
        weight, every_n_steps, until_step: as those of `Regulariser`.
        exponents: n.
        steps: the most steps of a sequence.
        sequences: the most sequences of a batch, those that go on for longest without a reset.
        orthonormalise_every: steps between two QR decompositions.

    Raises:
        UserError: a number is not positive.
    """

    def __init__(
        self,
        weight: float,
        every_n_steps: int = 1,
        until_step: int | None = None,
        exponents: int = 8,
        steps: int = 100,
        sequences: int = 8,
        orthonormalise_every: int = 1,
    ) -> None:
        check_positive(
            exponents=exponents, steps=steps, sequences=sequences, orthonormalise_every=orthonormalise_every
        )
        super().__init__(weight, every_n_steps, until_step)
        self.exponents, self.steps, self.sequences = exponents, steps, sequences
        self.orthonormalise_every = orthonormalise_every

    def penalty(self, runs: Sequence[RecordedRun], loss: Float[Tensor, ""]) -> Float[Tensor, ""]:
        """Σ λ_i² of all runs."""
        total = loss.new_zeros(())
        for run in runs:
            inputs, state = trajectory([CellRun("", *run[:5])], self.sequences, self.steps)
            exponents = leading_exponents(run.cell, inputs, state, self.exponents, self.orthonormalise_every)
            total = total + exponents.square().sum(-1).mean()
        return total


def leading_exponents(
    cell: Cell, inputs: Float[Tensor, "T B I"], state: State, count: int, every: int = 1
) -> Float[Tensor, "B n"]:
    """The largest Lyapunov exponents along a sequence in nats a step, differentiable in the parameters of the cell.

    With Q_0 random and orthonormal, J_t Q_{t-1} = Q_t R_t and λ_i = mean over t of ln |(R_t)_ii|.

    Args:
        cell: any cell whose step can be differentiated twice.
        inputs: the sequence.
        state: before its first step.
        count: n.
        every: steps between two QR decompositions.
    """
    with torch.enable_grad():
        state = map_state(lambda part: part.detach(), state)
        vector, total = flat_state(state), 0.0
        basis = random_basis(vector, count)
        for t, row in enumerate(cell.project(inputs.detach()), start=1):

            def step(before: Tensor, row: Tensor = row) -> Tensor:
                return flat_state(cell.step(row, unflat_state(before, state))[1])

            vector, basis = _push(step, vector, basis)
            if t % every == 0 or t == len(inputs):
                basis, triangle = torch.linalg.qr(basis)
                growth = triangle.diagonal(dim1=-2, dim2=-1).abs()
                total = total + growth.clamp(min=torch.finfo(growth.dtype).tiny).log()
    return total / len(inputs)


def _push(
    step: Callable[[Tensor], Tensor], vector: Float[Tensor, "B D"], basis: Float[Tensor, "B D n"]
) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B D n"]]:
    """The state after a step, and J_t Q, by forward-mode differentiation of the step in all directions at once."""

    def push(direction: Tensor) -> tuple[Tensor, Tensor]:
        return torch.func.jvp(step, (vector,), (direction,))

    return torch.func.vmap(push, in_dims=-1, out_dims=(None, -1))(basis)
